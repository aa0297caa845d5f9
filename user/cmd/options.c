/* SPDX-License-Identifier: BSD-2-Clause */
/* options.c - getopt_long driven by a table, and the help text out of the same table. */
#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/terminal.h"
#include "lib/error.h"

/* getopt_long's values: letters stand for themselves, long options count from here. */
#define LONG_BASE 256
#define HELP_VALUE 'h'

#define HELP_COLUMN 30
#define HELP_WIDTH 80

int option_set_text(const struct option_spec *option, const char *value, void *target,
		    struct error *error)
{
	if (!*value)
		return error_set(error, -EINVAL, "'', expected %s", option->argument);
	memcpy((char *)target + option->offset, &value, sizeof(value));
	return 0;
}

int option_set_flag(const struct option_spec *option, const char *value, void *target,
		    struct error *error)
{
	const bool flag = true;

	(void)value, (void)error;
	memcpy((char *)target + option->offset, &flag, sizeof(flag));
	return 0;
}

int option_set_json(const struct option_spec *option, const char *value, void *target,
		    struct error *error)
{
	if (strcmp(value, "json") != 0)
		return error_set(error, -EINVAL, "'%s', expected json", value);
	return option_set_flag(option, value, target, error);
}

struct tables {
	struct option longs[OPTIONS_MAX + 2];
	char shorts[2 * OPTIONS_MAX + 4];
};

static void fill_tables(const struct command_usage *usage, struct tables *tables)
{
	char *letter = tables->shorts;
	size_t i;

	memset(tables, 0, sizeof(*tables));
	*letter++ = ':'; /* getopt tells a missing argument from an unknown option */
	*letter++ = HELP_VALUE;
	for (i = 0; i < usage->option_count; i++) {
		const struct option_spec *option = &usage->options[i];

		tables->longs[i] = (struct option){
			.name = option->name,
			.has_arg = option->argument ? required_argument : no_argument,
			.val = LONG_BASE + (int)i,
		};
		if (!option->letter)
			continue;
		*letter++ = option->letter;
		if (option->argument)
			*letter++ = ':';
	}
	tables->longs[i] = (struct option){ .name = "help", .val = HELP_VALUE };
}

static const struct option_spec *find(const struct command_usage *usage, int value)
{
	if (value >= LONG_BASE)
		return &usage->options[value - LONG_BASE];
	for (size_t i = 0; i < usage->option_count; i++)
		if (value && usage->options[i].letter == value)
			return &usage->options[i];
	return NULL;
}

static bool is_ambiguous(const struct command_usage *usage, const char *word)
{
	size_t matches = strncmp("help", word + 2, strlen(word + 2)) == 0;

	for (size_t i = 0; i < usage->option_count; i++)
		matches += strncmp(usage->options[i].name, word + 2, strlen(word + 2)) == 0;
	return matches > 1;
}

/* What getopt_long answered '?' to; word is the last one it looked at. */
static int refuse_option(const struct command_usage *usage, const char *word, struct error *error)
{
	const struct option_spec *option = find(usage, optopt);

	if (option)
		return error_set(error, -EINVAL, "--%s: takes no value", option->name);
	if (optopt == HELP_VALUE)
		return error_set(error, -EINVAL, "--help: takes no value");
	if (optopt)
		return error_set(error, -EINVAL, "unknown option '-%c'", optopt);
	if (is_ambiguous(usage, word))
		return error_set(error, -EINVAL, "ambiguous option '%s'", word);
	return error_set(error, -EINVAL, "unknown option '%s'", word);
}

static int apply(const struct command_usage *usage, const struct option_spec *option, bool *seen,
		 void *target, struct error *error)
{
	size_t index = (size_t)(option - usage->options);
	int r;

	if (seen[index] && !option->repeats)
		return error_set(error, -EINVAL, "--%s: given twice", option->name);
	seen[index] = true;
	r = option->set(option, optarg, target, error);
	if (r < 0)
		error_prefix(error, "--%s", option->name);
	return r;
}

