# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# topologies.sh - the networks that tests use. Sourced by lib.sh.
#
#   two_armed:  client eth0 ---- eth0 gateway eth1 ---- LAN ---- pod1, pod2, ...
#   one_armed:  client eth0, gateway eth0, pod1, pod2, ... on one LAN
#   routed:     client eth0 ---- eth0 gateway eth1 ---- eth0 router eth1 ---- LAN ---- pods
#
# The client reaches the VIPs through the gateway. The pods know no route to the client of
# two_armed, and the gateway's kernel forwards nothing: what arrives, XDP has sent.
# routed_replies gives two_armed pods the gateway as their router, for mode dnat;
# direct_replies gives one_armed pods the VIPs, for the modes whose backends answer directly.

: "${work?is where servers write}" "${pin_dir?is where the agent pins}"
vip=192.0.2.10 vip6=2001:db8:2::10
client_net=10.1.0 client_net6=fd01: # the client is .2 and ::2, the gateway .1 and ::1
pod_net='' pod_net6=''              # pod N is .(10+N) and ::(10+N)
transit_net='' transit_net6=''      # of routed: the gateway .1 and ::1, the router .2 and ::2
gateway_interfaces=()

pod_address() { echo "$pod_net.$((10 + $1))"; }
pod_address6() { echo "$pod_net6:$((10 + $1))"; }

# The pings resolve the neighbour: while that lasts a burst of datagrams overflows the
# kernel's queue, which would count as loss.
client_routes() {
	in_ns client ip route add 192.0.2.0/24 via "$client_net.1"
	in_ns client ip -6 route add 2001:db8:2::/64 via "$client_net6:1"
	in_ns client ping -q -c 1 -W 2 "$client_net.1" >/dev/null
	in_ns client ping -q -c 1 -W 2 "$client_net6:1" >/dev/null
}

join_pods() {
	local i
	for ((i = 1; i <= $1; i++)); do
		lan_join lan "pod$i" eth0 "$(pod_address "$i")/24" "$(pod_address6 "$i")/64"
	done
}

mac_of() { in_ns "$1" ip -json link show "$2" | json "d[0]['address']"; }

# two_armed PODS
two_armed() {
	local i
	pod_net=10.2.0 pod_net6=fd02:
	gateway_interfaces=(--interface eth0 --interface eth1)
	namespaces client gateway
	for ((i = 1; i <= $1; i++)); do namespaces "pod$i"; done
	cable client eth0 gateway eth0
	addresses client eth0 "$client_net.2/24" "$client_net6:2/64"
	addresses gateway eth0 "$client_net.1/24" "$client_net6:1/64"
	lan lan
	lan_join lan gateway eth1 "$pod_net.1/24" "$pod_net6:1/64"
	join_pods "$1"
	client_routes
}

# one_armed PODS
one_armed() {
	local i
	pod_net=$client_net pod_net6=$client_net6
	gateway_interfaces=(--interface eth0)
	namespaces client gateway
	for ((i = 1; i <= $1; i++)); do namespaces "pod$i"; done
	lan lan
	lan_join lan client eth0 "$client_net.2/24" "$client_net6:2/64"
	lan_join lan gateway eth0 "$client_net.1/24" "$client_net6:1/64"
	join_pods "$1"
	client_routes
}

routed_replies() {
	local i
	in_ns gateway sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	for ((i = 1; i <= $1; i++)); do
		in_ns "pod$i" ip route add default via "$pod_net.1"
		in_ns "pod$i" ip -6 route add default via "$pod_net6:1"
	done
}

# What every backend of a direct mode needs: the VIPs on a device that is no network's, and no
# ARP answer for them.
direct_replies() {
	local i address
	for ((i = 1; i <= $1; i++)); do
		in_ns "pod$i" sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
		for address in "$vip/32" "$vip6/128" "${@:2}"; do
			addresses "pod$i" lo "$address"
		done
	done
}

