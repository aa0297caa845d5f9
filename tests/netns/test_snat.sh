#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Mode snat through real sockets: who answers, what is left alone, what is refused.
. "$(dirname "$0")/lib.sh"

pods=(pod1 pod2 pod3)

serve_echo() {
	echo_service
	echo_pods 3
	gateway_up
}

# Quick failures: nobody waits for a timeout where an answer is expected.
get() { in_ns client curl -sS --max-time 5 "$@"; }

# curl_status URL [OPTION...]: 7 is refused, 28 is silence
curl_status() {
	local status=0
	get -o /dev/null "$@" 2>/dev/null || status=$?
	echo "$status"
}

#### Everything, in each way to attach

attached_as() { # native or generic, on every interface that the agent was given
	local interface want=xdp
	[[ $1 == native ]] || want=xdpgeneric
	for interface in "${gateway_interfaces[@]}"; do
		[[ $interface == --* ]] || in_ns gateway ip link show "$interface" | grep -qw "$want"
	done
}

serves_everything() {
	local topology=$1 i
	xdp_mode=$2
	"$topology" 3
	for i in 1 2 3; do
		http_server "pod$i" 8000
		pod "web$i" web True "$(pod_address "$i")" "$(pod_address6 "$i")" | put "web$i.yaml"
	done
	service web "192.0.2.11 2001:db8:2::11" 80/TCP:8000 | put web.yaml
	serve_echo
	attached_as "$xdp_mode" || fail "not attached as $xdp_mode: $(in_ns gateway ip link)"

	[[ $(get http://192.0.2.11/name) == pod[123] ]] || fail "no HTTP answer over IPv4"
	[[ $(get "http://[2001:db8:2::11]/name") == pod[123] ]] || fail "no HTTP answer over IPv6"
	load tcp connect --to "$vip" --port 7 --count 3000
	check_spread tcp 15 "${pods[@]}"
	load tcp6 connect --to "$vip6" --port 7 --count 3000
	check_spread tcp6 15 "${pods[@]}"
	load udp datagrams --to "$vip" --port 7 --count 30000 --flows 3000
	check_spread udp 15 "${pods[@]}"
	load udp6 datagrams --to "$vip6" --port 7 --count 30000 --flows 3000
	check_spread udp6 15 "${pods[@]}"
	load bulk connect --to "$vip" --port 7 --count 8 --bytes 1000000
	load bulk6 connect --to "$vip6" --port 7 --count 8 --bytes 1000000
}

test_two_armed_native() { serves_everything two_armed native; }
test_two_armed_generic() { serves_everything two_armed generic; }
test_one_armed_native() { serves_everything one_armed native; }
test_one_armed_generic() { serves_everything one_armed generic; }

test_without_a_manifest_the_vip_is_silent() {
	two_armed 1
	echo_server pod1
	gateway_up
	in_ns client "$TRAFFIC" connect --to "$vip" --port 7 --count 1 --timeout 2 &&
		fail "answered without a Service"
	[[ $(ask dump) != *"$vip"* ]] || fail "a VIP in the tables without a Service"
}

#### Endpoints come and go

test_a_not_ready_pod_gets_no_new_request() {
	two_armed 3
	serve_echo
	load before connect --to "$vip" --port 7 --count 600
	check_spread before 40 "${pods[@]}"
	has_backend "$(pod_address 2)" 9000 || fail "pod2 is no backend at first: $(ask dump)"
	pod pod2 echo False "$(pod_address 2)" "$(pod_address6 2)" | put pod2.yaml
	eventually 5 lacks_backend "$(pod_address 2)" 9000
	load after connect --to "$vip" --port 7 --count 600
	check_spread after 40 pod1 pod3
	load udp datagrams --to "$vip" --port 7 --count 600 --flows 600
	check_spread udp 40 pod1 pod3
}

test_a_fourth_pod_gets_its_share() {
	two_armed 4
	serve_echo
	load before connect --to "$vip" --port 7 --count 600
	check_spread before 40 "${pods[@]}"
	echo_server pod4
	pod pod4 echo True "$(pod_address 4)" "$(pod_address6 4)" | put pod4.yaml
	eventually 5 has_backend "$(pod_address 4)" 9000
	load after connect --to "$vip" --port 7 --count 2000
	check_spread after 25 "${pods[@]}" pod4
}

test_a_pod_of_another_app_gets_nothing() {
	two_armed 4
	echo_server pod4
	pod pod4 other True "$(pod_address 4)" | put pod4.yaml
	serve_echo
	load all connect --to "$vip" --port 7 --count 600
	check_spread all 40 "${pods[@]}"
}

#### What is not a service

test_ping_to_a_vip_is_answered() {
	two_armed 3
	serve_echo
	in_ns client ping -q -c 3 -i 0.1 -W 2 "$vip"
	in_ns client ping -q -c 3 -i 0.1 -W 2 "$vip6"
	in_ns client ping -q -c 3 -i 0.1 -W 2 -s 1400 "$vip"
	! in_ns client ping -q -c 1 -W 1 192.0.2.99 || fail "an address that is no VIP answers"
}

test_a_vip_on_the_clients_own_segment_is_found() {
	two_armed 3
	vip=$client_net.100 vip6=${client_net6}:100
	serve_echo
	load tcp connect --to "$vip" --port 7 --count 300
	load tcp6 connect --to "$vip6" --port 7 --count 300
	[[ $(in_ns client ip neigh show "$vip") == *"$(mac_of gateway eth0)"* ]] || fail "another MAC answered"
	! in_ns client ping -q -c 1 -W 1 "$client_net.101" || fail "an address that is no VIP answers"
}

test_an_unserved_port_is_dropped_and_counted() {
	local before
	two_armed 3
	serve_echo
	before=$(packets unserved_port)
	[[ $(curl_status "http://$vip:81/" --max-time 1) == 28 ]] || fail "port 81 is not silent"
	(($(packets unserved_port) > before)) || fail "the drop was not counted"
	before=$(packets unserved_port)
	load served connect --to "$vip" --port 7 --count 100
	(($(packets unserved_port) == before)) || fail "counted drops on a served port"
}

test_a_service_without_endpoints_refuses() {
	two_armed 3
	service empty 192.0.2.20 7/TCP:9000 7/UDP:9000 | put empty.yaml
	service empty6 2001:db8:2::20 7/TCP:9000 7/UDP:9000 | put empty6.yaml
	serve_echo
	[[ $(curl_status "http://192.0.2.20:7/") == 7 ]] || fail "TCP over IPv4 is not refused"
	[[ $(curl_status "http://[2001:db8:2::20]:7/") == 7 ]] || fail "TCP over IPv6 is not refused"
	udp_is_refused 192.0.2.20 7 || fail "UDP over IPv4 is not refused"
	udp_is_refused 2001:db8:2::20 7 || fail "UDP over IPv6 is not refused"
	! udp_is_refused "$vip" 7 || fail "UDP to a service with endpoints is refused"
}

#### The gateway itself

test_the_gateways_own_listener_stays_reachable() {
	two_armed 3
	serve_echo
	echo_server gateway 22
	load own connect --to "$client_net.1" --port 22 --count 100
	check_spread own 0 gateway
	load own6 connect --to "$client_net6:1" --port 22 --count 100
	check_spread own6 0 gateway
	[[ $(curl_status "http://$vip:22/" --max-time 1) == 28 ]] || fail "the VIP answers on port 22"
}

test_the_gateways_own_connections_work() {
	two_armed 3
	serve_echo
	echo_server client 9100
	in_ns gateway "$TRAFFIC" connect --to "$client_net.2" --port 9100 --count 100
	in_ns gateway "$TRAFFIC" connect --to "$client_net6:2" --port 9100 --count 100
	# To the very address and port that are a backend: replies to the gateway's own sockets.
	in_ns gateway "$TRAFFIC" connect --to "$(pod_address 1)" --port 9000 --count 100
	in_ns gateway "$TRAFFIC" datagrams --to "$(pod_address6 1)" --port 9000 --count 100
	in_ns gateway ping -q -c 1 -W 2 "$(pod_address 2)"
}

test_a_gateway_address_of_its_own_is_the_source() {
	two_armed 1
	addresses gateway eth1 "$pod_net.200/24"
	http_server pod1 8000
	service web "$vip" 80/TCP:8000 | put web.yaml
	pod web1 web True "$(pod_address 1)" | put web1.yaml
	gateway_up --gateway-address "$pod_net.200"
	[[ $(get "http://$vip/name") == pod1 ]]
	grep -qF "$pod_net.200" "$work/pod1.http" || fail "the pod saw: $(cat "$work/pod1.http")"
}

run_tests "$@"
