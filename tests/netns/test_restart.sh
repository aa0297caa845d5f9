#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The datapath outlives the agent: killed, stopped, restarted, twice at once, detached.
. "$(dirname "$0")/lib.sh"

setup() {
	two_armed 3
	echo_service
	echo_pods 3
	gateway_up
}

hold_is_set_up() { grep -q "holding" "$work/hold.stderr"; }

# Connections that stay, new ones and datagrams all the while; end_load checks each.
start_load() {
	local seconds=$1
	spawn client "$TRAFFIC" hold --to "$vip" --port 7 --count 200 --seconds "$seconds" \
		--interval-ms 100 >"$work/hold.json" 2>"$work/hold.stderr"
	load_pids[hold]=$spawned
	eventually 10 hold_is_set_up
	load_start connect connect --to "$vip" --port 7 --count $((seconds * 1000)) --rate 1000
	load_start datagrams datagrams --to "$vip6" --port 7 --count $((seconds * 10000)) \
		--flows 64 --window 2
}

end_load() {
	load_end connect
	load_end datagrams
	load_end hold
}

load_still_runs() { is_running "${load_pids[hold]}" && is_running "${load_pids[connect]}"; }

test_killing_the_agent_under_load_loses_nothing() {
	local before
	setup
	before=$(ask dump)
	start_load 4
	agent_kill
	gateway_up
	load_still_runs || fail "the load ended before the agent was back"
	[[ $(ask dump) == "$before" ]] || fail "tables differ: $(diff <(echo "$before") <(ask dump))"
	agent_kill
	end_load
	load after connect --to "$vip" --port 7 --count 300
}

test_a_restarted_agent_takes_changes_again() {
	setup
	agent_kill
	pod pod2 echo False "$(pod_address 2)" "$(pod_address6 2)" | put pod2.yaml
	gateway_up
	eventually 5 lacks_backend "$(pod_address 2)" 9000
	load after connect --to "$vip" --port 7 --count 300
	check_spread after 50 pod1 pod3
}

# 100 more Services, with endpoints that nobody needs to reach.
many_services() {
	local i
	for i in {1..100}; do
		echo "---"
		service "many$i" "192.0.2.$((100 + i))" 80/TCP:80
		echo "---"
		slice "many$i-a" "many$i" IPv4 tcp-80/TCP:80 \
			"$pod_net.$((100 + $1))" "$pod_net.$((101 + $1))"
	done
}

test_killed_while_it_programs_it_leaves_working_tables() {
	local round
	setup
	start_load 8
	for round in {1..8}; do
		many_services "$round" | put many.yaml
		# A little later each time, so that it dies in another place.
		python3 -c "import time; time.sleep($round * 0.004)"
		agent_kill
		agent_start gateway "${gateway_interfaces[@]}"
		if ((round % 2)); then agent_ready; fi
	done
	agent_ready
	eventually 5 has_backend "$pod_net.109" 80
	lacks_backend "$pod_net.107" 80 || fail "a backend of an earlier round is still there"
	(($(ask get services -o json | json 'len(d.get("items", d) if isinstance(d, dict) else d)') == 101)) ||
		fail "not 101 Services"
	end_load
}

test_stopping_the_agent_leaves_traffic_running() {
	setup
	start_load 3
	agent_stop
	((agent_status == 0)) || fail "exit status $agent_status after SIGTERM"
	[[ ! -e $socket ]] || fail "the control socket is still there"
	[[ -n $(ls "$pin_dir") ]] || fail "nothing is pinned any more"
	end_load
}

test_a_second_agent_is_refused_with_one_line() {
	local status=0
	setup
	in_ns gateway timeout 10 "$GUIDEWAY" agent "${gateway_interfaces[@]}" --manifests "$manifests" \
		--pin-dir "$pin_dir" --state-dir "$work/state" --socket "$socket" \
		>"$work/second" 2>&1 || status=$?
	((status != 0 && status != 124)) || fail "the second agent ran: status $status"
	[[ $(grep -c . "$work/second") == 1 ]] || fail "not one line: $(cat "$work/second")"
	grep -qiE "another|already|running" "$work/second" || fail "unclear: $(cat "$work/second")"
	is_running "$agent_pid" || fail "the first agent died of it"
	ask status >/dev/null
	load after connect --to "$vip" --port 7 --count 100
}

test_detach_removes_everything() {
	local name
	setup
	! detach 2>"$work/refused" || fail "detached under a running agent"
	[[ -s $work/refused ]] || fail "refused without a word"
	load running connect --to "$vip" --port 7 --count 100
	agent_stop
	load stopped connect --to "$vip" --port 7 --count 100
	detach
	[[ ! -e $pin_dir ]] || fail "left: $(find "$pin_dir")"
	for name in eth0 eth1; do
		! in_ns gateway ip link show "$name" | grep -q xdp || fail "$name still has a program"
	done
	! in_ns client "$TRAFFIC" connect --to "$vip" --port 7 --count 1 --timeout 2 ||
		fail "the VIP still answers"
	detach || fail "a second detach fails"
}

test_after_detach_an_agent_starts_anew() {
	setup
	agent_stop
	detach
	gateway_up
	load anew connect --to "$vip" --port 7 --count 100
}

test_an_interface_no_longer_named_is_left() {
	setup
	agent_stop
	agent_up gateway --interface eth0
	in_ns gateway ip link show eth0 | grep -qw xdp || fail "eth0 lost its program"
	! in_ns gateway ip link show eth1 | grep -qw xdp || fail "eth1 kept its program"
}

run_tests "$@"
