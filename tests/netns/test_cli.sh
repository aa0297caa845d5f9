#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What people meet on the command line: every refusal is one line that says what is wrong.
. "$(dirname "$0")/lib.sh"

# A bridge is the device that every kernel has and that knows no native XDP.
gateway() {
	namespaces gateway
	in_ns gateway ip link add eth0 type bridge
	in_ns gateway ip link set eth0 up
	addresses gateway eth0 10.2.0.1/24
}

# What the agent is run as: see setpriv.
as=()

# agent_refused PATTERN OPTION...
agent_refused() {
	local pattern=$1
	shift
	refused "$pattern" nsenter --net="/run/netns/$netns_prefix-gateway" "${as[@]}" "$GUIDEWAY" agent \
		--pin-dir "$pin_dir" --state-dir "$work/state" --socket "$socket" "$@"
	[[ ! -e $pin_dir ]] || fail "left something pinned: $(find "$pin_dir")"
}

# The binary where anybody can run it, wherever the checkout is.
public_binary() {
	chmod 755 "$work"
	cp "$GUIDEWAY" "$work/guideway"
	chmod 755 "$work/guideway"
	GUIDEWAY=$work/guideway
}

test_without_root_the_agent_says_so() {
	gateway
	public_binary
	as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	agent_refused "root" --interface eth0 --manifests "$manifests"
}

test_root_without_capabilities_is_told_which() {
	gateway
	as=(setpriv --bounding-set -all --inh-caps -all)
	agent_refused "CAP_" --interface eth0 --manifests "$manifests"
}

test_each_missing_capability_is_named() {
	local all=(bpf perfmon net_admin net_raw) name given
	gateway
	for name in "${all[@]}"; do
		given=$(printf ',+%s' "${all[@]}")
		as=(setpriv --bounding-set "-all${given/,+$name/}" --inh-caps -all)
		agent_refused "root without CAP_${name^^}: " --interface eth0 --manifests "$manifests"
	done
}

test_four_capabilities_are_enough() {
	gateway
	agent_wrapper=(setpriv --bounding-set "-all,+bpf,+perfmon,+net_admin,+net_raw" --inh-caps -all)
	xdp_mode=generic
	agent_up gateway --interface eth0
	agent_stop
	"${agent_wrapper[@]}" "$GUIDEWAY" detach --pin-dir "$pin_dir"
	[[ ! -e $pin_dir ]] || fail "left something pinned: $(find "$pin_dir")"
}

test_a_missing_interface_is_named() {
	gateway
	agent_refused "eth7" --interface eth7 --manifests "$manifests"
	agent_refused "eth7" --interface eth0 --interface eth7 --manifests "$manifests"
}

test_missing_manifests_are_named() {
	gateway
	agent_refused "$work/nowhere" --interface eth0 --manifests "$work/nowhere"
}

test_bad_flags_are_named() {
	gateway
	agent_refused "--interface" --manifests "$manifests"
	agent_refused "--manifests" --interface eth0
	agent_refused "--no-such" --no-such --interface eth0 --manifests "$manifests"
	agent_refused "fast" --xdp-mode fast --interface eth0 --manifests "$manifests"
	agent_refused "loud" --log-level loud --interface eth0 --manifests "$manifests"
	agent_refused "10.0.0.300" --address-pool 10.0.0.300 --interface eth0 --manifests "$manifests"
	agent_refused "nowhere" --gateway-address nowhere --interface eth0 --manifests "$manifests"
	agent_refused "surplus" --interface eth0 --manifests "$manifests" surplus
	refused "fly" "$GUIDEWAY" fly
	refused "planets" "$GUIDEWAY" get planets
}

test_native_where_the_driver_has_none_is_refused() {
	gateway
	agent_refused "native" --xdp-mode native --interface eth0 --manifests "$manifests"
}

test_auto_falls_back_to_generic_and_says_so() {
	gateway
	xdp_mode=auto
	agent_up gateway --interface eth0
	grep -qi "generic" "$agent_log" || fail "not a word of generic XDP"
	in_ns gateway ip link show eth0 | grep -qw xdpgeneric
	[[ $(ask status) == *generic* ]] || fail "guideway status does not say it"
}

test_a_bad_config_is_refused_with_its_place() {
	gateway
	printf 'interface: eth0\nxdp-mode: fast\n' >"$work/config.yaml"
	agent_refused "config.yaml:2:[0-9]+: .*fast" --config "$work/config.yaml" --manifests "$manifests"
	printf 'interface: eth0\ncolour: blue\n' >"$work/config.yaml"
	agent_refused "config.yaml:2:[0-9]+: .*colour" --config "$work/config.yaml" --manifests "$manifests"
	agent_refused "absent.yaml" --config "$work/absent.yaml" --manifests "$manifests"
}

test_a_config_serves_as_the_flags_do() {
	gateway
	service web 192.0.2.10 80/TCP:8080 | put web.yaml
	printf 'interface: [eth0]\nlog-level: debug\nxdp-mode: generic\n' >"$work/config.yaml"
	xdp_mode=generic
	agent_up gateway --config "$work/config.yaml"
	[[ $(ask get services) == *192.0.2.10* ]]
}

