/* SPDX-License-Identifier: BSD-2-Clause */
/* get_services.c - the table of Services. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/control_client.h"
#include "cmd/get.h"
#include "cmd/human.h"
#include "cmd/table_output.h"
#include "cmd/terminal.h"

static const char *const headers[] = {
	"NAMESPACE", "NAME",          "TYPE",        "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)",
	"ENDPOINTS", "AGE",           "MODE",        "SELECTOR",   "PACKETS",     "BYTES",
	"FLOWS",     "REPLY-PACKETS", "REPLY-BYTES", "DROPS",      "DIGEST",      "PROBLEM",
};
#define WIDE_COLUMNS (sizeof(headers) / sizeof(headers[0]))
#define COLUMNS 8

/* Lists of several values in one cell: written to memory, parted by commas. */
struct cell {
	char *text;
	size_t size;
	FILE *stream;
};

static bool cell_open(struct cell *cell)
{
	*cell = (struct cell){ 0 };
	cell->stream = open_memstream(&cell->text, &cell->size);
	return cell->stream;
}

static void cell_add(struct table *table, struct cell *cell, const char *when_empty)
{
	(void)fclose(cell->stream);
	table_add(table, "%s", cell->size ? cell->text : when_empty);
	free(cell->text);
}

static int add_external_ips(struct table *table, const json_t *service)
{
	const json_t *address;
	struct cell cell;
	size_t i;

	if (!cell_open(&cell))
		return -ENOMEM;
	json_array_foreach(json_object_get(service, "externalIPs"), i, address)(void)
		fprintf(cell.stream, "%s%s", i ? "," : "", json_string_value(address));
	cell_add(table, &cell, "<pending>");
	return 0;
}

static int add_ports(struct table *table, const json_t *service)
{
	const json_t *port;
	struct cell cell;
	size_t i;

	if (!cell_open(&cell))
		return -ENOMEM;
	json_array_foreach(json_object_get(service, "ports"), i, port)
	{
		uint64_t node_port = answer_number(port, "nodePort");

		(void)fprintf(cell.stream, "%s%" PRIu64, i ? "," : "", answer_number(port, "port"));
		if (node_port)
			(void)fprintf(cell.stream, ":%" PRIu64, node_port);
		(void)fprintf(cell.stream, "/%s", answer_text(port, "protocol"));
	}
	cell_add(table, &cell, "");
	return 0;
}

static int add_selector(struct table *table, const json_t *service)
{
	json_t *selector = json_object_get(service, "selector"), *value;
	const char *key, *separator = "";
	struct cell cell;

	if (!cell_open(&cell))
		return -ENOMEM;
	json_object_foreach(selector, key, value)
	{
		(void)fprintf(cell.stream, "%s%s=%s", separator, key, json_string_value(value));
		separator = ",";
	}
	cell_add(table, &cell, "");
	return 0;
}

static void add_age(struct table *table, const json_t *service, time_t now)
{
	const json_t *created = json_object_get(service, "created");
	char text[HUMAN_TEXT_SIZE];

	if (json_is_integer(created))
		table_add(table, "%s", human_duration(now - json_integer_value(created), text));
	else
		table_add(table, "<unknown>");
}

static int add_wide(struct table *table, const json_t *service)
{
	const json_t *traffic = json_object_get(service, "traffic");
	char text[HUMAN_TEXT_SIZE];

	table_add(table, "%s", answer_text(service, "mode"));
	if (add_selector(table, service) < 0)
		return -ENOMEM;
	table_add(table, "%s", human_count(answer_number(traffic, "packets"), text));
	table_add(table, "%s", human_bytes(answer_number(traffic, "bytes"), text));
	table_add(table, "%s", human_count(answer_number(traffic, "flows"), text));
	table_add(table, "%s", human_count(answer_number(traffic, "replyPackets"), text));
	table_add(table, "%s", human_bytes(answer_number(traffic, "replyBytes"), text));
	table_add(table, "%s", human_count(answer_number(traffic, "drops"), text));
	table_add(table, "%s", answer_text(service, "digest"));
	table_add(table, "%s", answer_text(service, "problem"));
	return 0;
}

static int add_service(struct table *table, const json_t *service, bool wide, time_t now)
{
	table_add(table, "%s", answer_text(service, "namespace"));
	table_add(table, "%s", answer_text(service, "name"));
	table_add(table, "%s", answer_text(service, "type"));
	table_add(table, "%s", answer_text(service, "clusterIP"));
	if (add_external_ips(table, service) < 0 || add_ports(table, service) < 0)
		return -ENOMEM;
	table_add(table, "%" PRIu64 "/%" PRIu64, answer_number(service, "ready"),
		  answer_number(service, "endpoints"));
	add_age(table, service, now);
	return wide ? add_wide(table, service) : 0;
}

/* A sentence needs the width of a line: the short table has it below. */
static void print_problems(const json_t *services, FILE *out)
{
	const json_t *service;
	size_t i;

	json_array_foreach(services, i, service)
	{
		const char *problem = answer_text(service, "problem");

		if (!*problem)
			continue;
		(void)fputs("Note: ", out);
		terminal_print(out, answer_text(service, "namespace"));
		(void)fputc('/', out);
		terminal_print(out, answer_text(service, "name"));
		(void)fputs(": ", out);
		terminal_print(out, problem);
		(void)fputc('\n', out);
	}
}

int get_print_services(const json_t *items, bool wide, time_t now, FILE *out)
{
	struct table *table = table_create(headers, wide ? WIDE_COLUMNS : COLUMNS);
	const json_t *service;
	size_t i;
	int r = table ? 0 : -ENOMEM;

	json_array_foreach(items, i, service) if (r == 0) r =
		add_service(table, service, wide, now);
	if (r == 0)
		r = table_print(table, out);
	if (r == 0 && !wide)
		print_problems(items, out);
	table_destroy(table);
	return r;
}
