# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# devices.sh - network devices that kernel modules provide. Sourced after netns/lib.sh.

# need_module NAME: loads it, or skips the test
need_module() {
	[[ -d /sys/module/$1 ]] || modprobe -q "$1" || skip "needs the kernel module $1"
}

# vlan_device NS DEVICE ID ADDRESS/LENGTH...: DEVICE.ID, up. The tag goes into the frame and
# not beside it, where a native XDP program on the peer of a veth would not see it.
vlan_device() {
	local name=$1 device=$2 id=$3
	shift 3
	in_ns "$name" ethtool -K "$device" txvlan off rxvlan off
	in_ns "$name" ip link add link "$device" name "$device.$id" type vlan id "$id"
	in_ns "$name" ip link set "$device.$id" up
	addresses "$name" "$device.$id" "$@"
}
