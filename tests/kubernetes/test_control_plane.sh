#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What the other tests here stand on: the control plane, and pods that live as pods do.
. "$(dirname "$0")/../netns/lib.sh"
. "$(dirname "$0")/control_plane.sh"
. "$(dirname "$0")/cluster.sh"

pod_answers() { in_ns plane curl -sf --max-time 1 "http://$1:5000/"; }

test_deployed_pods_serve_and_become_endpoints() {
	local address
	cluster_up
	kubectl create -f "$here/manifests/webapp.yaml"
	eventually 20 rolled_out webapp 3
	for address in $(kubectl get pods -o 'jsonpath={.items[*].status.podIP}'); do
		pod_answers "$address"
	done
	kubectl get nodes,services,deployments,pods,endpointslices -o wide
}

run_tests "$@"
