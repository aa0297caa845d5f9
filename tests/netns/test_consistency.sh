#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# No connection breaks while backends come, drain, are replaced, weighted and lost: numbered messages
# go over connections old and new. In short; make consistency runs the same in full.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/consistency.sh"

test_adding_backends_breaks_no_connection() {
	start 6 4
	at 1 3
	become ready 5
	publish
	at 2 3
	become ready 6
	publish
	end_talk add
	gets_new 5
	gets_new 6
	all_is_well
}

tracked_lookups() { ask status -o json | json "[c['count'] for c in d['tracking'] if c['name'] == 'lookups'][0]"; }

test_no_flow_is_looked_up_while_nothing_changes() {
	start 3 3
	end_talk steady
	all_is_well
	[[ $(tracked_lookups) == 0 ]] || fail "$(tracked_lookups) packets were looked up"
}

# What the operator is told of the backend: more than 0 flows that remain.
has_remaining() { # NUMBER
	ask get backends -o json | json "sum(b['remaining']['flows'] for b in d
		if b['address'] == '$(pod_address "$1")' and b['remaining'])" | grep -qvx 0
}

test_a_draining_backend_keeps_its_connections_and_gets_no_new_one() {
	local drained_ms
	start 4 4
	at 1 4
	become terminating 2
	publish
	drained_ms=$(now_ms)
	eventually 8 has_remaining 2
	end_talk drain
	gets_no_new_since "$drained_ms" 2
	all_is_well
}

# replace OLD NEW: as a Deployment does
replace() {
	become ready "$2"
	become terminating "$1"
	publish
	later 2000
	leave "$1"
}

# replace_all COUNT: backends 1 to COUNT by the next COUNT, all through the run
replace_all() {
	local i
	for ((i = 1; i <= $1; i++)); do
		at $((i - 1)) "$1"
		replace "$i" $(($1 + i))
	done
}

test_a_rolling_update_breaks_no_connection() {
	local count
	count=$((seconds >= 60 ? 10 : 3))
	at_least_s $((5 * count))
	start $((2 * count)) "$count"
	replace_all "$count"
	end_talk rolling
	gets_new $((2 * count))
	all_is_well
	closes_some
}

test_changing_weights_breaks_no_connection() {
	local without_ms step pod new
	start 5 5
	at 1 6
	weight[5]=0
	publish
	without_ms=$(now_ms)
	for step in "2 1 4" "3 2 0" "4 2 3" "5 1 1"; do
		read -r step pod new <<<"$step"
		at "$step" 6
		weight[$pod]=$new
		publish
	done
	end_talk weights
	gets_no_new_since "$without_ms" 5
	all_is_well
}

test_scaling_from_3_to_30_and_back_breaks_no_connection() {
	at_least_s 14
	start 30 3
	at 1 4
	become ready {4..30}
	publish
	at 1 2
	become terminating {4..30}
	publish
	later 2000
	leave {4..30}
	end_talk scale
	gets_new 30
	all_is_well
}

# shellcheck disable=SC2034 # service reads it
test_affinity_of_clients_breaks_no_connection() {
	local drained_ms
	start 6 3
	at 1 5
	service_spec=("sessionAffinity: ClientIP")
	publish
	at 2 5
	become ready 4
	become terminating 1
	publish
	drained_ms=$(now_ms)
	at 3 5
	leave 1
	become ready 5 6
	publish
	at 4 5
	service_spec=()
	publish
	end_talk affinity
	gets_no_new_since "$drained_ms" 1
	all_is_well
}

test_a_lost_backend_takes_no_other_connection_along() {
	local mode
	start 4 4
	at 1 3
	lose 2
	end_talk lost
	for mode in "${modes[@]}"; do
		(($(figure "$mode" lost_with_backend) > 0)) || fail "$mode: pod2 had no connection to lose"
	done
	all_is_well
}

# Pods do not answer the flood, whose sources their kernel refuses: it is the gateway's alone.
refuse_flood() {
	local i
	for ((i = 1; i <= $1; i++)); do
		in_ns "pod$i" sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.eth0.rp_filter=1
		in_ns "pod$i" ip route add blackhole 198.18.0.0/15
	done
}

# A flood may well keep others from being opened: in snat, where it takes the ports.
broken_of_established() { echo $(($(figure "$1" moved) + $(figure "$1" broken))); } # MODE

has_text() { [[ -s $1 ]]; }

# As many a second as two cores carry beside all else, pods and client included: of more, and of
# everybody's packets, a part is lost on the way to the gateway, which then has no part in what
# breaks. In snat pods answer them, for they come from the gateway.
flood_rate() { [[ " ${modes[*]} " == *" snat "* ]] && echo 25000 || echo 60000; }

# New flows that got somewhere, and all that did not.
syns_seen() { ask get services -o json | json "sum(s['traffic']['flows'] + s['traffic']['drops'] for s in d)"; }

test_a_flood_of_spoofed_syns_in_a_rolling_update_breaks_no_connection() {
	local mode count syns syns_a_second seen
	count=3 syns=$((seconds >= 60 ? 10000000 : 200000)) syns_a_second=$(flood_rate)
	at_least_s $((5 * count))
	at_least_s $((syns / syns_a_second + 10))
	backends_network $((2 * count))
	refuse_flood $((2 * count))
	first_ready "$count"
	gateway_up
	talk
	for mode in "${modes[@]}"; do
		spawn client "$TRAFFIC" flood --to "${mode_vip[$mode]}" --port "$service_port" \
			--count "$((syns / ${#modes[@]}))" --rate $((syns_a_second / ${#modes[@]})) \
			--timeout "$seconds" >"$work/$mode.flood"
	done
	replace_all "$count"
	for mode in "${modes[@]}"; do eventually "$seconds" has_text "$work/$mode.flood"; done
	seen=$(syns_seen)
	end_talk flood
	for mode in "${modes[@]}"; do
		note "$mode: flood $(<"$work/$mode.flood")"
		(($(json "d['sent']" <"$work/$mode.flood") == syns / ${#modes[@]})) || fail "$mode: no flood"
		note "$mode: $(summary "$mode")"
		(($(broken_of_established "$mode") <= connections / 10000)) ||
			fail "$(tail -n 20 "$work"/*.stderr)"
	done
	((seen > syns * 95 / 100)) || fail "of $syns SYNs no more than $seen came"
}

run_tests "$@"
