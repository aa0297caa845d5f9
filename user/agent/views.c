/* SPDX-License-Identifier: BSD-2-Clause */
/* views.c - the agent's state as JSON. */
#include "agent/views.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cluster.h"
#include "agent/config.h"
#include "agent/interfaces.h"
#include "agent/peers.h"
#include "agent/publish.h"
#include "datapath/datapath.h"
#include "lib/error.h"
#include "model/model.h"
#include "model/service.h"
#include "net/net.h"

static json_t *traffic_json(const struct traffic *traffic)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "packets", (json_int_t)traffic->packets,
			 "bytes", (json_int_t)traffic->bytes, "flows", (json_int_t)traffic->flows,
			 "replyPackets", (json_int_t)traffic->reply_packets, "replyBytes",
			 (json_int_t)traffic->reply_bytes);
}

static json_t *service_traffic_json(const struct traffic *traffic)
{
	json_t *object = traffic_json(traffic);

	(void)json_object_set_new(object, "drops", json_integer((json_int_t)traffic->drops));
	return object;
}

static void traffic_add(struct traffic *sum, const struct traffic *more)
{
	sum->packets += more->packets;
	sum->bytes += more->bytes;
	sum->flows += more->flows;
	sum->reply_packets += more->reply_packets;
	sum->reply_bytes += more->reply_bytes;
	sum->drops += more->drops;
}

static json_t *address_json(const struct address *address)
{
	char text[ADDRESS_TEXT_SIZE];

	return json_string(address_format(address, text));
}

static const char *type_name(enum service_type type)
{
	static const char *const names[] = {
		[SERVICE_CLUSTER_IP] = "ClusterIP",
		[SERVICE_NODE_PORT] = "NodePort",
		[SERVICE_LOAD_BALANCER] = "LoadBalancer",
		[SERVICE_EXTERNAL_NAME] = "ExternalName",
	};

	return names[type];
}

static json_t *ports_json(const struct service_object *service)
{
	json_t *ports = json_array();

	for (size_t i = 0; i < service->port_count; i++) {
		const struct service_port *port = &service->ports[i];

		(void)json_array_append_new(
			ports, json_pack("{s:s, s:i, s:i, s:s}", "name", port->name, "port",
					 (int)port->port, "nodePort", (int)port->node_port,
					 "protocol", protocol_name(port->protocol)));
	}
	return ports;
}

static json_t *labels_json(const struct labels *labels)
{
	json_t *object = json_object();

	for (size_t i = 0; i < labels->count; i++)
		(void)json_object_set_new(object, labels->items[i].key,
					  json_string(labels->items[i].value));
	return object;
}

/* All (VIP, port, protocol) of one Kubernetes Service together. */
struct service_sum {
	struct traffic traffic;
	uint64_t digest;
	bool has_digest;
};

static void service_sum_add(struct service_sum *sum, const struct views *views,
			    const struct service_key *key)
{
	struct traffic traffic;
	uint64_t digest;

	if (datapath_service_traffic(views->datapath, key, &traffic) == 0)
		traffic_add(&sum->traffic, &traffic);
	if (datapath_service_digest(views->datapath, key, &digest) < 0)
		return;
	sum->digest ^= digest;
	sum->has_digest = true;
}

static struct service_sum service_sum(const struct views *views, const struct object *object)
{
	struct service_sum sum = { 0 };
	size_t count;
	struct service *const *services = model_services(views->model, &count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(services[i]->name, object->name) == 0 &&
		    strcmp(services[i]->namespace, object->namespace) == 0)
			service_sum_add(&sum, views, &services[i]->key);
	return sum;
}

static json_t *digest_json(uint64_t digest)
{
	char text[sizeof("0123456789abcdef")];

	(void)snprintf(text, sizeof(text), "%016" PRIx64, digest);
	return json_string(text);
}

struct service_list {
	const struct views *views;
	json_t *array;
};

static void append_service(const struct service_status *status, void *context)
{
	struct service_list *list = context;
	const struct object *object = status->object;
	const struct service_object *service = &object->service;
	enum forwarding_mode mode = service->forwarding_mode;
	const struct service_sum sum = service_sum(list->views, object);
	json_t *vips = json_array();

	if (mode == FORWARDING_MODE_DEFAULT)
		mode = list->views->config->forwarding_mode;
	for (size_t i = 0; i < status->vip_count; i++)
		if (service_status_serves(status, &status->vips[i]))
			(void)json_array_append_new(vips, address_json(&status->vips[i]));
	for (size_t i = 0; i < status->external_ip_count; i++)
		(void)json_array_append_new(vips, address_json(&status->external_ips[i]));
	(void)json_array_append_new(
		list->array,
		json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:s, s:o, s:o, s:s?, s:o, s:o}",
			  "namespace", object->namespace, "name", object->name, "type",
			  type_name(service->type), "clusterIP", service->cluster_ip, "externalIPs",
			  vips, "ports", ports_json(service), "ready",
			  (json_int_t)status->ready_count, "endpoints",
			  (json_int_t)status->endpoint_count, "mode", forwarding_mode_name(mode),
			  "selector", labels_json(&service->selector), "created",
			  object->creation_time_s == INT64_MAX
				  ? json_null()
				  : json_integer(object->creation_time_s),
			  "problem", status->problem, "traffic", service_traffic_json(&sum.traffic),
			  "digest", sum.has_digest ? digest_json(sum.digest) : json_null()));
}

