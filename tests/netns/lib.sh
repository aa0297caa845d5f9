# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# lib.sh - TAP, the agent and its manifests for the tests in namespaces. Sourced, never run.
#
# A test file defines functions test_*; run_tests runs each in a subshell with a directory
# and namespaces of its own, and prints one line of TAP for it.
set -uo pipefail
export LC_ALL=C

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
GUIDEWAY=${GUIDEWAY:-$root/build/guideway}
TRAFFIC=${TRAFFIC:-$root/build/tests/netns/traffic}
# How many times longer than usual to wait: a virtual machine without KVM needs it.
slowness=${GUIDEWAY_SLOWNESS:-1}
export GUIDEWAY_RUN=${GUIDEWAY_RUN:-$$}

netns_prefix=gwt-$$
pin_dir=/sys/fs/bpf/guideway-test-$$
# Set for each test.
work='' manifests='' socket=''

. "$root/scripts/netns.sh"
. "$root/tests/netns/manifests.sh"
. "$root/tests/netns/topologies.sh"

fail() {
	echo "$*" >&2
	exit 1
}

skip() {
	echo "# skip: $*" >&2
	exit 77
}

# A figure or a remark that belongs into the result of a test that passed.
note() { echo "# note: $*" >&3; }

need() { command -v "$1" >/dev/null || skip "needs $1"; }

# refused PATTERN COMMAND...: fails with exactly one line, which matches
refused() {
	local pattern=$1 status=0 said
	shift
	said=$(timeout 10 "$@" 2>&1 </dev/null) || status=$?
	((status != 0)) || fail "succeeded: $*"
	((status < 124)) || fail "status $status, hung or crashed: $*"
	[[ $(wc -l <<<"$said") == 1 ]] || fail "not one line: $said"
	grep -qiE -- "$pattern" <<<"$said" || fail "does not say '$pattern': $said"
}

# eventually SECONDS COMMAND...: the only way to wait; a bare sleep is a race
eventually() {
	local end=$((SECONDS + $1 * slowness + 1))
	shift
	until "$@"; do
		((SECONDS < end)) || fail "never became true: $*"
		agent_is_as_it_should || fail "the agent ended; waited for: $*"
		sleep 0.02
	done
}

now_ms() { echo "$((${EPOCHREALTIME/./} / 1000))"; }

#### The agent

# What agent_start runs the binary with, for instance under valgrind; where Services come from,
# if not from the manifests; and how it attaches.
agent_wrapper=() agent_source=() xdp_mode=native agent_ready_s=15
agent_pid='' agent_log='' agent_status='' agent_starts=0

