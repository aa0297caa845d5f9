/* SPDX-License-Identifier: BSD-2-Clause */
/* detach.c - guideway detach: takes the program and its tables out of the kernel. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/config.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/privilege.h"
#include "cmd/terminal.h"
#include "lib/error.h"

struct arguments {
	const char *pin_dir;
};

static const struct option_spec options[] = {
	{ .name = "pin-dir",
	  .argument = "DIR",
	  .help = "where the agent pinned its tables",
	  .default_text = AGENT_PIN_DIR_DEFAULT,
	  .set = option_set_text,
	  .offset = offsetof(struct arguments, pin_dir) },
};

static const struct command_usage usage = {
	.name = "detach",
	.synopsis = "[OPTION...]",
	.summary = "Detaches the program from every interface and removes its tables: from then on "
		   "nothing is balanced. Stop the agent first.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
};

int command_detach(int argc, char **argv)
{
	struct arguments arguments = { .pin_dir = AGENT_PIN_DIR_DEFAULT };
	struct error error = { 0 };
	int first, status, r;

	if (!options_begin(&usage, argc, argv, &arguments, &first, &status))
		return status;
	if (privilege_check(&error) < 0) {
		error_prefix(&error, "detach");
		return terminal_fail(&error);
	}
	r = agent_detach(arguments.pin_dir, &error);
	/* What was asked for is so already: scripts may call it twice. */
	if (r == -ENOENT) {
		(void)printf("%s: nothing was attached\n", arguments.pin_dir);
		return EXIT_SUCCESS;
	}
	return r < 0 ? terminal_fail(&error) : EXIT_SUCCESS;
}
