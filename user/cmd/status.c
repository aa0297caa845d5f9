/* SPDX-License-Identifier: BSD-2-Clause */
/* status.c - guideway status: how the agent and its datapath are doing. */
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
#include "cmd/terminal.h"
#include "cmd/verdict_table.h"
#include "lib/error.h"

struct arguments {
	const char *socket;
	bool json;
	bool all;
};

static const struct option_spec options[] = {
	{ .letter = 'a',
	  .name = "all",
	  .help = "also the reasons for which no packet was dropped",
	  .set = option_set_flag,
	  .offset = offsetof(struct arguments, all) },
	{ .letter = 'o',
	  .name = "output",
	  .argument = "json",
	  .help = "everything, for other programs",
	  .set = option_set_json,
	  .offset = offsetof(struct arguments, json) },
	OPTION_SOCKET(struct arguments, socket),
};

static const struct command_usage usage = {
	.name = "status",
	.synopsis = "[OPTION...]",
	.summary = "Shows the running agent, its interfaces and sources, and what became of the "
		   "packets: how many were forwarded, answered, and dropped for which reason.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
};

static void print_field(const char *name, const char *value)
{
	(void)printf("%-12s ", name);
	terminal_print(stdout, value);
	(void)putchar('\n');
}

static void print_agent(const json_t *status)
{
	const json_t *started = json_object_get(status, "startedAt");
	char age[HUMAN_TEXT_SIZE];

	(void)printf("%-12s ", "Agent:");
	terminal_print(stdout, answer_text(status, "version"));
	(void)printf(", process %" PRIu64 ", running for %s\n", answer_number(status, "pid"),
		     human_duration(time(NULL) - json_integer_value(started), age));
}

static const char *attachment_text(const char *mode)
{
	if (strcmp(mode, "absent") == 0)
		return "gone: its packets are not seen until it is back";
	if (strcmp(mode, "generic") == 0)
		return "generic XDP: slower, the driver has no native XDP or was not asked for it";
	return "native XDP";
}

/* The devices it is attached to, where they are not the interface itself. */
static void print_devices(const json_t *devices, const char *name)
{
	const json_t *device;
	size_t i;

	if (json_array_size(devices) == 1 &&
	    strcmp(answer_text(json_array_get(devices, 0), "name"), name) == 0)
		return;
	json_array_foreach(devices, i, device)
	{
		(void)fputs(i ? ", " : " on ", stdout);
		terminal_print(stdout, answer_text(device, "name"));
		if (json_is_true(json_object_get(device, "standby")))
			(void)fputs(" (standby)", stdout);
	}
}

static void print_interfaces(const json_t *interfaces)
{
	const json_t *interface;
	size_t i;

	if (json_array_size(interfaces) == 0)
		print_field("Interfaces:", "none attached");
	json_array_foreach(interfaces, i, interface)
	{
		(void)printf("%-12s ", i ? "" : "Interfaces:");
		terminal_print(stdout, answer_text(interface, "name"));
		print_devices(json_object_get(interface, "devices"),
			      answer_text(interface, "name"));
		(void)printf(", %s\n", attachment_text(answer_text(interface, "mode")));
	}
}

static void print_publish(const json_t *publish)
{
	const json_t *writes = json_object_get(publish, "writes");
	const json_t *trouble = json_object_get(publish, "lastError");
	const char *holder = answer_text(publish, "holder");

	if (!json_is_object(publish))
		return;
	(void)printf("%-12s ", "Publishing:");
	if (json_is_true(json_object_get(publish, "leader")))
		(void)fputs("this gateway writes", stdout);
	else if (*holder)
		(void)fputs("another gateway writes", stdout);
	else
		(void)fputs("nobody writes", stdout);
	(void)printf("; written: %" PRIu64 ", failed: %" PRIu64 ", waiting: %" PRIu64 "\n",
		     answer_number(writes, "done"), answer_number(writes, "failed"),
		     answer_number(writes, "queued"));
	if (json_is_true(json_object_get(trouble, "holds")))
		print_field("Trouble:", answer_text(trouble, "message"));
}

