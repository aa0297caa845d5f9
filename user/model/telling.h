/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * telling.h - what gateways tell each other of a service while it is changing, in terms that
 * are the same on each of them.
 */
#ifndef MODEL_TELLING_H
#define MODEL_TELLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/service.h"

/* Where it is recorded, with the same key of the flow hash and as many buckets or fewer. */
struct told_flow {
	uint32_t tag;
	uint32_t bucket;
	uint16_t silent; /* since its last packet, in the flow table's units of time */
	bool is_closing; /* it ends: one that was told of before need not be kept */
};

#define TOLD_SILENT_MAX 0x7fff

struct telling {
	struct service_key service;
	/* Flows, and the backend that they are on. */
	struct address backend;
	uint16_t backend_port;
	const struct told_flow *flows;
	size_t count;
	/* Without flows: for so long the service learns its flows still. */
	uint32_t learning_s;
};

typedef void telling_on_telling(const struct telling *telling, void *owner);

#endif