test_validate_tells_the_place_and_fails() {
	service web 192.0.2.10 80/TCP:8080 | put web.yaml
	"$GUIDEWAY" validate -f "$manifests"
	"$GUIDEWAY" validate -f "$manifests/web.yaml"
	"$GUIDEWAY" validate -f - <"$manifests/web.yaml"
	service bad 192.0.2.11 80/TCP:8080 | sed 's/port: 80,/port: 70000,/' | put bad.yaml
	! "$GUIDEWAY" validate -f "$manifests" >"$work/out" 2>&1 || fail "accepted port 70000"
	grep -qE "bad.yaml:[0-9]+:[0-9]+: .*70000" "$work/out" || fail "unclear: $(cat "$work/out")"
	! "$GUIDEWAY" validate -f "$work/nowhere" || fail "accepted a file that is not there"
	! "$GUIDEWAY" validate || fail "accepted nothing at all"
}

test_validate_needs_no_root() {
	public_binary
	service web 192.0.2.10 80/TCP:8080 | put web.yaml
	setpriv --reuid 65534 --regid 65534 --clear-groups "$GUIDEWAY" validate -f "$manifests"
}

test_without_an_agent_commands_say_so() {
	refused "agent" "$GUIDEWAY" status --socket "$socket"
	refused "agent" "$GUIDEWAY" get services --socket "$socket"
	refused "agent" "$GUIDEWAY" dump --socket "$socket"
	refused "agent" "$GUIDEWAY" drain 10.2.0.5 --socket "$socket"
}

test_only_root_may_ask_the_agent() {
	gateway
	public_binary
	xdp_mode=generic
	agent_up gateway --interface eth0
	ask status >/dev/null
	refused "root|permission|denied" setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$GUIDEWAY" status --socket "$socket"
}

test_every_command_has_help() {
	local command
	"$GUIDEWAY" --help | grep -q agent
	for command in agent get status validate drain detach decap dump; do
		"$GUIDEWAY" "$command" --help >"$work/help"
		grep -q "guideway $command" "$work/help" || fail "$command --help: $(cat "$work/help")"
	done
}

test_json_output_is_json() {
	gateway
	service web 192.0.2.10 80/TCP:8080 | put web.yaml
	xdp_mode=generic
	agent_up gateway --interface eth0
	ask get services -o json | json d >/dev/null
	ask get backends -o json | json d >/dev/null
	ask status -o json | json d >/dev/null
	[[ $(ask get services -o wide) == *web* ]]
}

# states: "address state weight" of every backend
states() {
	ask get backends -o json |
		json '" ".join("%s=%s*%d" % (b["address"], b["state"], b["weight"]) for b in d)'
}

states_are() { [[ $(states) == "$1" ]]; }

test_a_drain_survives_the_agent_until_it_is_undone() {
	gateway
	service web 192.0.2.10 80/TCP:8080 | put web.yaml
	pod a web True 10.2.0.5 | put a.yaml
	pod b web True 10.2.0.6 | put b.yaml
	xdp_mode=generic
	agent_up gateway --interface eth0
	[[ $(ask drain 2>&1) == "Nothing is drained." ]]
	[[ $(ask drain 10.2.0.5) == "10.2.0.5: drained, 1 backend gets no new flows" ]]
	states_are "10.2.0.5=drained*0 10.2.0.6=ready*1" || fail "drained: $(states)"
	[[ $(ask get backends) == *10.2.0.5:8080*drained*0*0.0%* ]] || fail "$(ask get backends)"
	agent_kill
	agent_up gateway --interface eth0
	states_are "10.2.0.5=drained*0 10.2.0.6=ready*1" || fail "after a restart: $(states)"
	[[ $(ask drain) == *BACKENDS*10.2.0.5*1 ]] || fail "the list: $(ask drain)"
	ask drain -o json | json 'd[0]["backend"]' | grep -qx 10.2.0.5
	ask drain --undo 10.2.0.5 >/dev/null
	states_are "10.2.0.5=ready*1 10.2.0.6=ready*1" || fail "undone: $(states)"
}

test_what_cannot_be_drained_is_told() {
	gateway
	service web 192.0.2.10 80/TCP:8080 | put web.yaml
	pod a web True 10.2.0.5 | put a.yaml
	xdp_mode=generic
	agent_up gateway --interface eth0
	refused "10.2.0.300" "$GUIDEWAY" drain 10.2.0.300 --socket "$socket"
	refused "65536" "$GUIDEWAY" drain 10.2.0.5:65536 --socket "$socket"
	refused "ADDRESS" "$GUIDEWAY" drain --undo --socket "$socket"
	refused "not drained" "$GUIDEWAY" drain --undo 10.2.0.5 --socket "$socket"
	[[ $(ask drain 10.2.0.9) == *"no service has such a backend"* ]]
	[[ $(ask drain 10.2.0.5:8080 2>&1) == *"Warning: service 'default/web'"*"refused"* ]]
}

# terminating DEADLINE: the Service web, with one pod, and one that is on its way out
terminating() {
	annotations=("guideway.dev/drain-deadline-seconds: \"$1\"")
	service web 192.0.2.10 80/TCP:8080 | put web.yaml
	slice web-a web IPv4 tcp-80/TCP:8080 10.2.0.5 | put a.yaml
	{
		slice web-b web IPv4 tcp-80/TCP:8080 10.2.0.6
		echo '  conditions: {ready: false, serving: true, terminating: true}'
	} | put b.yaml
}

test_a_terminating_backend_drains_until_its_deadline() {
	gateway
	terminating 2
	xdp_mode=generic
	agent_up gateway --interface eth0
	states_are "10.2.0.5=ready*1 10.2.0.6=draining*0" || fail "draining: $(states)"
	eventually 5 states_are "10.2.0.5=ready*1"
}

run_tests "$@"
