#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a gateway writes to a real API server, and what kubectl shows of it.
. "$(dirname "$0")/../netns/lib.sh"
. "$(dirname "$0")/control_plane.sh"
. "$(dirname "$0")/cluster.sh"

# written_ip SERVICE: of its status, which kubectl shows as EXTERNAL-IP
written_ip() { kubectl get service "$1" -o 'jsonpath={.status.loadBalancer.ingress[*].ip}'; }
has_written_ip() { [[ -n $(written_ip "$1") ]]; }
has_written_no_ip() { [[ -z $(written_ip "$1") ]]; }

test_kubectl_shows_the_external_ip_and_it_answers_from_all_pods() {
	local pods
	served_with webapp
	eventually 20 has_written_ip webapp
	[[ $(written_ip webapp) == "$vip" ]] || fail "$(written_ip webapp), not $vip"
	[[ $(kubectl get services webapp --no-headers) == *" $vip "* ]]
	read -ra pods <<<"$(pods_of webapp)"
	in_ns client "$python" "$root/scripts/demo/spread.py" "http://$vip/" 600 "${pods[@]}"
}

finalizers() { kubectl get service "$1" -o 'jsonpath={.metadata.finalizers[*]}'; }
has_finalizer() { [[ $(finalizers "$1") == guideway.dev/load-balancer ]]; }

test_a_deleted_service_loses_its_finalizer_and_its_address() {
	served_with webapp
	eventually 20 has_finalizer webapp
	kubectl delete service webapp --timeout 20s
	kubectl expose deployment webapp --name again --type LoadBalancer --port 80 \
		--target-port http --load-balancer-ip "$vip"
	eventually 20 has_written_ip again
	[[ $(written_ip again) == "$vip" ]] || fail "$(written_ip again), not $vip"
}

test_a_service_that_is_no_balancers_any_more_is_let_go() {
	served_with webapp
	eventually 20 has_finalizer webapp
	kubectl patch service webapp -p '{"spec": {"type": "ClusterIP"}}'
	eventually 20 has_written_no_ip webapp
	eventually 20 kubectl_says '' get service webapp -o 'jsonpath={.metadata.finalizers[*]}'
}

# Written where its account may write, and nowhere else.
test_one_gateway_holds_the_lease() {
	served_with webapp
	eventually 20 has_written_ip webapp
	[[ -n $(kubectl get lease guideway -n guideway-system -o 'jsonpath={.spec.holderIdentity}') ]]
	[[ $(kubectl get leases -A -o 'jsonpath={.items[*].metadata.name}') == guideway ]]
}

run_tests "$@"
