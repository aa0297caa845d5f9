#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Forwarding through network namespaces: Guideway beside plain forwarding, nftables and
# HAProxy, by turns, each in a network of its own. Removes everything it makes, also when
# it is interrupted.
. "$(dirname "$0")/../../netns/lib.sh"

here=$root/tests/bench/network
FRAMES=${FRAMES:-$root/build/tests/bench/network/frames}
rounds=5 time_limit_s=180 round=0 json_file='' only=() failed=0
agent_ready_s=60 # whatever else the machine does
mode='' setup='' cases='' running='' log='' results=''
. "$here/topology.sh"
. "$here/modes.sh"
. "$here/cases.sh"

usage() {
	cat <<-END
		Usage: tests/bench/network/network.sh [--rounds $rounds] [--json FILE] [MODE...]
		Measures these modes, all unless some are named; the first is always measured:
		$(for line in "${modes[@]}"; do echo "    ${line%%|*}"; done)
		Prints medians and their ratios to the first; --json also puts them into the list in
		FILE. No round begins after $time_limit_s s. Needs root: without it the status is 77.
	END
}

refuse() {
	echo "network.sh: $*" >&2
	exit 2
}

read_options() {
	while (($#)); do
		case $1 in
		--rounds) rounds=${2:-} && shift ;;
		--json) json_file=${2:-} && shift ;;
		-h | --help) usage && exit 0 ;;
		-*) refuse "unknown option '$1'" ;;
		*) only+=("$1") ;;
		esac
		shift
	done
	[[ $rounds =~ ^[1-9][0-9]*$ ]] || refuse "--rounds '$rounds': expected a number"
}

# select_mode LINE: into mode, setup and cases. False when it is not asked for.
select_mode() {
	local name
	IFS='|' read -r mode setup cases <<<"$1"
	read -r mode <<<"$mode"
	((${#only[@]})) && [[ $1 != "${modes[0]}" ]] || return 0
	for name in "${only[@]}"; do [[ $name != "$mode" ]] || return 0; done
	return 1
}

measure() {
	local name
	make_network
	# shellcheck disable=SC2086
	$setup
	for name in $cases; do "case_$name"; done
}

# In the background, so that a signal to us is heard at once and handed on.
measure_mode() {
	local status=0
	(check_machine; run_test measure) >"$log" 2>&1 &
	running=$!
	wait "$running" || status=$?
	running=
	case $status in
	0) ;;
	77) ((round > 1)) || echo "$mode: left out: $(sed -n 's/^# skip: //p' "$log")" ;;
	*)
		failed=1
		echo "$mode, round $round: failed:"
		tail -n 30 "$log" | sed 's/^/    /'
		;;
	esac
}

finish() {
	local status=$?
	trap '' INT TERM HUP
	trap - EXIT
	if [[ -n $running ]]; then
		kill -TERM "$running" 2>/dev/null
		wait "$running"
	fi
	rm -f "$log" "$results"
	exit "$status"
}

read_options "$@"
obstacle=$(mount_bpffs)
if [[ -n $obstacle ]]; then
	echo "Forwarding through network namespaces: skipped: $obstacle"
	exit 77
fi
"$root/scripts/install-deps.sh" --bench || echo "what is missing is left out"
"$root/scripts/leftovers.sh" remove
ulimit -n "$(ulimit -Hn)"
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
log=$(mktemp "${TMPDIR:-/tmp}/gwt-$$.log.XXXXXX")
results=$(mktemp "${TMPDIR:-/tmp}/gwt-$$.results.XXXXXX")
for ((round = 1; round <= rounds; round++)); do
	((SECONDS < time_limit_s)) || break
	for line in "${modes[@]}"; do
		select_mode "$line" && measure_mode
	done
done
python3 "$here/report.py" "$results" "$json_file" || failed=1
exit "$failed"
