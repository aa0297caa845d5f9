#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# An API server that does everything wrong, once each: no table is ever emptied, forwarding
# goes on, and what changes afterwards arrives.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cluster.sh"

setup() {
	web_is_followed "$@"
	remember
}

backend=1

remember() {
	before=$(tables)
	[[ $before == *"$(pod_address "$backend"):9000 ready 1.0"* ]] || fail "tables: $before"
	service_lists=$(api_counts services lists)
	slice_lists=$(api_counts endpointslices lists)
	lists=$((service_lists + slice_lists))
}

count=0
expect_unharmed() {
	[[ $(tables) == "$before" ]] || fail "tables: $before, now $(tables)"
	count=$((count + 1))
	load "goes-on-$count" connect --to "$vip" --port 7 --count 20
}

# lists_are N: how many lists were begun since remember
lists_are() {
	[[ $(($(api_counts services lists) + $(api_counts endpointslices lists) - lists)) == "$1" ]]
}
expect_lists() {
	lists_are "$1" ||
		fail "lists: $(($(api_counts services lists) + $(api_counts endpointslices lists) - lists)), expected $1"
}

moved() { has_backend "$(pod_address "$backend")" 9000 && lacks_backend "$(pod_address $((3 - backend)))" 9000; }

# The Service's other pod.
expect_change() {
	backend=$((3 - backend))
	put_slice web-a web "$(pod_address "$backend")"
	eventually "${1:-5}" moved
	before=$(tables)
	expect_unharmed
}

# fault NAME RESOURCE TIMES [MORE]
fault() { api '{"fault": "'"$1"'", "resource": "'"$2"'", "times": '"$3${4:+, $4}"'}' >/dev/null; }

# After several failures in two minutes the next attempt may be as far away as this.
longest_backoff_s=60

# What a list that follows on an expired version may be answered with.
list_fault() {
	fault "$@"
	api '{"compact": "status"}' >/dev/null
	eventually "$longest_backoff_s" api_faults_are_over
	expect_unharmed
	eventually "$longest_backoff_s" api_is_watched
	expect_unharmed
	expect_change
}

watch_fault() {
	fault "$@"
	api '{"end_watches": true}' >/dev/null
	eventually "$longest_backoff_s" api_faults_are_over
	expect_unharmed
	eventually "$longest_backoff_s" api_is_watched
	expect_change
}

test_410_in_the_stream_costs_one_list() {
	setup
	api '{"compact": "stream"}' >/dev/null
	eventually 5 lists_are 2
	eventually 5 api_is_watched
	expect_unharmed
	expect_change
	expect_lists 2
	[[ $(status_of "k['relists']") == 2 ]] || fail "relists: $(ask status)"
}

test_410_as_status_costs_one_list() {
	setup
	api '{"compact": "status"}' >/dev/null
	eventually 5 lists_are 2
	eventually 5 api_is_watched
	expect_unharmed
	expect_change
	expect_lists 2
}

test_busy_servers_are_waited_for_without_a_list() {
	local start
	setup
	start=$(now_ms)
	watch_fault watch_status endpointslices 2 '"code": 429, "headers": {"Retry-After": "2"}'
	(($(now_ms) - start >= 4000)) || fail "did not wait: $(($(now_ms) - start)) ms"
	watch_fault watch_status services 2 '"code": 503'
	expect_lists 0
}

test_watches_that_fail_or_make_no_sense_begin_again_without_a_list() {
	setup
	watch_fault watch_error endpointslices 1 '"code": 500'
	watch_fault watch_short services 2
	watch_fault watch_garbage endpointslices 1
	expect_lists 0
}

test_a_watch_that_is_cut_loses_no_event() {
	setup
	fault watch_truncate endpointslices 1
	api '{"end_watches": true}' >/dev/null
	eventually "$longest_backoff_s" api_faults_are_over
	expect_change
	fault watch_drip endpointslices 1 '"every": 0.002'
	api '{"end_watches": true}' >/dev/null
	eventually "$longest_backoff_s" api_faults_are_over
	expect_change 10
	expect_lists 0
}

test_an_empty_list_with_500_deletes_nothing() {
	setup
	list_fault empty services 1 '"code": 500'
	list_fault empty endpointslices 2 '"code": 500'
}

test_broken_lists_delete_nothing() {
	setup
	list_fault garbage endpointslices 1
	list_fault truncate services 1
	list_fault truncate endpointslices 1
}

