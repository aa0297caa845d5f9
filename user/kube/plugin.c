/* SPDX-License-Identifier: BSD-2-Clause */
/* plugin.c - when the program is run, and what it gave last. */
#include "kube/plugin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kube/plugin_answer.h"
#include "kube/process.h"
#include "lib/arena.h"
#include "lib/error.h"

/* So long before a credential expires another one is asked for. */
#define LEEWAY_S 10

struct plugin {
	const struct plugin_settings *settings;
	struct arena *memory; /* of the next two */
	char **arguments;     /* NULL-terminated, as is the environment */
	char **environment;
	struct process *process; /* NULL: it does not run */
	uint64_t started_ms;
	bool was_started;
	bool is_rejected;            /* the answer that we have */
	struct arena *answer_memory; /* NULL: there has never been an answer */
	struct plugin_answer answer;
	struct error problem; /* of the last run; code 0: none */
};

static bool is_set_by(const struct plugin_settings *settings, const char *variable)
{
	size_t length = strcspn(variable, "=");

	for (size_t i = 0; i < settings->variable_count; i++)
		if (strlen(settings->variables[i].name) == length &&
		    memcmp(settings->variables[i].name, variable, length) == 0)
			return true;
	return strncmp(variable, "KUBERNETES_EXEC_INFO=", 21) == 0;
}

static char *write_variable(struct arena *arena, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 2;
	char *text = arena_alloc(arena, size);

	if (text)
		(void)snprintf(text, size, "%s=%s", name, value);
	return text;
}

static bool make_environment(struct plugin *plugin, const char *info)
{
	const struct plugin_settings *settings = plugin->settings;
	size_t count = settings->variable_count + 2, at = 0;

	for (char **variable = environ; variable && *variable; variable++)
		count++;
	plugin->environment =
		arena_alloc_array(plugin->memory, count, sizeof(*plugin->environment));
	if (!plugin->environment)
		return false;
	for (size_t i = 0; i < settings->variable_count; i++) {
		const struct plugin_variable *variable = &settings->variables[i];

		plugin->environment[at] =
			write_variable(plugin->memory, variable->name, variable->value);
		if (!plugin->environment[at++])
			return false;
	}
	plugin->environment[at] = write_variable(plugin->memory, "KUBERNETES_EXEC_INFO", info);
	if (!plugin->environment[at++])
		return false;
	for (char **variable = environ; variable && *variable; variable++)
		if (!is_set_by(settings, *variable))
			plugin->environment[at++] = *variable;
	return true;
}

static bool make_arguments(struct plugin *plugin)
{
	const struct plugin_settings *settings = plugin->settings;
	size_t count = settings->argument_count + 2;

	plugin->arguments = arena_alloc_array(plugin->memory, count, sizeof(*plugin->arguments));
	if (!plugin->arguments)
		return false;
	/* What posix_spawn takes is not const, but stays as it is. */
	plugin->arguments[0] = (char *)(uintptr_t)settings->command;
	for (size_t i = 0; i < settings->argument_count; i++)
		plugin->arguments[i + 1] = (char *)(uintptr_t)settings->arguments[i];
	return true;
}

int plugin_create(const struct plugin_settings *settings, const struct kube_credentials *cluster,
		  struct plugin **ret, struct error *error)
{
	struct plugin *plugin = calloc(1, sizeof(*plugin));
	char *info = plugin_info(settings, cluster);
	bool good = plugin && info;

	if (good) {
		plugin->settings = settings;
		plugin->memory = arena_create();
		good = plugin->memory && make_arguments(plugin) && make_environment(plugin, info);
	}
	free(info);
	if (!good) {
		plugin_destroy(plugin);
		return error_set(error, -ENOMEM, "%s: no memory left to run it", settings->command);
	}
	*ret = plugin;
	return 0;
}

void plugin_destroy(struct plugin *plugin)
{
	if (!plugin)
		return;
	process_destroy(plugin->process);
	arena_destroy(plugin->answer_memory);
	arena_destroy(plugin->memory);
	free(plugin);
}

