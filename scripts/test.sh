#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Installs what is missing, builds, and runs every test. The last line is the sum.
set -u
cd "$(dirname "$0")/.." || exit 1
netns_prefix=gwt-$$
. scripts/netns.sh

usage() {
	cat <<-END
		Usage: scripts/test.sh [unit|bpf|netns|kubernetes|kernels] [PATTERN]
		All tests, those of one kind, or those whose file name contains PATTERN. Only when
		asked for: kubernetes, with a control plane that is built once, and kernels, the packet
		tests and tests/kernels in virtual machines, with each kernel of \$KERNELS ($kernels).
	END
}

kinds="unit bpf netns" pattern=
kernels=${KERNELS:-6.1 6.12 newest}
while (($#)); do
	case $1 in
	unit | bpf | netns | kubernetes | kernels) kinds=$1 ;;
	-h | --help) usage && exit 0 ;;
	-*) usage >&2 && exit 2 ;;
	*) pattern=$1 ;;
	esac
	shift
done

memcheck="env GUIDEWAY_CHECK_STEPS=40000 valgrind -q --leak-check=full --errors-for-leak-kinds=definite,indirect,possible
	--error-exitcode=99"
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
jobs=$(nproc)
tally=$(mktemp "${TMPDIR:-/tmp}/gwt-$$.tally.XXXXXX") || exit 1
trap 'rm -f "$tally"' EXIT
trap 'scripts/leftovers.sh remove $$; exit 130' INT TERM HUP

title() { printf '\n%s\n' "$*"; }
count() { echo "$@" >>"$tally"; }

# One failure that belongs to no test file.
fail() {
	printf '  FAIL           %s\n' "$*"
	count 0 1 0
}

# sources KIND SUFFIX: the wanted test files, one a line
sources() {
	local file
	for file in tests/"$1"/test_*."$2"; do
		[[ -e $file && ${file##*/} == *"$pattern"* ]] && echo "$file"
	done
}

# programs ROOM BUILD: what the wanted test files are built as
programs() { sources "$1" c | sed "s|^tests/\(.*\)\.c$|$2/tests/\1|"; }

run_tap() { GUIDEWAY_RUN=$$ scripts/run-tap.sh --tally "$tally" "$@"; }

sum_up() {
	awk '{ passed += $1; failed += $2; skipped += $3 }
		END {
			printf "\n%d passed, %d failed", passed, failed
			if (skipped) printf ", %d skipped", skipped
			print ""
			exit failed > 0 || passed + skipped == 0
		}' "$tally"
}

build() {
	title "Building"
	make -s -j "$jobs" all test-programs >/dev/null || return 1
	if [[ " $kinds " == *" unit "* ]]; then
		make -s -j "$jobs" SAN=1 B=build/san unit-tests >/dev/null || return 1
	fi
	[[ " $kinds " != *" netns "* ]] || make -s -j "$jobs" other-layout >/dev/null
}

run_unit() {
	local files
	mapfile -t files < <(programs unit build)
	((${#files[@]})) || return 0
	title "Unit tests, under valgrind"
	run_tap --with "$memcheck" "${files[@]}"
	mapfile -t files < <(programs unit build/san)
	title "Unit tests, with address and undefined-behaviour sanitizers"
	run_tap "${files[@]}"
}

run_bpf() {
	local files
	mapfile -t files < <(programs bpf build)
	((${#files[@]})) || return 0
	title "Packet tests: the XDP program, one packet at a time"
	run_tap "${files[@]}"
}

run_netns() {
	local files
	mapfile -t files < <(sources netns sh)
	((${#files[@]})) || return 0
	title "End-to-end tests in network namespaces"
	GUIDEWAY_OTHER_LAYOUT=$PWD/build/other-layout/build/guideway run_tap "${files[@]}"
}

run_kubernetes() {
	local files
	mapfile -t files < <(sources kubernetes sh)
	((${#files[@]})) || return 0
	scripts/install-deps.sh --kubernetes || fail "packages are missing"
	title "Tests with a control plane of Kubernetes"
	if scripts/kubernetes/build.sh >/dev/null; then
		run_tap --timeout 1200 "${files[@]}"
	else
		fail "no control plane"
	fi
}

# run_under KERNEL_DIR PROGRAM...: the sum comes out through the one writable directory
run_under() {
	local kernel=$1 work status=0
	shift
	work=$(mktemp -d "${TMPDIR:-/tmp}/gwt-$$.vm.XXXXXX") || return
	GUIDEWAY_RUN=$$ scripts/vm.sh --timeout 5400 --writable "$work" "$kernel" \
		env GUIDEWAY_SLOWNESS=10 scripts/run-tap.sh --timeout 900 --tally "$work/sum" "$@" ||
		status=$?
	if [[ -s $work/sum ]]; then
		cat "$work/sum" >>"$tally"
	else
		fail "the virtual machine ended with status $status and without a sum"
	fi
	rm -rf "$work"
}

# Without those of the agent's tables that ask little of the kernel and start it often.
run_kernels() {
	local files kernel directory
	mapfile -t files < <(programs bpf build | grep -vE '/test_table(s|_policies)$'
		sources kernels sh)
	((${#files[@]})) || return 0
	scripts/install-deps.sh --kernels || fail "packages are missing"
	for kernel in $kernels; do
		if directory=$(scripts/kernels.sh "$kernel"); then
			title "Packet tests and tests of kernel modules, under Linux $(<"$directory/version")"
			run_under "$directory" "${files[@]}"
		else
			fail "no kernel $kernel"
		fi
	done
}

skip_kind() {
	local suffix file
	suffix=$([[ $1 == bpf ]] && echo c || echo sh)
	title "Tests in tests/$1: skipped: $2"
	while read -r file; do
		printf '  skip           %s: %s\n' "${file#tests/}" "$2"
		count 0 0 1
	done < <(sources "$1" "$suffix")
}

run_kinds() {
	local kind obstacle
	obstacle=$(mount_bpffs)
	for kind in $kinds; do
		if [[ $kind != unit && -n $obstacle ]]; then
			skip_kind "$kind" "$obstacle"
		else
			"run_$kind"
		fi
	done
}

check_leftovers() {
	local left
	left=$(scripts/leftovers.sh list $$)
	[[ -n $left ]] || return 0
	title "Left behind by the tests"
	fail "${left//$'\n'/, }"
	scripts/leftovers.sh remove $$
}

scripts/install-deps.sh || fail "packages are missing"
scripts/leftovers.sh remove
if build; then
	run_kinds
	check_leftovers
else
	fail "the build"
fi
sum_up
