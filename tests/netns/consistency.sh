# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# consistency.sh - a Service a mode, whose backends change while connections go on. Sourced by
# test_consistency*.sh, behind lib.sh.
#
# The size of a run, as make consistency sets it:
#   GUIDEWAY_CONSISTENCY_CONNECTIONS  held from beginning to end, for each mode
#   GUIDEWAY_CONSISTENCY_RATE         new ones a second, of $messages messages each
#   GUIDEWAY_CONSISTENCY_SECONDS      how long a scenario is
#   GUIDEWAY_CONSISTENCY_MODES        forwarding modes, all of them at once
#   GUIDEWAY_CONSISTENCY_RESULTS      a file that gets a line of JSON a scenario and mode
#   GUIDEWAY_OTHER_LAYOUT             a guideway whose maps have another layout
: "${work?}" "${pod_net?}" "${client_net?}" "${pin_dir?}"

connections=${GUIDEWAY_CONSISTENCY_CONNECTIONS:-200}
rate=${GUIDEWAY_CONSISTENCY_RATE:-50}
seconds=${GUIDEWAY_CONSISTENCY_SECONDS:-10}
results=${GUIDEWAY_CONSISTENCY_RESULTS:-/dev/null}
read -ra modes <<<"${GUIDEWAY_CONSISTENCY_MODES:-ipip snat}"

declare -A mode_vip=([ipip]=192.0.2.10 [snat]=192.0.2.11 [dnat]=192.0.2.12 [l2]=192.0.2.13
	[gue]=192.0.2.14)
messages=3 # 10 a second
stall_limit_ms=3000
# After this a change that was published must be in effect.
effect_ms=2000
service_port=9000

#### Backends: what each is, and their manifest

declare -A state=()  # pod's number: ready, terminating or gone
declare -A weight=() # 1 where nothing is said
declare -A server_pid=()

# backends COUNT: servers in pods 1 to COUNT, and none of them an endpoint yet
backends() {
	local i
	for ((i = 1; i <= $1; i++)); do
		state[$i]=gone
		spawn "pod$i" "$TRAFFIC" answer --name "pod$i" --port "$service_port" >"$work/pod$i.answered" 2>&1
		server_pid[$i]=${spawned:?}
	done
	for ((i = 1; i <= $1; i++)); do eventually 10 listens "pod$i" "$service_port"; done
}

# become STATE NUMBER...: for publish to say
become() {
	local i
	for i in "${@:2}"; do state[$i]=$1; done
}

# One EndpointSlice a pod, for the weight is the slice's.
endpoint_slice() { # SERVICE NUMBER
	local terminating=false ready=true
	[[ ${state[$2]} == ready ]] || terminating=true ready=false
	printf -- '---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n'
	printf '  name: %s-pod%d\n  namespace: default\n' "$1" "$2"
	printf '  labels: {kubernetes.io/service-name: %s}\n' "$1"
	printf '  annotations: {guideway.dev/weight: "%d"}\n' "${weight[$2]:-1}"
	printf 'addressType: IPv4\nports:\n- {name: tcp-%d, protocol: TCP, port: %d}\n' \
		"$service_port" "$service_port"
	printf 'endpoints:\n- addresses: ["%s"]\n' "$(pod_address "$2")"
	printf '  conditions: {ready: %s, serving: true, terminating: %s}\n' "$ready" "$terminating"
}

# Everything in one file, so that the agent sees one change.
publish() {
	local mode i
	{
		for mode in "${modes[@]}"; do
			# shellcheck disable=SC2034 # service reads it
			annotations=("guideway.dev/forwarding-mode: $mode")
			echo "---"
			service "echo-$mode" "${mode_vip[$mode]}" "$service_port/TCP:$service_port"
			for i in "${!state[@]}"; do
				[[ ${state[$i]} == gone ]] || endpoint_slice "echo-$mode" "$i"
			done
		done
	} | put consistency.yaml
}

# first_ready COUNT: what the load begins with
first_ready() {
	local first
	mapfile -t first < <(seq "$1")
	become ready "${first[@]}"
	publish
}

has_ended() { ! is_running "${server_pid[$1]}"; }

# leave NUMBER...: terminating endpoints whose servers close their connections and end; then they
# are endpoints no more.
leave() {
	local i
	for i in "$@"; do kill -TERM "${server_pid[$i]}"; done
	for i in "$@"; do eventually 10 has_ended "$i"; done
	become gone "$@"
	publish
}

# lose NUMBER: without a word to anybody
lose() {
	echo "pod$1" >>"$work/lost"
	in_ns "pod$1" ip link set eth0 down
	become gone "$1"
	publish
}

#### Networks

# backends_network PODS: client, gateway and pods on one LAN, for every mode
backends_network() {
	local pods=$1
	one_armed "$pods"
	client_sources
	ready_for_direct_modes "$pods"
	backends "$pods"
}

