#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Fails when a room of user/ includes a room it may not know. This table is the architecture.
set -eu
cd "$(dirname "$0")/.."

declare -A may_include=(
	[lib]="lib"
	[model]="model lib"
	[source]="source model lib"
	[kube]="kube source model lib"
	[probe]="probe model lib"
	[net]="net model lib"
	[peer]="peer model lib"
	[datapath]="datapath model lib"
	[agent]="agent kube source probe net peer datapath model lib"
	[cmd]="cmd agent source model lib"
)
bad=0

complain() {
	echo "$*" >&2
	bad=1
}

# includes PATTERN PATH...: "file:line:#include ..." of every matching include
includes() { grep -rnE "^[[:space:]]*#[[:space:]]*include[[:space:]]+$1" --include='*.[ch]' "${@:2}" || true; }

for folder in user/*/; do
	room=${folder#user/} room=${room%/}
	if [[ -z ${may_include[$room]:-} ]]; then
		[[ -z $(find "$folder" -name '*.[ch]') ]] || complain "$folder: a room that $0 does not know"
		continue
	fi
	while IFS=: read -r file line include; do
		other=${include#*\"} other=${other%%[/\"]*}
		[[ " ${may_include[$room]} " == *" $other "* ]] ||
			complain "$file:$line: $room/ may not include $other/"
	done < <(includes '"[a-z_]+/' "$folder")
done

while IFS=: read -r file line include; do
	[[ $file == user/datapath/* ]] ||
		complain "$file:$line: only user/datapath/ may know BPF: $include"
done < <(includes '[<"](bpf/|linux/bpf\.h|guideway/[a-z_]*abi\.h|.*\.skel\.h)' user)

while IFS=: read -r file line include; do
	[[ $file == user/agent/* || $file == user/cmd/* || $file == user/lib/log.c ]] ||
		complain "$file:$line: only agent/ and cmd/ log, the other rooms return errors"
done < <(includes '"lib/log\.h"' user)

exit $bad
