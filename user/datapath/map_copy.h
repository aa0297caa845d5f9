/* SPDX-License-Identifier: BSD-2-Clause */
/* map_copy.h - what is in a map of another layout, entry by entry in ours. */
#ifndef DATAPATH_MAP_COPY_H
#define DATAPATH_MAP_COPY_H

#include <linux/bpf.h>

#include "datapath/layout.h"

struct map_copy {
	int from_fd;              /* owned */
	struct bpf_map_info info; /* of from_fd */
	struct layout_plan keys, values;
};

void map_copy_close(struct map_copy *copy);

/*
 * Calls visit for each entry, with key and value in our layout; of a per-CPU map value is one
 * for each CPU, 8 bytes aligned. Of an array only those that are not zero, which must be below
 * limit: else -E2BIG. -ERANGE when a number does not fit, -ENOMEM, what the kernel says, or what
 * visit returned.
 */
int map_copy_visit(const struct map_copy *copy, uint32_t limit,
		   int (*visit)(void *context, const void *key, const void *value), void *context);
/* The same entries to the map to_fd, over what it has. */
int map_copy_all(const struct map_copy *copy, int to_fd, uint32_t limit);

#endif
