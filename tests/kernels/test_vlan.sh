#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Both arms of the gateway are VLAN devices; XDP is on the devices below them.
#
#   client eth0.200 ---- eth0.200 gateway eth1.100 ---- LAN ---- eth0.100 pod1, pod2
. "$(dirname "$0")/../netns/lib.sh"
. "$(dirname "$0")/devices.sh"

# vlan_armed VLAN...: of pod1, pod2, ...
vlan_armed() {
	local i=0 vlan
	need_module 8021q
	pod_net=10.2.0 pod_net6=fd02:
	gateway_interfaces=(--interface eth0 --interface eth1)
	namespaces client gateway
	cable client eth0 gateway eth0
	vlan_device client eth0 200 "$client_net.2/24" "$client_net6:2/64"
	vlan_device gateway eth0 200 "$client_net.1/24" "$client_net6:1/64"
	lan lan
	lan_join lan gateway eth1
	vlan_device gateway eth1 100 "$pod_net.1/24" "$pod_net6:1/64"
	for vlan in "$@"; do
		i=$((i + 1))
		namespaces "pod$i"
		lan_join lan "pod$i" eth0
		vlan_device "pod$i" eth0 "$vlan" "$(pod_address "$i")/24" "$(pod_address6 "$i")/64"
	done
	client_routes
	echo_service
	echo_pods "$#"
	gateway_up
}

# served_by SERVER...: whatever the protocol and the family
served_by() {
	local name
	load tcp connect --to "$vip" --port 7 --count 100 --timeout 30
	load tcp6 connect --to "$vip6" --port 7 --count 100 --timeout 30
	load udp datagrams --to "$vip" --port 7 --count 100 --flows 100
	load udp6 datagrams --to "$vip6" --port 7 --count 100 --flows 100
	for name in tcp tcp6 udp udp6; do check_spread "$name" 60 "$@"; done
}

test_a_gateway_between_two_vlans_serves() {
	vlan_armed 100 100
	served_by pod1 pod2
}

# some_served_by SERVER ADDRESS: by this one alone, and the others' flows are dropped
some_served_by() {
	local server=$1 address=$2 dropped
	dropped=$(packets no_next_hop)
	# The flows of a backend without a next hop end with the time.
	in_ns client "$TRAFFIC" connect --to "$address" --port 7 --count 50 --timeout 10 \
		>"$work/some.json" || true
	check_spread some 0 "$server"
	(($(json "d['timeout']" <"$work/some.json") > 0)) || fail "all served: $(<"$work/some.json")"
	(($(packets no_next_hop) > dropped)) || fail "nothing was dropped for want of a next hop"
}

test_a_pod_in_another_vlan_gets_nothing() {
	vlan_armed 100 101
	some_served_by pod1 "$vip"
	some_served_by pod1 "$vip6"
}

run_tests "$@"
