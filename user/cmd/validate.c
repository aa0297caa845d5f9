/* SPDX-License-Identifier: BSD-2-Clause */
/* validate.c - guideway validate: reads manifests as the agent would, and tells every mistake. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/terminal.h"
#include "lib/error.h"
#include "model/object.h"
#include "source/manifest.h"

#define FILES_MAX 256

struct arguments {
	const char *files[FILES_MAX];
	size_t file_count;
	bool verbose;
};

static int add_file(const struct option_spec *option, const char *value, void *target,
		    struct error *error)
{
	struct arguments *arguments = target;

	if (arguments->file_count == FILES_MAX)
		return error_set(error, -E2BIG, "'%s', expected at most %d of these", value,
				 FILES_MAX);
	return option_set_text(option, value, &arguments->files[arguments->file_count++], error);
}

static const struct option_spec options[] = {
	{ .letter = 'f',
	  .name = "file",
	  .argument = "PATH",
	  .help = "a manifest, a directory of manifests, or - for standard input",
	  .repeats = true,
	  .set = add_file },
	{ .letter = 'v',
	  .name = "verbose",
	  .help = "also tell which kinds are not used",
	  .set = option_set_flag,
	  .offset = offsetof(struct arguments, verbose) },
};

static const struct command_usage usage = {
	.name = "validate",
	.synopsis = "-f PATH [-f PATH...] [OPTION...]",
	.summary =
		"Checks manifests as the agent would read them. Needs neither root nor an agent. "
		"The exit status is 1 when there is any mistake.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
};

struct tally {
	size_t objects[OBJECT_KIND_COUNT];
	size_t problems;
};

static void on_object(struct object *object, void *owner)
{
	struct tally *tally = owner;

	tally->objects[object->kind]++;
	object_destroy(object);
}

static void on_removed(enum object_kind kind, const char *namespace, const char *name, void *owner)
{
	(void)kind, (void)namespace, (void)name, (void)owner;
}

static void on_problem(const char *sentence, void *owner)
{
	struct tally *tally = owner;

	tally->problems++;
	terminal_print(stderr, sentence);
	(void)fputc('\n', stderr);
}

static void on_repaired(const char *path, void *owner)
{
	(void)path, (void)owner;
}

static void on_skipped(const char *path, const char *kind, void *owner)
{
	(void)owner;
	terminal_print(stdout, path);
	(void)fputs(": ", stdout);
	terminal_print(stdout, kind);
	(void)fputs(": not used\n", stdout);
}

static void on_batch_end(void *owner)
{
	(void)owner;
}

static void read_file(const char *path, bool verbose, struct tally *tally)
{
	const struct source_events events = {
		.on_object = on_object,
		.on_removed = on_removed,
		.on_problem = on_problem,
		.on_repaired = on_repaired,
		.on_skipped = verbose ? on_skipped : NULL,
		.on_batch_end = on_batch_end,
		.owner = tally,
	};
	struct error error = { 0 };

	if (manifest_read(path, &events, &error) < 0)
		on_problem(error.text, tally);
}

static void print_summary(const struct tally *tally)
{
	const char *separator = ": ";
	size_t total = 0;

	for (size_t kind = 0; kind < OBJECT_KIND_COUNT; kind++)
		total += tally->objects[kind];
	(void)printf("%zu object%s", total, total == 1 ? "" : "s");
	for (size_t kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
		const char *name = object_kind_name((enum object_kind)kind);
		size_t count = tally->objects[kind];
		bool plural = count != 1 && kind != OBJECT_ENDPOINTS;

		if (count == 0)
			continue;
		(void)printf("%s%zu %s%s", separator, count, name, plural ? "s" : "");
		separator = ", ";
	}
	(void)printf("; %zu problem%s\n", tally->problems, tally->problems == 1 ? "" : "s");
}

int command_validate(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct tally tally = { 0 };
	struct error error = { 0 };
	int first, status;

	if (!options_begin(&usage, argc, argv, &arguments, &first, &status))
		return status;
	if (arguments.file_count == 0) {
		(void)error_set(&error, -EINVAL, "no file: expected -f PATH");
		return options_refuse(&usage, &error);
	}
	for (size_t i = 0; i < arguments.file_count; i++)
		read_file(arguments.files[i], arguments.verbose, &tally);
	print_summary(&tally);
	return tally.problems ? EXIT_FAILURE : EXIT_SUCCESS;
}
