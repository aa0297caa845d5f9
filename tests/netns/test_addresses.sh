#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Where a Service's addresses come from, and who may ask on which ports of the node.
. "$(dirname "$0")/lib.sh"

setup() {
	lone_gateway
	configuration 198.51.100.0/28 | put configuration.yaml
}

# configuration RANGE: of pool edge, which is asked for by its name
configuration() {
	cat <<-END
		apiVersion: guideway.dev/v1alpha1
		kind: AgentConfiguration
		metadata: {name: gateways}
		spec:
		  addressPools:
		  - {name: edge, addresses: [$1], autoAssign: false}
	END
}

# plain NAME SPEC [ANNOTATION]: a Service without an address
plain() {
	cat <<-END
		apiVersion: v1
		kind: Service
		metadata: {name: $1, namespace: default, annotations: {${3:-}}}
		spec: {ports: [{port: 80}], $2}
	END
}

service_field() { ask get services -o json | json "[s['$2'] for s in d if s['name'] == '$1'][0]"; }
addresses_of() { service_field "$1" externalIPs; }
addresses_are() { [[ $(addresses_of "$1") == "$2" ]]; }
problem_is() { [[ $(service_field "$1" problem) == "$2" ]]; }

test_a_service_asks_for_a_pool_of_the_configuration() {
	setup
	plain web "type: LoadBalancer" "guideway.dev/address-pool: edge" | put web.yaml
	plain none "type: LoadBalancer" | put none.yaml
	gateway_up
	[[ $(addresses_of web) == "['198.51.100."*"']" ]] || fail "$(ask get services)"
	addresses_are none "[]" || fail "$(ask get services)"
	problem_is none "no address: no address pool has IPv4 addresses for this Service" ||
		fail "$(service_field none problem)"
	configuration 203.0.113.7 | put configuration.yaml
	eventually 5 addresses_are web "['203.0.113.7']"
	addresses_are none "[]" || fail "$(ask get services)"
}

test_a_second_configuration_is_told_in_the_status() {
	setup
	gateway_up
	configuration 203.0.113.7 | sed 's/gateways/more/' | put more.yaml
	eventually 5 agent_says "AgentConfiguration default/more is not used"
	[[ $(ask status -o json | json "d['sources']['problems']") == *"default/more is not used"* ]] ||
		fail "$(ask status)"
	remove more.yaml
	eventually 5 no_problems
}
no_problems() { [[ $(ask status -o json | json "d['sources']['problems']") == "[]" ]]; }

test_an_address_outside_every_pool_is_not_given() {
	setup
	plain web "type: LoadBalancer, loadBalancerIP: 192.0.2.1" | put web.yaml
	gateway_up
	addresses_are web "[]" || fail "$(ask get services)"
	problem_is web "spec.loadBalancerIP: 192.0.2.1 lies in no address pool" ||
		fail "$(service_field web problem)"
}

test_an_address_stays_over_a_restart_with_another_pool() {
	local given
	setup
	configuration 198.51.100.0/28 | sed 's/, autoAssign: false//' | put configuration.yaml
	plain web "type: LoadBalancer" | put web.yaml
	gateway_up
	given=$(addresses_of web)
	[[ $given == "['198.51.100."* ]] || fail "$(ask get services)"
	agent_stop
	configuration 203.0.113.0/28 | sed 's/, autoAssign: false//' | put configuration.yaml
	gateway_up
	addresses_are web "$given" || fail "given $given, now $(addresses_of web)"
	[[ $(service_field web problem) == *" lies in no address pool: kept" ]] ||
		fail "$(service_field web problem)"
}

test_external_ips_are_served_where_the_operator_allows_it() {
	setup
	plain web "externalIPs: [192.0.2.7, 192.0.3.7]" | put web.yaml
	gateway_up --external-ip-range 192.0.2.0/24
	addresses_are web "['192.0.2.7']" || fail "$(ask get services)"
	problem_is web "spec.externalIPs[1]: 192.0.3.7 lies in no --external-ip-range" ||
		fail "$(service_field web problem)"
	agent_stop
	gateway_up
	[[ $(ask get services -o json) == "[]" ]] || fail "$(ask get services)"
}

health() { in_ns other curl -sm 5 -o "$work/health" -w '%{http_code}' http://10.2.0.1:30900/healthz || true; }
health_is() { [[ $(health) == "$1" ]]; }

test_a_load_balancer_in_front_learns_whether_the_node_has_endpoints() {
	setup
	plain web "type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 30900" \
		"guideway.dev/addresses: 198.51.100.1" | put web.yaml
	gateway_up --health-check-node-ports on --node-name node-a
	health_is 503 || fail "$(cat "$work/health")"
	slice web-a web IPv4 /TCP:8080 10.2.0.2 |
		sed 's/\]$/], nodeName: node-a/; s/- addresses/- {addresses/; s/node-a$/node-a}/' |
		put slice.yaml
	eventually 5 health_is 200
	[[ $(<"$work/health") == '{"service":{"namespace":"default","name":"web"},"localEndpoints":1,"serviceProxyHealthy":true}' ]] ||
		fail "$(<"$work/health")"
	remove slice.yaml
	eventually 5 health_is 503
	remove web.yaml
	eventually 5 health_is 000
}

run_tests "$@"
