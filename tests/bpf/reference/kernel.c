// SPDX-License-Identifier: BSD-2-Clause
/* kernel.c - loading, filling, running, emptying. */
#include "reference/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <guideway/address_filter.h>
#include <linux/bpf.h>

#include "guideway.skel.h"
#include "reference/kernel_state.h"

enum { MOVED_WORDS = 1 << 18 };

static void set(const struct bpf_map *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY)) {
		perror(bpf_map__name(map));
		abort();
	}
}

static void set_addresses(const struct kernel *kernel, const struct tables *tables)
{
	static struct gw_address_filter filter;
	uint32_t first = 0;

	memset(&filter, 0, sizeof(filter));
	for (uint32_t i = 0; i < tables->address_count; i++) {
		const struct address_row *row = &tables->addresses[i];

		set(kernel->skel->maps.addresses, &row->address, &row->flags);
		filter.flags[gw_filter_cell(&row->address)] |= row->flags;
	}
	set(kernel->skel->maps.address_filter, &first, &filter);
}

static struct gw_socket4 short_socket(const struct gw_socket *socket)
{
	return (struct gw_socket4){ .address = socket->address.word[3],
				    .port = socket->port,
				    .protocol = socket->protocol };
}

static void set_services_and_replies(const struct kernel *kernel, const struct tables *tables)
{
	struct guideway_bpf *skel = kernel->skel;

	for (uint32_t i = 0; i < tables->service_count; i++) {
		const struct service_row *row = &tables->services[i];
		struct gw_socket4 socket4 = short_socket(&row->socket);

		if (row->is_ipv6)
			set(skel->maps.services6, &row->socket, &row->service);
		else
			set(skel->maps.services4, &socket4, &row->service);
	}
	for (uint32_t i = 0; i < tables->reply_count; i++) {
		const struct reply_row *row = &tables->replies[i];
		struct gw_socket4 socket4 = short_socket(&row->socket);

		if (row->is_ipv6)
			set(skel->maps.replies6, &row->socket, &row->reply);
		else
			set(skel->maps.replies4, &socket4, &row->reply);
	}
}

static void set_array(const struct bpf_map *map, const void *rows, size_t row_bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		set(map, &i, (const uint8_t *)rows + i * row_bytes);
}

static void set_sources_and_devices(const struct kernel *kernel, const struct tables *tables)
{
	uint32_t one = 1;

	for (uint32_t i = 0; i < tables->source_count; i++) {
		const struct source_row *row = &tables->sources[i];
		struct gw_source_key key = { .bits = 32 + row->bits,
					     .set = htonl(row->set),
					     .address = row->prefix };

		set(kernel->skel->maps.sources, &key, &one);
	}
	for (uint32_t i = 0; i < tables->device_count; i++)
		if (tables->devices[i].is_ours)
			set(kernel->skel->maps.devices, &tables->devices[i].ifindex,
			    &tables->devices[i].device);
}

static void set_owners(const struct kernel *kernel, const struct tables *tables)
{
	set_array(kernel->skel->maps.slots, tables->slots, sizeof(struct gw_slot_pack),
		  (tables->slot_count + 1) / GW_SLOTS_PACKED);
	set_array(kernel->skel->maps.backends, tables->backends, sizeof(tables->backends[0]),
		  tables->backend_count);
}

void kernel_set_slot(struct kernel *kernel, const struct tables *tables, uint32_t index)
{
	uint32_t pack_index = index / GW_SLOTS_PACKED;

	set(kernel->skel->maps.slots, &pack_index, &tables->slots[pack_index * GW_SLOTS_PACKED]);
}

void kernel_set_backend(struct kernel *kernel, const struct tables *tables, uint32_t id)
{
	set(kernel->skel->maps.backends, &id, &tables->backends[id]);
}

