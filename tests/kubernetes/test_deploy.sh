#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What scripts/deploy says: a real API server takes it, and its rights are enough and no more.
. "$(dirname "$0")/../netns/lib.sh"
. "$(dirname "$0")/control_plane.sh"
. "$(dirname "$0")/cluster.sh"

deploy=$root/scripts/deploy
account=system:serviceaccount:guideway-system:guideway

# objects_of PATH: a line of JSON for each
objects_of() {
	kubectl create --dry-run=client -o json -f "$1" | "$python" -c '
import json, sys
text, decoder = sys.stdin.read().strip(), json.JSONDecoder()
while text:
    thing, end = decoder.raw_decode(text)
    print(json.dumps(thing))
    text = text[end:].strip()'
}

# is_part_of FILE WHOLE: every field of the first object is in the second, as it is written
is_part_of() {
	"$python" -c '
import json, sys
def is_part(a, b):
    if isinstance(a, dict):
        return isinstance(b, dict) and all(k in b and is_part(v, b[k]) for k, v in a.items())
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(is_part, a, b))
    return a == b
sys.exit(not is_part(*(json.load(open(name)) for name in sys.argv[1:])))' "$@"
}

# What a server does not know it drops without a word, so also a field that is misspelt.
test_the_manifests_are_taken_as_they_are() {
	local object count=0
	cluster_up
	kubectl apply -f "$deploy/kubernetes"
	kubectl apply --dry-run=server -f "$deploy/kubernetes" >"$work/again"
	[[ $(grep -c 'unchanged (server dry run)' "$work/again") == 8 ]] || fail "$(cat "$work/again")"
	objects_of "$deploy/kubernetes" >"$work/objects"
	while read -r object; do
		count=$((count + 1))
		echo "$object" >"$work/written.json"
		kubectl get -o json -f "$work/written.json" >"$work/live.json"
		is_part_of "$work/written.json" "$work/live.json" ||
			fail "written: $object; kept: $(cat "$work/live.json")"
	done <"$work/objects"
	[[ $count == 8 ]] || fail "$count objects, expected 8"
}

may() { kubectl_says yes auth can-i "$@" --as "$account"; }
may_not() { kubectl_says no auth can-i "$@" --as "$account"; }

test_the_account_may_do_what_the_agent_does() {
	local verb resource
	cluster_up
	kubectl apply -f "$deploy/kubernetes"
	for resource in services nodes endpointslices.discovery.k8s.io; do
		for verb in get list watch; do may "$verb" "$resource" -A; done
	done
	for verb in patch update; do may "$verb" services --subresource=status -A; done
	for resource in events events.events.k8s.io; do
		for verb in create patch; do may "$verb" "$resource" -A; done
	done
	may create leases.coordination.k8s.io -n guideway-system
	for verb in get update patch; do
		may "$verb" leases.coordination.k8s.io/guideway -n guideway-system
	done
}

test_the_account_may_do_nothing_else() {
	local verb resource
	cluster_up
	kubectl apply -f "$deploy/kubernetes"
	for resource in secrets pods endpoints configmaps namespaces deployments.apps; do
		for verb in get list watch create update patch delete; do may_not "$verb" "$resource" -A; done
	done
	for resource in services nodes endpointslices.discovery.k8s.io; do
		for verb in create update patch delete; do may_not "$verb" "$resource" -A; done
	done
	may_not patch nodes --subresource=status
	may_not create pods --subresource=exec -A
	may_not create serviceaccounts --subresource=token -A
	may_not get leases.coordination.k8s.io/another -n guideway-system
	may_not get leases.coordination.k8s.io/guideway -n kube-system
	may_not '*' '*' -A
}

gateway_pods() {
	kubectl get pods -n guideway-system -o 'jsonpath={.items[*].spec.nodeName}'
}
are_on() { [[ $(gateway_pods) == "$1" ]]; }

test_gateways_run_on_labelled_nodes_only() {
	cluster_up
	kubectl apply -f "$deploy/kubernetes"
	kubectl label node node-b guideway.dev/gateway=
	kubectl taint node node-b dedicated=gateway:NoExecute
	eventually 10 are_on node-b
	[[ $(kubectl get daemonset guideway -n guideway-system \
		-o 'jsonpath={.status.desiredNumberScheduled}') == 1 ]]
}

# with_capabilities NAME...: the agent as root with these and no others, as in a container
with_capabilities() {
	local name set=-all
	for name in "$@"; do set+=,+${name,,}; done
	agent_wrapper=(setpriv --bounding-set="$set" --inh-caps=-all --no-new-privs)
}

serves_two_pods() {
	two_armed 2
	echo_pods 2
	echo_service
	gateway_up
	load connected connect --to "$vip" --port 7 --count 50
	agent_stop
	gateway_up
	load connected connect --to "$vip" --port 7 --count 50
}

test_the_daemonsets_capabilities_are_enough() {
	local names
	names=$(sed -n 's/^ *add: \[\(.*\)\]$/\1/p' "$deploy/kubernetes/2-gateways.yaml")
	[[ $names == "BPF, PERFMON, NET_ADMIN, NET_RAW" ]] || fail "not four: $names"
	read -ra names <<<"${names//,/}"
	with_capabilities "${names[@]}"
	serves_two_pods
}

test_the_units_capabilities_are_enough() {
	local names
	names=$(sed -n 's/^CapabilityBoundingSet=//p' "$deploy/systemd/guideway.service")
	read -ra names <<<"${names//CAP_/}"
	((${#names[@]} == 4)) || fail "not four: ${names[*]}"
	with_capabilities "${names[@]}"
	serves_two_pods
}

test_the_installed_unit_is_valid() {
	need systemd-analyze
	make -s -C "$root" install PREFIX="$work/prefix" >/dev/null
	systemd-analyze verify --man=no "$work/prefix/lib/systemd/system/guideway.service" >"$work/said" 2>&1 ||
		fail "$(cat "$work/said")"
	[[ ! -s $work/said ]] || fail "$(cat "$work/said")"
}

run_tests "$@"
