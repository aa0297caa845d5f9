#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Installs what building, demonstrating and testing need. Silent when everything is there.
#
# apt: tried on Debian 12. dnf: Fedora's names for the same packages, not tried.
set -eu

demo_apt="iproute2 ethtool curl python3 python3-flask procps util-linux mount"
demo_dnf="iproute ethtool curl python3 python3-flask procps-ng util-linux"
declare -A packages=(
	[build_apt]="clang llvm libbpf-dev bpftool libelf-dev zlib1g-dev libyaml-dev libjansson-dev
		libevent-dev libmnl-dev libxxhash-dev nettle-dev libcurl4-openssl-dev gcc libc6-dev make pkg-config"
	[demo_apt]=$demo_apt
	[test_apt]="$demo_apt libcmocka-dev valgrind libc6-dbg libclang-rt-14-dev iputils-ping git
		shellcheck clang-format cppcheck iperf3 openssl nghttp2-server"
	[bench_apt]="$demo_apt iputils-ping nftables haproxy"
	[kernels_apt]="qemu-system-x86 virtiofsd busybox-static kmod xz-utils debian-archive-keyring"
	[build_dnf]="clang llvm libbpf-devel bpftool elfutils-libelf-devel zlib-devel libyaml-devel
		jansson-devel libevent-devel libmnl-devel xxhash-devel nettle-devel libcurl-devel gcc glibc-devel make
		pkgconf-pkg-config"
	[demo_dnf]=$demo_dnf
	[test_dnf]="$demo_dnf libcmocka-devel valgrind compiler-rt libasan libubsan iputils git
		ShellCheck clang-tools-extra cppcheck iperf3 openssl nghttp2"
	[bench_dnf]="$demo_dnf iputils nftables haproxy"
	[kernels_dnf]="qemu-system-x86-core virtiofsd busybox kmod xz"
)

usage() {
	cat <<-END
		Usage: scripts/install-deps.sh [--build] [--demo] [--test] [--bench] [--kernels]
		Installs the packages that are missing for building, for the demonstration, for the
		tests, for comparing with others in \`make bench\`, and for tests under other kernels.
		Without an option: for building and testing.
	END
}

refuse() {
	echo "install-deps: $*" >&2
	exit 1
}

apt_first_known() {
	local name
	for name in "$@"; do
		[[ -n $(apt-cache madison "$name" 2>/dev/null) ]] && echo "$name" && return
	done
}

# Ubuntu ships bpftool with its kernels' tools, and its older releases the runtime with clang.
# Debian 12 ships virtiofsd with qemu.
apt_name() {
	case $1 in
	bpftool) apt_first_known bpftool linux-tools-generic ;;
	libclang-rt-14-dev) apt_first_known libclang-rt-14-dev libclang-rt-dev ;;
	virtiofsd) apt_first_known virtiofsd ;;
	*) echo "$1" ;;
	esac
}

apt_is_here() {
	case $1 in
	bpftool) PATH="$PATH:/usr/sbin:/sbin" command -v bpftool >/dev/null ;;
	libclang-rt-14-dev) compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*' \
		>/dev/null ;;
	pkg-config) command -v pkg-config >/dev/null ;;
	virtiofsd) PATH="$PATH:/usr/lib/qemu:/usr/libexec" command -v virtiofsd >/dev/null ;;
	*) [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]] ;;
	esac
}

dnf_is_here() { rpm -q --whatprovides "$1" >/dev/null 2>&1; }

apt_install() {
	local name names=()
	export DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes
	apt-get update -qq
	for name in "$@"; do
		name=$(apt_name "$name")
		[[ -z $name ]] || names+=("$name")
	done
	apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends "${names[@]}" </dev/null >/dev/null
}

# Debian starts and enables every service that it installs. The benchmark runs an HAProxy of its
# own: one that came for its sake only must not serve, nor start with the machine.
apt_leave_idle() {
	service "$1" stop || true
	systemctl -q disable "$1" || update-rc.d "$1" disable
} >/dev/null 2>&1

dnf_install() { dnf install -y -q --setopt=install_weak_deps=False "$@" </dev/null; }

groups=()
for option in "$@"; do
	case $option in
	--build | --demo | --test | --bench | --kernels) groups+=("${option#--}") ;;
	-h | --help) usage && exit 0 ;;
	*) refuse "unknown option '$option': expected --build, --demo, --test, --bench or --kernels" ;;
	esac
done
((${#groups[@]})) || groups=(build test)

if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
	manager=apt
elif command -v dnf >/dev/null; then
	manager=dnf
else
	manager=apt unknown=1
fi

wanted=
for group in "${groups[@]}"; do
	wanted+=" ${packages[${group}_$manager]}"
done
read -ra wanted -d '' <<<"$wanted" || true
[[ -z ${unknown:-} ]] || refuse "neither apt nor dnf here: install what Debian calls ${wanted[*]}"

missing=()
for name in "${wanted[@]}"; do
	"${manager}_is_here" "$name" || [[ " ${missing[*]} " == *" $name "* ]] || missing+=("$name")
done
((${#missing[@]})) || exit 0
((EUID == 0)) || refuse "missing: ${missing[*]}: run it with sudo to install them"
echo "install-deps: installing ${missing[*]}"
"${manager}_install" "${missing[@]}" || refuse "$manager could not install them: see above"
[[ $manager != apt || " ${missing[*]} " != *" haproxy "* ]] || apt_leave_idle haproxy ||
	echo "install-deps: haproxy could not be disabled"
