#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs test programs that print TAP, one line of progress for each and details of what
# failed or was skipped. A program that crashes, hangs, or reports another number of results
# than it planned is a failure of its own. The last line is the sum, unless --tally FILE
# takes it ("passed failed skipped", one line appended).
set -u
export LC_ALL=C CMOCKA_MESSAGE_OUTPUT=TAP

usage() {
	cat <<-END
		Usage: scripts/run-tap.sh [--with 'COMMAND ARGUMENT...'] [--timeout SECONDS]
		                          [--tally FILE] PROGRAM...
	END
}

# Reads TAP; prints "passed failed skipped planned", then the details. cmocka says
# "not ok N # SKIP name" for a skipped test, with the reason on a line before it.
read_tap() {
	awk '
	function detail(text) { details = details text "\n" }
	{ sub(/^[ \t]+/, "") }
	/^1\.\.[0-9]+/ { split($0, plan, /\.\./); planned += plan[2]; next }
	/^(not )?ok [0-9]+.*# *SKIP/ {
		skipped++
		failing = 0
		name = $0; sub(/ *# *SKIP.*/, "", name); sub(/^(not )?ok [0-9]+( - )?/, "", name)
		reason = $0; sub(/.*# *SKIP */, "", reason)
		if (name == "") { name = reason; reason = said; sub(/^# *(skip: *)?/, "", reason) }
		detail("skipped: " name (reason == "" ? "" : ": " reason))
		next
	}
	/^ok [0-9]+/ { passed++; failing = 0; next }
	/^not ok [0-9]+/ {
		failed++
		failing = 1
		sub(/^not ok [0-9]+( - )?/, "")
		detail("FAILED: " $0)
		next
	}
	/^# (not )?ok - / { next }
	/^# note: / { detail(substr($0, 3)); next }
	/^Bail out!/ { detail($0); next }
	failing && /^#/ { detail("  " $0); next }
	{ said = $0 }
	END {
		print passed + 0, failed + 0, skipped + 0, planned + 0
		printf "%s", details
	}' "$1"
}

# What is wrong with how the program ended, if anything: arguments are its exit status and
# the four numbers of read_tap.
judge_end() {
	local status=$1 passed=$2 failed=$3 skipped=$4 planned=$5
	if ((status == 124 || status == 137)); then
		echo "did not end within $timeout_s s"
	elif ((status > 128)); then
		echo "killed by signal $((status - 128)) after $((passed + failed + skipped)) of $planned results"
	elif ((planned == 0)); then
		echo "ended with status $status and without a plan"
	elif ((planned != passed + failed + skipped)); then
		echo "planned $planned results and gave $((passed + failed + skipped))"
	elif ((status != 0 && failed == 0)); then
		echo "ended with status $status although no test failed"
	fi
}

run() {
	timeout -k 10 "$timeout_s" "${with[@]}" "$1" </dev/null >"$work/tap" 2>"$work/stderr" &
	running=$!
	{ wait "$running"; } 2>/dev/null # bash would tell of a crash itself
	status=$?
	running=
}

on_signal() {
	[[ -z $running ]] || { kill -TERM "$running" && wait "$running"; }
	exit 130
}

# run_and_report PROGRAM
run_and_report() {
	local name=${1##*tests/} start=$EPOCHREALTIME passed failed skipped planned details=() complaint
	run "$1"
	{
		read -r passed failed skipped planned
		mapfile -t details
	} < <(read_tap "$work/tap")
	complaint=$(judge_end "$status" "$passed" "$failed" "$skipped" "$planned")
	if [[ -n $complaint ]]; then
		failed=$((failed + 1))
		details+=("FAILED: $complaint")
	fi
	printf '  %-4s %6.1f s  %-32s %s\n' "$( ((failed)) && echo FAIL || echo ok)" \
		"$(awk "BEGIN { print $EPOCHREALTIME - $start }")" "$name" \
		"$(counts "$passed" "$failed" "$skipped")"
	((${#details[@]} == 0)) || printf '          %s\n' "${details[@]}"
	((failed == 0)) || tail -n 60 "$work/stderr" | sed 's/^/          | /'
	total_passed=$((total_passed + passed))
	total_failed=$((total_failed + failed))
	total_skipped=$((total_skipped + skipped))
}

counts() {
	printf '%4d passed' "$1"
	(($2 == 0)) || printf ', %d failed' "$2"
	(($3 == 0)) || printf ', %d skipped' "$3"
}

with=() timeout_s=600 tally=
while (($#)); do
	case $1 in
	--with) read -ra with <<<"$2" && shift 2 ;;
	--timeout) timeout_s=$2 && shift 2 ;;
	--tally) tally=$2 && shift 2 ;;
	-h | --help) usage && exit 0 ;;
	-*) usage >&2 && exit 2 ;;
	*) break ;;
	esac
done

total_passed=0 total_failed=0 total_skipped=0 running='' status=0
work=$(mktemp -d "${TMPDIR:-/tmp}/gwt-$$.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap on_signal INT TERM HUP
for program in "$@"; do
	[[ $program == */* ]] || program=./$program
	run_and_report "$program"
done
if [[ -n $tally ]]; then
	echo "$total_passed $total_failed $total_skipped" >>"$tally"
else
	echo "$total_passed passed, $total_failed failed$( ((total_skipped)) && echo ", $total_skipped skipped")"
fi
((total_failed == 0))
