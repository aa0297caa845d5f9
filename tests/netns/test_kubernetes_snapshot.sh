#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# An agent that starts while the API server is away serves what the last one was told; endpoints
# that move between slices are never missing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cluster.sh"

snapshot_has() { grep -qs "\"name\":\"$1\"" "$work/state/snapshot.json"; }
serves() { load "$1" connect --to "$vip" --port 7 --count 20; }

# A gateway that boots: nothing is pinned.
boot_without_the_server() {
	api '{"listen": false}' >/dev/null
	detach
	agent_up gateway "${gateway_interfaces[@]}"
}

test_after_an_orderly_stop_the_last_state_is_served() {
	web_is_followed
	put_slice web-a web "$(pod_address 2)"
	eventually 5 has_backend "$(pod_address 2)" 9000
	agent_stop
	[[ $agent_status == 0 ]] || fail "status $agent_status"
	boot_without_the_server
	agent_says "serving the 2 objects of the last snapshot" || fail "$(cat "$agent_log")"
	has_backend "$(pod_address 2)" 9000 || fail "$(ask dump)"
	serves away
	"$GUIDEWAY" validate -f "$work/state/snapshot.json" | grep -q "^2 objects: 1 Service, 1 EndpointSlice; 0 problems"
}

test_after_a_crash_what_was_written_meanwhile_is_served() {
	web_is_followed
	eventually 10 snapshot_has web-a
	agent_kill
	boot_without_the_server
	serves away
	# Killed again before it ever reached the server: the file is still there.
	agent_kill
	boot_without_the_server
	serves away-again
}

test_what_went_while_nobody_looked_goes_when_the_server_is_back() {
	web_is_followed
	put_service old 192.0.2.99
	put_slice old-a old "$(pod_address 2)"
	eventually 5 has_backend "$(pod_address 2)" 9000
	agent_stop
	api '{"delete": "services/default/old"}' >/dev/null
	api '{"delete": "endpointslices/default/old-a"}' >/dev/null
	boot_without_the_server
	has_backend "$(pod_address 2)" 9000 || fail "$(ask dump)"
	serves away
	api '{"listen": true}' >/dev/null
	eventually 40 lacks_backend "$(pod_address 2)" 9000
	[[ $(ask get services -o json | json "[s['name'] for s in d]") == "['web']" ]] ||
		fail "$(ask get services)"
	serves back
	agent_stop
	snapshot_has web || fail "no snapshot"
	! snapshot_has old || fail "the old one is in the snapshot"
}

test_what_cannot_be_read_any_more_stays_after_a_restart_as_it_was() {
	web_is_followed
	eventually 10 snapshot_has web-a
	put_service web "$vip" '{"port": 70000}'
	eventually 5 agent_says "spec.ports\[0\].port: 70000"
	agent_stop
	agent_up gateway "${gateway_interfaces[@]}"
	eventually 5 agent_says "spec.ports\[0\].port: 70000" # the first list is there
	has_backend "$(pod_address 1)" 9000
	serves kept
	agent_stop # and once more: it is in the new snapshot, too
	agent_up gateway "${gateway_interfaces[@]}"
	eventually 5 agent_says "spec.ports\[0\].port: 70000"
	serves kept-twice
	api '{"delete": "services/default/web"}' >/dev/null
	eventually 5 lacks_backend "$(pod_address 1)" 9000
}

test_a_broken_snapshot_is_told_and_the_server_waited_for() {
	web_is_followed
	agent_stop
	truncate -s -5 "$work/state/snapshot.json"
	detach
	agent_up gateway "${gateway_interfaces[@]}"
	agent_says "snapshot.json: not a whole snapshot" || fail "$(cat "$agent_log")"
	eventually 5 has_backend "$(pod_address 1)" 9000
	serves fresh
}

# move FROM TO ADDRESS: the only endpoint of web leaves one slice 30 ms before it is in the other
move() {
	python3 - "$work/api.sock" "$@" <<-'END'
		import json, socket, sys, time

		def ask(command):
		    with socket.socket(socket.AF_UNIX) as sock:
		        sock.connect(sys.argv[1])
		        sock.sendall(json.dumps(command).encode())
		        sock.shutdown(socket.SHUT_WR)
		        answer = json.loads(sock.makefile().readline())
		    assert "error" not in answer, answer

		before, after, address = sys.argv[2:]
		ask({"delete": "endpointslices/default/" + before})
		time.sleep(0.03)
		ask({"put": {
		    "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
		    "metadata": {"name": after, "namespace": "default",
		                 "labels": {"kubernetes.io/service-name": "web"}},
		    "addressType": "IPv4", "ports": [{"name": "tcp", "port": 9000}],
		    "endpoints": [{"addresses": [address]}]}})
	END
}

test_an_endpoint_that_moves_between_slices_is_never_missing() {
	local i
	web_is_followed
	load_start moving connect --to "$vip" --port 7 --count 1200 --rate 300
	for i in 1 2 3; do
		move web-a web-b "$(pod_address 1)"
		sleep 0.3
		move web-b web-a "$(pod_address 1)"
		sleep 0.3
	done
	load_end moving
	api '{"delete": "endpointslices/default/web-a"}' >/dev/null
	eventually 2 lacks_backend "$(pod_address 1)" 9000
}

run_tests "$@"
