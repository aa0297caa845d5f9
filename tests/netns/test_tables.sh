#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Manifests in, tables out: exactly what a directory describes, and nothing once it is gone.
. "$(dirname "$0")/lib.sh"

# What the tables speak of, one a line, sorted: services as ADDRESS:PORT/PROTOCOL, backends
# as ADDRESS:PORT.
tables() {
	ask dump | awk '
		$1 == "service" { print $2 }
		$1 == "backend" { print ($2 ~ /:/ ? "[" $2 "]" : $2) ":" $4 }' | sort -u
}

tables_are() {
	[[ $(tables) == "$(printf '%s\n' "$@" | sort -u)" ]]
}

expect_tables() {
	local end=$((SECONDS + 5))
	until tables_are "$@"; do
		((SECONDS < end)) || fail "expected: $*; the tables: $(ask dump)"
		agent_is_as_it_should || fail "the agent ended"
		sleep 0.02
	done
}

directory() {
	service web "$vip $vip6" 80/TCP:8080 53/UDP:5353 | put web.yaml
	{
		pod web1 web True 10.2.0.11 fd02::11
		echo "---"
		pod web2 web True 10.2.0.12 fd02::12
		echo "---"
		pod web3 web False 10.2.0.13 fd02::13
	} | put pods.yaml
	service db 192.0.2.11 5432/TCP:5432 | put db.yaml
	slice db-a db IPv4 tcp-5432/TCP:5433 10.2.0.21 10.2.0.22 | put db-slice.yaml
}
directory_tables=("192.0.2.10:80/TCP" "192.0.2.10:53/UDP" "[2001:db8:2::10]:80/TCP"
	"[2001:db8:2::10]:53/UDP" "192.0.2.11:5432/TCP"
	10.2.0.1{1,2}:{8080,5353} "[fd02::1"{1,2}"]:"{8080,5353} 10.2.0.2{1,2}:5433)

test_a_directory_becomes_exactly_its_tables() {
	local left
	lone_gateway
	gateway_up
	[[ -z $(ask dump) ]] || fail "not empty at first: $(ask dump)"
	directory
	expect_tables "${directory_tables[@]}"
	remove db.yaml db-slice.yaml
	expect_tables "${directory_tables[@]:0:4}" "${directory_tables[@]:5:8}"
	remove web.yaml pods.yaml
	expect_tables ""
	# The gateway's own addresses stay: connections that are open still answer to them.
	left=$(ask dump | grep -v '^address .* gateway$' || true)
	[[ -z $left ]] || fail "not empty: $left"
}

test_the_order_of_arrival_does_not_matter() {
	local at_once
	lone_gateway
	directory
	gateway_up
	expect_tables "${directory_tables[@]}"
	at_once=$(ask get backends -o json)
	remove db-slice.yaml db.yaml pods.yaml web.yaml
	expect_tables ""
	service db 192.0.2.11 5432/TCP:5432 | put db.yaml
	expect_tables "192.0.2.11:5432/TCP"
	directory
	expect_tables "${directory_tables[@]}"
	[[ $(ask get backends -o json | without_counters) == "$(without_counters <<<"$at_once")" ]] ||
		fail "backends differ from those of a start"
}

# Next hops are learned from the network, whenever it answers.
without_counters() {
	json '[{k: v for k, v in i.items() if k not in ("traffic", "nextHop")}
		for i in (d["items"] if isinstance(d, dict) else d)]' | tr ' ' '\n'
}

# expect_log TEXT
expect_log() { eventually 5 agent_says "$1"; }

