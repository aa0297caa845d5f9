#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""backport.py TREE API: gives the source tree of Kubernetes 1.20 what Guideway needs of a newer one.

API is the unpacked golang-k8s-api-dev. discovery.k8s.io/v1 (EndpointSlice), whose types are
API's, is served beside v1beta1; a Service's spec has loadBalancerClass, as field 21. Files that
Kubernetes generates are changed as its generators would; what a file is expected to have and
has not is an error.
"""
import os
import re
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def change(path, *replacements):
    """Each of (old, new) once, where old is first found."""
    text = read(path)
    for old, new in replacements:
        if old not in text:
            sys.exit(f"backport: {path}: expected to find: {old.strip()}")
        text = text.replace(old, new, 1)
    write(path, text)


def before(anchor, addition):
    return anchor, addition + anchor


def after(anchor, addition):
    return anchor, anchor + addition


# discovery.k8s.io/v1


def add_discovery_types(api):
    source = f"{api}/usr/share/gocode/src/k8s.io/api/discovery/v1"
    target = "staging/src/k8s.io/api/discovery/v1"
    os.makedirs(target, exist_ok=True)
    for name in os.listdir(source):
        if name.endswith((".go", ".proto")):
            shutil.copy(f"{source}/{name}", target)


def add_discovery_package():
    old, new = "pkg/apis/discovery/v1beta1", "pkg/apis/discovery/v1"
    for name in ("defaults.go", "doc.go", "register.go", "zz_generated.defaults.go"):
        text = read(f"{old}/{name}").replace("v1beta1", "v1")
        text = text.replace('\tv1 "k8s.io/api/core/v1"', '\tcorev1 "k8s.io/api/core/v1"')
        text = text.replace("= v1.ProtocolTCP", "= corev1.ProtocolTCP")
        # The conversions are written by hand.
        text = re.sub(r".*\+k8s:conversion-gen.*\n", "", text)
        write(f"{new}/{name}", text)
    shutil.copy(f"{HERE}/discovery_v1.go", f"{new}/conversion.go")


DISCOVERY_STORAGE = """\
	if apiResourceConfigSource.VersionEnabled(discoveryv1.SchemeGroupVersion) {
		storageMap, err := p.v1beta1Storage(apiResourceConfigSource, restOptionsGetter)
		if err != nil {
			return genericapiserver.APIGroupInfo{}, false, err
		}
		apiGroupInfo.VersionedResourcesStorageMap[discoveryv1.SchemeGroupVersion.Version] = storageMap
	}

"""


def serve_discovery():
    change(
        "pkg/apis/discovery/install/install.go",
        before(
            '\t"k8s.io/kubernetes/pkg/apis/discovery/v1alpha1"\n',
            '\tdiscoveryv1 "k8s.io/kubernetes/pkg/apis/discovery/v1"\n',
        ),
        after(
            "\tutilruntime.Must(v1beta1.AddToScheme(scheme))\n",
            "\tutilruntime.Must(discoveryv1.AddToScheme(scheme))\n",
        ),
        after(
            "SetVersionPriority(v1beta1.SchemeGroupVersion, ", "discoveryv1.SchemeGroupVersion, "
        ),
    )
    change(
        "pkg/registry/discovery/rest/storage_discovery.go",
        before("\tdiscoveryv1alpha1 ", '\tdiscoveryv1 "k8s.io/api/discovery/v1"\n'),
        before("\treturn apiGroupInfo, true, nil\n", DISCOVERY_STORAGE),
    )
    change(
        "pkg/controlplane/instance.go",
        before("\tdiscoveryv1beta1 ", '\tdiscoveryv1 "k8s.io/api/discovery/v1"\n'),
        before(
            "\t\tdiscoveryv1beta1.SchemeGroupVersion,\n", "\t\tdiscoveryv1.SchemeGroupVersion,\n"
        ),
    )
    change(
        "cmd/kube-apiserver/app/aggregator.go",
        before(
            '\t{Group: "discovery.k8s.io", Version: "v1beta1"}: ',
            '\t{Group: "discovery.k8s.io", Version: "v1"}: {group: 16200, version: 15},\n',
        ),
    )


# loadBalancerClass

CLASS_DEEPCOPY = """\
	if in.LoadBalancerClass != nil {
		in, out := &in.LoadBalancerClass, &out.LoadBalancerClass
		*out = new(string)
		**out = **in
	}