client_sources() {
	local i address=()
	for i in {0..7}; do address+=("$client_net.$((200 + i))/24"); done
	addresses client eth0 "${address[@]}"
}

ready_for_direct_modes() {
	vip=${mode_vip[ipip]} direct_replies "$1" "${mode_vip[l2]}/32" "${mode_vip[gue]}/32"
	unwrapping "$1"
}

#   client eth0 ---- eth0 router eth1 ---- LAN ---- gateway, gateway2, pods
# The router has a multipath route to the VIPs, by the hash of the 5-tuple; for mode dnat the pods
# have one to the client, by the gateways.
# shellcheck disable=SC2034
two_gateways() {
	local i pods=$1
	pod_net=10.2.0 pod_net6=fd02:
	gateway_interfaces=(--interface eth0)
	namespaces client router gateway gateway2
	for ((i = 1; i <= pods; i++)); do namespaces "pod$i"; done
	cable client eth0 router eth0
	addresses client eth0 "$client_net.2/24"
	addresses router eth0 "$client_net.1/24"
	lan lan
	lan_join lan router eth1 "$pod_net.1/24" "$pod_net6:1/64"
	lan_join lan gateway eth0 "$pod_net.2/24" "$pod_net6:2/64"
	lan_join lan gateway2 eth0 "$pod_net.3/24" "$pod_net6:3/64"
	join_pods "$pods"
	for ((i = 1; i <= pods; i++)); do reply_route "$i"; done
	[[ ${modes[*]} != *dnat* ]] || route_replies
	in_ns router sysctl -qw net.ipv4.ip_forward=1 net.ipv4.fib_multipath_hash_policy=1
	in_ns router ip route add 192.0.2.0/24 nexthop via "$pod_net.2" nexthop via "$pod_net.3"
	in_ns client ip route add default via "$client_net.1"
	client_sources
	ready_for_direct_modes "$pods"
	backends "$pods"
}

# reply_route NUMBER: replies go to the router, but in mode dnat through any gateway
reply_route() {
	if [[ ${modes[*]} == dnat ]]; then
		in_ns "pod$1" sysctl -qw net.ipv4.fib_multipath_hash_policy=1
		in_ns "pod$1" ip route replace default nexthop via "$pod_net.2" nexthop via "$pod_net.3"
	else
		in_ns "pod$1" ip route replace default via "$pod_net.1"
	fi
}

# The gateways are routers then.
route_replies() {
	local gateway
	[[ ${modes[*]} == dnat ]] || fail "replies of mode dnat go another way than those of ${modes[*]}"
	for gateway in gateway gateway2; do
		in_ns "$gateway" ip route add "$client_net.0/24" via "$pod_net.1"
		in_ns "$gateway" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 \
			net.ipv4.conf.eth0.send_redirects=0
	done
}

# What two gateways need to tell each other of new flows: options of guideway agent.
peer_options=()
with_peers() { peer_options=(--peer-key "$work/peer-key"); }

random_key() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

