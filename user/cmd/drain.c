/* SPDX-License-Identifier: BSD-2-Clause */
/* drain.c - guideway drain: a backend before its maintenance, and after it. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/config.h"
#include "cmd/commands.h"
#include "cmd/control_client.h"
#include "cmd/human.h"
#include "cmd/options.h"
#include "cmd/table_output.h"
#include "cmd/terminal.h"
#include "lib/error.h"
#include "model/drain.h"

struct arguments {
	const char *socket;
	bool undo;
	bool json;
};

static const struct option_spec options[] = {
	{ .name = "undo",
	  .help = "give it new flows again; an ADDRESS without PORT with all its ports",
	  .set = option_set_flag,
	  .offset = offsetof(struct arguments, undo) },
	{ .letter = 'o',
	  .name = "output",
	  .argument = "json",
	  .help = "the list for other programs",
	  .set = option_set_json,
	  .offset = offsetof(struct arguments, json) },
	OPTION_SOCKET(struct arguments, socket),
};

static const struct command_usage usage = {
	.name = "drain",
	.synopsis = "[ADDRESS[:PORT]] [OPTION...]",
	.summary = "Backends with this address, of every Service, keep the flows they have and get "
		   "no new ones until it is undone, also when the agent restarts. Without ADDRESS "
		   "lists what is drained.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.operands_max = 1,
};

static json_t *make_request(const char *backend, bool undo)
{
	if (!backend)
		return json_pack("{s:s}", "command", "drain");
	return json_pack("{s:s, s:s, s:b}", "command", "drain", "backend", backend, "undo", undo);
}

static int ask(const struct arguments *arguments, const char *backend, json_t **ret_answer,
	       struct error *error)
{
	json_t *request = make_request(backend, arguments->undo);
	int r = request ? control_send(arguments->socket, request, ret_answer, error)
			: error_set(error, -ENOMEM, "drain: out of memory");

	json_decref(request);
	return r;
}

static int print_list(const json_t *drains)
{
	static const char *const headers[] = { "ADDRESS", "AGE", "BACKENDS" };
	struct table *table = table_create(headers, sizeof(headers) / sizeof(headers[0]));
	const json_t *drain;
	size_t i;
	int r;

	if (!table)
		return -ENOMEM;
	json_array_foreach(drains, i, drain)
	{
		char age[HUMAN_TEXT_SIZE];

		table_add(table, "%s", answer_text(drain, "backend"));
		table_add(table, "%s",
			  human_duration(time(NULL) - (int64_t)answer_number(drain, "since"), age));
		table_add(table, "%" PRIu64, answer_number(drain, "backends"));
	}
	r = table_print(table, stdout);
	table_destroy(table);
	return r;
}

static int show_list(const json_t *drains)
{
	struct error error;

	if (json_array_size(drains) == 0) {
		(void)fputs("Nothing is drained.\n", stderr);
		return EXIT_SUCCESS;
	}
	if (print_list(drains) == 0)
		return EXIT_SUCCESS;
	(void)error_set(&error, -ENOMEM, "drain: out of memory");
	return terminal_fail(&error);
}

static uint64_t count_backends(const json_t *drains, const char *backend)
{
	const json_t *drain;
	size_t i;

	json_array_foreach(drains, i, drain)
	{
		if (strcmp(answer_text(drain, "backend"), backend) == 0)
			return answer_number(drain, "backends");
	}
	return 0;
}

static void show_change(const json_t *drains, const char *backend, bool undo)
{
	uint64_t count = count_backends(drains, backend);

	if (undo)
		(void)printf("%s: no longer drained\n", backend);
	else if (count)
		(void)printf("%s: drained, %" PRIu64 " backend%s get%s no new flows\n", backend,
			     count, count == 1 ? "" : "s", count == 1 ? "s" : "");
	else
		(void)printf("%s: drained, though no service has such a backend now\n", backend);
}

static void show_warnings(const json_t *warnings)
{
	const json_t *warning;
	size_t i;

	json_array_foreach(warnings, i, warning)
	{
		(void)fputs("Warning: ", stderr);
		terminal_print(stderr, json_string_value(warning));
		(void)fputc('\n', stderr);
	}
}

static int drain(const struct arguments *arguments, const char *backend)
{
	json_t *answer = NULL;
	const json_t *drains;
	struct error error = { 0 };
	int status = EXIT_SUCCESS;

	if (ask(arguments, backend, &answer, &error) < 0)
		return terminal_fail(&error);
	drains = json_object_get(answer, "drains");
	if (arguments->json)
		answer_print(drains);
	else if (backend)
		show_change(drains, backend, arguments->undo);
	else
		status = show_list(drains);
	show_warnings(json_object_get(answer, "warnings"));
	json_decref(answer);
	return status;
}

/* Of the operand, as the agent writes it. */
static int read_backend(const char *text, char *backend, struct error *error)
{
	struct drain drain;
	int r = drain_parse(text, &drain, error);

	if (r == 0)
		(void)drain_format(&drain, backend);
	return r;
}

int command_drain(int argc, char **argv)
{
	struct arguments arguments = { .socket = AGENT_SOCKET_DEFAULT };
	char backend[DRAIN_TEXT_SIZE];
	struct error error = { 0 };
	int first, status;

	if (!options_begin(&usage, argc, argv, &arguments, &first, &status))
		return status;
	if (first < argc && read_backend(argv[first], backend, &error) < 0)
		return options_refuse(&usage, &error);
	if (first == argc && arguments.undo) {
		(void)error_set(&error, -EINVAL, "--undo: expected an ADDRESS too");
		return options_refuse(&usage, &error);
	}
	return drain(&arguments, first < argc ? backend : NULL);
}
