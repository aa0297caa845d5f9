#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What gateways write to the API server: one of them does, once, and whatever becomes of it no
# table changes.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cluster.sh"
publish=on

services=/api/v1/namespaces/default/services
options=(--address-pool "$vip-192.0.2.11" --lease gw/guideway)

# A gateway, another one on the LAN of the pods, and the API server that both follow.
topology() {
	two_armed 2
	namespaces gateway2
	lan_join lan gateway2 eth1 "$pod_net.2/24" "$pod_net6:2/64"
	echo_server pod1
	api_address=$pod_net.1
	api_start
}

setup() {
	topology
	pending_service web
	put_slice web-a web "$(pod_address 1)"
	agent_up gateway "${gateway_interfaces[@]}" "${options[@]}" "$@"
}

on_second() { socket=$work/second.sock "$@"; }

second_pid='' second_log=''
second_up() {
	local first_pid=$agent_pid first_log=$agent_log second=$work/second
	mkdir -p "$second/state"
	work=$second socket=$second.sock pin_dir=$pin_dir-second \
		agent_up gateway2 --interface eth1 "${options[@]}" "$@"
	second_pid=$agent_pid second_log=$agent_log agent_pid=$first_pid agent_log=$first_log
}

# pending_service NAME [MORE_OF_SPEC [MORE_OF_METADATA [STATUS]]]
pending_service() {
	api '{"put": {"kind": "Service", "apiVersion": "v1",
		"metadata": {"name": "'"$1"'", "namespace": "default"'"${3:+, $3}"'},
		"spec": {"type": "LoadBalancer"'"${2-, \"loadBalancerClass\": \"guideway.dev/xdp\"}"',
			"ports": [{"name": "tcp", "port": 7, "targetPort": 9000}]},
		"status": {'"${4:-}"'}}}' >/dev/null
}

# service NAME EXPRESSION: of the Service as it is at the server, as s
service() { api '{"get": "'"$services/$1"'"}' | json "(lambda s: $2)(d['get'])"; }
service_is() { [[ $(service "$1" "$2") == "$3" ]]; }
ingress_of() { service "$1" "[(i['ip'], i.get('ipMode')) for i in s['status'].get('loadBalancer', {}).get('ingress', [])]"; }
has_address() { [[ $(ingress_of "$1") == "[('$2', 'VIP')]" ]]; }
has_finalizer() { service_is "$1" "'guideway.dev/load-balancer' in s['metadata'].get('finalizers', [])" "${2:-True}"; }
# condition NAME FIELD
condition() { service "$1" "([c['$2'] for c in s['status'].get('conditions', []) if c['type'] == 'guideway.dev/Programmed'] or [None])[0]"; }
condition_is() { [[ $(condition "$1" "$2") == "$3" ]]; }
is_gone() { service_is "$1" "s is None" True; }

# written EXPRESSION: how many writes of services there were for which it is true, of w
written() {
	api '{"writes": true}' |
		json "len([w for w in d['writes'] if '/services/' in w['path'] and ($1)])"
}
# events_of REASON: how often it was told
events_of() {
	api '{"writes": true}' |
		json "sum(e.get('series', {}).get('count', 1) for e in d['events'] if e['reason'] == '$1')"
}
has_told() { (($(events_of "$1") == ${2:-1})); }
# lease EXPRESSION: of what stands in the Lease, as l
lease() {
	api '{"get": "/apis/coordination.k8s.io/v1/namespaces/gw/leases/guideway"}' |
		json "(lambda l: $1)(d['get']['spec'])"
}
publish_of() { status_of "k['publish']['$1']"; }
is_leader() { [[ $(publish_of leader) == True ]]; }
is_follower() { [[ $(publish_of leader) == False ]]; }

# The pod is behind the VIP, on this gateway.
serves() { has_backend "$(pod_address 1)" 9000; }
serves_not() { lacks_backend "$(pod_address 1)" 9000; }

count=0
answers() {
	count=$((count + 1))
	load "answers-$count" connect --to "$vip" --port 7 --count 20
}

test_one_gateway_publishes_an_address_once_and_all_serve_it() {
	local before
	setup
	second_up
	eventually 20 serves
	eventually 20 on_second serves
	has_address web "$vip" || has_address web 192.0.2.11 || fail "$(ingress_of web)"
	has_finalizer web
	[[ $(condition web status)/$(condition web reason) == True/Programmed ]]
	[[ $(is_leader && echo 1)$(on_second is_leader && echo 1) == 1 ]] || fail "leaders: $(ask status)"
	[[ $(publish_of holder) == "$(on_second publish_of holder)" ]]
	ask status | grep -q "Publishing: " || fail "$(ask status)"
	eventually 5 has_told AddressAssigned
	eventually 5 has_told EnsuredLoadBalancer
	before=$(ask status -o json | json "d['digest']")
	# Nothing of this is to be written.
	put_slice web-a web "$(pod_address 1)" "$(pod_address 2)"
	eventually 5 has_backend "$(pod_address 2)" 9000
	put_slice web-a web "$(pod_address 1)"
	eventually 5 lacks_backend "$(pod_address 2)" 9000
	api '{"compact": "status"}' >/dev/null
	eventually 10 api_is_watched 4
	sleep 2
	[[ $(written True) == 1 ]] || fail "written: $(api '{"writes": true}')"
	[[ $(ask status -o json | json "d['digest']") == "$before" ]]
}