json_t *views_services(const struct views *views, struct error *error)
{
	struct service_list list = { views, json_array() };

	if (!list.array) {
		(void)error_set(error, -ENOMEM, "no memory for the answer");
		return NULL;
	}
	model_for_each_status(views->model, append_service, &list);
	return list.array;
}

static json_t *next_hop_json(const struct views *views, const struct address *address)
{
	static const char *const states[] = {
		[NEXT_HOP_UNRESOLVED] = "unresolved",
		[NEXT_HOP_RESOLVED] = "resolved",
		[NEXT_HOP_UNREACHABLE] = "unreachable",
	};
	struct next_hop hop;
	char interface[IF_NAMESIZE] = "";
	char mac[sizeof("00:00:00:00:00:00")] = "";

	if (net_next_hop(views->net, address, &hop) < 0)
		return json_pack("{s:s, s:s, s:s}", "state", "unresolved", "interface", "", "mac",
				 "");
	if (hop.interface)
		(void)if_indextoname(hop.interface, interface);
	if (hop.state == NEXT_HOP_RESOLVED)
		(void)snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", hop.dst_mac[0],
			       hop.dst_mac[1], hop.dst_mac[2], hop.dst_mac[3], hop.dst_mac[4],
			       hop.dst_mac[5]);
	return json_pack("{s:s, s:s, s:s}", "state", states[hop.state], "interface", interface,
			 "mac", mac);
}

/* Of a backend that gets no new flows: what is left; null when that is not known yet. */
static json_t *remaining_json(const struct views *views, const struct service *service,
			      const struct backend *backend)
{
	struct recorded_flows flows;

	if ((backend->weight != 0 && !backend_is_leaving(backend)) ||
	    datapath_recorded_flows(views->datapath, &service->key, backend, &flows) < 0)
		return json_null();
	return json_pack("{s:I, s:i, s:o}", "flows", (json_int_t)flows.count, "idleSeconds",
			 (int)flows.idle_s, "emptyInSeconds",
			 flows.empty_in_s == RECORDED_FLOWS_FOREVER
				 ? json_null()
				 : json_integer(flows.empty_in_s));
}

static void append_backend(const struct views *views, const struct service *service, size_t index,
			   double share, json_t *array)
{
	const struct backend *backend = &service->backends[index];
	struct traffic traffic = { 0 };
	char vip[ADDRESS_TEXT_SIZE], address[ADDRESS_TEXT_SIZE];

	(void)datapath_backend_traffic(views->datapath, &service->key, backend, &traffic);
	(void)json_array_append_new(
		array,
		json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:i, s:s, s:I, s:f, s:o, s:o, s:o}",
			  "namespace", service->namespace, "service", service->name, "vip",
			  address_format(&service->key.vip, vip), "port", (int)service->key.port,
			  "protocol", protocol_name(service->key.protocol), "portName",
			  service->port_name, "address", address_format(&backend->address, address),
			  "backendPort", (int)backend->port, "state", backend_state_name(backend),
			  "weight", (json_int_t)backend->weight, "share", share, "nextHop",
			  next_hop_json(views, &backend->address), "traffic",
			  traffic_json(&traffic), "remaining",
			  remaining_json(views, service, backend)));
}

static int append_backends(const struct views *views, const struct service *service, json_t *array)
{
	uint32_t *slots = calloc(service->backend_count + 1, sizeof(*slots));
	uint32_t total = 0;

	if (!slots)
		return -ENOMEM;
	(void)datapath_service_slots(views->datapath, &service->key, service->backends,
				     service->backend_count, slots, &total);
	for (size_t i = 0; i < service->backend_count; i++)
		append_backend(views, service, i, total ? (double)slots[i] / total : 0, array);
	free(slots);
	return 0;
}

json_t *views_backends(const struct views *views, struct error *error)
{
	size_t count;
	struct service *const *services = model_services(views->model, &count);
	json_t *array = json_array();
	int r = array ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = append_backends(views, services[i], array);
	if (r < 0) {
		(void)error_set(error, r, "no memory for the answer");
		json_decref(array);
		return NULL;
	}
	return array;
}

