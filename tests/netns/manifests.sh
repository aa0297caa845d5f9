# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# manifests.sh - Kubernetes objects as a user would write them. Sourced by lib.sh.
: "${manifests?is the directory they go to}"

# put FILE: standard input becomes the manifest FILE in one step, by rename
put() {
	cat >"$manifests/.$1.new"
	mv "$manifests/.$1.new" "$manifests/$1"
}

remove() { rm "${@/#/$manifests/}"; }

# service NAME "ADDRESS..." PORT/PROTOCOL:TARGET...
# Serves the pods with the label app=NAME on these addresses. Annotations, each one of
# "guideway.dev/name: value", are in the array annotations; more lines of its spec in service_spec.
annotations=() service_spec=()
service() {
	local name=$1 address port annotation
	local -a addresses
	read -ra addresses <<<"$2"
	shift 2
	cat <<-END
		apiVersion: v1
		kind: Service
		metadata:
		  name: $name
		  namespace: default
	END
	if ((${#annotations[@]})); then
		echo "  annotations:"
		for annotation in "${annotations[@]}"; do echo "    $annotation"; done
	fi
	cat <<-END
		spec:
		  type: LoadBalancer
		  ipFamilyPolicy: PreferDualStack
		  ipFamilies:
	END
	for address in "${addresses[@]}"; do
		[[ $address == *:* ]] && echo "  - IPv6" || echo "  - IPv4"
	done
	echo "  selector: {app: $name}"
	((${#service_spec[@]} == 0)) || printf '  %s\n' "${service_spec[@]}"
	echo "  ports:"
	for port in "$@"; do
		[[ $port =~ ^([0-9]+)/(TCP|UDP):([0-9]+)$ ]] || fail "service: bad port $port"
		echo "  - {name: ${BASH_REMATCH[2],,}-${BASH_REMATCH[1]}, port: ${BASH_REMATCH[1]}," \
			"protocol: ${BASH_REMATCH[2]}, targetPort: ${BASH_REMATCH[3]}}"
	done
	printf 'status:\n  loadBalancer:\n    ingress:\n'
	printf '    - ip: "%s"\n' "${addresses[@]}"
}

# pod NAME APP READY ADDRESS...: READY is True or False
pod() {
	local name=$1 app=$2 ready=$3
	shift 3
	cat <<-END
		apiVersion: v1
		kind: Pod
		metadata:
		  name: $name
		  namespace: default
		  labels: {app: $app}
		spec:
		  containers:
		  - {name: main, image: example.org/main}
		status:
		  phase: Running
		  podIP: "$1"
		  podIPs:
	END
	printf '  - ip: "%s"\n' "$@"
	cat <<-END
		  conditions:
		  - {type: Ready, status: "$ready"}
	END
}

# slice NAME SERVICE IPv4|IPv6 PORTNAME/PROTOCOL:PORT ADDRESS...
slice() {
	local name=$1 service=$2 family=$3 port=$4
	shift 4
	[[ $port =~ ^([a-z0-9-]*)/(TCP|UDP):([0-9]+)$ ]] || fail "slice: bad port $port"
	cat <<-END
		apiVersion: discovery.k8s.io/v1
		kind: EndpointSlice
		metadata:
		  name: $name
		  namespace: default
		  labels: {kubernetes.io/service-name: $service}
		addressType: $family
		ports:
		- {name: "${BASH_REMATCH[1]}", protocol: ${BASH_REMATCH[2]}, port: ${BASH_REMATCH[3]}}
		endpoints:
	END
	printf '%s\n' "${@/#/- addresses: [\"}" | sed 's/$/"]/'
}
