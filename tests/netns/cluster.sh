# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# cluster.sh - an agent that follows tests/kubernetes/fault_server.py, in two_armed's gateway.
# Sourced behind lib.sh.
: "${work?}" "${root?}" "${vip?}"

# publish=on: the agents write to the server, which the counts of its requests show.
fault_server=$root/tests/kubernetes/fault_server.py
api_port=6443 api_address=127.0.0.1

# api COMMAND: see fault_server.py
api() { python3 "$fault_server" --ask "$work/api.sock" "$1"; }

api_is_up() { [[ -s $work/api.out ]]; }

# api_start OPTION...
api_start() {
	spawn gateway python3 "$fault_server" --control "$work/api.sock" --address "$api_address" \
		--port "$api_port" "$@" \
		>"$work/api.out" 2>"$work/api.err"
	eventually 10 api_is_up
	cat >"$work/kubeconfig" <<-END
		apiVersion: v1
		kind: Config
		clusters:
		- name: test
		  cluster: {server: "http://$api_address:$api_port"}
		users:
		- name: nobody
		  user: {token: secret}
		contexts:
		- name: test
		  context: {cluster: test, user: nobody}
		current-context: test
	END
	# shellcheck disable=SC2034 # agent_start reads it
	agent_source=(--kubeconfig "$work/kubeconfig" --publish "${publish:-off}")
}

# api_counts RESOURCE WHAT: lists, pages or watches that were asked for
api_counts() { api '{"counts": true}' | json "d['counts'].get('$1', {}).get('$2', 0)"; }
api_watchers() { api '{"counts": true}' | json "d['watchers']"; }
api_is_watched() { [[ $(api_watchers) == "${1:-2}" ]]; }
# Whether every fault that was asked for was met.
api_faults_are_over() { [[ $(api '{"counts": true}' | json "len(d['faults'])") == 0 ]]; }

# put_service NAME ADDRESS [PORTS]
put_service() {
	api '{"put": {"kind": "Service", "apiVersion": "v1",
		"metadata": {"name": "'"$1"'", "namespace": "default"},
		"spec": {"type": "LoadBalancer", "loadBalancerClass": "guideway.dev/xdp",
			"ports": ['"${3:-{\"name\": \"tcp\", \"port\": 7, \"targetPort\": 9000\}}"']},
		"status": {"loadBalancer": {"ingress": [{"ip": "'"$2"'"}]}}}}' >/dev/null
}

# put_slice NAME SERVICE ADDRESS...
put_slice() {
	local name=$1 service=$2 endpoints
	shift 2
	endpoints=$(printf ', {"addresses": ["%s"]}' "$@")
	api '{"put": {"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
		"metadata": {"name": "'"$name"'", "namespace": "default",
			"labels": {"kubernetes.io/service-name": "'"$service"'"}},
		"addressType": "IPv4",
		"ports": [{"name": "tcp", "port": 9000, "protocol": "TCP"}],
		"endpoints": ['"${endpoints#, }"']}}' >/dev/null
}

# status_of EXPRESSION: of the cluster, as k
status_of() { ask status -o json | json "(lambda k: $1)(d['kubernetes'])"; }
# resource NAME FIELD
resource() {
	status_of "[r['$2'] for r in k['resources'] if r['name'] == '$1'][0]"
}
resource_is() { [[ $(resource "$1" "$2") == "$3" ]]; }

# Services, their backends and shares of the slots.
tables() {
	ask get backends -o json |
		json '"\n".join(sorted("%s %s:%s %s %s" % (b["service"], b["address"], b["backendPort"],
			b["state"], b["share"]) for b in d))'
}

# web_is_followed OPTION...: the Service web with pod1, and an agent that follows it
web_is_followed() {
	two_armed 2
	echo_server pod1
	echo_server pod2
	api_start
	put_service web "$vip"
	put_slice web-a web "$(pod_address 1)"
	gateway_up "$@"
	eventually 5 api_is_watched
}
