#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The gateway's second arm is a bond, a VLAN device on a bond, or a VLAN device on another one:
# the agent is told that name, and attaches to what is below.
. "$(dirname "$0")/../netns/lib.sh"
. "$(dirname "$0")/devices.sh"
. "$(dirname "$0")/bonds.sh"

test_slaves_that_come_and_go_are_followed() {
	lower_arms 1
	bond mode active-backup primary eth1
	in_ns gateway ip link set eth2 nomaster
	addresses gateway bond0 "$pod_net.1/24" "$pod_net6:1/64"
	addresses pod1 eth0 "$(pod_address 1)/24" "$(pod_address6 1)/64"
	serve 1 bond0
	both_families_are_served
	in_ns gateway ip -details link show eth2 | grep -qw xdp && fail "attached to eth2, no slave"
	enslave gateway eth2
	eventually 5 agent_says "interface 'bond0': XDP on its lower devices eth1, eth2"
	in_ns gateway ip link set eth1 nomaster
	eventually 5 sends_to_pods_through eth2
	both_families_are_served
	in_ns gateway ip -details link show eth1 | grep -qw xdp && fail "attached to what is no slave"
	return 0
}

# The kernel routes the replies: it forwards through a bond what XDP has translated.
test_mode_dnat_is_served_through_a_bond() {
	lower_arms 1
	bond mode active-backup primary eth1
	addresses gateway bond0 "$pod_net.1/24" "$pod_net6:1/64"
	addresses pod1 eth0 "$(pod_address 1)/24" "$(pod_address6 1)/64"
	routed_replies 1
	annotations=("guideway.dev/forwarding-mode: dnat")
	serve 1 bond0
	both_families_are_served
}

# Enough pods that each slave has some, whatever their addresses come to.
test_a_vlan_device_on_a_bond_uses_all_slaves() {
	local i
	lower_arms 8
	bond mode balance-xor
	for i in eth1 eth2; do in_ns gateway ethtool -K "$i" txvlan off rxvlan off; done
	vlan_device gateway bond0 100 "$pod_net.1/24" "$pod_net6:1/64"
	for i in {1..8}; do
		vlan_device "pod$i" eth0 100 "$(pod_address "$i")/24" "$(pod_address6 "$i")/64"
	done
	serve 8 bond0.100
	sends_to_pods_through eth1 eth2 || fail "not through both slaves: $(ask dump)"
	[[ $(ask dump) == *" 802.1Q 100 "* ]] || fail "no tag: $(ask dump)"
	both_families_are_served
	in_ns lan ip link set p-eth2 down
	eventually 5 sends_to_pods_through eth1
	both_families_are_served
}

# double_tagged NS DEVICE ADDRESS...: DEVICE.s.7, an 802.1Q tag in an 802.1ad one
double_tagged() {
	local name=$1 device=$2
	shift 2
	in_ns "$name" ethtool -K "$device" txvlan off rxvlan off tx-vlan-stag-hw-insert off \
		rx-vlan-stag-hw-parse off
	in_ns "$name" ip link add link "$device" name "$device.s" type vlan protocol 802.1ad id 200
	in_ns "$name" ip link set "$device.s" up
	in_ns "$name" ip link add link "$device.s" name "$device.s.7" type vlan id 7
	in_ns "$name" ip link set "$device.s.7" up
	addresses "$name" "$device.s.7" "$@"
}

test_a_vlan_device_on_a_vlan_device_is_served() {
	lower_arms 1
	double_tagged gateway eth1 "$pod_net.1/24" "$pod_net6:1/64"
	double_tagged pod1 eth0 "$(pod_address 1)/24" "$(pod_address6 1)/64"
	serve 1 eth1.s.7
	agent_says "interface 'eth1.s.7': XDP on its lower devices eth1" ||
		fail "the log does not name the lower device"
	[[ $(ask dump) == *" dev eth1 "*" 802.1ad 200 802.1Q 7 "* ]] || fail "no tags: $(ask dump)"
	both_families_are_served
}

run_tests "$@"
