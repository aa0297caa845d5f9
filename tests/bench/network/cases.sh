# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# cases.sh - what is measured of a mode. Each case adds one line of JSON to $results.
# Sourced by network.sh.
: "${results?}" "${round?}" "${mode?}" "${work?}" "${FRAMES?}" "${netns_prefix?}"
: "${vip?}" "${port?}" "${client_address?}" "${client_addresses?}" "${backends?}"

connections=10000 parallel=64
generator_cpu=0 gateway_cpu=1
gateway_threads=() gateway_mac=''

# record CASE FILE [OTHERS_NS]: the result of one case, and CPU time that it does not tell
record() {
	printf '{"round":%d,"mode":"%s","case":"%s","others_ns":%d,"result":%s}\n' \
		"$round" "$mode" "$1" "${3:-0}" "$(cat "$2")" >>"$results"
}

# CPU time, in ns, of everybody but the client: servers, the gateway's processes, and what
# the kernel did for them in threads of its own. The rest of it was done on the back of
# whoever sent the packet.
others_ns() {
	local pid files=()
	# shellcheck disable=SC2154
	for pid in "${spawned_pids[@]}" $(pgrep '^ksoftirqd/'); do
		files+=("/proc/$pid/task/"*/schedstat)
	done
	cat "${files[@]}" | awk '{ sum += $1 } END { printf "%.0f", sum }'
}

# tcp CASE TRAFFIC-OPTION...
tcp() {
	local name=$1 before
	before=$(others_ns)
	load "$@" --to "$vip" --port "$port" --bytes 64 --source-addresses "$client_addresses"
	record "$name" "$work/$name.json" "$(($(others_ns) - before))"
}

case_connections() {
	tcp connections connect --count "$connections" --parallel "$parallel"
}

case_requests() {
	tcp requests requests --count "$parallel" --seconds 1
}

napi_threads() {
	{ grep -l '^napi/' /proc/[0-9]*/comm 2>/dev/null || true; } | sed 's/[^0-9]//g' | sort
}

# All of the gateway's forwarding on one core and the generator on another. The threads are
# those that were not there before: their names are no namespace's.
pin_gateway() {
	local before pid
	((${#gateway_threads[@]} == 0)) || return 0
	before=$(napi_threads)
	# shellcheck disable=SC2016
	ip netns exec "$netns_prefix-gateway" sh -ec \
		'for device in /sys/class/net/eth*; do echo 1 >$device/threaded; done'
	for pid in $(comm -13 <(echo "$before") <(napi_threads)); do
		taskset --pid --cpu-list "$gateway_cpu" "$pid" >/dev/null
		gateway_threads+=(--thread "$pid")
	done
	((${#gateway_threads[@]})) || fail "the gateway has no threads of its own"
	gateway_mac=$(in_ns gateway ip -oneline link show eth0 | sed 's|.*link/ether ||; s| .*||')
}

# frames CASE OPTION...
frames() {
	local name=$1 i receivers=()
	shift
	(($(nproc) > generator_cpu && $(nproc) > gateway_cpu)) || return 0
	unwrap_no_more
	pin_gateway
	for i in "${backends[@]}"; do
		receivers+=(--backend "/run/netns/$netns_prefix-backend$i")
	done
	"$FRAMES" --client "/run/netns/$netns_prefix-client" "${receivers[@]}" \
		--gateway-mac "$gateway_mac" --from "$client_address" --to "$vip" \
		--port "$port" --cpu "$generator_cpu" "${gateway_threads[@]}" "$@" \
		>"$work/$name.json"
	record "$name" "$work/$name.json"
}

# Answers first: after them a stateful gateway knows the flows as established ones.
case_both_ways() { frames both_ways --answers; }
case_one_way() { frames one_way; }
case_one_way_1024() { frames one_way_1024 --flows 1024; }
