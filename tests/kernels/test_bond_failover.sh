#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A slave of the gateway's bond fails: the others carry on, whoever is behind the bond.
kernels=$(cd "$(dirname "$0")" && pwd)
. "$kernels/../netns/lib.sh"
. "$kernels/devices.sh"
. "$kernels/bonds.sh"

# one_bonded_arm PODS: bond0, and the client on its LAN
one_bonded_arm() {
	pod_net=$client_net pod_net6=$client_net6
	arms_on_a_lan "$1"
	bond mode active-backup primary eth1
	addresses gateway bond0 "$client_net.1/24" "$client_net6:1/64"
	lan_join lan client eth0 "$client_net.2/24" "$client_net6:2/64"
	join_pods "$1"
	client_routes
}

has_ports() { # NS COUNT: that have agreed with the other side to be one
	local ports
	ports=$(in_ns "$1" ip -details -json link show bond0 |
		json "d[0]['linkinfo']['info_data'].get('ad_info', {}).get('num_ports', 0)")
	[[ $ports == "$2" ]]
}

# A bond in mode 802.3ad takes a switch that has one too.
bond_with_the_switch() {
	bond_in lan p-eth1 p-eth2 mode 802.3ad lacp_rate fast
	in_ns lan ip link set bond0 master br0
	bond mode 802.3ad lacp_rate fast
	eventually 10 has_ports gateway 2
	eventually 10 has_ports lan 2
}

is_holding() { grep -q holding "$work/$1.stderr"; }

# hold_start: connections of both families with a message now and then, until hold_end
hold_start() {
	local name
	for name in hold hold6; do
		spawn client "$TRAFFIC" hold --to "$([[ $name == hold ]] && echo "$vip" || echo "$vip6")" \
			--port 7 --count 10 --seconds 30 >"$work/$name.json" 2>"$work/$name.stderr"
		load_pids[$name]=$spawned
	done
	eventually 10 is_holding hold
	eventually 10 is_holding hold6
}

# What has happened by now happened to open connections: none has ended since.
hold_end() {
	local name
	for name in hold hold6; do
		is_running "${load_pids[$name]}" || fail "$name ended too early: $(<"$work/$name.json")"
	done
	for name in hold hold6; do
		# Its status tells of long waits too, which a slow machine makes by itself.
		wait "${load_pids[$name]}" || true
		[[ $(json "d['kept']" <"$work/$name.json") == 10 ]] || fail "$name: $(<"$work/$name.json")"
	done
}

has_standby() { [[ $(ask status) == *"bond0 on "*"$1 (standby)"* ]]; }

test_a_bond_with_a_standby_fails_over() {
	lower_arms 2
	bond mode active-backup primary eth1
	addresses gateway bond0 "$pod_net.1/24" "$pod_net6:1/64"
	addresses pod1 eth0 "$(pod_address 1)/24" "$(pod_address6 1)/64"
	addresses pod2 eth0 "$(pod_address 2)/24" "$(pod_address6 2)/64"
	serve 2 bond0
	agent_says "interface 'bond0': XDP on its lower devices eth1, eth2" ||
		fail "the log does not name the slaves"
	sends_to_pods_through eth1 || fail "not through the primary slave: $(ask dump)"
	has_standby eth2 || fail "status does not say that eth2 is on standby: $(ask status)"
	both_families_are_served

	hold_start
	in_ns lan ip link set p-eth1 down
	eventually 5 sends_to_pods_through eth2
	eventually 5 has_standby eth1
	hold_end
	both_families_are_served
}

test_a_bond_in_mode_802_3ad_goes_on_with_the_slave_that_is_left() {
	local i
	lower_arms 8
	bond_with_the_switch
	addresses gateway bond0 "$pod_net.1/24" "$pod_net6:1/64"
	for i in {1..8}; do
		addresses "pod$i" eth0 "$(pod_address "$i")/24" "$(pod_address6 "$i")/64"
	done
	serve 8 bond0
	eventually 5 sends_to_pods_through eth1 eth2
	both_families_are_served

	hold_start
	in_ns lan ip link set p-eth1 down
	eventually 5 sends_to_pods_through eth2
	hold_end
	both_families_are_served
	in_ns lan ip link set p-eth1 up
	eventually 10 sends_to_pods_through eth1 eth2
	both_families_are_served
}

vip_is_resolved() {
	in_ns client ip neigh flush dev eth0
	in_ns client "$TRAFFIC" connect --to "$vip" --port 7 --count 1 --timeout 30 >/dev/null
}

# is_on_port DEVICE: where the LAN has the gateway
is_on_port() {
	in_ns lan bridge fdb show br br0 | grep -qi "^$(mac_of gateway bond0) dev $1 "
}

# Both slaves see who asks for the VIP. An answer from the one on standby would have the LAN
# believe that the gateway is there.
test_the_active_slave_alone_answers_for_a_vip() {
	one_bonded_arm 1
	vip=$client_net.200
	service echo "$vip $vip6" 7/TCP:9000 7/UDP:9000 | put echo.yaml
	echo_pods 1
	agent_up gateway --interface bond0
	vip_is_resolved || fail "nobody answers for the VIP"
	is_on_port p-eth1 || fail "the LAN does not have the gateway on the active slave's port"
	both_families_are_served

	in_ns lan ip link set p-eth1 down
	eventually 5 has_standby eth1
	vip_is_resolved || fail "nobody answers for the VIP after the failover"
	is_on_port p-eth2 || fail "the LAN does not have the gateway on the new slave's port"
	both_families_are_served
	in_ns lan ip link set p-eth1 up
	eventually 5 has_standby eth2
	vip_is_resolved || fail "nobody answers for the VIP after the way back"
	is_on_port p-eth1 || fail "the LAN does not have the gateway on the primary slave's port"
}

awaits_an_answer() { [[ $(<"$work/$1.answer") == connected* ]]; }

# await_answer NAME ADDRESS: from the client, which says nothing itself
await_answer() {
	spawn client python3 "$kernels/late_answer.py" await "$2" 8 >"$work/$1.answer" 2>&1
	load_pids[$1]=$spawned
	eventually 10 awaits_an_answer "$1"
}

answer_came() {
	wait "${load_pids[$1]}" || fail "$1: $(<"$work/$1.answer")"
	[[ $(<"$work/$1.answer") == *late* ]] || fail "$1: no answer: $(<"$work/$1.answer")"
}

test_a_client_that_waits_silently_gets_its_answer_after_a_failover() {
	one_bonded_arm 1
	service echo "$vip $vip6" 8/TCP:9001 | put echo.yaml
	spawn pod1 python3 "$kernels/late_answer.py" serve 9001 "$work/now" >"$work/late.log" 2>&1
	eventually 10 listens pod1 9001
	pod pod1 echo True "$(pod_address 1)" "$(pod_address6 1)" | put pod1.yaml
	agent_up gateway --interface bond0
	await_answer waits "$vip"
	await_answer waits6 "$vip6"

	in_ns lan ip link set p-eth1 down
	eventually 5 has_standby eth1
	touch "$work/now"
	answer_came waits
	answer_came waits6
}

run_tests "$@"