static void set_tables(const struct kernel *kernel, const struct tables *tables)
{
	struct guideway_bpf *skel = kernel->skel;

	set_addresses(kernel, tables);
	set_services_and_replies(kernel, tables);
	set_sources_and_devices(kernel, tables);
	set_array(skel->maps.next_hops, tables->next_hops, sizeof(tables->next_hops[0]),
		  tables->next_hop_count);
	set_array(skel->maps.gateways, tables->gateways, sizeof(tables->gateways[0]),
		  tables->gateway_count);
}

static void size_maps(struct guideway_bpf *skel)
{
	struct bpf_map *const lru[] = { skel->maps.nat4,
					skel->maps.nat6,
					skel->maps.nat_unconfirmed4,
					skel->maps.nat_unconfirmed6,
					skel->maps.affinities,
					skel->maps.fragments };

	for (size_t i = 0; i < sizeof(lru) / sizeof(lru[0]); i++)
		bpf_map__set_max_entries(lru[i], KERNEL_LRU_ENTRIES);
	bpf_map__set_max_entries(skel->maps.slots, TABLE_SLOTS / GW_SLOTS_PACKED);
	bpf_map__set_max_entries(skel->maps.flows, TABLE_FLOW_BUCKETS);
	bpf_map__set_max_entries(skel->maps.backends, TABLE_BACKENDS);
	bpf_map__set_max_entries(skel->maps.backend_traffic, TABLE_BACKENDS);
	bpf_map__set_max_entries(skel->maps.next_hops, TABLE_NEXT_HOPS);
	bpf_map__set_max_entries(skel->maps.flow_limits, TABLE_SERVICES);
	bpf_map__set_max_entries(skel->maps.service_drops, TABLE_SERVICES);
	bpf_map__set_max_entries(skel->maps.service_past, TABLE_SERVICES);
}

int kernel_open(struct kernel **ret_kernel, const struct tables *tables)
{
	struct kernel *kernel = calloc(1, sizeof(*kernel));
	int r;

	if (!kernel)
		return -ENOMEM;
	kernel->cpus = libbpf_num_possible_cpus();
	kernel->per_cpu = calloc(kernel->cpus, sizeof(struct gw_traffic));
	kernel->skel = guideway_bpf__open();
	if (!kernel->skel || !kernel->per_cpu || kernel->cpus < 1) {
		kernel_close(kernel);
		return -ENOMEM;
	}
	size_maps(kernel->skel);
	memcpy((void *)&kernel->skel->rodata->config, &tables->config, sizeof(tables->config));
	r = guideway_bpf__load(kernel->skel);
	if (r) {
		kernel_close(kernel);
		return r;
	}
	kernel->program = bpf_program__fd(kernel->skel->progs.guideway);
	set_tables(kernel, tables);
	*ret_kernel = kernel;
	return 0;
}

void kernel_close(struct kernel *kernel)
{
	if (!kernel)
		return;
	guideway_bpf__destroy(kernel->skel);
	free(kernel->per_cpu);
	free(kernel);
}

static void empty_hash(const struct bpf_map *map)
{
	uint8_t key[64];

	while (!bpf_map_get_next_key(bpf_map__fd(map), NULL, key))
		bpf_map_delete_elem(bpf_map__fd(map), key);
}

static void empty_per_cpu(struct kernel *kernel, const struct bpf_map *map, uint32_t count)
{
	memset(kernel->per_cpu, 0, kernel->cpus * sizeof(struct gw_traffic));
	for (uint32_t i = 0; i < count; i++)
		set(map, &i, kernel->per_cpu);
}

/* Bits that flows have set: few of the words have any. */
static void empty_moved(const struct kernel *kernel)
{
	static uint32_t keys[MOVED_WORDS];
	static uint64_t words[MOVED_WORDS];
	const struct bpf_map *map = kernel->skel->maps.nat_moved;
	uint32_t count = MOVED_WORDS, next;
	uint64_t none = 0;
	LIBBPF_OPTS(bpf_map_batch_opts, opts);

	(void)bpf_map_lookup_batch(bpf_map__fd(map), NULL, &next, keys, words, &count, &opts);
	for (uint32_t i = 0; i < count; i++)
		if (words[i])
			set(map, &keys[i], &none);
}

