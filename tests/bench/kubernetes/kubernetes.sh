#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A cluster of 5,000 Services with 20 endpoints each, played by tests/kubernetes/fault_server.py:
# how long until it is programmed, and until a changed slice is. Removes everything it makes.
. "$(dirname "$0")/../../netns/lib.sh"
. "$(dirname "$0")/../../netns/cluster.sh"

services=5000 endpoints=20 rate=100 seconds=30 json_file='' more=()

usage() {
	cat <<-END
		Usage: tests/bench/kubernetes/kubernetes.sh [--services $services] [--endpoints $endpoints]
			[--rate $rate] [--seconds $seconds] [--json FILE] [-- AGENT-OPTION...]
		Needs root: without it the status is 77.
	END
}

while (($#)); do
	case $1 in
	--services) services=$2 && shift ;;
	--endpoints) endpoints=$2 && shift ;;
	--rate) rate=$2 && shift ;;
	--seconds) seconds=$2 && shift ;;
	--json) json_file=$2 && shift ;;
	--) shift && more=("$@") && break ;;
	*) usage && exit 2 ;;
	esac
	shift
done

test_bench() {
	two_armed 1
	in_ns gateway ip route add 10.64.0.0/10 via "$(pod_address 1)"
	api_start --services "$services" --endpoints "$endpoints"
	in_ns gateway python3 "$root/tests/bench/kubernetes/measure.py" "$work/api.sock" "$seconds" \
		"$rate" "$services" "$endpoints" "$json_file" "$GUIDEWAY" agent "${agent_source[@]}" \
		--pin-dir "$pin_dir" --state-dir "$work/state" --socket "$socket" --log-level debug \
		--table-slots 33554432 "${gateway_interfaces[@]}" "${more[@]}" >&3
}

exec 3>&1
ulimit -n "$(ulimit -Hn)"
echo "Kubernetes: $services Services with $endpoints endpoints each; $rate slices change a second"
(check_machine && run_test test_bench) 2>&1 | sed 's/^/# /'
exit "${PIPESTATUS[0]}"
