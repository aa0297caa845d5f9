/* SPDX-License-Identifier: BSD-2-Clause */
/* get.c - guideway get: what the agent serves, as kubectl would show it. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/config.h"
#include "cmd/commands.h"
#include "cmd/control_client.h"
#include "cmd/get.h"
#include "cmd/options.h"
#include "cmd/table_output.h"
#include "cmd/terminal.h"
#include "lib/error.h"

enum output {
	OUTPUT_TABLE,
	OUTPUT_WIDE,
	OUTPUT_JSON,
};

struct arguments {
	const char *socket;
	const char *namespace; /* NULL: all */
	enum output output;
};

/* What can be asked for, by the names people know it by. */
static const struct resource {
	const char *names[4];
	const char *one;
	const char *name_key; /* what NAME is compared with */
	get_print *print;
} resources[] = {
	{ { "services", "service", "svc" }, "service", "name", get_print_services },
	{ { "backends", "backend" }, "service", "service", get_print_backends },
};
#define RESOURCE_COUNT (sizeof(resources) / sizeof(resources[0]))

static int set_output(const struct option_spec *option, const char *value, void *target,
		      struct error *error)
{
	struct arguments *arguments = target;

	(void)option;
	if (strcmp(value, "wide") == 0)
		arguments->output = OUTPUT_WIDE;
	else if (strcmp(value, "json") == 0)
		arguments->output = OUTPUT_JSON;
	else
		return error_set(error, -EINVAL, "'%s', expected wide or json", value);
	return 0;
}

static const struct option_spec options[] = {
	{ .letter = 'n',
	  .name = "namespace",
	  .argument = "NAMESPACE",
	  .help = "only this namespace",
	  .default_text = "all",
	  .set = option_set_text,
	  .offset = offsetof(struct arguments, namespace) },
	{ .letter = 'o',
	  .name = "output",
	  .argument = "wide|json",
	  .help = "more columns, or everything for other programs",
	  .set = set_output },
	OPTION_SOCKET(struct arguments, socket),
};

static const struct command_usage usage = {
	.name = "get",
	.synopsis = "services|backends [NAME] [OPTION...]",
	.summary = "Shows the Services of type LoadBalancer that the agent serves, or the backends "
		   "behind each of their addresses and ports; of one Service when NAME is given.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.operands_max = 2,
};

static const struct resource *find_resource(const char *name)
{
	for (size_t i = 0; i < RESOURCE_COUNT; i++)
		for (const char *const *known = resources[i].names; *known; known++)
			if (strcmp(*known, name) == 0)
				return &resources[i];
	return NULL;
}

static bool is_wanted(const json_t *item, const struct resource *resource, const char *namespace,
		      const char *name)
{
	return (!namespace || strcmp(answer_text(item, "namespace"), namespace) == 0) &&
	       (!name || strcmp(answer_text(item, resource->name_key), name) == 0);
}

/* One item with what it is sorted by; position keeps the agent's order among equals. */
struct row {
	json_t *item;
	const char *namespace, *name;
	size_t position;
};

static int compare_rows(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	int order = strcmp(a->namespace, b->namespace);

	if (order == 0)
		order = strcmp(a->name, b->name);
	return order ? order : (a->position > b->position) - (a->position < b->position);
}

/* A new, sorted array of the wanted items; NULL when there is no memory. */
static json_t *choose(const json_t *all, const struct resource *resource, const char *namespace,
		      const char *name)
{
	struct row *rows = calloc(json_array_size(all) + 1, sizeof(*rows));
	json_t *chosen = json_array(), *item;
	size_t count = 0, i;

	if (!rows || !chosen)
		goto fail;
	json_array_foreach(all, i, item)
	{
		if (is_wanted(item, resource, namespace, name))
			rows[count++] = (struct row){
				.item = item,
				.namespace = answer_text(item, "namespace"),
				.name = answer_text(item, resource->name_key),
				.position = i,
			};
	}
	qsort(rows, count, sizeof(*rows), compare_rows);
	for (i = 0; i < count; i++)
		if (json_array_append(chosen, rows[i].item) < 0)
			goto fail;
	free(rows);
	return chosen;
fail:
	free(rows);
	json_decref(chosen);
	return NULL;
}

static int tell_nothing_found(const struct resource *resource, const struct arguments *arguments,
			      const char *name)
{
	struct error error;

	if (name) {
		(void)error_set(&error, -ENOENT, "%s '%s' not found%s%s%s", resource->one, name,
				arguments->namespace ? " in namespace '" : "",
				arguments->namespace ? arguments->namespace : "",
				arguments->namespace ? "'" : "");
		return terminal_fail(&error);
	}
	(void)fprintf(stderr, "No %s found%s%s.\n", resource->names[0],
		      arguments->namespace ? " in namespace " : "",
		      arguments->namespace ? arguments->namespace : "");
	return EXIT_SUCCESS;
}

static int show(const struct resource *resource, const struct arguments *arguments,
		const char *name, const json_t *items)
{
	struct error error = { 0 };

	if (json_array_size(items) == 0 && (name || arguments->output != OUTPUT_JSON))
		return tell_nothing_found(resource, arguments, name);
	if (arguments->output == OUTPUT_JSON) {
		answer_print(items);
		return EXIT_SUCCESS;
	}
	if (resource->print(items, arguments->output == OUTPUT_WIDE, time(NULL), stdout) < 0) {
		(void)error_set(&error, -ENOMEM, "get: out of memory");
		return terminal_fail(&error);
	}
	return EXIT_SUCCESS;
}

static int get(const struct resource *resource, const struct arguments *arguments, const char *name)
{
	json_t *all = NULL, *items;
	struct error error = { 0 };
	int status;

	if (control_ask(arguments->socket, resource->names[0], &all, &error) < 0)
		return terminal_fail(&error);
	items = choose(all, resource, arguments->namespace, name);
	if (items) {
		status = show(resource, arguments, name, items);
	} else {
		(void)error_set(&error, -ENOMEM, "get: out of memory");
		status = terminal_fail(&error);
	}
	json_decref(items);
	json_decref(all);
	return status;
}

int command_get(int argc, char **argv)
{
	struct arguments arguments = { .socket = AGENT_SOCKET_DEFAULT };
	const struct resource *resource;
	struct error error = { 0 };
	int first, status;

	if (!options_begin(&usage, argc, argv, &arguments, &first, &status))
		return status;
	resource = first < argc ? find_resource(argv[first]) : NULL;
	if (!resource) {
		(void)error_set(&error, -EINVAL, "%s%s%sexpected services or backends",
				first < argc ? "'" : "", first < argc ? argv[first] : "",
				first < argc ? "', " : "");
		return options_refuse(&usage, &error);
	}
	return get(resource, &arguments, first + 1 < argc ? argv[first + 1] : NULL);
}
