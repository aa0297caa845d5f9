#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# How long until 1,000 Services with 10 endpoints each are served, and until one change is.
# The goals are 1 s and 50 ms; what is asserted leaves room for a busy machine.
. "$(dirname "$0")/lib.sh"

start_limit_ms=6000
change_limit_ms=1500

# 1,000 files, each a Service and its EndpointSlice; the endpoints are behind pod1.
generate() {
	python3 - "$manifests" <<-'END'
		import sys
		for i in range(1000):
		    vip = f"198.18.{i // 250}.{i % 250 + 1}"
		    endpoints = "".join(f'- addresses: ["10.3.{i // 5}.{i % 5 * 50 + e}"]\n'
		                        f"  conditions: {{ready: true}}\n  nodeName: node{e}\n"
		                        for e in range(1, 11))
		    with open(f"{sys.argv[1]}/s{i:04}.yaml", "w") as file:
		        file.write(f"""apiVersion: v1
		kind: Service
		metadata: {{name: s{i}, namespace: team{i % 20}, labels: {{app: s{i}}}}}
		spec:
		  type: LoadBalancer
		  ports:
		  - {{name: http, port: 80, protocol: TCP, targetPort: 8080}}
		status: {{loadBalancer: {{ingress: [{{ip: {vip}}}]}}}}
		---
		apiVersion: discovery.k8s.io/v1
		kind: EndpointSlice
		metadata:
		  name: s{i}-abcde
		  namespace: team{i % 20}
		  labels: {{kubernetes.io/service-name: s{i}}}
		addressType: IPv4
		ports:
		- {{name: http, protocol: TCP, port: 8080}}
		endpoints:
		{endpoints}""")
	END
}

setup() {
	two_armed 2
	in_ns gateway ip route add 10.3.0.0/16 via "$(pod_address 1)"
	echo_server pod1
	echo_server pod2
	generate
	# The last by name: served when all are.
	service zz "$vip" 7/UDP:9000 | put zz.yaml
	slice zz-a zz IPv4 udp-7/UDP:9000 "$(pod_address 1)" | put zz-slice.yaml
}

is_polling() { grep -q polling "$work/polling"; }

# watch_for SERVER: from now on; wait_for_answer leaves when it came in answered_ms
watch_for() {
	spawn client python3 "$root/tests/netns/first_answer.py" "$vip" 7 "$1" \
		>"$work/answered" 2>"$work/polling"
	watcher=$spawned
	eventually 5 is_polling
}

wait_for_answer() {
	wait "$watcher" || fail "no answer in 30 s"
	answered_ms=$(<"$work/answered")
}

check_figure() { # WHAT MS LIMIT
	note "$1: $2 ms"
	(($2 <= $3)) || fail "$1: $2 ms, more than $3 ms"
}

resident_mb() { awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$agent_pid/status"; }

test_1000_services_with_10_endpoints_start_within_a_second() {
	local start ready
	setup
	watch_for pod1
	start=$(now_ms)
	agent_start gateway "${gateway_interfaces[@]}"
	agent_ready
	ready=$(now_ms)
	check_figure "from start to ready" $((ready - start)) "$start_limit_ms"
	wait_for_answer
	check_figure "from start to the first answer" $((answered_ms - start)) "$start_limit_ms"
	note "resident memory of the agent: $(resident_mb) MB"
	has_backend 10.3.199.210 8080 || fail "the last endpoint of the last file is missing"
}

test_one_changed_endpoint_is_served_within_50_ms() {
	local start
	setup
	gateway_up
	watch_for pod1
	wait_for_answer
	watch_for pod2
	slice zz-a zz IPv4 udp-7/UDP:9000 "$(pod_address 2)" >"$manifests/.next"
	start=$(now_ms)
	mv "$manifests/.next" "$manifests/zz-slice.yaml"
	wait_for_answer
	check_figure "from the rename to the new endpoint's answer" $((answered_ms - start)) \
		"$change_limit_ms"

	slice zz-a zz IPv4 udp-7/UDP:9000 "$(pod_address 1)" >"$manifests/.next"
	start=$(now_ms)
	mv "$manifests/.next" "$manifests/zz-slice.yaml"
	until has_backend "$(pod_address 1)" 9000; do
		(($(now_ms) < start + 5000)) || fail "the change never came to the tables"
	done
	check_figure "from the rename to the change in a dump" $(($(now_ms) - start)) "$change_limit_ms"
}

run_tests "$@"
