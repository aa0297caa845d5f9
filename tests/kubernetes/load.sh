# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# load.sh - connections to the Service talk that go on while its cluster changes. Sourced behind
# cluster.sh; netns/README says what `traffic converse` counts.
: "${work?}" "${TRAFFIC?}" "${client_net?}"

held=50 rate=50 talk_s=300
talk_port=9000 talk_pid=''

is_conversing() { grep -q conversing "$work/talk.stderr"; }

# talk_to ADDRESS: until end_talk
talk_to() {
	touch "$work/lost"
	spawn client "$TRAFFIC" converse --to "$1" --port "$talk_port" --count "$held" --rate "$rate" \
		--seconds "$talk_s" --timeout $((talk_s + 30)) --lost "$work/lost" \
		>"$work/talk.json" 2>"$work/talk.stderr"
	talk_pid=${spawned:?}
	eventually 40 is_conversing
}

has_come() { (($(now_ms) >= $1)); }

# go_on MS: so long with what is now
go_on() { eventually "$(($1 / 1000 + 10))" has_come "$(($(now_ms) + $1))"; }

figure() { json "d['$1']" <"$work/talk.json"; }

# Fails unless every connection was kept, closed by its server, or lost with one that is in
# $work/lost, and none waited for 3 s. New ones may be refused so often, but not more.
may_be_refused=0
end_talk() {
	local broken
	is_running "$talk_pid" || fail "the load ended too early: $(cat "$work/talk.stderr")"
	kill -TERM "$talk_pid"
	{ wait "$talk_pid"; } || true
	broken=$(figure broken) || fail "$(cat "$work/talk.stderr")"
	if ((broken > may_be_refused || broken > $(figure refused) || $(figure moved) > 0 ||
		$(figure stalled) > 0 || $(figure kept) < held)); then
		fail "$(cat "$work/talk.json" "$work/talk.stderr")"
	fi
	note "$(json "', '.join(f'{n} {d[n]}' for n in ('opened', 'kept', 'closed_by_backend',
		'lost_with_backend', 'moved', 'broken', 'longest_stall_ms', 'seconds'))" <"$work/talk.json")"
}

# talked_to NAME...: each of these servers had a connection
talked_to() {
	local name
	for name in "$@"; do
		(($(json "d['by_server'].get('$name', {}).get('opened', 0)" <"$work/talk.json") > 0)) ||
			fail "nobody talked to $name: $(cat "$work/talk.json")"
	done
}
