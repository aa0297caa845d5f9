#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A backend that unwraps for itself: the VIPs are on its lo, it answers clients directly, and
# the gateway, a few lines of Python, only sends tunnel packets.
. "$(dirname "$0")/lib.sh"

decap_dir=$pin_dir-decap

decap() { in_ns pod1 "$GUIDEWAY" decap --pin-dir "$decap_dir" "$@"; }
attach() { decap --interface eth0 --from "$client_net.1" --from "$client_net6:1" "$@"; }

decap_refused() {
	local pattern=$1
	shift
	refused "$pattern" nsenter --net="/run/netns/$netns_prefix-pod1" "$GUIDEWAY" decap "$@"
}

# Room for the outer headers; packets must reach the gateway as the client sent them; and its
# kernel must not answer that it knows no way.
backend() {
	one_armed 1
	in_ns client ip link set eth0 mtu 1400
	in_ns lan ethtool -K p-client gro off
	in_ns gateway ethtool -K eth0 gro off
	in_ns gateway ip -6 route add blackhole 2001:db8:2::/64
	in_ns pod1 ip address add "$vip/32" dev lo
	in_ns pod1 ip address add "$vip6/128" dev lo nodad
	echo_server pod1 7
}

# gateway_wraps 4|6 ipip|gue: from here on; the outer header is of this family
encapsulator=''
gateway_wraps() {
	local ends=("$client_net.1" "$(pod_address 1)")
	[[ $1 == 4 ]] || ends=("$client_net6:1" "$(pod_address6 1)")
	[[ -z $encapsulator ]] || end_processes "$encapsulator"
	spawn gateway python3 "$root/tests/netns/encapsulate.py" eth0 "$(mac_of pod1 eth0)" \
		"${ends[@]}" "$2" "$vip" "$vip6" >"$work/encapsulator"
	encapsulator=$spawned
	eventually 30 grep -q encapsulating "$work/encapsulator"
}

answers() { in_ns client "$TRAFFIC" connect --to "${1:-$vip}" --port 7 --count 1 --timeout 1 >/dev/null 2>&1; }

# counted VERDICT [INTERFACE]: its packets
counted() {
	decap --status --interface "${2:-eth0}" -o json |
		json "sum(v['packets'] for i in d['interfaces'] for v in i['verdicts'] if v['name'] == '$1')"
}

serves_everything() {
	local family kind
	backend
	attach --xdp-mode "$1" >"$work/said"
	grep -q "eth0: unwraps .* 2 prefixes, in $1 XDP, until guideway decap" "$work/said"
	for family in 4 6; do
		for kind in ipip gue; do
			gateway_wraps "$family" "$kind"
			load tcp connect --to "$vip" --port 7 --count 50 --parallel 8 --bytes 20000
			load tcp6 connect --to "$vip6" --port 7 --count 50 --parallel 8 --bytes 20000
			load udp datagrams --to "$vip" --port 7 --count 500 --outstanding 50
			load udp6 datagrams --to "$vip6" --port 7 --count 500 --outstanding 50
		done
	done
	(($(counted unwrapped_ipip) > 2000 && $(counted unwrapped_gue) > 2000)) ||
		fail "not counted: $(decap --status)"
	(($(counted passed) > 0)) || fail "ARP is not counted"
}

test_tcp_and_udp_reach_a_backend_through_ipip_and_gue_in_native_xdp() { serves_everything native; }
test_tcp_and_udp_reach_a_backend_through_ipip_and_gue_in_generic_xdp() { serves_everything generic; }

test_settings_are_exchanged_without_a_gap() {
	local exchanges=0
	backend
	gateway_wraps 4 ipip
	attach >/dev/null
	load_start udp datagrams --to "$vip" --port 7 --count 60000 --outstanding 20
	while is_running "${load_pids[udp]}"; do
		exchanges=$((exchanges + 1))
		attach --to "$vip" --to "10.$exchanges.0.0/16" >/dev/null
	done
	load_end udp
	((exchanges >= 10)) || fail "only $exchanges exchanges"
	(($(counted unwrapped_ipip) >= 60000)) || fail "the counters began anew"
}

test_who_is_not_allowed_is_refused_and_counted() {
	backend
	gateway_wraps 4 gue
	attach >/dev/null
	answers || fail "an allowed gateway is refused"
	decap --interface eth0 --from 10.99.0.0/16 >/dev/null
	! answers || fail "a foreign gateway is not refused"
	(($(counted source_refused) > 0)) || fail "not counted: $(decap --status)"
	[[ $(decap --status) == *source_refused* ]]
	attach --to 203.0.113.0/24 >/dev/null
	! answers || fail "a foreign VIP is not refused"
	(($(counted destination_refused) > 0)) || fail "not counted: $(decap --status)"
	attach --gue-port 6081 >/dev/null
	! answers || fail "another port is unwrapped"
}