# takes_over SECONDS SINCE_MS: the second gateway, by what it wrote into the Lease
takes_over() {
	local took
	eventually $(($1 + 5)) on_second is_leader
	took=$(lease "int(__import__('datetime').datetime.fromisoformat(
		l['acquireTime'][:-1] + '+00:00').timestamp() * 1000) - $2")
	note "the other gateway writes after $took ms"
	((took <= $1 * 1000)) || fail "after $took ms"
}

two_of_them() {
	options+=(--hash-key "$work/key")
	head -c 32 /dev/zero | od -An -v -tx1 | tr -d ' \n' >"$work/key"
	setup
	eventually 20 serves
	is_leader
	second_up
	eventually 20 on_second serves
	on_second is_follower
}

test_another_gateway_takes_over_when_the_writer_dies() {
	local before killed_ms
	two_of_them
	before=$(on_second tables)
	killed_ms=$(now_ms)
	agent_kill
	agent_pid=$second_pid agent_log=$second_log
	takes_over 17 "$killed_ms"
	[[ $(on_second tables) == "$before" ]] || fail "$(on_second tables)"
	[[ $(written True) == 1 ]] || fail "written: $(api '{"writes": true}')"
	pending_service other
	eventually 5 service_is other "len(s['status'].get('loadBalancer', {}).get('ingress', []))" 1
	[[ $(on_second publish_of transitions) == 1 ]] || fail "$(on_second ask status -o json)"
}

test_a_writer_that_stops_gives_the_lease_back() {
	local stopped_ms
	two_of_them
	stopped_ms=$(now_ms)
	agent_stop
	[[ $agent_status == 0 ]]
	agent_pid=$second_pid agent_log=$second_log
	takes_over 4 "$stopped_ms"
	[[ $(lease "l['holderIdentity']") == "$(on_second publish_of identity)" ]]
}

test_the_finalizer_goes_when_the_tables_are_empty() {
	setup
	eventually 20 has_finalizer web
	eventually 5 serves
	api '{"fault": "write_status", "resource": "services", "times": 1, "code": 500}' >/dev/null
	api '{"delete": "services/default/web"}' >/dev/null
	eventually 5 serves_not
	has_finalizer web
	eventually 5 agent_says "Service 'default/web': HTTP status 500"
	has_finalizer web
	eventually 10 is_gone web
	eventually 5 has_told DeletedLoadBalancer
	# The address is free again.
	pending_service other
	eventually 5 service_is other "len(s['status']['loadBalancer']['ingress'])" 1
}

other='{"type": "example.com/Other", "status": "True", "reason": "Any", "message": "", "lastTransitionTime": "2024-05-01T10:00:00Z"}'

test_a_service_of_another_type_is_let_go() {
	setup
	eventually 20 has_finalizer web
	pending_service web ', "loadBalancerClass": "guideway.dev/xdp"' \
		'"finalizers": ["guideway.dev/load-balancer", "example.com/other"]' \
		'"loadBalancer": {"ingress": [{"ip": "'"$vip"'"}]}, "conditions": ['"$other"']'
	eventually 5 condition_is web status True
	service_is web "len(s['status']['conditions'])" 2 || fail "$(service web s)"
	eventually 5 serves
	api '{"put": {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "web",
		"namespace": "default",
		"finalizers": ["guideway.dev/load-balancer", "example.com/other"]},
		"spec": {"type": "ClusterIP", "ports": [{"port": 7}]},
		"status": '"$(service web "__import__('json').dumps(s['status'])")"'}}' >/dev/null
	eventually 5 serves_not
	eventually 10 has_finalizer web False
	[[ $(ingress_of web) == "[]" ]] || fail "$(ingress_of web)"
	service_is web "s['metadata']['finalizers']" "['example.com/other']"
	service_is web "[c['type'] for c in s['status']['conditions']]" "['example.com/Other']"
}

test_what_changed_while_nobody_wrote_is_found() {
	topology
	api '{"put": {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "web",
		"namespace": "default", "finalizers": ["guideway.dev/load-balancer"]},
		"spec": {"type": "ClusterIP", "ports": [{"port": 7}]},
		"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}]}}}}' >/dev/null
	pending_service gone ', "loadBalancerClass": "guideway.dev/xdp"' \
		'"finalizers": ["guideway.dev/load-balancer"], "deletionTimestamp": "2024-05-01T10:00:00Z"'
	agent_up gateway "${gateway_interfaces[@]}" "${options[@]}"
	eventually 20 has_finalizer web False
	[[ $(ingress_of web) == "[]" ]]
	eventually 5 is_gone gone
}

