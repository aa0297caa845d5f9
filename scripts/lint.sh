#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Everything that can be found without running the program. Fails when anything is found.
set -u
cd "$(dirname "$0")/.." || exit 1
failed=0

check() {
	local what=$1 start=$EPOCHREALTIME
	shift
	if "$@"; then
		printf '  ok   %5.1f s  %s\n' "$(LC_ALL=C awk "BEGIN { print ${EPOCHREALTIME/,/.} - ${start/,/.} }")" "$what"
	else
		printf '  FAIL          %s\n' "$what"
		failed=1
	fi
}

# files PATTERN...: of the checkout, whoever owns it (git would refuse root in a user's)
files() { git -c safe.directory='*' ls-files --cached --others --exclude-standard -- "$@"; }

formatted() { files '*.c' '*.h' | xargs -r clang-format --dry-run -Werror; }

# Those with a shell's name in the first line, and what they source.
shell_checked() { files '*.sh' .ci/run | xargs -r shellcheck; }

# What is suppressed it often gets wrong; gcc, valgrind and the sanitizers watch the same.
cpp_checked() {
	cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
		--inline-suppr --suppress=missingIncludeSystem --suppress=unknownEvaluationOrder \
		--suppress=ctuuninitvar --suppress=uninitvar --suppress=uninitStructMember \
		--suppress=arrayIndexThenCheck \
		--include=scripts/cppcheck.h -Iuser -Iinclude user
}

# A README that names a make target which is not there sends people astray.
readme_targets_exist() {
	local target bad=0
	[[ -e README.md ]] || return 0
	while read -r target; do
		grep -qE "^$target:" Makefile && continue
		echo "README.md: make $target: the Makefile has no such target" >&2
		bad=1
	done < <(grep -oE '^ *(\$ *)?(sudo )?make [a-z][a-z-]*|`(sudo )?make [a-z][a-z-]*' README.md |
		sed 's/.*make //' | sort -u)
	return "$bad"
}

scripts/install-deps.sh --test || exit 1
check "clang-format" formatted
check "shellcheck" shell_checked
check "layers: which room may include which" scripts/check-layers.sh
check "cppcheck" cpp_checked
check "README names only make targets that exist" readme_targets_exist
exit $failed
