/* SPDX-License-Identifier: BSD-2-Clause */
/* counters.c - reads the per-CPU counters; the datapath writes them. */
#include "datapath/internal.h"

#include <errno.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

#include "guideway.skel.h"

void counters_zero(struct datapath *datapath, struct bpf_map *map, uint32_t id)
{
	size_t bytes = (size_t)datapath->cpu_count * bpf_map__value_size(map);
	void *zero = calloc(1, bytes);

	/* Without memory the counters start above zero, which harms no traffic. */
	if (zero)
		(void)bpf_map__update_elem(map, &id, sizeof(id), zero, bytes, BPF_ANY);
	free(zero);
}

static int read_traffic(const struct datapath *datapath, struct bpf_map *map, uint32_t id,
			struct traffic *ret)
{
	size_t bytes = (size_t)datapath->cpu_count * sizeof(struct gw_traffic);
	struct gw_traffic *per_cpu = calloc(1, bytes);
	struct traffic sum = { 0 };
	int r;

	if (!per_cpu)
		return -ENOMEM;
	r = bpf_map__lookup_elem(map, &id, sizeof(id), per_cpu, bytes, 0);
	for (int cpu = 0; r == 0 && cpu < datapath->cpu_count; cpu++) {
		sum.packets += per_cpu[cpu].packets;
		sum.bytes += per_cpu[cpu].bytes;
		sum.flows += per_cpu[cpu].flows;
		sum.reply_packets += per_cpu[cpu].reply_packets;
		sum.reply_bytes += per_cpu[cpu].reply_bytes;
	}
	free(per_cpu);
	if (r == 0)
		*ret = sum;
	return r;
}

int datapath_service_traffic(const struct datapath *datapath, const struct service_key *key,
			     struct traffic *ret)
{
	const struct placed_service *placed = services_find(datapath, key);

	if (!placed)
		return -ENOENT;
	return read_traffic(datapath, datapath->skeleton->maps.service_traffic, placed->entry.id,
			    ret);
}

int datapath_backend_traffic(const struct datapath *datapath, const struct service_key *key,
			     const struct backend *backend, struct traffic *ret)
{
	const struct placed_service *placed = services_find(datapath, key);

	for (size_t i = 0; placed && i < placed->backend_count; i++)
		if (backend_compare(&placed->backends[i].backend, backend) == 0)
			return read_traffic(datapath, datapath->skeleton->maps.backend_traffic,
					    placed->backends[i].id, ret);
	return -ENOENT;
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