test_services_of_others_are_not_touched() {
	setup
	pending_service class ', "loadBalancerClass": "example.com/other"' \
		'"finalizers": ["guideway.dev/load-balancer"]'
	pending_service none ''
	pending_service dying ', "loadBalancerClass": "example.com/other"' \
		'"finalizers": ["guideway.dev/load-balancer"], "deletionTimestamp": "2024-05-01T10:00:00Z"'
	pending_service status ', "loadBalancerClass": "guideway.dev/xdp"' '' \
		'"loadBalancer": {"ingress": [{"ip": "192.0.2.99"}]}'
	eventually 20 has_finalizer web
	put_slice web-a web "$(pod_address 2)"
	eventually 5 has_backend "$(pod_address 2)" 9000
	sleep 2
	[[ $(written True) == 1 ]] || fail "written: $(api '{"writes": true}')"
}

test_a_service_that_gets_no_address_says_why() {
	options=(--address-pool "$vip" --lease gw/guideway)
	setup
	eventually 20 has_address web "$vip"
	pending_service other
	eventually 5 condition_is other reason NoAddress
	[[ $(condition other status) == False ]]
	[[ $(condition other message) == *"every IPv4 address of the pool is taken"* ]] ||
		fail "$(condition other message)"
	has_finalizer other False
	eventually 5 has_told SyncLoadBalancerFailed
	api '{"delete": "services/default/web"}' >/dev/null
	eventually 10 has_address other "$vip"
	condition_is other status True
}

# fails_and_recovers FAULT [MORE]: a new Service gets its address in the end, all the same
fails_and_recovers() {
	local before
	before=$(tables)
	api '{"fault": "'"$1"'", "resource": "services"'"${2:+, $2}"'}' >/dev/null
	pending_service other
	eventually 10 api_faults_are_over
	[[ $(tables) == "$before" ]] || fail "tables: $(tables)"
	answers
	eventually 40 has_finalizer other
	answers
	[[ $(tables) == "$before" ]] || fail "tables: $(tables)"
	api '{"delete": "services/default/other"}' >/dev/null
	eventually 10 is_gone other
}

test_writes_that_fail_touch_no_table() {
	options=(--address-pool "$vip-192.0.2.40" --lease gw/guideway)
	topology
	pending_service web ', "loadBalancerClass": "guideway.dev/xdp", "loadBalancerIP": "'"$vip"'"'
	put_slice web-a web "$(pod_address 1)"
	agent_up gateway "${gateway_interfaces[@]}" "${options[@]}"
	eventually 20 has_address web "$vip"
	serves
	fails_and_recovers write_conflict
	fails_and_recovers write_unnoticed
	fails_and_recovers write_status '"code": 500'
	fails_and_recovers write_status '"code": 429, "headers": {"Retry-After": "2"}'
	fails_and_recovers write_status '"code": 403'
	fails_and_recovers write_hang
	[[ $(grep -c "ClusterRole must allow patch of services/status" "$agent_log") == 1 ]]
	[[ $(publish_of "writes']['conflicts") != 0 ]] || fail "$(ask status -o json)"
}

test_a_server_that_is_gone_takes_the_lease_and_no_table() {
	setup
	eventually 20 serves
	eventually 5 is_leader
	load_start hold hold --to "$(service web "s['status']['loadBalancer']['ingress'][0]['ip']")" \
		--port 7 --count 50 --seconds 14 --interval-ms 100
	api '{"listen": false}' >/dev/null
	eventually 13 is_follower
	serves
	load_end hold
	api '{"listen": true}' >/dev/null
	eventually 30 is_leader
	serves
}

test_who_may_not_have_the_lease_forwards_and_says_so_once() {
	topology
	api '{"fault": "write_status", "resource": "leases", "times": 99, "code": 403}' >/dev/null
	pending_service web ', "loadBalancerClass": "guideway.dev/xdp", "loadBalancerIP": "'"$vip"'"'
	put_slice web-a web "$(pod_address 1)"
	agent_up gateway "${gateway_interfaces[@]}" "${options[@]}"
	eventually 10 agent_says "Lease 'gw/guideway': HTTP status 403.*a Role in the Lease's namespace"
	is_follower
	ask status | grep -q "Trouble: .*gw/guideway" || fail "$(ask status)"
	answers
	[[ $(written True) == 0 ]]
}

test_nobody_serves_what_is_not_published() {
	topology
	api '{"fault": "write_status", "resource": "services", "times": 2, "code": 503}' >/dev/null
	pending_service web
	put_slice web-a web "$(pod_address 1)"
	agent_up gateway "${gateway_interfaces[@]}" "${options[@]}"
	second_up
	eventually 20 agent_says "Service 'default/web': HTTP status 503"
	serves_not
	on_second serves_not
	[[ $(ask get services -o json | json "[s['externalIPs'] for s in d]") == "[[]]" ]]
	eventually 30 serves
	eventually 5 on_second serves
	eventually 5 has_finalizer web
}

test_publish_off_serves_and_writes_nothing() {
	publish=off
	setup
	serves || fail "$(ask dump)"
	[[ $(status_of "k['publish']") == None ]]
	sleep 2
	[[ $(api '{"writes": true}' | json "len(d['writes'])") == 0 ]]
}

run_tests "$@"
