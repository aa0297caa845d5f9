// SPDX-License-Identifier: BSD-2-Clause
/* kernel_state.c - compares what the kernel remembers with what the model does. */
#include "reference/kernel_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "guideway.skel.h"

struct complaint {
	char *text;
	size_t bytes;
};

static bool __attribute__((format(printf, 2, 3)))
differ(const struct complaint *complaint, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(complaint->text, complaint->bytes, format, arguments);
	va_end(arguments);
	return false;
}

static struct gw_addr mapped(__be32 ip4)
{
	return (struct gw_addr){ { 0, 0, htonl(0xffff), ip4 } };
}

/* One entry of a map of flows, in the layout of IPv6's. */
struct raw_flow {
	union {
		struct gw_nat_key key;
		struct gw_nat_key4 key4;
	};
	union {
		struct gw_nat6 entry;
		struct gw_nat4 entry4;
	};
};

static void widen(struct raw_flow *raw)
{
	const struct gw_nat_key4 key4 = raw->key4;
	const struct gw_nat4 entry4 = raw->entry4;

	raw->key = (struct gw_nat_key){ .backend = mapped(key4.backend),
					.gateway = mapped(key4.gateway),
					.backend_port = key4.backend_port,
					.gateway_port = key4.gateway_port,
					.protocol = key4.protocol };
	raw->entry = (struct gw_nat6){ .common = entry4.common,
				       .client = mapped(entry4.client),
				       .vip = mapped(entry4.vip) };
}

static bool flow_is(const struct model *model, const struct raw_flow *raw, bool is_confirmed,
		    const struct complaint *complaint)
{
	const struct nat_flow *flow = map_find(model->state.nat, &raw->key);
	const struct gw_nat *known = flow ? &flow->entry.common : NULL;
	const struct gw_nat *seen = &raw->entry.common;

	if (!flow)
		return differ(complaint, "nat: an entry that the model has not");
	if (flow->is_confirmed == is_confirmed &&
	    !memcmp(&flow->entry, &raw->entry, sizeof(raw->entry)))
		return true;
	return differ(complaint,
		      "nat: protocol %u: confirmed %d state %x seen %u backend %u, the model's %d "
		      "%x %u %u",
		      raw->key.protocol, is_confirmed, seen->state, seen->seen, seen->backend,
		      flow->is_confirmed, known->state, known->seen, known->backend);
}

/* Adds the number of flows to *count. */
static bool flows_are(const struct model *model, const struct bpf_map *map, bool is_ipv6,
		      bool is_confirmed, uint32_t *count, const struct complaint *complaint)
{
	int fd = bpf_map__fd(map);
	struct raw_flow raw;
	uint8_t key[64];
	bool is_first = true;

	while (!bpf_map_get_next_key(fd, is_first ? NULL : key, key)) {
		is_first = false;
		memset(&raw, 0, sizeof(raw));
		memcpy(&raw.key, key, bpf_map__key_size(map));
		if (bpf_map_lookup_elem(fd, key, &raw.entry))
			return differ(complaint, "nat: an entry vanished");
		if (!is_ipv6)
			widen(&raw);
		if (!flow_is(model, &raw, is_confirmed, complaint))
			return false;
		++*count;
	}
	return true;
}

static bool all_flows_are(struct kernel *kernel, const struct model *model,
			  const struct complaint *complaint)
{
	struct guideway_bpf *skel = kernel->skel;
	uint32_t count = 0, known = map_count(model->state.nat);

	if (!flows_are(model, skel->maps.nat4, false, true, &count, complaint) ||
	    !flows_are(model, skel->maps.nat6, true, true, &count, complaint) ||
	    !flows_are(model, skel->maps.nat_unconfirmed4, false, false, &count, complaint) ||
	    !flows_are(model, skel->maps.nat_unconfirmed6, true, false, &count, complaint))
		return false;
	return count == known ||
	       differ(complaint, "nat: %u entries, the model has %u", count, known);
}

