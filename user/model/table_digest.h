/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table_digest.h - one number for all that decides where a service's flows go, so that people
 * can see whether two gateways agree. Pure: no ids, no history.
 */
#ifndef MODEL_TABLE_DIGEST_H
#define MODEL_TABLE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

struct service;

/*
 * Of key, mode, policies, backends, and owners: by slot, indexes into the backends, as
 * maglev_fill gives them; count 0 where nobody gets new flows.
 */
uint64_t table_digest(const struct service *service, const uint32_t *owners, uint32_t count);

/* Of several, in their order. */
uint64_t table_digest_join(const uint64_t *digests, size_t count);

#endif
