/* SPDX-License-Identifier: BSD-2-Clause */
/* dump.c - guideway dump: the datapath's tables as text. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/config.h"
#include "cmd/commands.h"
#include "cmd/control_client.h"
#include "cmd/options.h"
#include "cmd/terminal.h"
#include "lib/error.h"

struct arguments {
	const char *socket;
};

static const struct option_spec options[] = {
	OPTION_SOCKET(struct arguments, socket),
};

static const struct command_usage usage = {
	.name = "dump",
	.synopsis = "[OPTION...]",
	.summary = "Prints every table of the datapath, sorted: the same for the same state.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
};

int command_dump(int argc, char **argv)
{
	struct arguments arguments = { .socket = AGENT_SOCKET_DEFAULT };
	struct error error = { 0 };
	json_t *result = NULL;
	int first, status;

	if (!options_begin(&usage, argc, argv, &arguments, &first, &status))
		return status;
	if (control_ask(arguments.socket, "dump", &result, &error) < 0)
		return terminal_fail(&error);
	(void)fputs(answer_text(result, "text"), stdout);
	json_decref(result);
	return EXIT_SUCCESS;
}
