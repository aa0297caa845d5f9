/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h - the options of a command as a table, from which both the parsing
 * and the --help text come.
 */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct error;

/* Exit status of a command that was called wrongly. */
#define EXIT_USAGE 2

#define OPTIONS_MAX 40 /* of one command */
#define OPTIONS_HELP 1 /* what options_parse returns for --help */

struct option_spec {
	char letter; /* 0: only the long form */
	const char *name;
	const char *argument; /* what the help calls it; NULL: the option takes none */
	const char *help;
	const char *default_text; /* for the help; NULL: nothing to tell */
	bool repeats;
	/*
	 * Stores value (NULL when the option takes none) in target. The sentence of a failure
	 * starts with the value; the option's name is put in front of it.
	 */
	int (*set)(const struct option_spec *option, const char *value, void *target,
		   struct error *error);
	size_t offset; /* for the option_set_ functions: the member of target */
};

/* For set: a const char * or a bool at offset. */
int option_set_text(const struct option_spec *option, const char *value, void *target,
		    struct error *error);
int option_set_flag(const struct option_spec *option, const char *value, void *target,
		    struct error *error);

/* For set of --output: "json" sets the bool at offset. */
int option_set_json(const struct option_spec *option, const char *value, void *target,
		    struct error *error);

/* Of the commands that ask the agent: its control socket's path, in a const char * of target. */
#define OPTION_SOCKET(type, member)                                                                \
	{                                                                                          \
		.name = "socket", .argument = "PATH", .help = "the agent's control socket",        \
		.default_text = AGENT_SOCKET_DEFAULT, .set = option_set_text,                      \
		.offset = offsetof(type, member)                                                   \
	}

struct command_usage {
	const char *name;
	const char *synopsis; /* what follows the name */
	const char *summary;
	const struct option_spec *options;
	size_t option_count;
	int operands_max;
};

/*
 * Parses argv, whose first element is the command's name, and moves the operands to
 * its end, from *ret_first on. 0, OPTIONS_HELP, or -EINVAL with a sentence.
 */
int options_parse(const struct command_usage *usage, int argc, char **argv, void *target,
		  int *ret_first, struct error *error);

void options_print_help(const struct command_usage *usage, FILE *out);

/* One line on standard error that says what is wrong with the call. Returns EXIT_USAGE. */
int options_refuse(const struct command_usage *usage, const struct error *error);

/*
 * What every command starts with: parses, and prints the help or the mistake. True when
 * the command shall go on, else *ret_status is its exit status.
 */
bool options_begin(const struct command_usage *usage, int argc, char **argv, void *target,
		   int *ret_first, int *ret_status);

#endif