/* Seconds since 1970, for what expires then. */
static int64_t wall_s(void)
{
	return (int64_t)time(NULL);
}

static bool is_usable(const struct plugin *plugin, int64_t leeway_s)
{
	return plugin->answer_memory && !plugin->is_rejected &&
	       (plugin->answer.expires_s == INT64_MAX ||
		plugin->answer.expires_s - leeway_s > wall_s());
}

static void start(struct plugin *plugin, uint64_t now_ms)
{
	plugin->was_started = true;
	plugin->started_ms = now_ms;
	plugin->problem = (struct error){ 0 };
	(void)process_start(plugin->arguments, plugin->environment, &plugin->process,
			    &plugin->problem);
	if (plugin->problem.code && plugin->settings->install_hint) {
		struct error problem = plugin->problem;

		(void)error_set(&plugin->problem, problem.code, "%.300s: %.200s", problem.text,
				plugin->settings->install_hint);
	}
}

static void take_answer(struct plugin *plugin, bool *ret_changed)
{
	struct arena *memory = arena_create();
	struct plugin_answer answer;
	size_t length;
	const char *text = process_output(plugin->process, &length);
	int r;

	if (!memory) {
		(void)error_set(&plugin->problem, -ENOMEM, "no memory left to read its answer");
		return;
	}
	r = plugin_answer_read(memory, text, length, plugin->settings->api_version, &answer,
			       &plugin->problem);
	if (r < 0) {
		arena_destroy(memory);
		return;
	}
	arena_destroy(plugin->answer_memory);
	plugin->answer_memory = memory;
	plugin->answer = answer;
	plugin->is_rejected = false;
	*ret_changed = true;
}

/* The sentence of a run that did not end well. */
static void explain(struct plugin *plugin, int r)
{
	const char *complaint = process_complaint(plugin->process);

	if (r == -E2BIG)
		(void)error_set(&plugin->problem, r,
				"more than 1 MiB of output, expected an ExecCredential");
	else if (r == -ETIMEDOUT)
		(void)error_set(&plugin->problem, r, "no end within %d s, expected an answer",
				PLUGIN_TIMEOUT_MS / 1000);
	else
		(void)error_set(&plugin->problem, r, "ended with %s, expected status 0%s%.300s",
				process_end(plugin->process), *complaint ? ": " : "", complaint);
}

static void watch(struct plugin *plugin, uint64_t now_ms, bool *ret_changed)
{
	int r = process_poll(plugin->process);

	if (r == -EAGAIN && now_ms - plugin->started_ms >= PLUGIN_TIMEOUT_MS)
		r = -ETIMEDOUT;
	if (r == -EAGAIN)
		return;
	if (r < 0)
		explain(plugin, r);
	else
		take_answer(plugin, ret_changed);
	if (plugin->problem.code)
		(void)error_prefix(&plugin->problem, "%s", plugin->settings->command);
	process_destroy(plugin->process);
	plugin->process = NULL;
}

int plugin_refresh(struct plugin *plugin, uint64_t now_ms, bool rejected, bool *ret_changed,
		   struct error *error)
{
	bool is_time;

	*ret_changed = false;
	if (plugin->process)
		watch(plugin, now_ms, ret_changed);
	if (rejected && !*ret_changed && plugin->answer_memory)
		plugin->is_rejected = true;
	is_time = !plugin->was_started || now_ms - plugin->started_ms >= PLUGIN_PAUSE_MS;
	if (!plugin->process && !is_usable(plugin, LEEWAY_S) && is_time)
		start(plugin, now_ms);
	if (error)
		*error = plugin->problem;
	if (plugin->process)
		return is_usable(plugin, 0) ? 0 : -EAGAIN;
	return plugin->answer_memory ? 0 : plugin->problem.code;
}

const struct plugin_credential *plugin_credential(const struct plugin *plugin)
{
	return &plugin->answer.credential;
}
