// SPDX-License-Identifier: BSD-2-Clause
// Between EndpointSlices of discovery.k8s.io/v1 and the internal ones of Kubernetes 1.20, which
// has v1beta1 only. scripts/kubernetes/backport.py puts it into the source tree.
package v1

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"
	core "k8s.io/kubernetes/pkg/apis/core"
	"k8s.io/kubernetes/pkg/apis/discovery"
)

func init() {
	localSchemeBuilder.Register(registerConversions)
}

func registerConversions(s *runtime.Scheme) error {
	if err := s.AddGeneratedConversionFunc((*discoveryv1.EndpointSlice)(nil), (*discovery.EndpointSlice)(nil), func(a, b interface{}, _ conversion.Scope) error {
		sliceToInternal(a.(*discoveryv1.EndpointSlice), b.(*discovery.EndpointSlice))
		return nil
	}); err != nil {
		return err
	}
	if err := s.AddGeneratedConversionFunc((*discovery.EndpointSlice)(nil), (*discoveryv1.EndpointSlice)(nil), func(a, b interface{}, _ conversion.Scope) error {
		sliceFromInternal(a.(*discovery.EndpointSlice), b.(*discoveryv1.EndpointSlice))
		return nil
	}); err != nil {
		return err
	}
	if err := s.AddGeneratedConversionFunc((*discoveryv1.EndpointSliceList)(nil), (*discovery.EndpointSliceList)(nil), func(a, b interface{}, _ conversion.Scope) error {
		in, out := a.(*discoveryv1.EndpointSliceList), b.(*discovery.EndpointSliceList)
		out.ListMeta = in.ListMeta
		out.Items = nil
		if in.Items != nil {
			out.Items = make([]discovery.EndpointSlice, len(in.Items))
			for i := range in.Items {
				sliceToInternal(&in.Items[i], &out.Items[i])
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return s.AddGeneratedConversionFunc((*discovery.EndpointSliceList)(nil), (*discoveryv1.EndpointSliceList)(nil), func(a, b interface{}, _ conversion.Scope) error {
		in, out := a.(*discovery.EndpointSliceList), b.(*discoveryv1.EndpointSliceList)
		out.ListMeta = in.ListMeta
		out.Items = nil
		if in.Items != nil {
			out.Items = make([]discoveryv1.EndpointSlice, len(in.Items))
			for i := range in.Items {
				sliceFromInternal(&in.Items[i], &out.Items[i])
			}
		}
		return nil
	})
}

func sliceToInternal(in *discoveryv1.EndpointSlice, out *discovery.EndpointSlice) {
	out.ObjectMeta = in.ObjectMeta
	out.AddressType = discovery.AddressType(in.AddressType)
	out.Endpoints = nil
	if in.Endpoints != nil {
		out.Endpoints = make([]discovery.Endpoint, len(in.Endpoints))
		for i := range in.Endpoints {
			endpointToInternal(&in.Endpoints[i], &out.Endpoints[i])
		}
	}
	out.Ports = nil
	if in.Ports != nil {
		out.Ports = make([]discovery.EndpointPort, len(in.Ports))
		for i := range in.Ports {
			p := &in.Ports[i]
			out.Ports[i] = discovery.EndpointPort{Name: p.Name, Protocol: (*core.Protocol)(p.Protocol), Port: p.Port, AppProtocol: p.AppProtocol}
		}
	}
}

func sliceFromInternal(in *discovery.EndpointSlice, out *discoveryv1.EndpointSlice) {
	out.ObjectMeta = in.ObjectMeta
	out.AddressType = discoveryv1.AddressType(in.AddressType)
	out.Endpoints = nil
	if in.Endpoints != nil {
		out.Endpoints = make([]discoveryv1.Endpoint, len(in.Endpoints))
		for i := range in.Endpoints {
			endpointFromInternal(&in.Endpoints[i], &out.Endpoints[i])
		}
	}
	out.Ports = nil
	if in.Ports != nil {
		out.Ports = make([]discoveryv1.EndpointPort, len(in.Ports))
		for i := range in.Ports {
			p := &in.Ports[i]
			out.Ports[i] = discoveryv1.EndpointPort{Name: p.Name, Protocol: (*corev1.Protocol)(p.Protocol), Port: p.Port, AppProtocol: p.AppProtocol}
		}
	}
}

// v1's zone and nodeName are kept in 1.20's topology map the way the 1.21
// v1beta1 conversion does it. v1's hints have no place in 1.20 and are dropped.
func endpointToInternal(in *discoveryv1.Endpoint, out *discovery.Endpoint) {
	out.Addresses = in.Addresses
	out.Conditions = discovery.EndpointConditions{Ready: in.Conditions.Ready, Serving: in.Conditions.Serving, Terminating: in.Conditions.Terminating}
	out.Hostname = in.Hostname
	out.TargetRef = nil
	if r := in.TargetRef; r != nil {
		out.TargetRef = &core.ObjectReference{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, UID: r.UID, APIVersion: r.APIVersion, ResourceVersion: r.ResourceVersion, FieldPath: r.FieldPath}
	}
	out.NodeName = in.NodeName
	var t map[string]string
	set := func(k, v string) {
		if t == nil {
			t = map[string]string{}
		}
		t[k] = v
	}
	for k, v := range in.DeprecatedTopology {
		set(k, v)
	}
	if in.Zone != nil {
		set(corev1.LabelTopologyZone, *in.Zone)
	}
	if in.NodeName != nil {
		if _, ok := t[corev1.LabelHostname]; !ok {
			set(corev1.LabelHostname, *in.NodeName)
		}
	}
	out.Topology = t
}

func endpointFromInternal(in *discovery.Endpoint, out *discoveryv1.Endpoint) {
	out.Addresses = in.Addresses
	out.Conditions = discoveryv1.EndpointConditions{Ready: in.Conditions.Ready, Serving: in.Conditions.Serving, Terminating: in.Conditions.Terminating}
	out.Hostname = in.Hostname
	out.TargetRef = nil
	if r := in.TargetRef; r != nil {
		out.TargetRef = &corev1.ObjectReference{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, UID: r.UID, APIVersion: r.APIVersion, ResourceVersion: r.ResourceVersion, FieldPath: r.FieldPath}
	}
	out.NodeName = in.NodeName
	out.Zone = nil
	out.Hints = nil
	var t map[string]string
	for k, v := range in.Topology {
		if k == corev1.LabelTopologyZone {
			zone := v
			out.Zone = &zone
			continue
		}
		if k == corev1.LabelHostname && in.NodeName != nil && *in.NodeName == v {
			continue
		}
		if t == nil {
			t = map[string]string{}
		}
		t[k] = v
	}
	out.DeprecatedTopology = t
}
