#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every forwarding mode through real sockets, IPv4 and IPv6: HTTP, bulk TCP, UDP, a path whose MTU has
# to be found out.
. "$(dirname "$0")/lib.sh"

pods=(pod1 pod2 pod3)

get() { in_ns client curl -sS --max-time 5 "$@"; }

# topology_of MODE PODS: what its backends need
topology_of() {
	case $1 in
	snat) two_armed "$2" ;;
	dnat) two_armed "$2" && routed_replies "$2" ;;
	l2) one_armed "$2" && direct_replies "$2" ;;
	ipip | gue) one_armed "$2" && direct_replies "$2" && unwrapping "$2" ;;
	esac
}

serves_in_mode() {
	local mode=$1 port i
	topology_of "$mode" 3
	port=$(echo_port "$mode")
	for i in 1 2 3; do
		http_server "pod$i" 8000
		pod "web$i" web True "$(pod_address "$i")" "$(pod_address6 "$i")" | put "web$i.yaml"
	done
	annotations=("guideway.dev/forwarding-mode: $mode")
	service web "$vip $vip6" 8000/TCP:8000 | put web.yaml
	echo_service_in_mode "$mode"
	echo_pods 3
	gateway_up

	[[ $(get "http://$vip:8000/name") == pod[123] ]] || fail "no HTTP answer over IPv4"
	[[ $(get "http://[$vip6]:8000/name") == pod[123] ]] || fail "no HTTP answer over IPv6"
	load tcp connect --to "$vip" --port "$port" --count 1500
	check_spread tcp 20 "${pods[@]}"
	load tcp6 connect --to "$vip6" --port "$port" --count 1500
	check_spread tcp6 20 "${pods[@]}"
	load udp datagrams --to "$vip" --port "$port" --count 20000 --flows 1500
	check_spread udp 20 "${pods[@]}"
	load udp6 datagrams --to "$vip6" --port "$port" --count 20000 --flows 1500
	check_spread udp6 20 "${pods[@]}"
	load bulk connect --to "$vip" --port "$port" --count 8 --bytes 1000000
	load bulk6 connect --to "$vip6" --port "$port" --count 8 --bytes 1000000
}

test_snat_serves() { serves_in_mode snat; }
test_dnat_serves() { serves_in_mode dnat; }
test_l2_serves() { serves_in_mode l2; }
test_ipip_serves() { serves_in_mode ipip; }
test_gue_serves() { serves_in_mode gue; }

# The pods have addresses of one family, the VIP is of the other.
crosses_families() {
	local mode=$1 i
	topology_of "$mode" 3
	annotations=("guideway.dev/forwarding-mode: $mode")
	service echo "$vip" 9000/TCP:9000 9000/UDP:9000 | put echo.yaml
	service echo6 "$vip6" 9000/TCP:9000 9000/UDP:9000 | put echo6.yaml
	for i in 1 2 3; do
		echo_server "pod$i"
		pod "pod$i" echo True "$(pod_address6 "$i")" | put "pod$i.yaml"
		pod "pod$i-6" echo6 True "$(pod_address "$i")" | put "pod$i-6.yaml"
	done
	gateway_up
	load tcp connect --to "$vip" --port 9000 --count 600
	check_spread tcp 40 "${pods[@]}"
	load tcp6 connect --to "$vip6" --port 9000 --count 600
	check_spread tcp6 40 "${pods[@]}"
	load udp datagrams --to "$vip" --port 9000 --count 3000 --flows 600
	load udp6 datagrams --to "$vip6" --port 9000 --count 3000 --flows 600
}

test_ipip_serves_ip4_through_ip6_and_back() { crosses_families ipip; }
test_gue_serves_ip4_through_ip6_and_back() { crosses_families gue; }

test_modes_mix_on_one_gateway() {
	local mode i
	one_armed 3
	direct_replies 3 192.0.2.11/32 192.0.2.12/32
	unwrapping 3
	for i in 1 2 3; do
		echo_server "pod$i"
		pod "pod$i" echo True "$(pod_address "$i")" | put "pod$i.yaml"
	done
	i=10
	for mode in snat l2 ipip; do
		annotations=("guideway.dev/forwarding-mode: $mode")
		service "echo-$mode" "192.0.2.$i" 9000/TCP:9000 | sed 's/app: echo-.*}/app: echo}/' |
			put "echo-$mode.yaml"
		i=$((i + 1))
	done
	gateway_up
	for i in 10 11 12; do
		load "tcp$i" connect --to "192.0.2.$i" --port 9000 --count 300
		check_spread "tcp$i" 50 "${pods[@]}"
	done
	[[ $(ask get services -o wide) == *ipip* ]] || fail "the mode is not shown: $(ask get services -o wide)"
}

#### The path's MTU

