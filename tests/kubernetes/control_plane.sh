# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# control_plane.sh - a real control plane of Kubernetes in a namespace of its own. Sourced by
# tests/kubernetes/, behind netns/lib.sh.
#
# Everything it writes is in $plane, everything it starts is the test's like any other process.
# Whoever reaches the namespace's address reaches the API server, with kubeconfigs in $plane:
# admin.conf, and what account_config makes.

: "${work?is where it writes}" "${root?}"

kubernetes_bin=${GUIDEWAY_KUBERNETES:-$root/build/kubernetes}/bin
plane_address=''
# What newer servers always have. The second is serving and terminating in EndpointSlices.
feature_gates=EndpointSliceNodeName=true,EndpointSliceTerminatingCondition=true
feature_gates+=,MixedProtocolLBService=true,ServiceLBNodePortControl=true
declare -A plane_pid=()

#### Certificates

# certificate NAME SUBJECT EXTENSION...: a key and a certificate of the cluster's CA
certificate() {
	local name=$1 subject=$2
	shift 2
	openssl ecparam -name prime256v1 -genkey -noout -out "$name.key"
	openssl req -new -key "$name.key" -subj "$subject" -out "$name.csr"
	openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 \
		-extfile <(printf '%s\n' "$@") -out "$name.crt" 2>/dev/null
	rm "$name.csr"
}

make_certificates() {
	mkdir -p "$plane/pki"
	(
		cd "$plane/pki" || exit
		umask 077
		openssl ecparam -name prime256v1 -genkey -noout -out ca.key
		openssl req -x509 -new -key ca.key -subj /CN=test-ca -days 30 -out ca.crt
		openssl genrsa -out accounts.key 2048 2>/dev/null
		openssl rsa -in accounts.key -pubout -out accounts.pub 2>/dev/null
		certificate server /CN=kube-apiserver extendedKeyUsage=serverAuth \
			"subjectAltName=IP:$plane_address,IP:127.0.0.1,DNS:kubernetes.default.svc"
		certificate admin /O=system:masters/CN=admin extendedKeyUsage=clientAuth
		certificate controllers /CN=system:kube-controller-manager extendedKeyUsage=clientAuth
		certificate scheduler /CN=system:kube-scheduler extendedKeyUsage=clientAuth
	)
}

# kubeconfig USER NAMESPACE FIELDS: the file, with what the user's entry has
kubeconfig() {
	cat <<-END
		apiVersion: v1
		kind: Config
		clusters:
		- name: test
		  cluster:
		    server: https://$plane_address:6443
		    certificate-authority: $plane/pki/ca.crt
		contexts:
		- name: test
		  context: {cluster: test, user: $1, namespace: $2}
		current-context: test
		users:
		- name: $1
		  user: {$3}
	END
}

make_kubeconfigs() {
	local name
	for name in admin controllers scheduler; do
		kubeconfig "$name" default \
			"client-certificate: $plane/pki/$name.crt, client-key: $plane/pki/$name.key" >"$plane/$name.conf"
	done
}

#### Its processes

# plane_spawn NAME PROGRAM OPTION...
plane_spawn() {
	local name=$1 program=$2
	shift 2
	spawn plane "$kubernetes_bin/$program" "$@" >>"$plane/$name.log" 2>&1
	plane_pid[$name]=${spawned:?}
}

start_etcd() {
	plane_spawn etcd etcd --data-dir "$plane/etcd" --unsafe-no-fsync --log-level warn \
		--listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
		--listen-peer-urls http://127.0.0.1:2380
}

start_api_server() {
	plane_spawn apiserver kube-apiserver --etcd-servers=http://127.0.0.1:2379 --secure-port=6443 \
		--advertise-address="$plane_address" --endpoint-reconciler-type=none \
		--tls-cert-file="$plane/pki/server.crt" --tls-private-key-file="$plane/pki/server.key" \
		--cert-dir="$plane/pki" --client-ca-file="$plane/pki/ca.crt" --authorization-mode=RBAC \
		--service-account-issuer=https://kubernetes.default.svc \
		--service-account-signing-key-file="$plane/pki/accounts.key" \
		--service-account-key-file="$plane/pki/accounts.pub" \
		--service-cluster-ip-range=10.96.0.0/16 --feature-gates="$feature_gates"
}

