/* SPDX-License-Identifier: BSD-2-Clause */
/* map_copy.c - reads a map in batches, and writes its entries in another layout. */
#include "datapath/map_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* More than a hash bucket ever has: the kernel gives no part of one. */
#define BATCH_ENTRIES 4096
#define BATCH_BYTES (4U << 20)

struct batch {
	const struct map_copy *copy;
	uint32_t room, count;
	uint32_t cpus;                   /* values an entry */
	uint32_t from_stride, to_stride; /* bytes from one CPU's value to the next one's */
	char *old_keys, *old_values, *token;
	char *key, *value; /* one entry in our layout */
};

static uint32_t aligned(uint32_t size)
{
	return (size + 7) & ~7U;
}

void map_copy_close(struct map_copy *copy)
{
	layout_plan_free(&copy->keys);
	layout_plan_free(&copy->values);
	(void)close(copy->from_fd);
}

static bool is_array(const struct map_copy *copy)
{
	return copy->info.type == BPF_MAP_TYPE_ARRAY ||
	       copy->info.type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static bool is_per_cpu(const struct map_copy *copy)
{
	return copy->info.type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static void batch_free(struct batch *batch)
{
	free(batch->old_keys);
	free(batch->old_values);
	free(batch->token);
	free(batch->key);
	free(batch->value);
}

static int batch_make(const struct map_copy *copy, struct batch *ret)
{
	int cpus = is_per_cpu(copy) ? libbpf_num_possible_cpus() : 1;
	size_t entry_bytes;

	if (cpus < 0)
		return cpus;
	*ret = (struct batch){ .copy = copy, .cpus = (uint32_t)cpus };
	ret->from_stride =
		is_per_cpu(copy) ? aligned(copy->info.value_size) : copy->info.value_size;
	ret->to_stride = is_per_cpu(copy) ? aligned(copy->values.to_size) : copy->values.to_size;
	entry_bytes = (size_t)ret->from_stride * ret->cpus;
	ret->room = copy->info.max_entries < BATCH_ENTRIES ? copy->info.max_entries : BATCH_ENTRIES;
	if (is_array(copy) && ret->room * entry_bytes > BATCH_BYTES)
		ret->room = entry_bytes < BATCH_BYTES ? (uint32_t)(BATCH_BYTES / entry_bytes) : 1;
	ret->old_keys = malloc((size_t)ret->room * copy->info.key_size);
	ret->old_values = malloc(ret->room * entry_bytes);
	ret->token = calloc(1, copy->info.key_size + sizeof(uint64_t));
	ret->key = malloc(copy->keys.to_size);
	ret->value = calloc(ret->cpus, ret->to_stride);
	if (ret->old_keys && ret->old_values && ret->token && ret->key && ret->value)
		return 0;
	batch_free(ret);
	return -ENOMEM;
}

/* 1: there are more; 0: these were the last. */
static int batch_read(struct batch *batch, bool is_first)
{
	int r;

	batch->count = batch->room;
	r = bpf_map_lookup_batch(batch->copy->from_fd, is_first ? NULL : batch->token, batch->token,
				 batch->old_keys, batch->old_values, &batch->count, NULL);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : 1;
}

static bool is_zero(const char *bytes, size_t size)
{
	return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static int convert_entry(struct batch *batch, uint32_t i)
{
	const struct map_copy *copy = batch->copy;
	const char *old = batch->old_values + (size_t)i * batch->from_stride * batch->cpus;
	int r = layout_convert(&copy->keys, batch->old_keys + (size_t)i * copy->info.key_size,
			       batch->key);

	for (uint32_t cpu = 0; r == 0 && cpu < batch->cpus; cpu++)
		r = layout_convert(&copy->values, old + (size_t)cpu * batch->from_stride,
				   batch->value + (size_t)cpu * batch->to_stride);
	return r;
}

/* Elements of an array are always there: what is zero is so in a new one too. */
static int visit_element(struct batch *batch, uint32_t limit,
			 int (*visit)(void *context, const void *key, const void *value),
			 void *context)
{
	uint32_t index;

	if (is_zero(batch->value, (size_t)batch->cpus * batch->to_stride))
		return 0;
	memcpy(&index, batch->key, sizeof(index));
	return index < limit ? visit(context, batch->key, batch->value) : -E2BIG;
}

int map_copy_visit(const struct map_copy *copy, uint32_t limit,
		   int (*visit)(void *context, const void *key, const void *value), void *context)
{
	struct batch batch;
	bool is_first = true;
	int r = batch_make(copy, &batch), has_more = 1;

	if (r < 0)
		return r;
	while (r == 0 && has_more > 0) {
		has_more = batch_read(&batch, is_first);
		is_first = false;
		for (uint32_t i = 0; has_more >= 0 && r == 0 && i < batch.count; i++) {
			r = convert_entry(&batch, i);
			if (r == 0)
				r = is_array(copy) ? visit_element(&batch, limit, visit, context)
						   : visit(context, batch.key, batch.value);
		}
	}
	batch_free(&batch);
	return r < 0 ? r : has_more;
}

static int store(void *context, const void *key, const void *value)
{
	return bpf_map_update_elem(*(const int *)context, key, value, BPF_ANY);
}

int map_copy_all(const struct map_copy *copy, int to_fd, uint32_t limit)
{
	return map_copy_visit(copy, limit, store, &to_fd);
}
