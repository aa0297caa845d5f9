# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# cluster.sh - a cluster in namespaces, with a gateway and a client. Sourced by the tests here,
# behind netns/lib.sh and control_plane.sh.
#
#   client eth0 ---- eth0 gateway eth1 ---- LAN ---- plane, pods of node-a and node-b
#
# The plane is the API server's namespace; kubelet.py makes the pods' (gateway .1, plane .2).
: "${work?}" "${pod_net?}" "${client_net?}" "${pod_net6?}" "${client_net6?}" "${root?}"
: "${TRAFFIC?}" "${netns_prefix?}"

here=$root/tests/kubernetes
# Debian's own Python has Debian's Flask, whatever other one comes first in PATH.
python=/usr/bin/python3
[[ -x $python ]] || python=python3

# node NAME FIRST LAST ZONE: and a kubelet for it, with the last numbers of its pods' addresses
node() {
	spawn plane "$python" "$here/kubelet.py" --server "https://$pod_net.2:6443" --pki "$work/plane/pki" \
		--node "$1" --address "$pod_net.2" --pods "$pod_net.$2-$pod_net.$3/24" --zone "$4" \
		--prefix "$netns_prefix" --lan lan \
		--image "example.org/webapp=$python $root/scripts/demo/webapp.py 5000" \
		--image "example.org/talk=$TRAFFIC answer --name {pod} --port 9000" >"$work/$1.log" 2>&1
	eventually 20 node_is_ready "$1"
}

# Ready, and no taint left that said it was not.
node_is_ready() {
	kubectl_says 'True ' get node "$1" \
		-o "jsonpath={.status.conditions[?(@.type=='Ready')].status} {.spec.taints}"
}

# kubectl_says TEXT ARGUMENT...: is that all it prints?
kubectl_says() {
	local text=$1
	shift
	[[ $(kubectl "$@" 2>/dev/null) == "$text" ]]
}

# cluster_up: control plane and nodes, and nothing in it
cluster_up() {
	two_armed 0
	namespaces plane
	lan_join lan plane eth0 "$pod_net.2/24" "$pod_net6:2/64"
	plane_up "$pod_net.2"
	node node-a 16 127 zone-a
	node node-b 128 250 zone-b
}

# The pods of a Deployment, which are the names that its servers give.
pods_of() { kubectl get pods -l "app=$1" -o 'jsonpath={.items[*].metadata.name}'; }

# ready_endpoints SERVICE: how many, by its EndpointSlices
ready_endpoints() {
	kubectl get endpointslices.v1.discovery.k8s.io -l "kubernetes.io/service-name=$1" -o json |
		json "sum(bool(e['conditions'].get('ready')) for s in d['items'] for e in s['endpoints'] or [])"
}
has_ready() { [[ $(ready_endpoints "$1") == "$2" ]]; }

#### The gateway

# Whose deletion makes the agent's first token void; empty: none.
account_secret=

# cluster_gateway_up [OPTION...]: an agent that may do what scripts/deploy says, and is ready
cluster_gateway_up() {
	kubectl apply -f "$root/scripts/deploy/kubernetes/1-access.yaml" >/dev/null
	[[ -z $account_secret ]] || kubectl create secret generic "$account_secret" -n guideway-system
	account_config guideway-system guideway ${account_secret:+"$account_secret"}
	# shellcheck disable=SC2034 # agent_start reads it
	agent_source=(--kubeconfig "$plane/guideway.conf")
	# shellcheck disable=SC2154 # of topologies.sh
	agent_up gateway "${gateway_interfaces[@]}" --serve-unclassed yes --node-name node-a \
		--address-pool 192.0.2.100-192.0.2.110 "$@"
}

# of_cluster EXPRESSION: of what the agent's status says of the cluster, as d
of_cluster() { ask status -o json | json "(lambda d: $1)(d['kubernetes'])"; }

external_ip() { ask get services "$1" -o json | json "d[0]['externalIPs'][0]"; }
has_external_ip() { external_ip "$1" >/dev/null 2>&1; }

# has_backends SERVICE COUNT: in the gateway's tables
has_backends() { [[ $(ask get backends "$1" -o json | json "len(d)") == "$2" ]]; }

# served_with NAME: a cluster with manifests/NAME.yaml and a gateway; the Service's address in vip
served_with() {
	cluster_up
	kubectl create -f "$here/manifests/$1.yaml"
	eventually 20 rolled_out "$1" 3
	cluster_gateway_up
	eventually 10 has_external_ip "$1"
	# shellcheck disable=SC2034
	vip=$(external_ip "$1")
}

#### What pods do

# updated DEPLOYMENT IMAGE COUNT: and nothing else is left
updated() {
	[[ $(kubectl get pods -l "app=$1" -o 'jsonpath={.items[*].spec.containers[*].image}' |
		tr ' ' '\n' | sort | uniq -c | xargs) == "$3 $2" ]] && rolled_out "$1" "$3"
}

# Of the pod's address, which its namespace is called after.
last_number() { kubectl get pod "$1" -o 'jsonpath={.status.podIP}' | sed 's/.*\.//'; }

# pod_crashes NAME: its programs end without a word to anybody
pod_crashes() { ip netns pids "$netns_prefix-pod-$(last_number "$1")" | xargs -r kill -KILL; }

# is_replaced POD DEPLOYMENT COUNT: by another, and the gateway knows
is_replaced() {
	rolled_out "$2" "$3" && [[ $(pods_of "$2") != *"$1"* ]] && has_backends "$2" "$3"
}

has_restarted() {
	kubectl_says 'true 1' get pod "$1" -o \
		'jsonpath={.status.containerStatuses[0].ready} {.status.containerStatuses[0].restartCount}'
}

# rolled_out DEPLOYMENT COUNT: all of them new, ready, and the old ones gone
rolled_out() {
	[[ $(kubectl get pods -l "app=$1" --no-headers 2>/dev/null | grep -c Running) == "$2" ]] &&
		has_ready "$1" "$2" && kubectl rollout status --watch=false "deployment/$1" 2>/dev/null |
		grep -q success
}
