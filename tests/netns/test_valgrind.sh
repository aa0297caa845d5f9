#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A full run of the agent under valgrind: start, changes, mistakes, commands, the end.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cluster.sh"

memcheck=(valgrind --leak-check=full "--errors-for-leak-kinds=definite,indirect,possible"
	--error-exitcode=99 --suppressions="$root/tests/netns/valgrind.supp")

setup() {
	need valgrind
	two_armed 3
	echo_service
	echo_pods 3
	agent_wrapper=("${memcheck[@]}" --log-file="$work/memcheck.%p")
	agent_ready_s=90
}

# The status is the agent's own, or 99 from valgrind.
stop_and_check() {
	agent_stop
	((agent_status == 0)) || fail "status $agent_status: $(cat "$work"/memcheck.*)"
}

test_a_run_with_changes_has_no_error_and_no_leak() {
	setup
	gateway_up
	load first connect --to "$vip" --port 7 --count 300
	pod pod2 echo False "$(pod_address 2)" "$(pod_address6 2)" | put pod2.yaml
	eventually 30 lacks_backend "$(pod_address 2)" 9000
	slice other-a other IPv4 tcp-80/TCP:80 "$(pod_address 3)" | put other-slice.yaml
	service other 192.0.2.30 80/TCP:80 | put other.yaml
	eventually 30 has_backend "$(pod_address 3)" 80
	echo 'kind: [' | put other.yaml
	eventually 30 agent_says "other.yaml:[0-9]*:[0-9]*: "
	in_ns gateway ip address add 10.2.0.77/24 dev eth1
	in_ns pod3 ip link set eth0 address 02:00:00:00:00:99
	remove pod3.yaml other.yaml
	eventually 30 lacks_backend "$(pod_address 3)" 9000
	ask get services >/dev/null
	ask get backends -o wide >/dev/null
	ask get backends -o json >/dev/null
	ask status >/dev/null
	! ask get planets || fail "knows planets"
	stop_and_check
}

test_adopting_the_tables_of_an_earlier_agent_has_none() {
	setup
	gateway_up
	stop_and_check
	remove pod1.yaml
	gateway_up
	load after connect --to "$vip" --port 7 --count 300
	check_spread after 50 pod2 pod3
	stop_and_check
	"${memcheck[@]}" -q "$GUIDEWAY" detach --pin-dir "$pin_dir"
}

test_following_a_cluster_through_its_faults_has_none() {
	setup
	api_start
	put_service web "$vip"
	put_slice web-a web "$(pod_address 1)"
	gateway_up --node-name nobody
	eventually 30 api_is_watched 3
	api '{"fault": "truncate", "resource": "services"}' >/dev/null
	api '{"fault": "garbage", "resource": "endpointslices"}' >/dev/null
	api '{"compact": "stream"}' >/dev/null
	eventually 30 api_faults_are_over
	eventually 60 api_is_watched 3
	put_service bad 192.0.2.31 '{"port": 70000}'
	put_slice web-a web "$(pod_address 2)"
	eventually 30 has_backend "$(pod_address 2)" 9000
	api '{"delete": "services/default/web"}' >/dev/null
	eventually 30 lacks_backend "$(pod_address 2)" 9000
	api '{"fault": "hang", "resource": "services"}' >/dev/null
	api '{"compact": "status"}' >/dev/null
	eventually 30 api_faults_are_over
	ask status >/dev/null
	stop_and_check
}

test_a_start_that_fails_has_none() {
	setup
	agent_start gateway --interface eth7
	wait "$agent_pid" || agent_status=$?
	((agent_status != 0 && agent_status != 99)) || fail "status $agent_status: $(cat "$work"/memcheck.*)"
}

test_the_other_commands_have_none() {
	setup
	gateway_up
	"${memcheck[@]}" -q "$GUIDEWAY" get services --socket "$socket"
	"${memcheck[@]}" -q "$GUIDEWAY" get backends -o wide --socket "$socket"
	"${memcheck[@]}" -q "$GUIDEWAY" status --socket "$socket"
	"${memcheck[@]}" -q "$GUIDEWAY" dump --socket "$socket" >/dev/null
	"${memcheck[@]}" -q "$GUIDEWAY" validate -f "$manifests"
	stop_and_check
}

run_tests "$@"
