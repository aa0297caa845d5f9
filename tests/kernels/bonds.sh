# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# bonds.sh - a gateway with two devices on a LAN, for test_bond*.sh to put a bond or VLAN
# devices over. Sourced after devices.sh.
#
#   client eth0 ---- eth0 gateway eth1, eth2 ---- LAN ---- pod1, pod2, ...
: "${vip?}" "${vip6?}" "${client_net?}" "${client_net6?}"

# arms_on_a_lan PODS: the gateway's eth1 and eth2 on the LAN, without addresses
arms_on_a_lan() {
	local i
	need_module bonding
	need_module 8021q
	namespaces client gateway
	lan lan
	for i in 1 2; do
		cable gateway "eth$i" lan "p-eth$i"
		in_ns lan ip link set "p-eth$i" master br0
	done
	for ((i = 1; i <= $1; i++)); do namespaces "pod$i"; done
}

# lower_arms PODS: no addresses on the LAN yet
lower_arms() {
	local i
	# shellcheck disable=SC2034
	pod_net=10.2.0 pod_net6=fd02:
	arms_on_a_lan "$1"
	cable client eth0 gateway eth0
	addresses client eth0 "$client_net.2/24" "$client_net6:2/64"
	addresses gateway eth0 "$client_net.1/24" "$client_net6:1/64"
	for ((i = 1; i <= $1; i++)); do lan_join lan "pod$i" eth0; done
	client_routes
}

enslave() { # NS DEVICE
	in_ns "$1" ip link set "$2" down
	in_ns "$1" ip link set "$2" master bond0
	in_ns "$1" ip link set "$2" up
}

# bond_in NS FIRST SECOND OPTION...
bond_in() {
	local name=$1 slaves=("$2" "$3") slave
	shift 3
	in_ns "$name" ip link add bond0 type bond miimon 50 "$@"
	for slave in "${slaves[@]}"; do enslave "$name" "$slave"; done
	in_ns "$name" ip link set bond0 up
}

bond() { bond_in gateway eth1 eth2 "$@"; } # OPTION...

# serve PODS INTERFACE
serve() {
	echo_service
	echo_pods "$1"
	agent_up gateway --interface eth0 --interface "$2"
}

both_families_are_served() {
	load tcp connect --to "$vip" --port 7 --count 100 --timeout 30
	load tcp6 connect --to "$vip6" --port 7 --count 100 --timeout 30
	load udp datagrams --to "$vip" --port 7 --count 100 --flows 100
	load udp6 datagrams --to "$vip6" --port 7 --count 100 --flows 100
}

sends_to_pods_through() { # DEVICE...: these and no others
	local dump device
	dump=$(ask dump) || return 1
	for device in eth1 eth2; do
		if [[ " $* " == *" $device "* ]]; then
			[[ $dump == *" dev $device "* ]] || return 1
		else
			[[ $dump != *" dev $device "* ]] || return 1
		fi
	done
}
