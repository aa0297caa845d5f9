#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Interfaces that go, come back and change under the agent, and starts that fail at them.
. "$(dirname "$0")/lib.sh"

setup() {
	two_armed 2
	echo_service
	echo_pods 2
}

serves() { in_ns client "$TRAFFIC" connect --to "$vip" --port 7 --count 100 --timeout 5 >/dev/null; }

test_an_interface_made_again_is_attached_again() {
	setup
	gateway_up
	serves || fail "does not serve to begin with"
	in_ns gateway ip link delete eth1
	eventually 5 agent_says "interface 'eth1' is gone"
	[[ $(ask status) == *"eth1, gone"* ]] || fail "status does not say it: $(ask status)"
	lan_join lan gateway eth1 "$pod_net.1/24" "$pod_net6:1/64"
	eventually 10 serves
	[[ $(ask status) == *"eth1, native"* ]] || fail "status does not say it: $(ask status)"
}

# is_answered_with MAC: who asks anew for the VIP gets this
is_answered_with() {
	in_ns client ip neigh flush dev eth0
	serves && [[ $(in_ns client ip neigh show "$vip") == *$1* ]]
}

test_a_new_mac_address_of_the_gateway_is_answered_with() {
	one_armed 2
	service echo "$client_net.200 $vip6" 7/TCP:9000 | put echo.yaml
	echo_pods 2
	vip=$client_net.200
	gateway_up
	eventually 5 serves
	in_ns gateway ip link set eth0 address 02:00:00:00:00:77
	eventually 5 is_answered_with 02:00:00:00:00:77
}

test_an_interface_with_a_dot_in_its_name_is_served() {
	setup
	in_ns gateway ip link set eth1 name eth1.5
	agent_up gateway --interface eth0 --interface eth1.5
	eventually 5 serves
}

test_a_renamed_interface_is_taken_over() {
	setup
	gateway_up
	agent_stop
	in_ns gateway ip link set eth1 name uplink
	agent_up gateway --interface eth0 --interface uplink
	eventually 5 serves
}

test_a_first_start_that_fails_leaves_nothing() {
	local status=0
	setup
	touch "$socket"
	agent_start gateway "${gateway_interfaces[@]}"
	wait "$agent_pid" || status=$?
	((status == 1)) || fail "status $status"
	agent_pid=
	[[ ! -e $pin_dir ]] || fail "pins are left: $(ls "$pin_dir")"
	[[ $(in_ns gateway ip link show eth0) != *xdp* ]] || fail "the program is left"
}

test_a_start_that_fails_leaves_an_earlier_datapath_alone() {
	local status=0
	setup
	gateway_up
	agent_stop
	rm -f "$socket"
	touch "$socket"
	agent_start gateway "${gateway_interfaces[@]}"
	wait "$agent_pid" || status=$?
	((status == 1)) || fail "status $status"
	agent_pid=
	serves || fail "the earlier datapath no longer serves"
}

run_tests "$@"
