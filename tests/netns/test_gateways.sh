#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Two gateways with the same objects: they have the same tables, show it, and tell each other of
# flows.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/consistency.sh"

# on_second COMMAND...: with the second gateway's agent for ask
on_second() { socket=$work/second.sock "$@"; }

digest() { ask status -o json | json "d['digest']"; }
digest_of() { ask get services -o json | json "[s['digest'] for s in d if s['name'] == '$1'][0]"; }

agree() { [[ $(digest) == "$(on_second digest)" ]]; }
differ() { ! agree; }

setup() {
	modes=(ipip)
	two_gateways 4
	first_ready 3
}

test_gateways_with_the_same_objects_show_the_same_digests() {
	setup
	two_agents_up
	agree || fail "$(digest), the other $(on_second digest)"
	[[ $(ask status) == *"Digest:      $(digest)"* ]] || fail "$(ask status)"
	[[ $(ask get services -o wide) == *"$(digest_of echo-ipip)"* ]]
	# Its ids are others then, for it had other backends before.
	become gone 2
	publish
	eventually 5 lacks_backend "$(pod_address 2)" "$service_port"
	agent_kill
	rm -rf "$pin_dir"
	agent_up gateway "${gateway_interfaces[@]}" --hash-key "$work/key"
	become ready 2 4
	publish
	eventually 5 has_backend "$(pod_address 4)" "$service_port"
	eventually 5 agree
	[[ $(digest_of echo-ipip) == "$(on_second digest_of echo-ipip)" ]]
}

test_a_backend_drained_on_one_gateway_alone_shows_in_the_digests() {
	local before
	setup
	two_agents_up
	before=$(digest)
	ask drain "$(pod_address 1)" >/dev/null
	eventually 5 differ
	[[ $(digest_of echo-ipip) != "$(on_second digest_of echo-ipip)" ]]
	ask drain --undo "$(pod_address 1)" >/dev/null
	eventually 5 agree
	[[ $(digest) == "$before" ]]
}

test_another_hash_key_shows_in_the_digest_of_all() {
	setup
	two_agents_up
	agent_stop
	head -c 32 /dev/zero | od -An -v -tx1 | tr -d ' \n' >"$work/key"
	agent_up gateway "${gateway_interfaces[@]}" --hash-key "$work/key"
	differ
	[[ $(digest_of echo-ipip) == "$(on_second digest_of echo-ipip)" ]]
}

# peer_count NAME: of the agent that is asked
peer_count() { ask status -o json | json "[c['count'] for c in d['peers'] if c['name'] == '$1'][0]"; }
has_counted() { (($(peer_count "$1") > 0)); }

test_gateways_without_peers_have_nothing_to_say_of_them() {
	setup
	two_agents_up
	[[ $(ask status -o json | json "d['peers']") == None ]]
}

test_peers_hear_each_other_and_tell_of_no_flow_in_steady_state() {
	setup
	with_peers
	two_agents_up
	eventually 10 has_counted received
	on_second eventually 10 has_counted received
	[[ $(peer_count flows_sent) == 0 && $(peer_count refused_seal) == 0 ]]
}

test_a_peer_with_another_key_is_refused() {
	setup
	with_peers
	random_key >"$work/key"
	random_key >"$work/peer-key"
	second_agent_up
	random_key >"$work/peer-key"
	first_agent_up
	eventually 10 has_counted refused_seal
	eventually 10 agent_says "not sealed with our --peer-key"
	[[ $(peer_count received) == 0 ]]
}

test_a_peer_with_another_hash_key_is_refused() {
	setup
	with_peers
	random_key >"$work/key"
	random_key >"$work/peer-key"
	second_agent_up
	random_key >"$work/key"
	first_agent_up
	eventually 10 has_counted refused_hash_key
	[[ $(peer_count received) == 0 ]]
}

test_a_peer_key_that_is_missing_or_malformed_is_told_in_one_line() {
	local agent=(nsenter --net="/run/netns/$netns_prefix-gateway" "$GUIDEWAY" agent --interface eth0 --manifests "$manifests" --peer 10.2.0.3
		--pin-dir "$pin_dir" --state-dir "$work/state" --socket "$socket")
	namespaces gateway other
	cable gateway eth0 other eth0
	refused "--peer-key" "${agent[@]}"
	refused "cannot read the peer key" "${agent[@]}" --peer-key "$work/none"
	echo "no key" >"$work/peer-key"
	refused "not a peer key" "${agent[@]}" --peer-key "$work/peer-key"
}

run_tests "$@"
