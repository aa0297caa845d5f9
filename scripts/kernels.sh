#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Fetches kernels of Debian for scripts/vm.sh and prints their directories, one a line. A
# directory has vmlinuz, version, and lib/modules/; what is there is not fetched again.
set -eu
cd "$(dirname "$0")/.."

usage() {
	cat <<-END
		Usage: scripts/kernels.sh SERIES...
		SERIES is 6.1, 6.12, ... or newest: the newest that Debian's suites $suites have.
		The kernels are kept in build/kernels, or where GUIDEWAY_KERNELS says; remove a
		directory there to fetch a newer version.
	END
}

suites="bookworm trixie sid"
mkdir -p "${GUIDEWAY_KERNELS:-build/kernels}"
cache=$(realpath "${GUIDEWAY_KERNELS:-build/kernels}")
. scripts/debian.sh

refuse() {
	echo "kernels: $*" >&2
	exit 1
}

# newest_of SERIES: the newest version that there is, as in the packages' names
newest_of() {
	local series=${1//./\\.}
	[[ $1 != newest ]] || series='[0-9]+'
	own_apt apt-cache pkgnames linux-image- |
		sed -nE "s/^linux-image-($series\.[0-9].*)-cloud-amd64\$/\1/p" |
		grep -vE -- '-(rt|unsigned)' | sort -V | tail -n 1
}

# packages_of VERSION: newer ones have kernel and modules in packages apart
packages_of() {
	own_apt apt-cache pkgnames linux- |
		grep -E "^linux-(image|binary|modules)-${1//[+.]/[&]}-cloud-amd64\$"
}

# unpack DIRECTORY: the packages in it become what the caller was promised
unpack() {
	local deb version
	for deb in "$1"/*.deb; do dpkg-deb -x "$deb" "$1/root"; done
	mkdir "$1/lib"
	mv "$1"/root/lib/modules "$1/lib/" 2>/dev/null || mv "$1"/root/usr/lib/modules "$1/lib/"
	version=$(cd "$1/lib/modules" && echo *)
	mv "$1/root/boot/vmlinuz-$version" "$1/vmlinuz" 2>/dev/null ||
		mv "$1/lib/modules/$version/vmlinuz" "$1/vmlinuz"
	# Unpacking a module takes long in a virtual machine.
	find "$1/lib" -name '*.ko.xz' -exec unxz {} +
	# It warns that newer packages have no list of what is built in.
	PATH="$PATH:/usr/sbin:/sbin" depmod -b "$1" "$version" 2>/dev/null || refuse "depmod failed"
	echo "$version" >"$1/version"
	rm -r "$1"/*.deb "$1/root"
}

fetch() {
	local series=$1 version packages work=$cache/.$1
	[[ $(uname -m) == x86_64 ]] || refuse "needs an x86-64 machine: the kernels are amd64's"
	# shellcheck disable=SC2086
	own_apt_prepare $suites || refuse "no packages"
	version=$(newest_of "$series")
	[[ -n $version ]] || refuse "Debian's $suites have no cloud kernel $series"
	mapfile -t packages < <(packages_of "$version")
	rm -rf "$work"
	mkdir "$work"
	(cd "$work" && own_apt apt-get download "${packages[@]}" >&2)
	unpack "$work"
	mv "$work" "$cache/$series"
}

case ${1:--h} in -h | --help) usage && exit 0 ;; esac
trap own_apt_remove EXIT
for series in "$@"; do
	[[ $series =~ ^([0-9]+(\.[0-9]+)*|newest)$ ]] || refuse "'$series' is no series of kernels"
	[[ -e $cache/$series/version ]] || fetch "$series"
	echo "$cache/$series"
done
