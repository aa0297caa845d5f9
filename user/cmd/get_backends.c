/* SPDX-License-Identifier: BSD-2-Clause */
/* get_backends.c - the table of backends, one row for each use by a service. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cmd/control_client.h"
#include "cmd/get.h"
#include "cmd/human.h"
#include "cmd/table_output.h"

static const char *const headers[] = {
	"NAMESPACE",     "SERVICE",     "VIP",       "PORT/PROTO", "BACKEND",  "STATE", "WEIGHT",
	"SHARE",         "NEXT-HOP",    "MAC",       "INTERFACE",  "PACKETS",  "BYTES", "FLOWS",
	"REPLY-PACKETS", "REPLY-BYTES", "REMAINING", "IDLE",       "EMPTY-IN",
};
#define WIDE_COLUMNS (sizeof(headers) / sizeof(headers[0]))
#define COLUMNS 9

static void add_backend_address(struct table *table, const json_t *backend)
{
	const char *address = answer_text(backend, "address");
	const char *format = strchr(address, ':') ? "[%s]:%" PRIu64 : "%s:%" PRIu64;

	table_add(table, format, address, answer_number(backend, "backendPort"));
}

static void add_duration(struct table *table, const json_t *seconds)
{
	char text[HUMAN_TEXT_SIZE];

	table_add(table, "%s",
		  json_is_integer(seconds) ? human_duration(json_integer_value(seconds), text)
					   : "-");
}

/* What is left of the flows of a backend that gets no new ones. */
static void add_remaining(struct table *table, const json_t *remaining)
{
	char text[HUMAN_TEXT_SIZE];

	table_add(table, "%s",
		  json_is_object(remaining) ? human_count(answer_number(remaining, "flows"), text)
					    : "-");
	add_duration(table, json_object_get(remaining, "idleSeconds"));
	add_duration(table, json_object_get(remaining, "emptyInSeconds"));
}

static void add_wide(struct table *table, const json_t *backend)
{
	const json_t *next_hop = json_object_get(backend, "nextHop");
	const json_t *traffic = json_object_get(backend, "traffic");
	char text[HUMAN_TEXT_SIZE];

	table_add(table, "%s", answer_text(next_hop, "mac"));
	table_add(table, "%s", answer_text(next_hop, "interface"));
	table_add(table, "%s", human_count(answer_number(traffic, "packets"), text));
	table_add(table, "%s", human_bytes(answer_number(traffic, "bytes"), text));
	table_add(table, "%s", human_count(answer_number(traffic, "flows"), text));
	table_add(table, "%s", human_count(answer_number(traffic, "replyPackets"), text));
	table_add(table, "%s", human_bytes(answer_number(traffic, "replyBytes"), text));
	add_remaining(table, json_object_get(backend, "remaining"));
}

static void add_backend(struct table *table, const json_t *backend, bool wide)
{
	double share = json_number_value(json_object_get(backend, "share"));

	table_add(table, "%s", answer_text(backend, "namespace"));
	table_add(table, "%s", answer_text(backend, "service"));
	table_add(table, "%s", answer_text(backend, "vip"));
	table_add(table, "%" PRIu64 "/%s", answer_number(backend, "port"),
		  answer_text(backend, "protocol"));
	add_backend_address(table, backend);
	table_add(table, "%s", answer_text(backend, "state"));
	table_add(table, "%" PRIu64, answer_number(backend, "weight"));
	table_add(table, "%.1f%%", share * 100);
	table_add(table, "%s", answer_text(json_object_get(backend, "nextHop"), "state"));
	if (wide)
		add_wide(table, backend);
}

int get_print_backends(const json_t *items, bool wide, time_t now, FILE *out)
{
	struct table *table = table_create(headers, wide ? WIDE_COLUMNS : COLUMNS);
	const json_t *backend;
	size_t i;
	int r;

	(void)now;
	if (!table)
		return -ENOMEM;
	json_array_foreach(items, i, backend) add_backend(table, backend, wide);
	r = table_print(table, out);
	table_destroy(table);
	return r;
}
