# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# topology.sh - the network that all modes are measured in. Sourced by network.sh.
#
#   client eth0 ---- eth0 gateway eth1 ---- eth0 backend1
#                                 eth2 ---- eth0 backend2
#
#   direct_return adds a way back that does not pass the gateway:
#   client eth1 ---- eth0 router  eth1 ---- eth1 backend1
#                                 eth2 ---- eth1 backend2
#
# Cables and no switch, whose own work would count as the gateway's. The backends own the
# VIP on lo: plain forwarding and direct return need it, the others do not mind. Ports are
# the same on both sides, since not every mode can change them.

vip=192.0.2.10 port=9000
client_address=10.1.0.2
# Connections come from several, or the kernel searches longer and longer for a port.
# shellcheck disable=SC2034
client_addresses=10.1.0.11-10.1.0.18
backends=(1 2)
backend_address() { echo "10.2.$1.2"; }

# What a packet that came another way than its answer would take must not be dropped for.
hosts() {
	local name
	namespaces "$@"
	for name in "$@"; do
		in_ns "$name" sysctl -qw net.ipv4.conf.all.rp_filter=0 \
			net.ipv4.conf.default.rp_filter=0
	done
}

# link NS_A IF_A ADDRESS_A NS_B IF_B ADDRESS_B: a cable whose ends know each other already
link() {
	cable "$1" "$2" "$4" "$5"
	addresses "$1" "$2" "$3/24"
	addresses "$4" "$5" "$6/24"
	in_ns "$1" ping -q -c 1 -W 2 "$6" >/dev/null
}

make_network() {
	local i
	hosts client gateway "${backends[@]/#/backend}"
	in_ns gateway sysctl -qw net.ipv4.ip_forward=1 net.ipv4.fib_multipath_hash_policy=1
	link gateway eth0 10.1.0.1 client eth0 "$client_address"
	addresses client eth0 10.1.0.1{1..8}/24
	in_ns client ip route add "$vip" via 10.1.0.1
	for i in "${backends[@]}"; do
		link gateway "eth$i" "10.2.$i.1" "backend$i" eth0 "$(backend_address "$i")"
		addresses "backend$i" lo "$vip/32"
		in_ns "backend$i" ip route add 10.1.0.0/24 via "10.2.$i.1"
		echo_server "backend$i" "$port"
	done
}

direct_return() {
	local i
	hosts router
	in_ns router sysctl -qw net.ipv4.ip_forward=1
	link router eth0 10.3.0.1 client eth1 10.3.0.2
	in_ns router ip route add 10.1.0.0/24 via 10.3.0.2
	for i in "${backends[@]}"; do
		link router "eth$i" "10.4.$i.1" "backend$i" eth1 "10.4.$i.2"
		in_ns "backend$i" ip route replace 10.1.0.0/24 via "10.4.$i.1"
	done
}
