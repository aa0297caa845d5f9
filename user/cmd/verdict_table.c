/* SPDX-License-Identifier: BSD-2-Clause */
/* verdict_table.c - what became of packets, as people read it. */
#include "cmd/verdict_table.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cmd/control_client.h"
#include "cmd/human.h"
#include "cmd/table_output.h"

int verdict_table_print(const json_t *verdicts, bool all)
{
	static const char *const headers[] = { "VERDICT", "ACTION", "PACKETS", "BYTES", "MEANING" };
	struct table *table = table_create(headers, sizeof(headers) / sizeof(headers[0]));
	char packets[HUMAN_TEXT_SIZE], bytes[HUMAN_TEXT_SIZE];
	const json_t *verdict;
	size_t i;
	int r;

	if (!table)
		return -ENOMEM;
	json_array_foreach(verdicts, i, verdict)
	{
		bool drop = strcmp(answer_text(verdict, "action"), "drop") == 0;

		if (drop && !all && answer_number(verdict, "packets") == 0)
			continue;
		table_add(table, "%s", answer_text(verdict, "name"));
		table_add(table, "%s", answer_text(verdict, "action"));
		table_add(table, "%s", human_count(answer_number(verdict, "packets"), packets));
		table_add(table, "%s", human_bytes(answer_number(verdict, "bytes"), bytes));
		table_add(table, "%s", answer_text(verdict, "help"));
	}
	r = table_print(table, stdout);
	table_destroy(table);
	return r;
}
