#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# test_consistency.sh and test_consistency_agents.sh in full: one mode at a time, then a table of all.
set -u
here=$(dirname "$0")

usage() {
	cat <<-END
		Usage: tests/netns/consistency_full.sh JSON [PATTERN]
		All scenarios, or those whose name contains PATTERN: a table, and the same as a list of
		objects in the file JSON. GUIDEWAY_CONSISTENCY_CONNECTIONS (2000), _RATE (500), _SECONDS
		(60) and _MODES ("ipip snat") are its size; GUIDEWAY_OTHER_LAYOUT names a guideway whose
		maps have another layout, for the upgrade. About 25 minutes. Status 77: cannot run here.
	END
}

case ${1:-} in
'' | -h | --help) usage && exit 0 ;;
esac
json=$1 pattern=${2:-} status=0
export GUIDEWAY_CONSISTENCY_CONNECTIONS=${GUIDEWAY_CONSISTENCY_CONNECTIONS:-2000}
export GUIDEWAY_CONSISTENCY_RATE=${GUIDEWAY_CONSISTENCY_RATE:-500}
export GUIDEWAY_CONSISTENCY_SECONDS=${GUIDEWAY_CONSISTENCY_SECONDS:-60}
read -ra modes <<<"${GUIDEWAY_CONSISTENCY_MODES:-ipip snat}"
((EUID == 0)) || { echo "needs root: run it with sudo" >&2; exit 77; }

GUIDEWAY_CONSISTENCY_RESULTS=$(mktemp "${TMPDIR:-/tmp}/gwt-$$.results.XXXXXX") || exit 1
export GUIDEWAY_CONSISTENCY_RESULTS
trap 'rm -f "$GUIDEWAY_CONSISTENCY_RESULTS"' EXIT
trap 'exit 130' INT TERM HUP
for mode in "${modes[@]}"; do
	echo "# $mode"
	for file in "$here"/test_consistency*.sh; do
		GUIDEWAY_CONSISTENCY_MODES=$mode "$file" "$pattern" || status=1
	done
done
echo
python3 "$here/consistency_report.py" "$GUIDEWAY_CONSISTENCY_RESULTS" "$json" || status=1
exit "$status"
