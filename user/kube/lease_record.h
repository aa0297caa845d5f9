/* SPDX-License-Identifier: BSD-2-Clause */
/* lease_record.h - a Lease as JSON, for lease*.c alone. */
#ifndef KUBE_LEASE_RECORD_H
#define KUBE_LEASE_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What of a Lease decides; texts are borrowed from the JSON. */
struct lease_record {
	const char *holder;  /* "" for none */
	const char *version; /* resourceVersion, "" when there is none */
	uint64_t duration_ms;
	uint64_t transitions;
};

/* NULL when the text is no Lease. */
json_t *lease_record_parse(const char *text, size_t length);
void lease_record_read(const json_t *object, struct lease_record *ret);
/* Whether somebody renewed or changed it in between. */
bool lease_record_equal(const json_t *a, const json_t *b);

/*
 * The text of a Lease that is held by holder ("": by nobody) from now on; what else stands in
 * object (NULL: there is none yet) stays. A change of holders counts as a transition, giving
 * back does not. Freed by the caller; NULL when there is no memory.
 */
char *lease_record_write(const json_t *object, const char *namespace, const char *name,
			 const char *holder, uint32_t duration_s);

#endif