test_lists_that_are_refused_delete_nothing() {
	setup
	list_fault status endpointslices 1 '"code": 429, "headers": {"Retry-After": "1"}'
	list_fault status services 1 '"code": 200, "body": {"kind": "Status", "code": 500}'
}

test_lists_of_the_past_and_lists_that_are_empty_are_asked_for_again() {
	setup
	list_fault stale services 1
	list_fault stale endpointslices 1
	list_fault empty services 1
	list_fault empty endpointslices 1
}

test_a_list_that_drips_is_not_applied_in_parts() {
	setup
	fault drip endpointslices 1 '"every": 0.01'
	api '{"compact": "status"}' >/dev/null
	eventually "$longest_backoff_s" api_faults_are_over
	expect_unharmed
	eventually "$longest_backoff_s" api_is_watched
	expect_unharmed
	expect_change
}

# knows_trouble TEXT
knows_trouble() { [[ $(status_of "(k['trouble'] or {}).get('message')") == *"$1"* ]]; }

test_a_server_that_is_gone_changes_nothing() {
	setup
	load_start hold hold --to "$vip" --port 7 --count 50 --seconds 8 --interval-ms 100
	api '{"listen": false}' >/dev/null
	eventually 10 knows_trouble connect
	expect_unharmed
	ask status | grep -q "Trouble: .*connect" || fail "$(ask status)"
	sleep 3 # it is away for a while
	expect_unharmed
	api '{"listen": true}' >/dev/null
	eventually "$longest_backoff_s" api_is_watched
	load_end hold # before its backend goes
	expect_change
	eventually 10 knows_trouble None
	expect_lists 0
}

not_ready() { ! agent_says ready; }

test_an_agent_that_starts_without_the_server_leaves_all_as_it_was() {
	setup
	agent_kill
	rm -f "$work/state/snapshot.json" # with one it is ready: see test_kubernetes_snapshot.sh
	api '{"listen": false}' >/dev/null
	load while-dead connect --to "$vip" --port 7 --count 20
	agent_start gateway "${gateway_interfaces[@]}"
	eventually 20 knows_trouble connect
	not_ready || fail "is ready"
	[[ $(status_of "k['synchronised']") == False ]]
	ask status | grep -q "not listed yet" || fail "$(ask status)"
	has_backend "$(pod_address 1)" 9000 || fail "the tables were emptied: $(ask dump)"
	load while-away connect --to "$vip" --port 7 --count 20
	ask drain 10.2.0.99 >/dev/null # even what asks for the tables to be made anew
	has_backend "$(pod_address 1)" 9000
	api '{"listen": true}' >/dev/null
	eventually 60 agent_says ready
	expect_unharmed
	expect_change
}

test_half_a_first_state_is_not_applied() {
	setup
	agent_kill
	fault hang endpointslices 1
	put_service other 192.0.2.11
	agent_start gateway "${gateway_interfaces[@]}"
	eventually 10 api_faults_are_over
	eventually 10 resource_is services synchronised True
	not_ready
	has_backend "$(pod_address 1)" 9000 || fail "the Service lost its backends: $(ask dump)"
	load half connect --to "$vip" --port 7 --count 20
}

test_what_went_while_the_agent_was_dead_is_removed() {
	setup
	put_service other 192.0.2.11
	put_slice other-a other "$(pod_address 2)"
	eventually 5 has_backend "$(pod_address 2)" 9000
	agent_kill
	api '{"delete": "services/default/other"}' >/dev/null
	agent_up gateway "${gateway_interfaces[@]}"
	lacks_backend "$(pod_address 2)" 9000 || fail "still there: $(ask dump)"
	expect_unharmed
}

# A half-open connection: neither side hears of the other any more.
test_a_connection_that_is_half_open_is_noticed() {
	setup
	in_ns gateway ip link set lo down
	put_slice web-a web "$(pod_address 2)"
	expect_unharmed
	eventually 100 knows_trouble ":"
	expect_unharmed
	in_ns gateway ip link set lo up
	backend=2
	eventually 70 moved
	expect_lists 0
}

many_services() {
	two_armed 1
	echo_server pod1
	api_start --services 1200 --endpoints 2 "$@"
	put_service web "$vip"
	put_slice web-a web "$(pod_address 1)"
}

served_are() { [[ $(ask status -o json | json "d['services']") == "$1" ]]; }