/* A map whose keys and values are as in the model. */
static bool map_is(const struct bpf_map *map, const struct map *known,
		   const struct complaint *complaint)
{
	size_t bytes = bpf_map__value_size(map);
	uint8_t value[64], key[64];
	uint32_t count = 0;

	for (uint32_t i = 0; i < map_count(known); i++) {
		if (bpf_map_lookup_elem(bpf_map__fd(map), map_key_at(known, i), value))
			return differ(complaint, "%s: no entry that the model has",
				      bpf_map__name(map));
		if (memcmp(value, map_value_at(known, i), bytes) != 0)
			return differ(complaint, "%s: another entry than the model's",
				      bpf_map__name(map));
	}
	for (int r = bpf_map_get_next_key(bpf_map__fd(map), NULL, key); !r;
	     r = bpf_map_get_next_key(bpf_map__fd(map), key, key))
		count++;
	return count == map_count(known) || differ(complaint, "%s: %u entries, the model has %u",
						   bpf_map__name(map), count, map_count(known));
}

static struct gw_traffic read_traffic(struct kernel *kernel, uint32_t backend)
{
	const struct gw_traffic *per_cpu = kernel->per_cpu;
	struct gw_traffic sum = {};

	(void)bpf_map_lookup_elem(bpf_map__fd(kernel->skel->maps.backend_traffic), &backend,
				  kernel->per_cpu);
	for (int cpu = 0; cpu < kernel->cpus; cpu++) {
		sum.packets += per_cpu[cpu].packets;
		sum.bytes += per_cpu[cpu].bytes;
		sum.flows += per_cpu[cpu].flows;
		sum.reply_packets += per_cpu[cpu].reply_packets;
		sum.reply_bytes += per_cpu[cpu].reply_bytes;
	}
	return sum;
}

static bool traffic_is(struct kernel *kernel, const struct model *model,
		       const struct complaint *complaint)
{
	for (uint32_t i = 0; i < model->tables->backend_count; i++) {
		const struct gw_traffic *known = &model->state.traffic[i];
		struct gw_traffic traffic = read_traffic(kernel, i);

		if (memcmp(&traffic, known, sizeof(traffic)) != 0)
			return differ(complaint,
				      "backend %u (next hop %u): packets %llu, flows %llu, replies "
				      "%llu, the model's %llu, %llu, %llu",
				      i, model->tables->backends[i].next_hop, traffic.packets,
				      traffic.flows, traffic.reply_packets, known->packets,
				      known->flows, known->reply_packets);
	}
	return true;
}

static bool drops_are(struct kernel *kernel, const struct model *model,
		      const struct complaint *complaint)
{
	const uint64_t *per_cpu = kernel->per_cpu;

	for (uint32_t i = 0; i <= model->tables->service_count; i++) {
		uint64_t drops = 0;

		(void)bpf_map_lookup_elem(bpf_map__fd(kernel->skel->maps.service_drops), &i,
					  kernel->per_cpu);
		for (int cpu = 0; cpu < kernel->cpus; cpu++)
			drops += per_cpu[cpu];
		if (drops != model->state.drops[i])
			return differ(complaint, "service %u: %lu drops, the model's %lu", i, drops,
				      model->state.drops[i]);
	}
	return true;
}

static bool records_are(struct kernel *kernel, const struct model *model,
			const struct complaint *complaint)
{
	for (uint32_t i = 0; i < TABLE_FLOW_BUCKETS; i++) {
		struct gw_flow_bucket bucket = {};

		(void)bpf_map_lookup_elem(bpf_map__fd(kernel->skel->maps.flows), &i, &bucket);
		for (uint32_t way = 0; way < GW_FLOW_WAYS; way++) {
			uint64_t known = record_word(&model->state.records[i][way]);

			if (bucket.entry[way] != known)
				return differ(
					complaint,
					"flows: bucket %u, way %u: %016llx, the model's %016lx", i,
					way, bucket.entry[way], known);
		}
	}
	return true;
}

bool kernel_state_is(struct kernel *kernel, const struct model *model, char *ret_why,
		     size_t why_bytes)
{
	const struct complaint complaint = { ret_why, why_bytes };
	struct guideway_bpf *skel = kernel->skel;

	return all_flows_are(kernel, model, &complaint) &&
	       map_is(skel->maps.fragments, model->state.fragments, &complaint) &&
	       map_is(skel->maps.affinities, model->state.affinities, &complaint) &&
	       records_are(kernel, model, &complaint) && traffic_is(kernel, model, &complaint) &&
	       drops_are(kernel, model, &complaint);
}