void kernel_refill_answers(struct kernel *kernel)
{
	empty_per_cpu(kernel, kernel->skel->maps.answer_bucket, 1);
}

static void reset_records(const struct kernel *kernel, const struct tables *tables, uint32_t now_s)
{
	static struct gw_flow_bucket buckets[TABLE_FLOW_BUCKETS];

	memset(buckets, 0, sizeof(buckets));
	for (uint32_t i = 0; i < tables->record_count; i++) {
		const struct record_row *row = &tables->records[i];
		const struct record record = record_at_start(row, now_s);

		buckets[row->bucket].entry[row->way] = record_word(&record);
	}
	set_array(kernel->skel->maps.flows, buckets, sizeof(buckets[0]), TABLE_FLOW_BUCKETS);
}

void kernel_reset(struct kernel *kernel, const struct tables *tables, uint32_t now_s)
{
	struct guideway_bpf *skel = kernel->skel;

	empty_hash(skel->maps.nat4);
	empty_hash(skel->maps.nat6);
	empty_hash(skel->maps.nat_unconfirmed4);
	empty_hash(skel->maps.nat_unconfirmed6);
	empty_hash(skel->maps.affinities);
	empty_hash(skel->maps.fragments);
	empty_moved(kernel);
	empty_per_cpu(kernel, skel->maps.backend_traffic, tables->backend_count);
	empty_per_cpu(kernel, skel->maps.service_drops, tables->service_count + 1);
	empty_per_cpu(kernel, skel->maps.verdicts, GW_VERDICT_COUNT);
	memset(kernel->seen, 0, sizeof(kernel->seen));
	kernel_refill_answers(kernel);
	for (uint32_t i = 0; i < tables->affinity_count; i++) {
		const struct affinity_row *row = &tables->affinities[i];
		struct gw_affinity affinity = { row->backend, now_s - row->age_s };

		set(skel->maps.affinities, &row->key, &affinity);
	}
	reset_records(kernel, tables, now_s);
	set_owners(kernel, tables);
}

int kernel_run(struct kernel *kernel, const struct frame *frame, uint32_t ingress,
	       struct frame *ret_frame)
{
	struct xdp_md context = { .data_end = frame->size, .ingress_ifindex = ingress };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->bytes, .data_size_in = frame->size,
		    .data_out = ret_frame->bytes, .data_size_out = sizeof(ret_frame->bytes),
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = 1);

	if (bpf_prog_test_run_opts(kernel->program, &opts)) {
		perror("BPF_PROG_TEST_RUN");
		abort();
	}
	ret_frame->size = opts.data_size_out;
	return opts.retval;
}

static struct gw_counter read_verdict(struct kernel *kernel, uint32_t verdict)
{
	const struct gw_counter *per_cpu = kernel->per_cpu;
	struct gw_counter sum = {};

	if (bpf_map_lookup_elem(bpf_map__fd(kernel->skel->maps.verdicts), &verdict,
				kernel->per_cpu))
		abort();
	for (int cpu = 0; cpu < kernel->cpus; cpu++) {
		sum.packets += per_cpu[cpu].packets;
		sum.bytes += per_cpu[cpu].bytes;
	}
	return sum;
}

static bool moved_by_one(struct kernel *kernel, uint32_t verdict, size_t bytes)
{
	struct gw_counter *seen = &kernel->seen[verdict];
	struct gw_counter now = read_verdict(kernel, verdict);
	bool is_one =
		now.packets == seen->packets + 1 && (!bytes || now.bytes == seen->bytes + bytes);

	*seen = now;
	return is_one;
}

enum gw_verdict kernel_verdict(struct kernel *kernel, enum gw_verdict expected, size_t bytes)
{
	if (moved_by_one(kernel, expected, bytes))
		return expected;
	for (uint32_t verdict = 0; verdict < GW_VERDICT_COUNT; verdict++)
		if (verdict != expected && moved_by_one(kernel, verdict, bytes))
			return verdict;
	return GW_VERDICT_COUNT;
}
