# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# modes.sh - what is compared: how the gateway forwards, and how it is set up to. Sourced by
# network.sh.
: "${vip?}" "${port?}" "${backends?}" "${work?}" "${pin_dir?}"

# One mode a line: name | set-up | cases. The set-up finds the network of make_network; the
# cases are in cases.sh and run in this order. Plain forwarding, the first, is what the
# others are compared with.
# shellcheck disable=SC2034
modes=(
	"raw           | raw_up           | connections requests both_ways one_way one_way_1024"
	"raw direct    | raw_direct_up    | connections requests"
	"nftables      | nftables_up      | connections requests both_ways one_way one_way_1024"
	"haproxy       | haproxy_up       | connections requests"
	"guideway snat | guideway_up snat | connections requests both_ways one_way one_way_1024"
	"guideway dnat | guideway_up dnat | connections requests both_ways one_way one_way_1024"
	"guideway l2   | direct_up l2     | connections requests one_way one_way_1024"
	"guideway ipip | tunnel_up ipip   | connections requests one_way one_way_1024"
	"guideway gue  | tunnel_up gue    | connections requests one_way one_way_1024"
)

# ECMP to the backends, by the whole tuple.
raw_up() {
	local i hops=()
	for i in "${backends[@]}"; do hops+=(nexthop via "$(backend_address "$i")"); done
	in_ns gateway ip route add "$vip" "${hops[@]}"
}

# The same, and answers take the other way: what direct return alone is worth.
raw_direct_up() {
	direct_return
	raw_up
}

# What kube-proxy does in its nftables mode, without its chains.
nftables_up() {
	need nft
	local i choices=()
	for i in "${backends[@]}"; do choices+=("$((i - 1)) : $(backend_address "$i")"); done
	in_ns gateway nft -f - <<-END
		table ip bench {
			chain prerouting {
				type nat hook prerouting priority dstnat;
				ip daddr $vip meta l4proto { tcp, udp } th dport $port \
					dnat to numgen random mod ${#backends[@]} map {
						$(IFS=,; echo "${choices[*]}") }
			}
			chain postrouting {
				type nat hook postrouting priority srcnat;
				ct status dnat masquerade
			}
		}
	END
}

haproxy_up() {
	need haproxy
	local i
	{
		printf '%s\n' "global" "	nbthread 2" "	maxconn 4096" \
			"defaults" "	mode tcp" "	timeout connect 5s" \
			"	timeout client 30s" "	timeout server 30s" \
			"listen bench" "	bind $vip:$port" "	balance roundrobin"
		for i in "${backends[@]}"; do
			echo "	server backend$i $(backend_address "$i"):$port"
		done
	} >"$work/haproxy.cfg"
	addresses gateway lo "$vip/32"
	spawn gateway haproxy -db -f "$work/haproxy.cfg" >"$work/haproxy.log" 2>&1
	eventually 5 listens gateway "$port"
}

# guideway_up FORWARDING-MODE
guideway_up() {
	local i interfaces=(--interface eth0)
	service bench "$vip" "$port/TCP:$port" "$port/UDP:$port" | put service.yaml
	for i in "${backends[@]}"; do
		interfaces+=(--interface "eth$i")
		pod "backend$i" bench True "$(backend_address "$i")" | put "backend$i.yaml"
	done
	agent_up gateway "${interfaces[@]}" --forwarding-mode "$1"
}

# direct_up FORWARDING-MODE: the backends answer past the gateway.
direct_up() {
	direct_return
	guideway_up "$1"
}

# decap BACKEND OPTION...
decap() {
	in_ns "backend$1" "$GUIDEWAY" decap --interface eth0 --pin-dir "$pin_dir-backend$1" "${@:2}" \
		>>"$work/decap.log" 2>&1
}

# tunnel_up FORWARDING-MODE: and unwrap what they get.
unwraps=''
tunnel_up() {
	local i
	direct_up "$1"
	for i in "${backends[@]}"; do decap "$i" --to "$vip"; done
	unwraps=yes
}

# Makes way for another program on the backends' interfaces.
unwrap_no_more() {
	local i
	[[ -n $unwraps ]] || return 0
	for i in "${backends[@]}"; do decap "$i" --detach; done
	unwraps=
}
