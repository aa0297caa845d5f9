/* SPDX-License-Identifier: BSD-2-Clause */
/* main.c - the table of commands. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/terminal.h"
#include "lib/error.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *description;
} commands[] = {
	{ "agent", command_agent, "serve the Services in manifests; the daemon" },
	{ "get", command_get, "show the services, or their backends" },
	{ "status", command_status, "show the agent, its interfaces, and what became of packets" },
	{ "validate", command_validate, "check manifests, without an agent" },
	{ "drain", command_drain, "take no new flows to a backend: before maintenance" },
	{ "detach", command_detach, "take the program and its tables out of the kernel" },
	{ "decap", command_decap, "on a backend: unwrap IPIP and GUE, without tunnel devices" },
	{ "dump", command_dump, "print every table of the datapath" },
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *out)
{
	(void)fputs("Usage: guideway COMMAND [OPTION...]\n\n"
		    "A layer-4 load balancer for Kubernetes Services, in XDP.\n\nCommands:\n",
		    out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		(void)fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].description);
	(void)fputs("  help       show this text, or that of a command\n\n"
		    "guideway COMMAND --help tells more, guideway --version the version.\n",
		    out);
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int refuse(const char *name)
{
	struct error error;

	(void)error_set(&error, -EINVAL, "unknown command '%s': see `guideway help`", name);
	(void)terminal_fail(&error);
	return EXIT_USAGE;
}

static int run(int argc, char **argv)
{
	const struct command *command = find(argv[0]);

	return command ? command->run(argc, argv) : refuse(argv[0]);
}

/* guideway help [COMMAND] */
static int help(int argc, char **argv)
{
	char option[] = "--help";
	char *arguments[] = { argv[argc > 1], option, NULL };

	if (argc > 1)
		return run(2, arguments);
	print_usage(stdout);
	return EXIT_SUCCESS;
}

static int dispatch(int argc, char **argv)
{
	if (argc == 0) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[0], "help") == 0 || strcmp(argv[0], "--help") == 0 ||
	    strcmp(argv[0], "-h") == 0)
		return help(argc, argv);
	if (strcmp(argv[0], "--version") == 0) {
		(void)puts("guideway " GUIDEWAY_VERSION);
		return EXIT_SUCCESS;
	}
	return run(argc, argv);
}

int main(int argc, char **argv)
{
	int status = dispatch(argc - 1, argv + 1);

	/* A full disk behind standard output is a failure too. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(stderr, "guideway: standard output: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	return status;
}