test_long_lists_come_in_pages_or_in_one_piece() {
	many_services
	agent_up gateway "${gateway_interfaces[@]}"
	served_are 1201
	[[ $(api_counts services pages)/$(api_counts endpointslices pages) == 2/2 ]]
	fault unpaged services 1
	fault expire_token endpointslices 2
	api '{"compact": "status"}' >/dev/null
	eventually "$longest_backoff_s" api_faults_are_over
	eventually "$longest_backoff_s" api_is_watched
	served_are 1201
	[[ $(api_counts services lists)/$(api_counts endpointslices lists) == 2/3 ]] ||
		fail "lists: $(api '{"counts": true}')"
}

test_a_list_comes_as_a_stream_where_the_server_can() {
	many_services
	agent_up gateway "${gateway_interfaces[@]}" --watch-list
	served_are 1201
	[[ $(api_counts services lists)/$(api_counts endpointslices lists) == 0/0 ]]
	load streamed connect --to "$vip" --port 7 --count 20
}

test_a_list_comes_in_pages_where_the_server_knows_no_stream() {
	many_services --no-watch-list
	agent_up gateway "${gateway_interfaces[@]}" --watch-list
	served_are 1201
	[[ $(api_counts services watches)/$(api_counts services lists) == 2/1 ]]
}

test_what_the_account_may_not_is_told_with_what_to_change() {
	setup
	agent_kill
	fault status endpointslices 1 '"code": 403, "body": {"kind": "Status", "message": "no rule"}'
	agent_start gateway "${gateway_interfaces[@]}"
	eventually 10 agent_says "endpointslices: list: HTTP status 403: no rule; .*ClusterRole"
	has_backend "$(pod_address 1)" 9000
}

test_a_bad_object_is_a_problem_until_it_is_good() {
	setup
	put_service web "$vip" '{"port": 70000}'
	eventually 5 agent_says "Service 'default/web': spec.ports\[0\].port: 70000"
	expect_unharmed
	ask status | grep -q "Problems: .*70000" || fail "$(ask status)"
	put_service web "$vip"
	eventually 5 agent_says "Service 'default/web': good again"
	! ask status | grep -q 70000 || fail "$(ask status)"
	expect_change
}

test_services_without_a_class_are_served_when_asked_for() {
	setup
	api '{"put": {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "plain"},
		"spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
		"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.12"}]}}}}' >/dev/null
	put_service other 192.0.2.11
	eventually 5 served_are 2
	[[ $(ask get services) != *plain* ]]
	agent_kill
	agent_up gateway "${gateway_interfaces[@]}" --serve-unclassed yes
	served_are 3
}

test_the_zone_is_that_of_the_own_node() {
	setup
	agent_kill
	api '{"put": {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "gw1",
		"labels": {"topology.kubernetes.io/zone": "z2"}}}}' >/dev/null
	api '{"put": {"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
		"metadata": {"name": "web-a", "namespace": "default",
			"labels": {"kubernetes.io/service-name": "web"}},
		"addressType": "IPv4", "ports": [{"name": "tcp", "port": 9000}],
		"endpoints": [
		{"addresses": ["'"$(pod_address 1)"'"], "hints": {"forZones": [{"name": "z1"}]}},
		{"addresses": ["'"$(pod_address 2)"'"], "hints": {"forZones": [{"name": "z2"}]}}]
		}}' >/dev/null
	agent_up gateway "${gateway_interfaces[@]}" --node-name gw1
	lacks_backend "$(pod_address 1)" 9000
	has_backend "$(pod_address 2)" 9000
	eventually 5 api_is_watched 3
	api '{"put": {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "gw1",
		"labels": {"topology.kubernetes.io/zone": "z1"}}}}' >/dev/null
	eventually 5 lacks_backend "$(pod_address 2)" 9000
}

# agent_refused PATTERN OPTION...
agent_refused() {
	local pattern=$1
	shift
	refused "$pattern" env -u KUBERNETES_SERVICE_HOST \
		nsenter --net="/run/netns/$netns_prefix-gateway" "$GUIDEWAY" agent --interface eth0 \
		--pin-dir "$pin_dir" --state-dir "$work/state" --socket "$socket" "$@"
}

test_sources_that_exclude_each_other_or_are_not_there_are_refused() {
	two_armed 1
	agent_refused "--manifests beside --kubeconfig" --manifests "$manifests" --kubeconfig any
	agent_refused "--manifests beside --in-cluster" --manifests "$manifests" --in-cluster
	agent_refused "--in-cluster and --kubeconfig" --in-cluster --kubeconfig any
	agent_refused "--kubeconfig: .*nowhere" --kubeconfig "$work/nowhere"
	agent_refused "--in-cluster: " --in-cluster
}

run_tests "$@"