"""
# Fields are written from the last to the first. Field 21, length-delimited, is 0xaa 0x01.
CLASS_MARSHAL = """\
	if m.LoadBalancerClass != nil {
		i -= len(*m.LoadBalancerClass)
		copy(dAtA[i:], *m.LoadBalancerClass)
		i = encodeVarintGenerated(dAtA, i, uint64(len(*m.LoadBalancerClass)))
		i--
		dAtA[i] = 0x1
		i--
		dAtA[i] = 0xaa
	}
"""
CLASS_SIZE = """\
	if m.LoadBalancerClass != nil {
		l = len(*m.LoadBalancerClass)
		n += 2 + l + sovGenerated(uint64(l))
	}
"""
CLASS_STRING = "\t\t`LoadBalancerClass:` + valueToStringGenerated(this.LoadBalancerClass) + `,`,\n"


def class_unmarshal(text):
    """The case of another optional string of the same message, renamed."""
    case = re.search(
        r"\t\tcase 17:\n(?:(?!\t\tcase ).*\n)*?.*for field IPFamilyPolicy\"(?:(?!\t\tcase ).*\n)*",
        text,
    )
    if not case:
        sys.exit("backport: generated.pb.go: expected to find field IPFamilyPolicy")
    case = case.group().replace("case 17:", "case 21:").replace("IPFamilyPolicyType(", "string(")
    return case.replace("IPFamilyPolicy", "LoadBalancerClass")


def add_load_balancer_class():
    api, core = "staging/src/k8s.io/api/core/v1", "pkg/apis/core"
    tag = '`json:"allocateLoadBalancerNodePorts,omitempty" protobuf:"bytes,20,opt,name=allocateLoadBalancerNodePorts"`\n'
    class_tag = '`json:"loadBalancerClass,omitempty" protobuf:"bytes,21,opt,name=loadBalancerClass"`\n'
    # The comment is the field's description in OpenAPI.
    field = "\n\t// loadBalancerClass is the class of the load balancer implementation this Service belongs to.\n\t// +optional\n\tLoadBalancerClass *string"
    change(
        f"{api}/types.go",
        after(f"\tAllocateLoadBalancerNodePorts *bool {tag}", f"{field} {class_tag}"),
    )
    change(f"{core}/types.go", after("\tAllocateLoadBalancerNodePorts *bool\n", f"{field}\n"))
    for path in (f"{api}/zz_generated.deepcopy.go", f"{core}/zz_generated.deepcopy.go"):
        change(path, before("\tif in.AllocateLoadBalancerNodePorts != nil {\n", CLASS_DEEPCOPY))
    conversion = f"{core}/v1/zz_generated.conversion.go"
    line = "\tout.AllocateLoadBalancerNodePorts = "
    write(
        conversion,
        read(conversion).replace(line, f"\tout.LoadBalancerClass = in.LoadBalancerClass\n{line}"),
    )
    generated = f"{api}/generated.pb.go"
    present = "\tif m.AllocateLoadBalancerNodePorts != nil {\n"
    change(
        generated,
        before(f"{present}\t\ti--\n", CLASS_MARSHAL),
        before(f"{present}\t\tn += 3\n", CLASS_SIZE),
        before("\t\t`AllocateLoadBalancerNodePorts:` + ", CLASS_STRING),
        after("\t\t\tm.AllocateLoadBalancerNodePorts = &b\n", class_unmarshal(read(generated))),
    )


def main():
    tree, api = sys.argv[1], os.path.abspath(sys.argv[2])
    os.chdir(tree)
    add_discovery_types(api)
    add_discovery_package()
    serve_discovery()
    add_load_balancer_class()


if __name__ == "__main__":
    main()
