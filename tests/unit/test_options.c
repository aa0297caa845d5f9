/* SPDX-License-Identifier: BSD-2-Clause */
/* Options out of a table: parsing, mistakes, help. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/options.h"
#include "lib/error.h"

struct target {
	const char *output;
	const char *names[4];
	size_t name_count;
	bool all;
};

static int add_name(const struct option_spec *option, const char *value, void *target,
		    struct error *error)
{
	struct target *parsed = target;

	(void)option;
	if (strcmp(value, "bad") == 0)
		return error_set(error, -EINVAL, "'%s', expected anything else", value);
	parsed->names[parsed->name_count++] = value;
	return 0;
}

static const struct option_spec options[] = {
	{ .letter = 'o',
	  .name = "output",
	  .argument = "FORMAT",
	  .help = "how it is shown",
	  .default_text = "a table",
	  .set = option_set_text,
	  .offset = offsetof(struct target, output) },
	{ .name = "name",
	  .argument = "NAME",
	  .help = "a name with a help text that is so long that it must be broken into lines",
	  .repeats = true,
	  .set = add_name },
	{ .name = "namespace-of-the-service",
	  .argument = "NAMESPACE",
	  .help = "a namespace",
	  .set = add_name },
	{ .letter = 'a',
	  .name = "all",
	  .help = "everything",
	  .set = option_set_flag,
	  .offset = offsetof(struct target, all) },
};

static const struct command_usage usage = {
	.name = "show",
	.synopsis = "THING [OPTION...]",
	.summary = "Shows a thing.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.operands_max = 1,
};

#define ARGUMENTS_MAX 12

struct parsed {
	char *argv[ARGUMENTS_MAX];
	struct target target;
	struct error error;
	int argc, first, result;
};

/* Parses "show" and the words of line, which are parted by one space. */
static struct parsed *parse(const char *line)
{
	static struct parsed parsed;
	static char words[256];
	char *rest = words;

	memset(&parsed, 0, sizeof(parsed));
	(void)strcpy(words, line);
	parsed.argv[parsed.argc++] = (char *)(uintptr_t) "show";
	while (*line && rest) {
		assert_true(parsed.argc < ARGUMENTS_MAX - 1);
		parsed.argv[parsed.argc++] = strsep(&rest, " ");
	}
	parsed.result = options_parse(&usage, parsed.argc, parsed.argv, &parsed.target,
				      &parsed.first, &parsed.error);
	return &parsed;
}

static void assert_refused(const char *line, const char *sentence)
{
	struct parsed *parsed = parse(line);

	assert_int_equal(parsed->result, -EINVAL);
	assert_string_equal(parsed->error.text, sentence);
}

static void options_are_found_before_and_behind_operands(void **state)
{
	struct parsed *parsed = parse("--name=a services -a --name b -o wide");

	(void)state;
	assert_int_equal(parsed->result, 0);
	assert_int_equal(parsed->first, parsed->argc - 1);
	assert_string_equal(parsed->argv[parsed->first], "services");
	assert_string_equal(parsed->target.output, "wide");
	assert_true(parsed->target.all);
	assert_int_equal(parsed->target.name_count, 2);
	assert_string_equal(parsed->target.names[1], "b");
}

static void without_options_nothing_is_set(void **state)
{
	struct parsed *parsed = parse("");

	(void)state;
	assert_int_equal(parsed->result, 0);
	assert_int_equal(parsed->first, parsed->argc);
	assert_null(parsed->target.output);
	assert_false(parsed->target.all);
}

static void behind_two_dashes_everything_is_an_operand(void **state)
{
	struct parsed *parsed = parse("-a -- -o");

	(void)state;
	assert_int_equal(parsed->result, 0);
	assert_string_equal(parsed->argv[parsed->first], "-o");
}

static void mistakes_are_named_in_one_sentence(void **state)
{
	(void)state;
	assert_refused("--bogus", "unknown option '--bogus'");
	assert_refused("-x", "unknown option '-x'");
	assert_refused("-ax", "unknown option '-x'");
	assert_refused("--nam x", "ambiguous option '--nam'");
	assert_refused("-o", "--output: no value, expected FORMAT");
	assert_refused("--output", "--output: no value, expected FORMAT");
	assert_refused("--output=", "--output: '', expected FORMAT");
	assert_refused("--all=yes", "--all: takes no value");
	assert_refused("--help=yes", "--help: takes no value");
	assert_refused("--name a --name bad", "--name: 'bad', expected anything else");
	assert_refused("a b", "unexpected 'b'");
}

static void only_what_may_repeat_may_be_given_twice(void **state)
{
	(void)state;
	assert_refused("-o a --output b", "--output: given twice");
	assert_refused("-aa", "--all: given twice");
	assert_int_equal(parse("--name a --name a")->result, 0);
}

static void help_is_asked_for_by_letter_or_name(void **state)
{
	(void)state;
	assert_int_equal(parse("-h")->result, OPTIONS_HELP);
	assert_int_equal(parse("-a --help")->result, OPTIONS_HELP);
}

static void the_help_text_comes_from_the_table(void **state)
{
	const char expected[] =
		"Usage: guideway show THING [OPTION...]\n"
		"\n"
		"Shows a thing.\n"
		"\n"
		"Options:\n"
		"  -o, --output FORMAT         how it is shown (default: a table)\n"
		"      --name NAME             a name with a help text that is so long that it\n"
		"                              must be broken into lines; may be given several\n"
		"                              times\n"
		"      --namespace-of-the-service NAMESPACE\n"
		"                              a namespace\n"
		"  -a, --all                   everything\n"
		"  -h, --help                  show this text\n";
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	options_print_help(&usage, out);
	(void)fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_found_before_and_behind_operands),
		cmocka_unit_test(without_options_nothing_is_set),
		cmocka_unit_test(behind_two_dashes_everything_is_an_operand),
		cmocka_unit_test(mistakes_are_named_in_one_sentence),
		cmocka_unit_test(only_what_may_repeat_may_be_given_twice),
		cmocka_unit_test(help_is_asked_for_by_letter_or_name),
		cmocka_unit_test(the_help_text_comes_from_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
