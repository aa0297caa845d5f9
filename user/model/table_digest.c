/* SPDX-License-Identifier: BSD-2-Clause */
/* table_digest.c - digests by XXH3, from the library's header alone. */
#include "model/table_digest.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "model/service.h"

static void add_number(XXH3_state_t *state, uint64_t number)
{
	(void)XXH3_64bits_update(state, &number, sizeof(number));
}

static void add_address(XXH3_state_t *state, const struct address *address)
{
	(void)XXH3_64bits_update(state, address->bytes, sizeof(address->bytes));
}

static void add_policies(XXH3_state_t *state, const struct service *service)
{
	add_number(state, service->mode);
	add_number(state, service->fallback);
	add_number(state, service->affinity ? 1 + (uint64_t)service->affinity_timeout_s : 0);
	add_number(state, service->flows_per_second);
	add_number(state, service->tcp_mss);
	add_number(state, service->has_source_ranges ? 1 + service->source_range_count : 0);
	for (size_t i = 0; service->has_source_ranges && i < service->source_range_count; i++) {
		add_address(state, &service->source_ranges[i].address);
		add_number(state, service->source_ranges[i].length);
	}
}

/* Of weights only whether there is one: what it does is in the table. */
static void add_backends(XXH3_state_t *state, const struct service *service)
{
	add_number(state, service->backend_count);
	for (size_t i = 0; i < service->backend_count; i++) {
		const struct backend *backend = &service->backends[i];

		add_address(state, &backend->address);
		add_number(state, (uint64_t)backend->port << 1 | (backend->weight > 0));
	}
}

uint64_t table_digest(const struct service *service, const uint32_t *owners, uint32_t count)
{
	XXH3_state_t state;

	(void)XXH3_64bits_reset(&state);
	add_address(&state, &service->key.vip);
	add_number(&state, service->key.port);
	add_number(&state, service->key.protocol);
	add_policies(&state, service);
	add_backends(&state, service);
	add_number(&state, count);
	(void)XXH3_64bits_update(&state, owners, count * sizeof(*owners));
	return XXH3_64bits_digest(&state);
}

uint64_t table_digest_join(const uint64_t *digests, size_t count)
{
	return XXH3_64bits(digests, count * sizeof(*digests));
}