# Pods that unwrap what the gateway wraps: see guideway decap.
unwrapping() {
	local i
	for ((i = 1; i <= $1; i++)); do
		in_ns "pod$i" "$GUIDEWAY" decap --interface eth0 --pin-dir "$pin_dir-pod$i" \
			--from "$pod_net.0/24" --from "$pod_net6:/64" >"$work/decap.pod$i"
	done
}

# A gateway alone with its link: for tests in which nobody sends anything.
lone_gateway() {
	namespaces gateway other
	cable gateway eth0 other eth0
	addresses gateway eth0 10.2.0.1/24 fd02::1/64
	addresses other eth0 10.2.0.2/24
	gateway_interfaces=(--interface eth0)
}

# routed PODS
routed() {
	local i
	pod_net=10.2.0 pod_net6=fd02:
	transit_net=10.3.0 transit_net6=fd03:
	gateway_interfaces=(--interface eth0 --interface eth1)
	namespaces client gateway router
	for ((i = 1; i <= $1; i++)); do namespaces "pod$i"; done
	cable client eth0 gateway eth0
	addresses client eth0 "$client_net.2/24" "$client_net6:2/64"
	addresses gateway eth0 "$client_net.1/24" "$client_net6:1/64"
	cable gateway eth1 router eth0
	addresses gateway eth1 "$transit_net.1/24" "$transit_net6:1/64"
	addresses router eth0 "$transit_net.2/24" "$transit_net6:2/64"
	in_ns gateway ip route add "$pod_net.0/24" via "$transit_net.2"
	in_ns gateway ip route add "$pod_net6:/64" via "$transit_net6:2"
	lan lan
	lan_join lan router eth1 "$pod_net.1/24" "$pod_net6:1/64"
	in_ns router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	join_pods "$1"
	for ((i = 1; i <= $1; i++)); do
		in_ns "pod$i" ip route add "$transit_net.0/24" via "$pod_net.1"
		in_ns "pod$i" ip route add "$transit_net6:/64" via "$pod_net6:1"
	done
	client_routes
}

listens() { [[ -n $(in_ns "$1" ss -Hltun "sport = :$2") ]]; }

# echo_server NS [PORT]: answers with the namespace's name, over TCP and UDP
echo_server() {
	local port=${2:-9000}
	spawn "$1" "$TRAFFIC" serve --name "$1" --port "$port" >"$work/$1.served" 2>&1
	eventually 5 listens "$1" "$port"
}

# http_server NS PORT: Python's; the page /name is the namespace's name
http_server() {
	mkdir -p "$work/www-$1"
	echo "$1" >"$work/www-$1/name"
	spawn "$1" python3 -m http.server "$2" --bind :: --directory "$work/www-$1" >"$work/$1.http" 2>&1
	eventually 10 listens "$1" "$2"
}

# Each pod an echo server on port 9000 and a manifest: app=echo, Ready.
echo_pods() {
	local i
	for ((i = 1; i <= $1; i++)); do
		echo_server "pod$i"
		pod "pod$i" echo True "$(pod_address "$i")" "$(pod_address6 "$i")" | put "pod$i.yaml"
	done
}

echo_service() { service echo "$vip $vip6" 7/TCP:9000 7/UDP:9000 | put echo.yaml; }

# The modes that change no port need the pods' own.
echo_port() { [[ $1 == [sd]nat ]] && echo 7 || echo 9000; }
echo_service_in_mode() { # MODE
	local port
	port=$(echo_port "$1")
	# shellcheck disable=SC2034 # service reads it
	annotations=("guideway.dev/forwarding-mode: $1")
	service echo "$vip $vip6" "$port/TCP:9000" "$port/UDP:9000" | put echo.yaml
	# shellcheck disable=SC2034
	annotations=()
}

gateway_up() { agent_up gateway "${gateway_interfaces[@]}" "$@"; }
