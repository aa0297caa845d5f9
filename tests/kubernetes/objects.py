# SPDX-License-Identifier: BSD-2-Clause
"""Services and their slices as a large cluster has them, by number."""


def service(index):
    address = "198.%d.%d.%d" % (18 + index // 62500, index // 250 % 250, index % 250 + 1)
    return {"kind": "Service", "apiVersion": "v1",
            "metadata": {"name": "s%05d" % index, "namespace": "team%d" % (index % 20),
                         "creationTimestamp": "2024-05-01T10:00:00Z",
                         "labels": {"app": "s%05d" % index}},
            "spec": {"type": "LoadBalancer", "loadBalancerClass": "guideway.dev/xdp",
                     "ports": [{"name": "http", "port": 80, "targetPort": 8080,
                                "protocol": "TCP"}],
                     "selector": {"app": "s%05d" % index}},
            "status": {"loadBalancer": {"ingress": [{"ip": address}]}}}


def endpoint(index, number):
    return {"addresses": ["10.%d.%d.%d" % (64 + index // 2500, index // 10 % 250,
                                           index % 10 * 25 + number + 1)],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "nodeName": "node-%d.cluster.example" % (number % 50),
            "targetRef": {"kind": "Pod", "namespace": "team%d" % (index % 20),
                          "name": "s%05d-7d9f8c6b5d-%05d" % (index, number),
                          "uid": "8f14e45f-ceea-467f-a0e6-%06d%06d" % (index, number)},
            "zone": "zone-%d" % (number % 3)}


def endpoint_slice(index, numbers):
    return {"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
            "metadata": {"name": "s%05d-abcde" % index, "namespace": "team%d" % (index % 20),
                         "generation": 1, "creationTimestamp": "2024-05-01T10:00:00Z",
                         "labels": {"kubernetes.io/service-name": "s%05d" % index,
                                    "endpointslice.kubernetes.io/managed-by":
                                        "endpointslice-controller.k8s.io"},
                         "managedFields": [{"manager": "kube-controller-manager",
                                            "operation": "Update", "fieldsType": "FieldsV1",
                                            "fieldsV1": {"f:addressType": {}, "f:endpoints": {},
                                                         "f:metadata": {"f:labels": {".": {}}},
                                                         "f:ports": {}}}]},
            "addressType": "IPv4",
            "ports": [{"name": "http", "protocol": "TCP", "port": 8080}],
            "endpoints": [endpoint(index, number) for number in numbers]}
