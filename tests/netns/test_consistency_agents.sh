#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# No connection breaks while agents die, restart and are upgraded, and when a gateway dies. In short;
# make consistency runs the same in full.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/consistency.sh"

# times N: how often in full (60 s); a short run does less
times() { echo $((seconds >= 60 ? $1 : ($1 * seconds) / 60 + 1)); }

# Loading and verifying the program takes its time.
restart_s=4

#### Agents

test_an_agent_killed_and_restarted_breaks_no_connection() {
	local i count
	count=$(times 20)
	at_least_s $((restart_s * (count + 1)))
	start 4 4
	for ((i = 1; i <= count; i++)); do
		at "$i" $((count + 1))
		agent_kill
		gateway_up
	done
	end_talk restart
	all_is_well
}

# change_weights I: of another backend each time
change_weights() {
	weight[$((1 + $1 % 4))]=$((1 + $1 % 3))
	publish
}

# A little later each time, so that it dies in another place.
test_an_agent_killed_within_an_update_breaks_no_connection() {
	local i count
	count=$(times 20)
	at_least_s $((restart_s * (count + 1)))
	start 5 4
	become ready 5
	for ((i = 1; i <= count; i++)); do
		at "$i" $((count + 1))
		change_weights "$i"
		later $((i * 7 % 50))
		agent_kill
		gateway_up
	done
	end_talk crash
	gets_new 5
	all_is_well
}

# upgrade_to BINARY: which adopts what the last one left
upgrade_to() {
	agent_stop
	GUIDEWAY=$1 gateway_up
}

needs_other_layout() {
	other=${GUIDEWAY_OTHER_LAYOUT:-}
	[[ -n $other ]] || skip "GUIDEWAY_OTHER_LAYOUT names no guideway with another layout"
	[[ -x $other ]] || skip "$other is not built"
}

test_an_upgrade_to_another_layout_and_back_breaks_no_connection() {
	local other
	needs_other_layout
	at_least_s $((6 * restart_s))
	start 6 4
	at 1 6
	become ready 5
	publish
	at 2 6
	upgrade_to "$other"
	at 3 6
	become ready 6
	publish
	at 4 6
	upgrade_to "$GUIDEWAY"
	end_talk upgrade
	gets_new 6
	all_is_well
}

# start_and_kill BINARY MS: it has come so far then
start_and_kill() {
	GUIDEWAY=$1 agent_start gateway "${gateway_interfaces[@]}"
	later "$2"
	agent_kill
}

# While it takes over, in another place each time; then it or the old one goes on from there.
test_an_agent_killed_while_it_takes_over_another_layout_breaks_no_connection() {
	local other i binary count
	needs_other_layout
	count=$(times 6)
	at_least_s $((restart_s * (4 * count + 2)))
	start 5 4
	become ready 5
	for ((i = 1; i <= count; i++)); do
		at "$i" $((count + 1))
		change_weights "$i"
		later 500
		agent_kill
		start_and_kill "$other" $((RANDOM % (restart_s * 500)))
		binary=$GUIDEWAY
		((i % 2)) || binary=$other
		GUIDEWAY=$binary gateway_up
		[[ $binary == "$GUIDEWAY" ]] || upgrade_to "$GUIDEWAY"
	done
	end_talk takeover
	gets_new 5
	[[ $(find "$pin_dir" -maxdepth 1 -name "maps-*" | wc -l) == 1 ]] ||
		fail "more than one set of maps is left: $(ls "$pin_dir")"
	all_is_well
}

#### Gateways

# Its flows come from the other one then. Not in snat, whose gateway is the other end.
only_direct_modes() {
	local mode direct=()
	for mode in "${modes[@]}"; do [[ $mode == snat ]] || direct+=("$mode"); done
	((${#direct[@]})) || skip "replies in snat need the gateway that died"
	modes=("${direct[@]}")
}

start_with_two_gateways() {
	only_direct_modes
	with_peers
	two_gateways "$1"
	first_ready "$2"
	two_agents_up
	talk
}

# dies_while_stable: the first of two gateways, and nobody notices
dies_while_stable() {
	start_with_two_gateways 4 4
	at 1 2
	both_gateways_forward
	first_gateway_dies
	end_talk gateway
	all_is_well
}

test_a_gateway_that_dies_breaks_no_connection() { dies_while_stable; }

# only_with_ipip: once is enough
only_with_ipip() { [[ ${modes[*]} == *ipip* ]] || skip "done with ipip"; }

test_a_gateway_that_dies_breaks_no_connection_in_other_direct_modes() {
	only_with_ipip
	modes=(l2 gue)
	dies_while_stable
}

# In dnat replies go through a gateway as well, but any.
test_a_gateway_that_dies_breaks_no_connection_in_dnat() {
	only_with_ipip
	modes=(dnat)
	dies_while_stable
}

# Flows that the other gateway has not been told of yet may break: those that are younger than the
# interval at which it is told. In a short run the machine may have other things to do.
flush_interval_ms=$((seconds >= 60 ? 100 : 500))

test_a_gateway_that_dies_in_a_rollout_breaks_only_the_youngest_connections() {
	local mode
	at_least_s 16
	messages=20 # so that there are many that began in the rollout
	start_with_two_gateways 6 3
	at 1 4
	become ready 4
	become terminating 1
	publish
	at 1 2
	become ready 5
	become terminating 2
	publish
	later "$effect_ms"
	both_gateways_forward
	first_gateway_dies
	end_talk gateway-rollout
	gets_new 5
	for mode in "${modes[@]}"; do
		note "$mode: $(summary "$mode")"
		(($(figure "$mode" oldest_broken_ms) < flush_interval_ms)) ||
			fail "broke one that was $(figure "$mode" oldest_broken_ms) ms old: $(tail -n 20 "$work/$mode.stderr")"
	done
}

run_tests "$@"
