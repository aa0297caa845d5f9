#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A real API server that is away, has forgotten, or takes a token no more, and what is served.
. "$(dirname "$0")/../netns/lib.sh"
. "$(dirname "$0")/control_plane.sh"
. "$(dirname "$0")/cluster.sh"
. "$(dirname "$0")/load.sh"

# An API server that has just started may answer that nobody may do anything, for it has not read
# the roles yet; the agent asks who said so again within a minute.
return_s=90

is_away() { of_cluster "d['lastContactSeconds']" | awk '{ exit $1 < '"$1"' }'; }

# Meanwhile nothing changes: who is unheard of stays a backend.
test_an_api_server_that_is_away_for_a_minute_breaks_no_connection() {
	served_with talk
	talk_to "$vip"
	api_server_dies
	go_on 60000
	has_backends talk 3
	is_away 50 || fail "$(ask status -o json)"
	api_server_returns
	kubectl scale deployment talk --replicas 5
	eventually 40 rolled_out talk 5
	eventually "$return_s" has_backends talk 5
	go_on 1000
	end_talk
}

# lists: how often each resource was listed
lists() { of_cluster "sorted(set(r['lists'] for r in d['resources']))"; }
have_listed() { [[ $(lists) == "[$1]" ]]; }

test_a_history_that_was_compacted_costs_one_list() {
	served_with talk
	have_listed 1 || fail "$(ask status -o json)"
	talk_to "$vip"
	api_server_dies
	compact_history
	api_server_returns
	eventually "$return_s" have_listed 2
	kubectl scale deployment talk --replicas 4
	eventually 40 rolled_out talk 4
	eventually 10 has_backends talk 4
	go_on 5000
	end_talk
	have_listed 2 || fail "$(ask status -o json)"
	[[ $(of_cluster "d['relists']") == 3 ]] || fail "$(ask status -o json)"
}

# A server that starts anew knows nothing of tokens it has seen.
test_a_token_is_renewed_without_a_restart() {
	account_secret=first served_with talk
	token_of guideway-system guideway >"$plane/guideway.token"
	kubectl delete secret first -n guideway-system
	api_server_dies
	api_server_returns
	kubectl scale deployment talk --replicas 5
	eventually 40 rolled_out talk 5
	eventually "$return_s" has_backends talk 5
}

run_tests "$@"