# Without a directory for flexible volumes the controllers would write under /usr/libexec.
start_controllers() {
	plane_spawn controllers kube-controller-manager --kubeconfig="$plane/controllers.conf" \
		--bind-address=127.0.0.1 --port=0 --cert-dir="$plane/controllers" --leader-elect=false \
		--use-service-account-credentials --service-account-private-key-file="$plane/pki/accounts.key" \
		--root-ca-file="$plane/pki/ca.crt" --flex-volume-plugin-dir="$plane/flex" \
		--node-monitor-grace-period=8760h --kube-api-qps=200 --kube-api-burst=400 \
		--feature-gates="$feature_gates"
}

start_scheduler() {
	plane_spawn scheduler kube-scheduler --kubeconfig="$plane/scheduler.conf" \
		--bind-address=127.0.0.1 --port=0 --cert-dir="$plane/scheduler" --leader-elect=false
}

kubectl() {
	in_ns plane "$kubernetes_bin/kubectl" --kubeconfig "$plane/admin.conf" \
		--cache-dir "$plane/kubectl" "$@"
}

etcd_answers() { in_ns plane curl -sf http://127.0.0.1:2379/health >/dev/null; }
api_answers() { kubectl get --raw /readyz >/dev/null 2>&1; }
accounts_exist() { kubectl get serviceaccount default >/dev/null 2>&1; }

# plane_up: in the namespace plane, which the test has given this address
plane_up() { # ADDRESS
	[[ -x $kubernetes_bin/kube-apiserver ]] || fail "no control plane: run scripts/kubernetes/build.sh"
	plane=$work/plane plane_address=$1
	make_certificates
	make_kubeconfigs
	start_etcd
	eventually 20 etcd_answers
	start_api_server
	eventually 60 api_answers
	start_controllers
	start_scheduler
	eventually 60 accounts_exist
}

api_server_dies() {
	kill -KILL "${plane_pid[apiserver]}"
	{ wait "${plane_pid[apiserver]}"; } 2>/dev/null || true
}

api_server_returns() {
	start_api_server
	eventually 60 api_answers
}

#### etcd itself, through its gateway to JSON

etcd_call() { in_ns plane curl -sf "http://127.0.0.1:2379/v3/kv/$1" -d "$2"; }

# Forgets all history: a watch from any revision before now is told 410.
compact_history() {
	local revision
	# A revision that no watcher has seen.
	revision=$(etcd_call put '{"key": "dGVzdA==", "value": "dGVzdA=="}' | json "d['header']['revision']")
	etcd_call compaction "{\"revision\": \"$revision\"}" >/dev/null
}

#### Accounts

# token_of NAMESPACE ACCOUNT [SECRET]: a token of ten minutes; void once SECRET is deleted
token_of() {
	local bound=''
	[[ -z ${3:-} ]] || bound=", \"boundObjectRef\": {\"kind\": \"Secret\", \"apiVersion\": \"v1\", \"name\": \"$3\"}"
	echo "{\"apiVersion\": \"authentication.k8s.io/v1\", \"kind\": \"TokenRequest\",
		\"spec\": {\"expirationSeconds\": 600$bound}}" |
		kubectl create -f - --raw "/api/v1/namespaces/$1/serviceaccounts/$2/token" |
		json "d['status']['token']"
}

# account_config NAMESPACE ACCOUNT [SECRET]: $plane/ACCOUNT.conf; the token is in $plane/ACCOUNT.token
account_config() {
	token_of "$@" >"$plane/$2.token"
	kubeconfig "$2" "$1" "tokenFile: $plane/$2.token" >"$plane/$2.conf"
}
