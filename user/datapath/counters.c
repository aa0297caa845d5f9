/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * counters.c - reads the counters, which the datapath writes for each CPU, and owns
 * service_past: what the backends that left a service had counted.
 */
#include "datapath/internal.h"

#include <errno.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

#include "guideway.skel.h"

/* Without memory the counters start above zero, which harms no traffic. */
static void zero(const struct datapath *datapath, struct bpf_map *map, uint32_t id)
{
	size_t bytes = (size_t)datapath->cpu_count * bpf_map__value_size(map);
	void *nothing = calloc(1, bytes);

	if (bpf_map__type(map) == BPF_MAP_TYPE_ARRAY)
		bytes = bpf_map__value_size(map);
	if (nothing)
		(void)bpf_map__update_elem(map, &id, sizeof(id), nothing, bytes, BPF_ANY);
	free(nothing);
}

void counters_begin_service(struct datapath *datapath, uint32_t id)
{
	zero(datapath, datapath->skeleton->maps.service_drops, id);
	zero(datapath, datapath->skeleton->maps.service_past, id);
}

void counters_begin_backend(struct datapath *datapath, uint32_t id)
{
	zero(datapath, datapath->skeleton->maps.backend_traffic, id);
}

static void add(struct gw_traffic *sum, const struct gw_traffic *more)
{
	sum->packets += more->packets;
	sum->bytes += more->bytes;
	sum->flows += more->flows;
	sum->reply_packets += more->reply_packets;
	sum->reply_bytes += more->reply_bytes;
}

/* Adds what every CPU counted. */
static int add_backend(const struct datapath *datapath, uint32_t id, struct gw_traffic *sum)
{
	size_t bytes = (size_t)datapath->cpu_count * sizeof(struct gw_traffic);
	struct gw_traffic *per_cpu = calloc(1, bytes);
	int r;

	if (!per_cpu)
		return -ENOMEM;
	r = bpf_map__lookup_elem(datapath->skeleton->maps.backend_traffic, &id, sizeof(id), per_cpu,
				 bytes, 0);
	for (int cpu = 0; r == 0 && cpu < datapath->cpu_count; cpu++)
		add(sum, &per_cpu[cpu]);
	free(per_cpu);
	return r;
}

static int read_past(const struct datapath *datapath, uint32_t service, struct gw_traffic *ret)
{
	return bpf_map__lookup_elem(datapath->skeleton->maps.service_past, &service,
				    sizeof(service), ret, sizeof(*ret), 0);
}

void counters_end_backend(struct datapath *datapath, uint32_t service, uint32_t id)
{
	struct gw_traffic past = { 0 };

	/* A failure loses counts, no traffic. */
	if (read_past(datapath, service, &past) < 0 || add_backend(datapath, id, &past) < 0)
		return;
	(void)bpf_map__update_elem(datapath->skeleton->maps.service_past, &service, sizeof(service),
				   &past, sizeof(past), BPF_ANY);
}

static struct traffic traffic_from(const struct gw_traffic *counted)
{
	return (struct traffic){
		.packets = counted->packets,
		.bytes = counted->bytes,
		.flows = counted->flows,
		.reply_packets = counted->reply_packets,
		.reply_bytes = counted->reply_bytes,
	};
}

/* The sum over the CPUs of an entry of a per-CPU array of __u64. */
static int read_sum(const struct datapath *datapath, const struct bpf_map *map, uint32_t index,
		    uint64_t *ret)
{
	size_t bytes = (size_t)datapath->cpu_count * sizeof(uint64_t);
	uint64_t *per_cpu = calloc(1, bytes), sum = 0;
	int r;

	if (!per_cpu)
		return -ENOMEM;
	r = bpf_map__lookup_elem(map, &index, sizeof(index), per_cpu, bytes, 0);
	for (int cpu = 0; r == 0 && cpu < datapath->cpu_count; cpu++)
		sum += per_cpu[cpu];
	free(per_cpu);
	if (r == 0)
		*ret = sum;
	return r;
}

int datapath_service_traffic(const struct datapath *datapath, const struct service_key *key,
			     struct traffic *ret)
{
	const struct placed_service *placed = services_find(datapath, key);
	struct gw_traffic sum = { 0 };
	uint64_t drops = 0;
	int r;

	if (!placed)
		return -ENOENT;
	r = read_past(datapath, placed->entry.id, &sum);
	for (size_t i = 0; r == 0 && i < placed->backend_count; i++)
		r = add_backend(datapath, placed->backends[i].id, &sum);
	if (r == 0)
		r = read_sum(datapath, datapath->skeleton->maps.service_drops, placed->entry.id,
			     &drops);
	if (r < 0)
		return r;
	*ret = traffic_from(&sum);
	ret->drops = drops;
	return 0;
}

int datapath_backend_traffic(const struct datapath *datapath, const struct service_key *key,
			     const struct backend *backend, struct traffic *ret)
{
	const struct placed_service *placed = services_find(datapath, key);
	const struct placed_backend *found = placed ? services_find_backend(placed, backend) : NULL;
	struct gw_traffic sum = { 0 };
	int r;

	if (!found)
		return -ENOENT;
	r = add_backend(datapath, found->id, &sum);
	if (r == 0)
		*ret = traffic_from(&sum);
	return r;
}

int datapath_for_each_verdict(const struct datapath *datapath,
			      void (*on_verdict)(const struct verdict_count *count, void *context),
			      void *context)
{
	struct verdict_count counts[GW_VERDICT_COUNT] = {
#define PASS "pass"
#define SEND "send"
#define DROP "drop"
#define X(id, text, what, sentence) [GW_##id] = { .name = text, .action = what, .help = sentence },
		GW_VERDICTS(X)
#undef X
#undef PASS
#undef SEND
#undef DROP
	};
	size_t bytes = (size_t)datapath->cpu_count * sizeof(struct gw_counter);
	struct gw_counter *per_cpu = calloc(1, bytes);
	int r = per_cpu ? 0 : -ENOMEM;

	for (uint32_t verdict = 0; r == 0 && verdict < GW_VERDICT_COUNT; verdict++) {
		r = bpf_map__lookup_elem(datapath->skeleton->maps.verdicts, &verdict,
					 sizeof(verdict), per_cpu, bytes, 0);
		for (int cpu = 0; r == 0 && cpu < datapath->cpu_count; cpu++) {
			counts[verdict].packets += per_cpu[cpu].packets;
			counts[verdict].bytes += per_cpu[cpu].bytes;
		}
		if (r == 0)
			on_verdict(&counts[verdict], context);
	}
	free(per_cpu);
	return r;
}

int datapath_untold_count(const struct datapath *datapath, uint64_t *ret)
{
	return read_sum(datapath, datapath->skeleton->maps.untold, 0, ret);
}

int datapath_for_each_track_count(const struct datapath *datapath,
				  void (*on_count)(const struct track_count *count, void *context),
				  void *context)
{
	struct track_count counts[GW_TRACK_COUNT_MAX] = {
#define X(id, text, sentence) [GW_TRACK_##id] = { .name = text, .help = sentence },
		GW_TRACK_COUNTS(X)
#undef X
	};
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < GW_TRACK_COUNT_MAX; i++) {
		r = read_sum(datapath, datapath->skeleton->maps.track_counts, i, &counts[i].count);
		if (r == 0)
			on_count(&counts[i], context);
	}
	return r;
}
