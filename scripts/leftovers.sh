#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What tests and demonstrations left behind that were killed: namespaces, pins, directories
# and processes whose owner is dead. An owner is the pid in the name, or in GUIDEWAY_RUN in a
# process's environment. `list [PID]` counts the processes of the living owner PID as well.
set -u
PATH="$PATH:/usr/sbin:/sbin"

usage() {
	echo "Usage: scripts/leftovers.sh list|remove [PID]" >&2
	exit 2
}

# A zombie is dead too, whoever is slow to reap it.
is_dead() {
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	[[ ${stat##*) } == [ZX]* ]]
}

# The pid in NAME, when NAME is one of ours.
owner_of() {
	[[ $1 =~ ^(gwt|gwd|guideway-test|guideway-demo)-([0-9]+)([.-].*)?$ ]] && echo "${BASH_REMATCH[2]}"
}

# Prints "KIND WHAT" for every path whose base name tells a dead owner.
list_paths() {
	local kind=$1 path owner
	shift
	for path in "$@"; do
		owner=$(owner_of "${path##*/}") && [[ -e $path ]] && is_dead "$owner" && echo "$kind $path"
	done
}

list_processes() {
	local file pid owner
	while IFS=: read -r file owner; do
		pid=${file//[!0-9]/}
		owner=${owner#*=}
		((pid != $$ && pid != PPID)) || continue
		if is_dead "$owner" || [[ $owner == "$run" ]]; then echo "process $pid"; fi
	done < <(env -u GUIDEWAY_RUN grep -azHo '^GUIDEWAY_RUN=[0-9]*' /proc/[0-9]*/environ 2>/dev/null |
		tr '\0' '\n')
}

list_files() {
	list_paths namespace /run/netns/gw[td]-*
	list_paths pin /sys/fs/bpf/guideway-{test,demo}-*
	list_paths directory "${TMPDIR:-/tmp}"/gw[td]-*
}

list() {
	list_processes
	list_files
}

# The tests of a killed test.sh go on; what they made is theirs until they are dead.
end_processes() {
	local pids pid
	for _ in {1..20}; do
		mapfile -t pids < <(list_processes)
		((${#pids[@]})) || return
		pids=("${pids[@]#process }")
		kill -KILL "${pids[@]}" 2>/dev/null
		for pid in "${pids[@]}"; do
			for _ in {1..100}; do
				is_dead "$pid" && break
				sleep 0.02
			done
		done
	done
}

remove() {
	local kind what
	end_processes
	while read -r kind what; do
		if [[ $kind == namespace ]]; then
			ip netns pids "${what##*/}" | xargs -r kill -KILL 2>/dev/null
			ip netns delete "${what##*/}"
		else
			rm -rf "$what"
		fi
	done < <(list_files)
}

run=${2:-}
case ${1:-} in
list) list ;;
remove) remove ;;
*) usage ;;
esac
exit 0
