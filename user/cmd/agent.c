/* SPDX-License-Identifier: BSD-2-Clause */
/* agent.c - guideway agent: from flags and file to a running daemon. */
#include "agent/agent.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/config.h"
#include "agent/settings.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/privilege.h"
#include "cmd/terminal.h"
#include "lib/error.h"
#include "lib/log.h"

struct arguments {
	struct agent_config *config;
	const char *config_file;
};

static int set_config_file(const struct option_spec *option, const char *value, void *target,
			   struct error *error)
{
	struct arguments *arguments = target;

	return option_set_text(option, value, &arguments->config_file, error);
}

static int set_flag(const struct option_spec *option, const char *value, void *target,
		    struct error *error)
{
	struct arguments *arguments = target;

	return agent_config_set_flag(arguments->config, option->name, value, error);
}

/* Every setting is an option; --config is the only one that is no setting. */
static size_t list_options(struct option_spec options[static OPTIONS_MAX])
{
	size_t count;
	const struct setting *settings = settings_all(&count);

	for (size_t i = 0; i < count; i++)
		options[i] = (struct option_spec){
			.name = settings[i].name,
			.argument = settings[i].argument,
			.help = settings[i].help,
			.default_text = settings[i].default_text,
			.repeats = settings[i].repeats,
			.set = set_flag,
		};
	options[count] = (struct option_spec){
		.name = "config",
		.argument = "FILE",
		.help = "a YAML file with any of these options, without the dashes; what is "
			"given here wins",
		.set = set_config_file,
	};
	return count + 1;
}

/* 0, or the exit status after telling why. */
static int complete(const struct command_usage *usage, const struct arguments *arguments)
{
	struct error error = { 0 };

	if (privilege_check(&error) < 0 ||
	    (arguments->config_file &&
	     agent_config_read_file(arguments->config, arguments->config_file, &error) < 0)) {
		error_prefix(&error, "agent");
		return terminal_fail(&error);
	}
	if (agent_config_check(arguments->config, &error) < 0)
		return options_refuse(usage, &error);
	return 0;
}

static int run(const struct agent_config *config)
{
	struct error error = { 0 };

	log_set_level(config->log_level);
	if (agent_run(config, &error) < 0) {
		log_error("%s", error.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

int command_agent(int argc, char **argv)
{
	struct option_spec options[OPTIONS_MAX];
	const struct command_usage usage = {
		.name = "agent",
		.synopsis = "--interface NAME --manifests PATH|--kubeconfig FILE|--in-cluster "
			    "[OPTION...]",
		.summary =
			"Serves the Services of type LoadBalancer in Kubernetes manifests, or in a "
			"cluster: loads the XDP program, keeps its tables equal to these, and goes "
			"on until it is told to stop. What it programmed goes on without it.",
		.options = options,
		.option_count = list_options(options),
	};
	struct arguments arguments = { .config = agent_config_create() };
	int first, status;

	if (!arguments.config) {
		(void)fputs("guideway: agent: out of memory\n", stderr);
		return EXIT_FAILURE;
	}
	if (options_begin(&usage, argc, argv, &arguments, &first, &status)) {
		status = complete(&usage, &arguments);
		if (status == EXIT_SUCCESS)
			status = run(arguments.config);
	}
	agent_config_destroy(arguments.config);
	return status;
}
