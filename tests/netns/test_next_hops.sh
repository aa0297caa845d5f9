#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Where packets for the backends go: on-link and behind routers, whose MAC addresses change.
. "$(dirname "$0")/lib.sh"

# Longer than this is not "within a second", however slow the machine; what it was is noted.
limit_ms=1500

setup() {
	"$1" 1
	echo_service
	echo_pods 1
	gateway_up
}

#### Meters

# One for each family, over UDP, and connections that must not break.
declare -A meters=()
meters_start() {
	local name
	for name in vip vip6; do
		spawn client python3 "$root/tests/netns/longest_silence.py" "${!name}" 7 6 \
			>"$work/$name.silence" 2>"$work/$name.meter"
		meters[$name]=$spawned
	done
	load_start hold hold --to "$vip" --port 7 --count 20 --seconds 6
	load_start hold6 hold --to "$vip6" --port 7 --count 20 --seconds 6
	for name in vip vip6; do eventually 10 grep -q measuring "$work/$name.meter"; done
}

# meters_end WHAT: nobody was without an answer for longer than the limit
meters_end() {
	local name ms
	for name in vip vip6; do
		wait "${meters[$name]}" || fail "$name: $(cat "$work/$name.meter")"
		ms=$(cat "$work/$name.silence")
		note "$1, ${!name}: $ms ms without an answer"
		((ms <= limit_ms)) || fail "$name: $ms ms without an answer"
	done
	load_end hold
	load_end hold6
}

#### Changes

# The kernel takes the first of two answers for the better one for a second.
is_settled() { # ADDRESS: did the gateway learn its MAC address 2 s ago or longer?
	[[ $(in_ns gateway ip -s -json neigh show "$1" | json "d[0]['updated'] >= 2") == True ]]
}

# new_mac NS IF MAC ADDRESS...: without a word to anybody. At the ADDRESSes is MAC, which is thus
# not asked for; questions would tell the new address, as would gratuitous ARP.
new_mac() {
	local name=$1 interface=$2 mac=$3
	shift 3
	in_ns "$name" sysctl -qw net.ipv4.conf.all.arp_notify=0 \
		"net.ipv4.conf.$interface.arp_notify=0" net.ipv6.conf.all.ndisc_notify=0 \
		"net.ipv6.conf.$interface.ndisc_notify=0"
	{
		echo link set "$interface" address 02:00:00:00:99:99
		printf "neigh replace %s lladdr $mac dev $interface nud permanent\n" "$@"
	} | in_ns "$name" ip -force -batch - || fail "no new MAC address"
}

is_programmed() { [[ $(ask dump) == *"via 02:00:00:00:99:99 "* ]]; }

#### On-link

pod_changes_its_mac() {
	setup "$1"
	eventually 10 is_settled "$(pod_address 1)"
	eventually 10 is_settled "$(pod_address6 1)"
	meters_start
	new_mac pod1 eth0 "$(mac_of gateway "$2")" "$pod_net.1" "$pod_net6:1"
	meters_end "pod with a new MAC address"
	is_programmed || fail "the new MAC address is not in the tables: $(ask dump)"
}

test_a_pod_that_changes_its_mac_in_silence_is_followed() { pod_changes_its_mac two_armed eth1; }
test_the_same_on_one_arm() { pod_changes_its_mac one_armed eth0; }

test_a_pod_that_announces_its_new_mac_is_followed_at_once() {
	limit_ms=500
	setup two_armed
	in_ns pod1 sysctl -qw net.ipv4.conf.eth0.arp_notify=1 net.ipv6.conf.eth0.ndisc_notify=1
	meters_start
	in_ns pod1 ip link set eth0 address 02:00:00:00:99:99
	meters_end "announced"
	is_programmed || fail "the new MAC address is not in the tables: $(ask dump)"
}

#### Behind a router

test_pods_behind_a_router_are_served() {
	routed 3
	echo_service
	echo_pods 3
	gateway_up
	load tcp connect --to "$vip" --port 7 --count 1000
	check_spread tcp 25 pod1 pod2 pod3
	load tcp6 connect --to "$vip6" --port 7 --count 1000
	check_spread tcp6 25 pod1 pod2 pod3
	load udp datagrams --to "$vip" --port 7 --count 5000 --flows 500
	load udp6 datagrams --to "$vip6" --port 7 --count 5000 --flows 500
	[[ $(ask dump) == *"backend $(pod_address 1) port 9000 "*" via $(mac_of router eth0) dev eth1 "* ]] ||
		fail "not through the router: $(ask dump)"
}

test_a_router_that_changes_its_mac_in_silence_is_followed() {
	setup routed
	eventually 10 is_settled "$transit_net.2"
	eventually 10 is_settled "$transit_net6:2"
	meters_start
	new_mac router eth0 "$(mac_of gateway eth1)" "$transit_net.1" "$transit_net6:1"
	meters_end "router with a new MAC address"
	is_programmed || fail "the new MAC address is not in the tables: $(ask dump)"
}

#### Unresolved

has_dropped_more_than() { (($(packets no_next_hop) > $1)); }

is_served() {
	in_ns client "$TRAFFIC" connect --to "$1" --port 7 --count 1 --timeout 1 >/dev/null 2>&1
}

test_a_pod_that_is_not_there_yet_is_counted_and_served_when_it_comes() {
	local start dropped
	two_armed 1
	echo_service
	echo_pods 1
	in_ns pod1 sysctl -qw net.ipv6.conf.eth0.keep_addr_on_down=1
	in_ns pod1 ip link set eth0 down
	gateway_up
	dropped=$(packets no_next_hop)
	! is_served "$vip" || fail "a pod whose interface is down answers"
	eventually 5 has_dropped_more_than "$dropped"
	dropped=$(packets no_next_hop)
	! is_served "$vip6" || fail "a pod whose interface is down answers over IPv6"
	eventually 5 has_dropped_more_than "$dropped"
	in_ns pod1 ip link set eth0 up
	start=$(now_ms)
	eventually 5 is_served "$vip"
	eventually 5 is_served "$vip6"
	note "pod that came up: served after $(($(now_ms) - start)) ms"
	dropped=$(packets no_next_hop)
	load after connect --to "$vip" --port 7 --count 100
	load after6 connect --to "$vip6" --port 7 --count 100
	(($(packets no_next_hop) == dropped)) || fail "drops after it came"
}

run_tests "$@"