test_a_broken_file_keeps_its_last_good_content() {
	lone_gateway
	directory
	gateway_up
	expect_tables "${directory_tables[@]}"
	printf 'apiVersion: v1\nkind: Service\n  metadata: [\n' | put web.yaml
	expect_log "web.yaml:[0-9]*:[0-9]*: "
	# Another file's change still arrives, which tells that the broken one was read before.
	slice db-a db IPv4 tcp-5432/TCP:5433 10.2.0.21 | put db-slice.yaml
	expect_tables "${directory_tables[@]:0:13}" 10.2.0.21:5433
	service web 192.0.2.10 80/TCP:8080 | put web.yaml
	expect_tables 192.0.2.10:80/TCP 192.0.2.11:5432/TCP 10.2.0.1{1,2}:8080 10.2.0.21:5433
}

test_one_bad_document_does_not_stop_the_others() {
	lone_gateway
	{
		service good 192.0.2.10 80/TCP:8080
		echo "---"
		service bad 192.0.2.12 80/TCP:8080 | sed 's/port: 80,/port: 70000,/'
		echo "---"
		pod good1 good True 10.2.0.11
	} | put all.yaml
	agent_start gateway "${gateway_interfaces[@]}"
	agent_ready
	expect_tables 192.0.2.10:80/TCP 10.2.0.11:8080
	expect_log "all.yaml:[0-9]*:[0-9]*: .*70000"
}

test_a_broken_file_at_a_restart_removes_nothing() {
	lone_gateway
	directory
	gateway_up
	expect_tables "${directory_tables[@]}"
	agent_kill
	echo 'kind: [' | put web.yaml
	agent_start gateway "${gateway_interfaces[@]}"
	expect_log "web.yaml:[0-9]*:[0-9]*: "
	agent_ready
	expect_tables "${directory_tables[@]}"
	# Repaired, and without UDP: now what nobody defines any more may go.
	service web "$vip" 80/TCP:8080 | put web.yaml
	expect_tables 192.0.2.10:80/TCP 192.0.2.11:5432/TCP 10.2.0.1{1,2}:8080 10.2.0.2{1,2}:5433
}

test_what_was_removed_while_no_agent_ran_is_gone_after_the_start() {
	lone_gateway
	directory
	gateway_up
	expect_tables "${directory_tables[@]}"
	agent_kill
	remove db.yaml db-slice.yaml
	gateway_up
	expect_tables "${directory_tables[@]:0:4}" "${directory_tables[@]:5:8}"
}

test_a_configmap_swap_is_seen() {
	local source=$work/configmap
	lone_gateway
	mkdir -p "$source/..1" "$source/..2"
	service web 192.0.2.10 80/TCP:8080 >"$source/..1/web.yaml"
	service web 192.0.2.30 80/TCP:8080 >"$source/..2/web.yaml"
	ln -s ..1 "$source/..data"
	ln -s ..data/web.yaml "$source/web.yaml"
	manifests=$source
	gateway_up
	expect_tables 192.0.2.10:80/TCP
	ln -s ..2 "$source/..data_tmp"
	mv -T "$source/..data_tmp" "$source/..data"
	expect_tables 192.0.2.30:80/TCP
}

test_an_address_from_the_pool_stays_over_a_restart() {
	local given
	lone_gateway
	service web 192.0.2.10 80/TCP:8080 | sed '/^status:/,$d' | put web.yaml
	gateway_up --address-pool 198.51.100.0/28
	given=$(tables)
	[[ $given == 198.51.100.*:80/TCP ]] || fail "the tables: $(ask dump)"
	agent_stop
	service another 192.0.2.10 80/TCP:8080 | sed '/^status:/,$d' | put another.yaml
	gateway_up --address-pool 198.51.100.0/28
	[[ $(tables | wc -l) == 2 && $(tables) == *"$given"* ]] || fail "given $given, then $(tables)"
}

test_beside_a_file_that_was_never_good_removed_services_go() {
	lone_gateway
	gateway_up
	echo 'replicas: 2' | put values.yaml
	eventually 5 agent_says "values.yaml:1:1: "
	service extra 192.0.2.77 80/TCP:80 | put extra.yaml
	expect_tables 192.0.2.77:80/TCP
	remove extra.yaml
	expect_tables
}

run_tests "$@"
