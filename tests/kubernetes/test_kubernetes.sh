#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Services of a real control plane, served by a gateway: what a user of a cluster does to them.
. "$(dirname "$0")/../netns/lib.sh"
. "$(dirname "$0")/control_plane.sh"
. "$(dirname "$0")/cluster.sh"
. "$(dirname "$0")/load.sh"

test_the_tutorials_service_answers_from_all_its_pods() {
	local pods
	served_with webapp
	read -ra pods <<<"$(pods_of webapp)"
	in_ns client "$python" "$root/scripts/demo/spread.py" "http://$vip/" 600 "${pods[@]}"
}

has_no_service() { [[ $(ask get services -o json) == "[]" ]]; }

test_a_deleted_services_address_is_free() {
	served_with webapp
	kubectl delete service webapp --timeout 20s
	eventually 10 has_no_service
	! in_ns client curl -sf --max-time 1 "http://$vip/" || fail "$vip still answers"
	kubectl expose deployment webapp --name again --type LoadBalancer --port 80 \
		--target-port http --load-balancer-ip "$vip"
	eventually 10 has_external_ip again
	[[ $(external_ip again) == "$vip" ]] || fail "$(external_ip again), not $vip"
	eventually 10 has_backends again 3
	in_ns client curl -sf --max-time 1 "http://$vip/"
}

test_scaling_breaks_no_connection() {
	local pods
	served_with talk
	talk_to "$vip"
	kubectl scale deployment talk --replicas 10
	eventually 20 rolled_out talk 10
	eventually 10 has_backends talk 10
	read -ra pods <<<"$(pods_of talk)"
	go_on 1000
	kubectl scale deployment talk --replicas 2
	eventually 40 rolled_out talk 2
	eventually 10 has_backends talk 2
	go_on 1000
	end_talk
	talked_to "${pods[@]}"
}

test_a_rolling_update_breaks_no_connection() {
	local pods
	served_with talk
	talk_to "$vip"
	kubectl set image deployment talk talk=example.org/talk:1.1
	eventually 60 updated talk example.org/talk:1.1 3
	go_on 1000
	end_talk
	read -ra pods <<<"$(pods_of talk)"
	talked_to "${pods[@]}"
}

test_a_pod_that_vanishes_takes_only_its_own_connections_with_it() {
	local pods
	served_with talk
	read -ra pods <<<"$(pods_of talk)"
	talk_to "$vip"
	echo "${pods[0]}" >"$work/lost"
	in_ns "pod-$(last_number "${pods[0]}")" ip link set eth0 down
	kubectl delete pod "${pods[0]}" --force --grace-period=0 2>/dev/null
	eventually 20 is_replaced "${pods[0]}" talk 3
	go_on 1000
	end_talk
	(($(figure lost_with_backend) > 0)) || fail "nothing was in flight: $(cat "$work/talk.json")"
}

# Until its endpoint is not ready any more, the pod itself refuses new connections.
test_a_pod_that_crashes_takes_only_its_own_connections_with_it() {
	local pods
	served_with talk
	read -ra pods <<<"$(pods_of talk)"
	talk_to "$vip"
	echo "${pods[0]}" >"$work/lost"
	pod_crashes "${pods[0]}"
	eventually 20 has_restarted "${pods[0]}"
	eventually 10 has_backends talk 3
	go_on 1000
	may_be_refused=40 end_talk
	(($(figure closed_by_backend) > 0)) || fail "nothing was in flight: $(cat "$work/talk.json")"
}

run_tests "$@"