test_without_from_everybody_is_allowed_and_one_line_warns() {
	backend
	gateway_wraps 6 ipip
	decap --interface eth0 >"$work/said" 2>"$work/warned"
	answers "$vip6" || fail "does not unwrap"
	[[ $(wc -l <"$work/said") == 1 ]] || fail "$(cat "$work/said")"
	[[ $(wc -l <"$work/warned") == 1 ]] || fail "$(cat "$work/warned")"
	grep -q "warning: .*--from" "$work/warned"
}

test_detach_leaves_nothing_behind() {
	backend
	gateway_wraps 4 ipip
	attach >/dev/null
	answers || fail "does not unwrap"
	decap --interface eth0 --detach
	! answers || fail "still unwraps"
	[[ ! -e $decap_dir ]] || fail "left: $(ls "$decap_dir")"
	[[ $(in_ns pod1 ip link show eth0) != *xdp* ]] || fail "a program is attached"
	[[ $(decap --interface eth0 --detach) == "eth0: nothing was attached" ]]
	[[ $(decap --status) == "nothing is unwrapped"* ]]
	[[ $(decap --status -o json | json "d['interfaces']") == "[]" ]]
}

test_interfaces_are_attached_counted_and_detached_each_for_itself() {
	namespaces pod1
	in_ns pod1 ip link add eth0 type bridge
	in_ns pod1 ip link add eth1 type bridge
	decap --interface eth0 --from 10.0.0.1 2>/dev/null
	decap --interface eth1 --from 10.0.0.1 2>/dev/null
	[[ $(decap --status -o json | json "[i['name'] for i in d['interfaces']]") == "['eth0', 'eth1']" ]]
	[[ $(decap --status --interface eth1 -o json | json "len(d['interfaces'])") == 1 ]]
	decap --interface eth0 --detach
	[[ $(decap --status) == "eth1, generic XDP"* ]] || fail "$(decap --status)"
	decap --interface eth1 --detach
	[[ ! -e $decap_dir ]] || fail "left: $(ls "$decap_dir")"
}

test_what_an_interface_left_that_is_gone_is_removed() {
	namespaces pod1
	in_ns pod1 ip link add eth0 type bridge
	in_ns pod1 ip link add eth1 type bridge
	decap --interface eth0 --from 10.0.0.1 2>/dev/null
	in_ns pod1 ip link delete eth0
	[[ $(decap --status) == "nothing is unwrapped"* ]]
	decap --interface eth1 --from 10.0.0.1 2>/dev/null
	decap --interface eth1 --detach
	[[ ! -e $decap_dir ]] || fail "left: $(ls "$decap_dir")"
}

test_the_mode_can_be_changed_and_a_refused_one_changes_nothing() {
	backend
	gateway_wraps 4 ipip
	attach >/dev/null
	attach --xdp-mode generic 2>"$work/warned" | grep -q "generic XDP" || fail "is not generic"
	grep -q "GENERIC" "$work/warned" || fail "generic mode is not said loudly"
	in_ns pod1 ip link show eth0 | grep -qw xdpgeneric
	answers || fail "does not unwrap in generic mode"
	in_ns pod1 ip link add br0 type bridge
	decap --interface br0 --from 10.0.0.1 2>/dev/null
	decap_refused "native" --pin-dir "$decap_dir" --interface br0 --xdp-mode native
	in_ns pod1 ip link show br0 | grep -qw xdpgeneric || fail "the old program is gone"
	decap --status --interface br0 | grep -q "br0, generic"
}

test_an_interface_that_another_program_has_is_refused() {
	backend
	attach >/dev/null
	decap_refused "another XDP program" --pin-dir "$decap_dir-2" --interface eth0
	[[ ! -e $decap_dir-2 ]] || fail "left: $(ls "$decap_dir-2")"
}

test_bad_calls_are_refused_in_one_line() {
	local bad=("$GUIDEWAY" decap --pin-dir "$decap_dir")
	refused "no interface" "${bad[@]}"
	refused "eth7" "${bad[@]}" --interface eth7
	refused "eth7" "${bad[@]}" --interface eth7 --detach
	refused "10.0.0.0/33" "${bad[@]}" --interface lo --from 10.0.0.0/33
	refused "nowhere" "${bad[@]}" --interface lo --to nowhere
	refused "0.*port" "${bad[@]}" --interface lo --gue-port 0
	refused "70000" "${bad[@]}" --interface lo --gue-port 70000
	refused "fast" "${bad[@]}" --interface lo --xdp-mode fast
	refused "one of them" "${bad[@]}" --interface lo --detach --status
	refused "--from" "${bad[@]}" --interface lo --detach --from 10.0.0.1
	refused "--status" "${bad[@]}" --interface lo -o json
	refused "yaml" "${bad[@]}" --status -o yaml
	refused "BPF file system" "$GUIDEWAY" decap --interface lo --pin-dir "$work/pins"
	refused "root" setpriv --reuid 65534 --regid 65534 --clear-groups "${bad[@]}" --status
	[[ ! -e $decap_dir ]] || fail "left: $(ls "$decap_dir")"
}

run_tests "$@"
