#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Builds the control plane of Kubernetes for the tests, and prints the directory of its programs.
# What is there is not built again, unless what it is built from has changed.
#
# Debian 12 has the sources of Kubernetes 1.20, and a Go that builds it; nothing newer can be
# built of Debian's packages alone. So backport.py adds what Guideway reads of a newer one:
# discovery.k8s.io/v1 and loadBalancerClass. etcd and kubectl are Debian 13's.
set -eu
cd "$(dirname "$0")/../.."

usage() {
	cat <<-END
		Usage: scripts/kubernetes/build.sh
		Prints the directory with etcd, kube-apiserver, kube-controller-manager, kube-scheduler
		and kubectl: bin in build/kubernetes, or where GUIDEWAY_KUBERNETES says. The first time
		this takes 5 minutes on two cores, and 3 GB on disk while it builds, 350 MB afterwards.
	END
}

mkdir -p "${GUIDEWAY_KUBERNETES:-build/kubernetes}"
cache=$(realpath "${GUIDEWAY_KUBERNETES:-build/kubernetes}")
work=$cache/work
tree=$work/go/src/k8s.io/kubernetes
version=1.20.2
. scripts/debian.sh

refuse() {
	echo "kubernetes/build: $*" >&2
	exit 1
}

say() { printf '%(%T)T %s\n' -1 "$*" >&2; }

# What a build is made of: this script's directory says.
recipe() { cat scripts/kubernetes/{build.sh,backport.py,discovery_v1.go} | sha256sum | cut -d ' ' -f 1; }

fetch() {
	own_apt_prepare bookworm+source trixie || refuse "no packages"
	mkdir -p "$work"/{packages,root,source,bin}
	(
		cd "$work/packages"
		own_apt apt-get download golang-1.19-{go,src}/bookworm \
			golang-github-modern-go-reflect2-dev/bookworm golang-k8s-api-dev/trixie \
			{etcd-server,kubectl}/trixie
		cd "$work/source"
		own_apt apt-get source --download-only kubernetes/bookworm
	) >&2 || refuse "the packages could not be fetched"
	own_apt_remove
}

unpack() {
	local package
	for package in "$work"/packages/*.deb; do dpkg-deb -x "$package" "$work/root"; done
	mkdir -p "${tree%/*}"
	# It warns that it did not look for the maintainer's key: apt has verified the files.
	dpkg-source -x "$work"/source/kubernetes_*.dsc "$tree" >"$work/unpack.log" 2>&1 ||
		refuse "$(cat "$work/unpack.log")"
}

# The reflect2 of this tree crashes under Go 1.18 and newer; Debian's is the next one.
replace_reflect2() {
	local name=github.com/modern-go/reflect2
	rm "$tree/vendor/$name"/*.go
	cp "$work/root/usr/share/gocode/src/$name"/*.go "$tree/vendor/$name/"
	rm -f "$tree/vendor/$name"/*_test.go
}

go() {
	GOROOT=$work/root/usr/lib/go-1.19 GOPATH=$work/go GOCACHE=$work/cache GOFLAGS='' \
		CGO_ENABLED=0 GOPROXY=off GO111MODULE=off GOTOOLCHAIN=local \
		"$work/root/usr/lib/go-1.19/bin/go" "$@"
}

# The one generated file that the sources lack: OpenAPI's descriptions of all types.
generate_openapi() {
	local packages
	packages=$(grep -rl --include='*.go' '+k8s:openapi-gen=' pkg cmd plugin staging/src/k8s.io |
		grep -vE 'code-generator|sample-apiserver|zz_generated|_test\.go' |
		sed 's|^staging/src/|vendor/|; s|/[^/]*$||; s|^|k8s.io/kubernetes/|' | sort -u | paste -sd,)
	go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
	GOROOT=$work/root/usr/lib/go-1.19 GOPATH=$work/go GO111MODULE=off \
		PATH=$work/root/usr/lib/go-1.19/bin:$PATH \
		"$work/openapi-gen" --logtostderr -i "$packages" -p k8s.io/kubernetes/pkg/generated/openapi \
		-O zz_generated.openapi -h vendor/k8s.io/code-generator/hack/boilerplate.go.txt \
		-r "$work/openapi-violations"
}

compile() {
	local flags='-s -w' package program
	cd "$tree"
	say "generating OpenAPI"
	generate_openapi >"$work/openapi.log" 2>&1 || refuse "$(tail -n 20 "$work/openapi.log")"
	for package in component-base/version client-go/pkg/version; do
		package=k8s.io/kubernetes/vendor/k8s.io/$package
		flags+=" -X $package.gitVersion=v$version -X $package.gitMajor=1 -X $package.gitMinor=20"
		flags+=" -X $package.gitTreeState=clean"
	done
	for program in kube-apiserver kube-controller-manager kube-scheduler; do
		say "compiling $program"
		go build -trimpath -ldflags "$flags" -o "$work/bin/$program" "./cmd/$program" >&2
	done
}

build() {
	rm -rf "$work" "${cache:?}/bin"
	say "fetching the sources of Kubernetes $version and what builds them"
	fetch
	unpack
	replace_reflect2
	python3 scripts/kubernetes/backport.py "$tree" "$work/root"
	(compile)
	mv "$work/root/usr/bin/"{etcd,kubectl} "$work/bin/"
	recipe >"$work/bin/recipe"
	mv "$work/bin" "$cache/bin"
	rm -rf "$work"
}

case ${1:-} in
'') ;;
-h | --help) usage && exit 0 ;;
*) usage >&2 && exit 2 ;;
esac
[[ $(uname -m) == x86_64 ]] || refuse "needs an x86-64 machine: the packages are amd64's"
trap own_apt_remove EXIT
# Two at once would build the same: the second one waits, and finds it.
exec 9>"$cache/lock"
flock 9
[[ $(cat "$cache/bin/recipe" 2>/dev/null) == "$(recipe)" ]] || build
echo "$cache/bin"
