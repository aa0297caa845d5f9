# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# netns.sh - network namespaces, cables, LANs and processes for the tests and the
# demonstration. Sourced, never run.
#
# The caller sets netns_prefix to something that ends in "-<its pid>"; namespaces are called
# $netns_prefix-NAME, so that scripts/leftovers.sh knows whose they are.

PATH="$PATH:/usr/sbin:/sbin"
: "${netns_prefix:?is set by who sources this}"

# Prints what is in the way, if anything. A kernel without it cannot run the rest either.
mount_bpffs() {
	if ((EUID != 0)); then
		echo "needs root: run it with sudo"
	elif [[ ! -d /sys/fs/bpf ]]; then
		echo "/sys/fs/bpf is missing: mount sysfs on /sys"
	elif [[ $(stat -fc %T /sys/fs/bpf) != bpf_fs ]] && ! mount -t bpf bpf /sys/fs/bpf; then
		echo "needs a BPF file system on /sys/fs/bpf"
	fi
}

# nsenter and not `ip netns exec`, which mounts a new /sys without our pinned objects.
in_ns() {
	local name=$1
	shift
	nsenter --net="/run/netns/$netns_prefix-$name" "$@"
}

# spawn NAME COMMAND...: in the background, in namespace NAME; its pid is in $spawned.
# Output goes where the caller sends it; stdin is empty.
spawned_pids=()
spawn() {
	local name=$1
	shift
	nsenter --net="/run/netns/$netns_prefix-$name" "$@" </dev/null &
	spawned=$!
	spawned_pids+=("$spawned")
}

# Addresses are usable at once (no duplicate detection), and no router is asked for.
namespaces() {
	local name
	for name in "$@"; do
		ip netns add "$netns_prefix-$name"
		in_ns "$name" sysctl -qw net.ipv6.conf.all.accept_dad=0 \
			net.ipv6.conf.default.accept_dad=0 \
			net.ipv6.conf.default.accept_ra=0 \
			net.ipv6.conf.default.router_solicitations=0
		in_ns "$name" ip link set lo up
	done
}

# Frames as a network card has them: whole checksums and no more than the MTU, or a
# native XDP program redirects frames that the receiver drops. GRO makes a veth receive
# by NAPI; without it redirected frames are lost.
offloads_as_a_card() {
	in_ns "$1" ethtool -K "$2" tx off tso off gso off gro on >/dev/null
}

# cable NS_A IF_A NS_B IF_B: both ends up, no addresses
cable() {
	ip link add "$2" netns "$netns_prefix-$1" type veth peer name "$4" netns "$netns_prefix-$3"
	offloads_as_a_card "$1" "$2"
	offloads_as_a_card "$3" "$4"
	in_ns "$1" ip link set "$2" up
	in_ns "$3" ip link set "$4" up
}

# lan NAME: a switch in a namespace of its own, for lan_join. Without multicast snooping,
# which holds back neighbour solicitations until it has learned who listens.
lan() {
	namespaces "$1"
	in_ns "$1" ip link add br0 type bridge mcast_snooping 0 stp_state 0 forward_delay 0
	in_ns "$1" ip link set br0 up
}

# lan_join LAN NS IF ADDRESS/LENGTH...
lan_join() {
	local lan=$1 name=$2 interface=$3
	shift 3
	cable "$name" "$interface" "$lan" "p-$name"
	in_ns "$lan" ip link set "p-$name" master br0
	addresses "$name" "$interface" "$@"
}

# addresses NS IF ADDRESS/LENGTH...
addresses() {
	local name=$1 interface=$2 address
	shift 2
	for address in "$@"; do
		if [[ $address == *:* ]]; then
			in_ns "$name" ip address add "$address" dev "$interface" nodad
		else
			in_ns "$name" ip address add "$address" dev "$interface"
		fi
	done
}

is_running() { kill -0 "$1" 2>/dev/null; }

# Ends processes by pid: politely, then not.
end_processes() {
	local pid
	(($#)) || return 0
	kill -TERM "$@" 2>/dev/null || true
	for pid in "$@"; do
		for _ in {1..40}; do
			is_running "$pid" || break
			sleep 0.05
		done
		! is_running "$pid" || kill -KILL "$pid" 2>/dev/null || true
		{ wait "$pid"; } 2>/dev/null || true
	done
}

# Whatever is alive in our namespaces, then the namespaces and with them the cables.
remove_namespaces() {
	local name pids
	end_processes "${spawned_pids[@]}"
	spawned_pids=()
	for name in $(ip netns list | awk -v id="$netns_prefix-" 'index($1, id) == 1 { print $1 }'); do
		mapfile -t pids < <(ip netns pids "$name")
		((${#pids[@]} == 0)) || kill -KILL "${pids[@]}" 2>/dev/null || true
		ip netns delete "$name"
	done
}
