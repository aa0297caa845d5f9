#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Volume: every connection and datagram comes back, from who should have it.
. "$(dirname "$0")/lib.sh"

pods=(pod1 pod2 pod3 pod4)

# 100,000 connections in seconds are more than the ports of one source address, at the
# client as at the gateway: both get more addresses, as such a gateway would.
setup() {
	local i address=() source=() interface=${gateway_interfaces[-1]}
	for i in {1..4}; do source+=(--gateway-address "$pod_net.$((200 + i))"); done
	for i in {1..4}; do address+=("$pod_net.$((200 + i))/24"); done
	for i in {1..4}; do source+=(--gateway-address "$pod_net6:$((200 + i))"); done
	for i in {1..4}; do address+=("$pod_net6:$((200 + i))/64"); done
	addresses gateway "$interface" "${address[@]}"
	address=()
	for i in {10..19}; do address+=("$client_net.$i/24" "$client_net6:$i/64"); done
	addresses client eth0 "${address[@]}"
	echo_service
	echo_pods 4
	gateway_up "${source[@]}"
}

# What the servers themselves counted: their sum, of tcp or udp or corrupt.
served() {
	local i pids=()
	for i in 1 2 3 4; do
		mapfile -t -O "${#pids[@]}" pids < <(ip netns pids "$netns_prefix-pod$i")
	done
	end_processes "${pids[@]}"
	cat "$work"/pod*.served | grep -oE "$1=[0-9]+" | awk -F= '{ sum += $2 } END { print sum }'
}

report() {
	note "$1: $(json "f\"{d['$2']} in {d['seconds']:.1f} s: {d['$2'] / d['seconds']:.0f}/s\"" <"$work/$1.json")"
}

test_100000_tcp_connections_arrive_at_their_shares() {
	two_armed 4
	setup
	load tcp connect --to "$vip" --port 7 --count 100000 --bytes 64 \
		--source-addresses "$client_net.10-$client_net.19"
	report tcp ok
	check_spread tcp 10 "${pods[@]}"
	[[ $(served tcp) == 100000 ]] || fail "the servers count otherwise: $(cat "$work"/pod*.served)"
	[[ $(served corrupt) == 0 ]] || fail "corrupt bytes: $(cat "$work"/pod*.served)"
}

test_1000000_datagrams_arrive_at_their_shares() {
	two_armed 4
	setup
	# 8192 flows, so that chance alone leaves the shares within 2 % of each other.
	load udp datagrams --to "$vip" --port 7 --count 1000000 --flows 8192 --window 1
	report udp answered
	check_spread udp 10 "${pods[@]}"
	[[ $(served udp) == 1000000 ]] || fail "the servers count otherwise: $(cat "$work"/pod*.served)"
}

test_ipv6_the_same_in_smaller_numbers() {
	two_armed 4
	setup
	load tcp connect --to "$vip6" --port 7 --count 20000 --bytes 64 \
		--source-addresses "$client_net6:10-$client_net6:19"
	report tcp ok
	check_spread tcp 10 "${pods[@]}"
	load udp datagrams --to "$vip6" --port 7 --count 200000 --flows 8192 --window 1
	report udp answered
	check_spread udp 10 "${pods[@]}"
}

test_no_reason_to_drop_was_counted() {
	local drops
	one_armed 4
	setup
	load tcp connect --to "$vip" --port 7 --count 20000 --bytes 64
	drops=$(ask status -o json | json "[v for v in d['verdicts'] if v['action'] == 'drop' and v['packets']]")
	[[ $drops == "[]" ]] || fail "drops: $drops"
}

run_tests "$@"