# agent_start NS OPTION...: in the background; see agent_ready
agent_start() {
	local name=$1 from=("${agent_source[@]}")
	shift
	((${#from[@]})) || from=(--manifests "$manifests")
	agent_starts=$((agent_starts + 1))
	agent_log=$work/agent.$agent_starts.log
	spawn "$name" "${agent_wrapper[@]}" "$GUIDEWAY" agent "${from[@]}" \
		--pin-dir "$pin_dir" --state-dir "$work/state" --socket "$socket" \
		--xdp-mode "$xdp_mode" "$@" >"$agent_log" 2>&1
	agent_pid=$spawned
}

agent_is_as_it_should() { [[ -z $agent_pid ]] || is_running "$agent_pid"; }
agent_says() { grep -q -- "$1" "$agent_log"; }

# Returns when the first state is programmed.
agent_ready() {
	local end=$((SECONDS + agent_ready_s * slowness))
	until grep -qw ready "$agent_log"; do
		is_running "$agent_pid" || fail "the agent ended before it was ready"
		((SECONDS < end)) || fail "the agent was not ready in time"
		sleep 0.01
	done
}

agent_up() {
	agent_start "$@"
	agent_ready
}

# Both leave the exit status in agent_status.
# shellcheck disable=SC2034
agent_end() {
	kill "-$1" "$agent_pid" 2>/dev/null || fail "the agent had ended already"
	for _ in {1..1000}; do
		is_running "$agent_pid" || break
		sleep 0.01
	done
	! is_running "$agent_pid" || fail "the agent ignored SIG$1 for 10 s"
	agent_status=0
	{ wait "$agent_pid"; } 2>/dev/null || agent_status=$?
	agent_pid=
}
agent_stop() { agent_end TERM; }
agent_kill() { agent_end KILL; }

# ask COMMAND...: of the running agent
ask() { "$GUIDEWAY" "$@" --socket "$socket"; }

detach() { "$GUIDEWAY" detach --pin-dir "$pin_dir"; }

# packets VERDICT: how many packets ended so
packets() {
	ask status -o json | json "sum(v['packets'] for v in d['verdicts'] if v['name'] == '$1')"
}

# has_backend ADDRESS PORT: is it one of some service in the datapath's tables?
has_backend() { [[ $(ask dump) == *"  backend $1 port $2 "* ]]; }
lacks_backend() {
	local dump
	dump=$(ask dump) && [[ $dump != *"  backend $1 port $2 "* ]]
}

#### Load and its results

# json EXPRESSION: evaluates Python over the JSON on standard input, as d
json() { python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }

# load NAME MODE OPTION...: from the client; its line of JSON in $work/NAME.json
load() {
	local name=$1
	shift
	in_ns client "$TRAFFIC" "$@" >"$work/$name.json" || fail "$name: $(cat "$work/$name.json")"
}

# load_start NAME MODE OPTION...: the same in the background; load_end NAME: its result
declare -A load_pids=()
load_start() {
	local name=$1
	shift
	spawn client "$TRAFFIC" "$@" >"$work/$name.json"
	load_pids[$name]=$spawned
}
load_end() { wait "${load_pids[$1]}" || fail "$1: $(cat "$work/$1.json")"; }

# check_spread NAME PERCENT SERVER...: these and no others, each near its even share
check_spread() {
	local name=$1 percent=$2
	shift 2
	python3 - "$work/$name.json" "$percent" "$@" <<-'END' || fail "$name: uneven: $(cat "$work/$name.json")"
		import json, sys
		served = json.load(open(sys.argv[1]))["by_server"]
		percent, names = float(sys.argv[2]), sys.argv[3:]
		share = sum(served.values()) / len(names)
		even = all(abs(served[n] - share) <= share * percent / 100 for n in served)
		sys.exit(sorted(served) != sorted(names) or not even)
	END
}

udp_is_refused() { # ADDRESS PORT: does an ICMP error come back to the client, not silence?
	in_ns client python3 - "$1" "$2" <<-'END'
		import socket, sys
		family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
		with socket.socket(family, socket.SOCK_DGRAM) as client:
		    client.settimeout(2)
		    client.connect((sys.argv[1], int(sys.argv[2])))
		    client.send(b"anybody there?")
		    try:
		        client.recv(100)
		    except ConnectionRefusedError:
		        sys.exit(0)
		    except socket.timeout:
		        pass
		sys.exit(1)
	END
}

#### Tests

# Everything that a test started or made, whatever became of it.
finish_test() {
	local status=$1
	set +e
	trap - EXIT
	if ((status != 0 && status != 77)); then
		cat "$work"/api.err 2>/dev/null >&2
		tail -n 25 "$work"/agent.*.log 2>/dev/null | sed 's/^/agent: /' >&2
	fi
	remove_namespaces
	rm -rf "$pin_dir"* "$work"
	exit "$status"
}

run_test() {
	set -e
	work=$(mktemp -d "${TMPDIR:-/tmp}/gwt-$$.XXXXXX")
	trap 'finish_test $?' EXIT
	trap 'exit 130' INT TERM HUP
	manifests=$work/manifests socket=$work/agent.sock
	mkdir "$manifests" "$work/state"
	"$1"
}

check_machine() {
	((EUID == 0)) || skip "needs root: run it with sudo"
	[[ -x $GUIDEWAY ]] || fail "$GUIDEWAY is not there: run make"
	[[ -x $TRAFFIC ]] || fail "$TRAFFIC is not there: run make test-programs"
	local tool obstacle
	obstacle=$(mount_bpffs)
	[[ -z $obstacle ]] || skip "$obstacle"
	for tool in ip ethtool nsenter python3 curl ping; do need "$tool"; done
}

# run_tests [PATTERN]: all tests of the file, or those whose name contains PATTERN
run_tests() {
	local tests name log count=0 failed=0
	mapfile -t tests < <(declare -F | awk -v pattern="${1:-}" \
		'$3 ~ /^test_/ && index($3, pattern) { print $3 }')
	exec 3>&1
	ulimit -n "$(ulimit -Hn)"
	log=$(mktemp "${TMPDIR:-/tmp}/gwt-$$.log.XXXXXX")
	trap 'rm -f "$log"' EXIT
	# Bash runs a trap when its child has ended, and the test in the child has the same one.
	trap 'rm -f "$log"; exit 130' INT TERM HUP
	echo "1..${#tests[@]}"
	for name in "${tests[@]}"; do
		count=$((count + 1))
		(check_machine; run_test "$name") >"$log" 2>&1
		case $? in
		0) echo "ok $count - ${name#test_}" ;;
		77) echo "ok $count - ${name#test_} # SKIP $(sed -n 's/^# skip: //p' "$log")" ;;
		*)
			failed=1
			echo "not ok $count - ${name#test_}"
			tail -n 80 "$log" | sed 's/^/# /'
			;;
		esac
	done
	exit "$failed"
}