int options_parse(const struct command_usage *usage, int argc, char **argv, void *target,
		  int *ret_first, struct error *error)
{
	bool seen[OPTIONS_MAX] = { false };
	struct tables tables;
	int value, r;

	if (usage->option_count > OPTIONS_MAX)
		return error_set(error, -EINVAL, "more than %d options", OPTIONS_MAX);
	fill_tables(usage, &tables);
	opterr = 0;
	optind = 0; /* glibc: forget the parsing before */
	while ((value = getopt_long(argc, argv, tables.shorts, tables.longs, NULL)) != -1) {
		if (value == HELP_VALUE)
			return OPTIONS_HELP;
		if (value == '?')
			return refuse_option(usage, argv[optind - 1], error);
		if (value == ':')
			return error_set(error, -EINVAL, "--%s: no value, expected %s",
					 find(usage, optopt)->name, find(usage, optopt)->argument);
		r = apply(usage, find(usage, value), seen, target, error);
		if (r < 0)
			return r;
	}
	if (argc - optind > usage->operands_max)
		return error_set(error, -EINVAL, "unexpected '%s'",
				 argv[optind + usage->operands_max]);
	*ret_first = optind;
	return 0;
}

/* Writes text from the given column on, broken between words, every line from indent on. */
static void print_wrapped(FILE *out, const char *text, size_t column, size_t indent)
{
	bool first = true;

	while (*text) {
		size_t length = strcspn(text, " ");

		if (!first && column + 1 + length > HELP_WIDTH) {
			(void)fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			(void)fputc(' ', out);
			column++;
		}
		(void)fwrite(text, 1, length, out);
		column += length;
		text += length;
		text += strspn(text, " ");
		first = false;
	}
	(void)fputc('\n', out);
}

static void print_option(const struct option_spec *option, FILE *out)
{
	char letter[] = { '-', option->letter, ',', ' ', '\0' };
	char text[1024];
	int width;

	width = fprintf(out, "  %4s--%s%s%s", option->letter ? letter : "", option->name,
			option->argument ? " " : "", option->argument ? option->argument : "");
	if (width > HELP_COLUMN - 2) {
		(void)fputc('\n', out);
		width = 0;
	}
	(void)fprintf(out, "%*s", HELP_COLUMN - width, "");
	(void)snprintf(text, sizeof(text), "%s%s%s%s%s", option->help,
		       option->repeats ? "; may be given several times" : "",
		       option->default_text ? " (default: " : "",
		       option->default_text ? option->default_text : "",
		       option->default_text ? ")" : "");
	print_wrapped(out, text, HELP_COLUMN, HELP_COLUMN);
}

void options_print_help(const struct command_usage *usage, FILE *out)
{
	const struct option_spec help = { .letter = HELP_VALUE,
					  .name = "help",
					  .help = "show this text" };

	(void)fprintf(out, "Usage: guideway %s %s\n\n", usage->name, usage->synopsis);
	print_wrapped(out, usage->summary, 0, 0);
	(void)fputs("\nOptions:\n", out);
	for (size_t i = 0; i < usage->option_count; i++)
		print_option(&usage->options[i], out);
	print_option(&help, out);
}

int options_refuse(const struct command_usage *usage, const struct error *error)
{
	(void)fprintf(stderr, "guideway %s: ", usage->name);
	terminal_print(stderr, error->text);
	(void)fputc('\n', stderr);
	return EXIT_USAGE;
}

bool options_begin(const struct command_usage *usage, int argc, char **argv, void *target,
		   int *ret_first, int *ret_status)
{
	struct error error = { 0 };
	int r = options_parse(usage, argc, argv, target, ret_first, &error);

	if (r == OPTIONS_HELP) {
		options_print_help(usage, stdout);
		*ret_status = EXIT_SUCCESS;
	} else if (r < 0) {
		*ret_status = options_refuse(usage, &error);
	}
	return r == 0;
}