# iperf3 needs one backend: its control and its data connection are two flows.
serves_bulk() {
	local mode=$1 target=$2 option
	shift 2
	spawn pod1 iperf3 --server --one-off --port 5201 --json >"$work/iperf.server" 2>&1
	eventually 5 listens pod1 5201
	for option in "$@"; do
		in_ns client iperf3 --client "$target" --port 5201 --time 1 --json "$option" >"$work/iperf.json" ||
			fail "iperf3 $option in mode $mode: $(cat "$work/iperf.json")"
		json "d['end']['sum_received']['bytes'] > 1000000" <"$work/iperf.json" | grep -q True ||
			fail "iperf3 $option in mode $mode came to a halt: $(json "d['end']['sum_received']" <"$work/iperf.json")"
		note "$mode $target $option: $(json "round(d['end']['sum_received']['bits_per_second'] / 1e6)" <"$work/iperf.json") Mbit/s"
	done
}

finds_the_mtu() {
	local mode=$1
	need iperf3
	topology_of "$mode" 1
	annotations=("guideway.dev/forwarding-mode: $mode")
	service bulk "$vip $vip6" 5201/TCP:5201 | put bulk.yaml
	pod pod1 bulk True "$(pod_address 1)" "$(pod_address6 1)" | put pod1.yaml
	case $mode in
	snat | dnat)
		# The way to the pods takes less than the client's own.
		in_ns gateway ip link set eth1 mtu 1400
		;;
	esac
	gateway_up
	serves_bulk "$mode" "$vip" --no-delay
	(($(packets too_big_answered) > 0)) || fail "nobody was told of the MTU over IPv4"
	serves_bulk "$mode" "$vip6" --no-delay
	in_ns client ip route get "$vip" | grep -q mtu || fail "the client has learned no MTU: $(in_ns client ip route get "$vip")"
	in_ns client ip -6 route get "$vip6" | grep -q mtu || fail "the client has learned no MTU for IPv6"
}

test_snat_finds_the_mtu() { finds_the_mtu snat; }
test_dnat_finds_the_mtu() { finds_the_mtu dnat; }
test_ipip_finds_the_mtu() { finds_the_mtu ipip; }
test_gue_finds_the_mtu() { finds_the_mtu gue; }

test_a_lowered_mss_needs_no_mtu_discovery() {
	need iperf3
	topology_of ipip 1
	annotations=("guideway.dev/forwarding-mode: ipip" 'guideway.dev/tcp-mss: "1400"')
	service bulk "$vip" 5201/TCP:5201 | put bulk.yaml
	pod pod1 bulk True "$(pod_address 1)" | put pod1.yaml
	gateway_up
	serves_bulk ipip "$vip" --reverse
	eventually 5 grep -q tcp_mss_default "$work/iperf.server"
	(($(json "d['start']['tcp_mss_default']" <"$work/iperf.server") <= 1400)) ||
		fail "the pod was offered more than 1400: $(grep tcp_mss "$work/iperf.server")"
}

#### Fragments and errors

# A datagram of BYTES bytes to ADDRESS PORT comes back whole.
echoes_datagram() {
	in_ns client python3 - "$@" <<-'END'
		import socket, sys
		address, port, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
		family = socket.AF_INET6 if ":" in address else socket.AF_INET
		with socket.socket(family, socket.SOCK_DGRAM) as client:
		    client.settimeout(3)
		    sent = bytes(i % 251 for i in range(size))
		    client.sendto(sent, (address, port))
		    got, who = client.recvfrom(65535)
		    sys.exit(who[0] != address or sent[:16] not in got)
	END
}

fragments_in_mode() {
	local mode=$1 port
	topology_of "$mode" 3
	port=$(echo_port "$mode")
	echo_service_in_mode "$mode"
	echo_pods 3
	gateway_up
	case $mode in
	# The client's fragments must fit, whatever is put around them.
	ipip | gue) in_ns client ip link set eth0 mtu 1400 ;;
	esac
	echoes_datagram "$vip" "$port" 4000 || fail "a datagram in fragments over IPv4 is lost"
	echoes_datagram "$vip6" "$port" 4000 || fail "a datagram in fragments over IPv6 is lost"
	(($(packets fragment_early) == 0)) || fail "a fragment came too early"
}

test_snat_carries_fragments() { fragments_in_mode snat; }
test_dnat_carries_fragments() { fragments_in_mode dnat; }
test_l2_carries_fragments() { fragments_in_mode l2; }
test_ipip_carries_fragments() { fragments_in_mode ipip; }
test_gue_carries_fragments() { fragments_in_mode gue; }

# Nobody listens in the pod: its kernel says so, and the gateway says it to the client.
errors_find_back() {
	local mode=$1
	topology_of "$mode" 1
	annotations=("guideway.dev/forwarding-mode: $mode")
	service silent "$vip $vip6" 9000/UDP:9000 | put silent.yaml
	pod pod1 silent True "$(pod_address 1)" "$(pod_address6 1)" | put pod1.yaml
	gateway_up
	udp_is_refused "$vip" 9000 || fail "the pod's ICMP error is lost"
	udp_is_refused "$vip6" 9000 || fail "the pod's ICMPv6 error is lost"
}

test_snat_translates_a_backends_icmp_error() {
	errors_find_back snat
	(($(packets icmp_replied) >= 2)) || fail "the errors were not counted"
}
test_dnat_translates_a_backends_icmp_error() {
	errors_find_back dnat
	(($(packets icmp_replied) >= 2)) || fail "the errors were not counted"
}
test_ipip_backends_icmp_error_needs_no_gateway() { errors_find_back ipip; }

run_tests "$@"