void views_append_verdict(const struct verdict_count *count, void *array)
{
	(void)json_array_append_new(
		array, json_pack("{s:s, s:s, s:I, s:I, s:s}", "name", count->name, "action",
				 count->action, "packets", (json_int_t)count->packets, "bytes",
				 (json_int_t)count->bytes, "help", count->help));
}

static json_t *devices_json(const struct datapath *datapath, const struct interface *interface)
{
	json_t *array = json_array();

	for (size_t i = 0; i < interface->device_count; i++) {
		const struct lower_device *device = &interface->devices[i];
		const struct attachment *attachment =
			datapath_attachment(datapath, device->ifindex);

		if (attachment)
			(void)json_array_append_new(
				array, json_pack("{s:s, s:s, s:b}", "name", attachment->device,
						 "mode", attachment->native ? "native" : "generic",
						 "standby", device->is_standby));
	}
	return array;
}

static json_t *interfaces_json(const struct datapath *datapath)
{
	const struct interface *interfaces;
	size_t count = datapath_interfaces(datapath, &interfaces);
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(
			array, json_pack("{s:s, s:s, s:o}", "name", interfaces[i].name, "mode",
					 interfaces_mode(datapath, &interfaces[i]), "devices",
					 devices_json(datapath, &interfaces[i])));
	return array;
}

/* Distinct VIPs: services are sorted by key, which starts with the VIP. */
static json_int_t count_vips(struct service *const *services, size_t count)
{
	json_int_t vips = 0;

	for (size_t i = 0; i < count; i++)
		if (i == 0 ||
		    address_compare(&services[i]->key.vip, &services[i - 1]->key.vip) != 0)
			vips++;
	return vips;
}

static void append_track_count(const struct track_count *count, void *array)
{
	(void)json_array_append_new(array,
				    json_pack("{s:s, s:I, s:s}", "name", count->name, "count",
					      (json_int_t)count->count, "help", count->help));
}

/* Of manifests, each by itself, and of all together. */
static json_t *problems_json(const struct views *views)
{
	const char *problem = model_problem(views->model);
	json_t *problems = json_copy((json_t *)(uintptr_t)views->problems);

	if (problem)
		(void)json_array_append_new(problems, json_string(problem));
	return problems;
}

static json_t *kubernetes_json(const struct views *views)
{
	json_t *object;

	if (!views->cluster)
		return json_null();
	object = cluster_json(views->cluster);
	(void)json_object_set_new(object, "publish", publish_json(views->publish));
	return object;
}

json_t *views_status(const struct views *views, struct error *error)
{
	size_t count;
	struct service *const *services = model_services(views->model, &count);
	json_int_t backends = 0;
	json_t *verdicts = json_array(), *tracking = json_array();
	uint64_t digest = 0;
	int r;

	for (size_t i = 0; i < count; i++)
		backends += (json_int_t)services[i]->backend_count;
	r = datapath_for_each_verdict(views->datapath, views_append_verdict, verdicts);
	if (r == 0)
		r = datapath_for_each_track_count(views->datapath, append_track_count, tracking);
	if (r == 0)
		r = datapath_digest(views->datapath, views->key_print, &digest);
	if (r < 0) {
		(void)error_set(error, r, "the counters: cannot read them: %s", strerror(-r));
		json_decref(verdicts);
		json_decref(tracking);
		return NULL;
	}
	return json_pack(
		"{s:s, s:i, s:I, s:o, s:I, s:I, s:I, s:I, s:{s:b, s:o}, s:o, s:o, s:I, s:o, s:o, "
		"s:s, s:s, s:o}",
		"version", GUIDEWAY_VERSION, "pid", (int)getpid(), "startedAt",
		(json_int_t)views->started_at_s, "interfaces", interfaces_json(views->datapath),
		"services", (json_int_t)count, "vips", count_vips(services, count), "backends",
		backends, "kept", (json_int_t)views->kept_count, "sources", "complete",
		views->sources_complete, "problems", problems_json(views), "verdicts", verdicts,
		"tracking", tracking, "changing",
		(json_int_t)datapath_changing_count(views->datapath), "digest", digest_json(digest),
		"peers", peers_json(views->peers), "pinDir", views->config->pin_dir, "stateDir",
		views->config->state_dir, "kubernetes", kubernetes_json(views));
}

json_t *views_dump(const struct views *views, struct error *error)
{
	char *text;
	json_t *answer;

	if (datapath_dump(views->datapath, &text, error) < 0)
		return NULL;
	answer = json_pack("{s:s}", "text", text);
	free(text);
	if (!answer)
		(void)error_set(error, -ENOMEM, "no memory for the answer");
	return answer;
}
