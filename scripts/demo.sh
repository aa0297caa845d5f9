#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Guideway's main job, shown: a Service from Kubernetes manifests answers on its external IP.
#
#   client eth0 ---- eth0 gateway eth1 ---- LAN ---- four "pods" with a web application
#
# Each is a network namespace of this machine; everything is removed at the end.
set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C GUIDEWAY_RUN=$$

netns_prefix=gwd-$$
. scripts/netns.sh

pod_names=(webapp-6f8d9c7b5-4kq2z webapp-6f8d9c7b5-j7w9d webapp-6f8d9c7b5-xv5mn
	webapp-6f8d9c7b5-q8r6t)
pool=10.1.0.100-10.1.0.109
pin_dir=/sys/fs/bpf/guideway-demo-$$
guideway=build/guideway
agent_pid='' work='' succeeded='' step_number=0

step() {
	step_number=$((step_number + 1))
	printf '\n%d. %s\n' "$step_number" "$*"
}

die() {
	echo "demo: $*" >&2
	exit 1
}

show_logs() {
	local log
	for log in "$work"/{agent,webapp?}.log; do
		[[ ! -s $log ]] || tail -n 15 "$log" | sed "s/^/  ${log##*/}: /"
	done
}

clean_up() {
	local status=$?
	trap - EXIT
	set +e
	[[ -n $succeeded ]] || ((status >= 128)) || show_logs >&2
	remove_namespaces
	rm -rf "$pin_dir" "$work"
	if [[ -n $succeeded ]]; then
		echo "demo: ok"
	else
		echo "demo: failed" >&2
		((status)) || status=1
	fi
	exit "$status"
}

# within SECONDS WHAT COMMAND...: waits until the command succeeds
within() {
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		((SECONDS <= end)) || die "$what"
		[[ -z $agent_pid ]] || is_running "$agent_pid" || die "the agent ended"
		sleep 0.05
	done
}

# shown WHERE COMMAND...: prints the command line, then runs it there
shown() {
	printf '   %s# %s\n' "$1" "${*:2}"
	in_ns "$@" 2>&1 | sed 's/^/     /'
}

# In one step, as `kubectl get -o yaml >file.new && mv file.new file` would.
install_manifest() {
	printf '     %s -> %s\n' "$1" "$2"
	cp "$1" "$work/manifests/.$2.new"
	mv "$work/manifests/.$2.new" "$work/manifests/$2"
}

make_network() {
	local i
	namespaces client gateway pod1 pod2 pod3 pod4
	cable client eth0 gateway eth0
	addresses client eth0 10.1.0.2/24
	addresses gateway eth0 10.1.0.1/24
	lan lan
	lan_join lan gateway eth1 10.2.0.1/24
	for i in 1 2 3 4; do lan_join lan "pod$i" eth0 "10.2.0.1$i/24"; done
}

# Debian's own Python has Debian's Flask, whatever other one comes first in PATH.
start_webapp() {
	local python=/usr/bin/python3
	[[ -x $python ]] || python=python3
	spawn "pod$1" env HOSTNAME="${pod_names[$1 - 1]}" "$python" scripts/demo/webapp.py 5000 \
		>"$work/webapp$1.log" 2>&1
}

pod_answers() { in_ns "pod$1" curl -sf --max-time 2 "http://10.2.0.1$1:5000/"; }

start_agent() {
	local options=(--interface eth0 --interface eth1 --manifests "$work/manifests"
		--address-pool "$pool" --pin-dir "$pin_dir" --state-dir "$work/state"
		--socket "$work/agent.sock")
	printf '   gateway# guideway agent'
	printf ' %s %s' "${options[@]:0:8}"
	printf ' \\\n              '
	printf ' %s %s' "${options[@]:8}"
	printf '\n'
	spawn gateway "$guideway" agent "${options[@]}" >"$work/agent.log" 2>&1
	agent_pid=$spawned
	within 15 "the agent is not ready" grep -qw ready "$work/agent.log"
	sed 's/^/     /' "$work/agent.log"
}

guideway_get() {
	printf '   gateway# guideway get %s\n' "$*"
	"$guideway" get "$@" --socket "$work/agent.sock" | sed 's/^/     /'
}

backends() { "$guideway" get backends --socket "$work/agent.sock"; }
is_backend() { [[ $(backends) == *"10.2.0.1$1:5000"* ]]; }
is_no_backend() {
	local list
	list=$(backends) && [[ $list != *"10.2.0.1$1:5000"* ]]
}

external_ip() {
	"$guideway" get services --socket "$work/agent.sock" | grep -oE '10\.1\.0\.10[0-9]' | head -n 1
}

# spread COUNT POD...: by number
spread() {
	local count=$1 i names=()
	shift
	for i in "$@"; do names+=("${pod_names[i - 1]}"); done
	echo "   client# $count requests to http://$vip/, each a new connection:"
	in_ns client python3 scripts/demo/spread.py "http://$vip/" "$count" "${names[@]}" ||
		die "the requests were not answered as they should be: see above"
}

obstacle=$(mount_bpffs)
[[ -z $obstacle ]] || die "$obstacle"
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
scripts/leftovers.sh remove
work=$(mktemp -d "/tmp/$netns_prefix.XXXXXX")
mkdir "$work/manifests" "$work/state"

step "Install what is missing, build"
scripts/install-deps.sh --build --demo
make -s -j "$(nproc)" all >"$work/build.log" 2>&1 || die "the build failed: $(cat "$work/build.log")"
echo "     $("$guideway" --version), for Linux $(uname -r)"

step "A client, a gateway and pods with a Flask \"Hello, World!\", each a network namespace"
make_network
for i in 1 2 3; do start_webapp "$i"; done
for i in 1 2 3; do within 20 "pod $i does not answer" pod_answers "$i"; done
shown client ip -brief address show eth0
shown gateway ip -brief address show
for i in 1 2 3; do echo "   pod$i: 10.2.0.1$i, $(pod_answers "$i")"; done

step "Manifests as kubectl writes them: Service, Deployment, ReplicaSet, Pods"
for file in scripts/demo/manifests/*.yaml; do install_manifest "$file" "${file##*/}"; done
"$guideway" validate -f "$work/manifests" | sed 's/^/     /'

step "The agent serves them"
start_agent
guideway_get services
guideway_get backends
vip=$(external_ip) || die "the Service got no external IP"

step "The client asks the external IP"
within 10 "http://$vip/ does not answer" in_ns client curl -sf --max-time 1 "http://$vip/"
for _ in 1 2 3 4; do shown client curl -s "http://$vip/"; done

step "Requests spread over the three pods"
spread 3000 1 2 3

step "Pod 2 becomes NotReady: it gets no new request"
install_manifest scripts/demo/changes/pod-2-not-ready.yaml pod-2.yaml
within 5 "the agent did not take pod 2 out" is_no_backend 2
spread 1000 1 3

step "A fourth pod joins: it gets its share"
start_webapp 4
within 20 "pod 4 does not answer" pod_answers 4
install_manifest scripts/demo/changes/pod-4-joins.yaml pod-4.yaml
within 5 "the agent did not take pod 4 in" is_backend 4
spread 1500 1 3 4
guideway_get services

step "Remove everything"
succeeded=yes
