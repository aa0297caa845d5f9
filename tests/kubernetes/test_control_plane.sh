#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What the other tests here stand on: the control plane, and pods that live as pods do.
. "$(dirname "$0")/../netns/lib.sh"
. "$(dirname "$0")/control_plane.sh"
. "$(dirname "$0")/cluster.sh"

pod_answers() { in_ns plane curl -sf --max-time 1 "http://$1:5000/"; }

deployed() { # NAME
	kubectl create -f "$here/manifests/$1.yaml"
	eventually 20 rolled_out "$1" 3
}

test_deployed_pods_serve_and_become_endpoints() {
	local address
	cluster_up
	deployed webapp
	for address in $(kubectl get pods -o 'jsonpath={.items[*].status.podIP}'); do
		pod_answers "$address"
	done
}

# conditions_of ADDRESS: its endpoint's ready, serving and terminating
conditions_of() {
	kubectl get endpointslices -o json | json "[(c['ready'], c['serving'], c['terminating'])
		for s in d['items'] for e in s['endpoints'] or [] if e['addresses'] == ['$1']
		for c in [e['conditions']]]"
}
has_conditions() { [[ $(conditions_of "$1") == "$2" ]]; }

test_a_deleted_pod_serves_until_it_has_ended() {
	local pod address
	cluster_up
	deployed webapp
	pod=$(kubectl get pods -o 'jsonpath={.items[0].metadata.name}')
	address=$(kubectl get pod "$pod" -o 'jsonpath={.status.podIP}')
	has_conditions "$address" "[(True, True, False)]"
	kubectl delete pod "$pod" --wait=false
	eventually 5 has_conditions "$address" "[(False, True, True)]"
	pod_answers "$address"
	eventually 10 has_conditions "$address" "[]"
	! pod_answers "$address" || fail "$address still answers"
	[[ ! -e /run/netns/$netns_prefix-pod-${address##*.} ]]
}

# All that etcd keeps is in protobuf, which has to know the field too.
test_a_services_class_is_kept() {
	cluster_up
	kubectl create -f "$here/manifests/talk.yaml"
	kubectl_says guideway.dev/xdp get service talk -o 'jsonpath={.spec.loadBalancerClass}'
	api_server_dies
	api_server_returns
	kubectl_says guideway.dev/xdp get service talk -o 'jsonpath={.spec.loadBalancerClass}'
	kubectl annotate service talk guideway.dev/forwarding-mode=snat
	kubectl_says guideway.dev/xdp get service talk -o 'jsonpath={.spec.loadBalancerClass}'
}

# watch_from VERSION: the first that the server says to a watch of Services
watch_from() {
	kubectl get --raw "/api/v1/services?watch=1&timeoutSeconds=2&resourceVersion=$1" 2>&1 | head -n 1
}

test_a_watch_from_before_a_compaction_is_gone() {
	local version
	cluster_up
	version=$(kubectl get --raw /api/v1/services | json "d['metadata']['resourceVersion']")
	kubectl create -f "$here/manifests/talk.yaml"
	[[ $(watch_from "$version") == *'"ADDED"'*'"talk"'* ]] || fail "$(watch_from "$version")"
	api_server_dies
	compact_history
	api_server_returns
	[[ $(watch_from "$version") == *'"code":410'* ]] || fail "$(watch_from "$version")"
}

as_account() { in_ns plane "$kubernetes_bin/kubectl" --kubeconfig "$plane/$1.conf" "${@:2}"; }
is_refused() { ! as_account "$@" >/dev/null 2>&1; }

test_a_token_is_void_once_its_secret_is_deleted() {
	cluster_up
	kubectl create serviceaccount reader
	kubectl create clusterrolebinding reader --clusterrole view --serviceaccount default:reader
	kubectl create secret generic first
	account_config default reader first
	eventually 5 as_account reader get services >/dev/null
	kubectl delete secret first
	eventually 20 is_refused reader get services
	token_of default reader >"$plane/reader.token"
	as_account reader get services
}

run_tests "$@"