static void print_cluster(const json_t *cluster)
{
	const json_t *contact = json_object_get(cluster, "lastContactSeconds");
	const json_t *trouble = json_object_get(cluster, "trouble");
	char age[HUMAN_TEXT_SIZE];

	(void)printf("%-12s ", "Kubernetes:");
	terminal_print(stdout, answer_text(cluster, "server"));
	(void)printf(", %s, ", json_is_true(json_object_get(cluster, "synchronised"))
				       ? "synchronised"
				       : "not listed yet: what is pinned goes on as it was");
	if (json_is_integer(contact))
		(void)printf("last heard of %s ago\n",
			     human_duration(json_integer_value(contact), age));
	else
		(void)puts("never heard of");
	(void)printf("%-12s relists: %" PRIu64 ", watches begun again: %" PRIu64 "\n", "",
		     answer_number(cluster, "relists"), answer_number(cluster, "watchRestarts"));
	if (json_is_object(trouble))
		print_field("Trouble:", answer_text(trouble, "message"));
	print_publish(json_object_get(cluster, "publish"));
}

static void print_sources(const json_t *sources, const json_t *cluster)
{
	const json_t *problems = json_object_get(sources, "problems"), *problem;
	size_t i;

	if (json_is_object(cluster))
		print_cluster(cluster);
	else
		print_field("Manifests:",
			    json_is_true(json_object_get(sources, "complete"))
				    ? "completely read"
				    : "not completely read: nothing of an earlier run is removed");
	json_array_foreach(problems, i, problem) print_field(
		i ? "" : "Problems:", json_is_string(problem) ? json_string_value(problem) : "");
}

static void print_summary(const json_t *status)
{
	print_agent(status);
	print_interfaces(json_object_get(status, "interfaces"));
	(void)printf("%-12s %" PRIu64 " on %" PRIu64 " addresses, %" PRIu64 " backends\n",
		     "Services:", answer_number(status, "services"), answer_number(status, "vips"),
		     answer_number(status, "backends"));
	if (answer_number(status, "kept") > 0)
		(void)printf("%-12s %" PRIu64 " more of an earlier run, which %s: see guideway "
			     "dump\n",
			     "", answer_number(status, "kept"),
			     json_is_object(json_object_get(status, "kubernetes"))
				     ? "go on until the cluster is listed"
				     : "are in no manifest that can be read");
	if (answer_number(status, "changing") > 0)
		(void)printf("%-12s %" PRIu64 " services changed not long ago: their flows are "
			     "looked up\n",
			     "", answer_number(status, "changing"));
	print_field("Digest:", answer_text(status, "digest"));
	print_sources(json_object_get(status, "sources"), json_object_get(status, "kubernetes"));
	print_field("Pinned in:", answer_text(status, "pinDir"));
	print_field("State in:", answer_text(status, "stateDir"));
	(void)putchar('\n');
}

int command_status(int argc, char **argv)
{
	struct arguments arguments = { .socket = AGENT_SOCKET_DEFAULT };
	struct error error = { 0 };
	json_t *status = NULL;
	int first, exit_status, r = 0;

	if (!options_begin(&usage, argc, argv, &arguments, &first, &exit_status))
		return exit_status;
	if (control_ask(arguments.socket, "status", &status, &error) < 0)
		return terminal_fail(&error);
	if (arguments.json) {
		answer_print(status);
	} else {
		print_summary(status);
		r = verdict_table_print(json_object_get(status, "verdicts"), arguments.all);
	}
	json_decref(status);
	if (r < 0) {
		(void)error_set(&error, r, "status: out of memory");
		return terminal_fail(&error);
	}
	return EXIT_SUCCESS;
}