# Both tell their peer, if at all.
gateway_options=()
set_gateway_options() { # PEER
	gateway_options=("${gateway_interfaces[@]}" --hash-key "$work/key" "${peer_options[@]}")
	((${#peer_options[@]} == 0)) || gateway_options+=(--peer "$1")
}

first_agent_up() {
	set_gateway_options "$pod_net.3"
	agent_up gateway "${gateway_options[@]}" "$@"
}

second_agent_up() {
	local second=$work/second
	set_gateway_options "$pod_net.2"
	mkdir -p "$second/state"
	work=$second pin_dir+=-second socket=$second.sock agent_up gateway2 "${gateway_options[@]}" "$@"
}

two_agents_up() {
	random_key >"$work/key"
	random_key >"$work/peer-key"
	second_agent_up
	first_agent_up
}

both_gateways_forward() {
	(($(packets forwarded) > 0)) || fail "the first gateway forwards nothing"
	(($(socket=$work/second.sock packets forwarded) > 0)) || fail "the second gateway forwards nothing"
}

# What a routing protocol does when a gateway's link goes down; its agent dies with it.
died_ms=0
first_gateway_dies() {
	local i
	in_ns gateway ip link set eth0 down
	died_ms=$(now_ms)
	agent_kill
	in_ns router ip route replace 192.0.2.0/24 via "$pod_net.3"
	[[ ${modes[*]} == dnat ]] || return 0
	for i in "${!state[@]}"; do in_ns "pod$i" ip route replace default via "$pod_net.3"; done
}

#### Load

declare -A talk_pid=()
begin_ms=0

is_conversing() { grep -q conversing "$work/$1.stderr"; }

# talk: until the held connections of every mode are open
talk() {
	local mode
	touch "$work/lost"
	for mode in "${modes[@]}"; do
		spawn client "$TRAFFIC" converse --to "${mode_vip[$mode]}" --port "$service_port" \
			--source-addresses "$client_net.200-$client_net.207" --count "$connections" \
			--rate "$rate" --messages "$messages" --seconds "$seconds" --timeout $((seconds + 120)) \
			--lost "$work/lost" >"$work/$mode.json" 2>"$work/$mode.stderr"
		talk_pid[$mode]=$spawned
	done
	for mode in "${modes[@]}"; do eventually 40 is_conversing "$mode"; done
	begin_ms=$(now_ms)
}

# start PODS READY: the load runs on backends 1 to READY
start() {
	backends_network "$1"
	first_ready "$2"
	gateway_up
	talk
}

has_come() { (($(now_ms) >= $1)); }

# at_least_s SECONDS: a scenario that needs its time gets it, before it talks
at_least_s() { ((seconds >= $1)) || seconds=$1; }

# at NUMERATOR DENOMINATOR: this part of the run is over. A scenario is paced, not awaited.
at() { eventually "$((seconds + 10))" has_come "$((begin_ms + seconds * 1000 * $1 / $2))"; }

# later MS: from now
later() { eventually "$(($1 / 1000 + 10))" has_come "$(($(now_ms) + $1))"; }

still_talks() {
	local mode
	for mode in "${modes[@]}"; do is_running "${talk_pid[$mode]}" || return; done
}

# record SCENARIO MODE: the figures go where make consistency finds them. Where a gateway died, how
# old the oldest of those was then that broke, and were open.
record() {
	python3 - "$1" "$2" "$work/$2.json" "$died_ms" <<-'END' >>"$results"
		import json, sys
		result = {"scenario": sys.argv[1], "mode": sys.argv[2]}
		result.update(json.load(open(sys.argv[3])))
		died_ms, began_ms = int(sys.argv[4]), result["first_broken_began_ms"]
		if died_ms:
		    result["oldest_broken_ms"] = max(0, died_ms - began_ms) if began_ms else 0
		json.dump(result, open(sys.argv[3], "w"))
		print(json.dumps(result))
	END
}

figure() { json "d['$2']" <"$work/$1.json"; } # MODE NAME
of_pod() { json "d['by_server'].get('pod$2', {}).get('$3', 0)" <"$work/$1.json"; } # MODE NUMBER NAME

# end_talk SCENARIO: the loads' results; 0 in each mode is for the test to ask
end_talk() {
	local mode status has_ended_early=0
	still_talks || has_ended_early=1
	for mode in "${modes[@]}"; do
		status=0
		wait "${talk_pid[$mode]}" || status=$?
		((status < 2)) || fail "$mode: status $status: $(cat "$work/$mode.stderr")"
		record "$1" "$mode"
	done
	((has_ended_early == 0)) || fail "the load ended before the scenario: $(summary "${modes[0]}")"
}

summary() {
	json "', '.join(f'{n} {d[n]}' for n in ('opened', 'kept', 'closed_by_backend', 'lost_with_backend',
		'moved', 'broken', 'unopened', 'longest_stall_ms', 'oldest_broken_ms'))" <"$work/$1.json"
}

# all_is_well: everything opened, and nothing broke, moved or stalled
all_is_well() {
	local mode bad=0
	for mode in "${modes[@]}"; do
		(($(figure "$mode" moved) + $(figure "$mode" broken) + $(figure "$mode" unopened) == 0 &&
			$(figure "$mode" longest_stall_ms) < stall_limit_ms)) || bad=1
		(($(figure "$mode" kept) >= connections)) || bad=1
		note "$mode: $(summary "$mode")"
	done
	((bad == 0)) || fail "$(tail -n 20 "$work"/*.stderr)"
}

# gets_new NUMBER: it has connections that began in the run
gets_new() {
	local mode
	for mode in "${modes[@]}"; do
		(($(of_pod "$mode" "$1" newest_ms) > begin_ms)) || fail "$mode: nothing new for pod$1"
	done
}

# Backends that ended took their connections to an end, which is what closed_by_backend counts.
closes_some() {
	local mode
	for mode in "${modes[@]}"; do
		(($(figure "$mode" closed_by_backend) > 0)) || fail "$mode: no backend closed a connection"
	done
}

# gets_no_new_since MS NUMBER: and it has kept some that it had
gets_no_new_since() {
	local mode newest
	for mode in "${modes[@]}"; do
		newest=$(of_pod "$mode" "$2" newest_ms)
		((newest < $1 + effect_ms)) || fail "$mode: pod$2 got a connection $((newest - $1)) ms later"
		(($(of_pod "$mode" "$2" kept) > 0)) || fail "$mode: pod$2 has kept no connection"
	done
}
