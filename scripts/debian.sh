# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# debian.sh - packages of Debian's archive, of suites that this machine may not be set up for,
# verified with Debian's keys. Sourced, never run, by who sets cache: a directory.
#
# apt works there with sources, lists and cache of its own: the machine's stay as they are.

: "${cache:?is a directory that exists}"
debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The archive that this machine's own packages come from has the other suites too.
debian_mirror() {
	apt-get indextargets --no-release-info --format "\$(REPO_URI) \$(RELEASE)" 'Created-By: Packages' |
		awk '$2 ~ /^(bookworm|trixie|forky|sid|(old)?stable|testing|unstable)$/ { print $1; exit }'
}

# own_apt PROGRAM ARGUMENT...
own_apt() {
	local program=$1
	shift
	"$program" -qq -o Dir::Etc::SourceList="$cache/apt/sources.list" -o Dir::Etc::SourceParts=- \
		-o Dir::State::Lists="$cache/apt/lists" -o Dir::Cache="$cache/apt" \
		-o Dir::Cache::pkgcache=pkgcache.bin -o APT::Sandbox::User=root "$@"
}

# own_apt_prepare SUITE...: a suite with "+source" has the list of its sources fetched too.
# Does nothing when that was done; own_apt_remove when all is fetched.
own_apt_prepare() {
	local uri suite
	[[ ! -d $cache/apt ]] || return 0
	uri=$(debian_mirror)
	if [[ -z $uri ]]; then
		echo "apt's sources name no Debian archive" >&2
		return 1
	fi
	mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial"
	for suite in "$@"; do
		echo "deb [arch=amd64 target=Packages signed-by=$debian_keyring] $uri ${suite%+source} main"
		[[ $suite != *+source ]] ||
			echo "deb-src [target=Sources signed-by=$debian_keyring] $uri ${suite%+source} main"
	done >"$cache/apt/sources.list"
	own_apt apt-get update >&2
}

own_apt_remove() { rm -rf "$cache/apt"; }
