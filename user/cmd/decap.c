/* SPDX-License-Identifier: BSD-2-Clause */
/* decap.c - guideway decap: a backend without tunnel devices unwraps IPIP and GUE. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/decap.h"
#include "cmd/commands.h"
#include "cmd/control_client.h"
#include "cmd/options.h"
#include "cmd/privilege.h"
#include "cmd/terminal.h"
#include "cmd/verdict_table.h"
#include "lib/error.h"
#include "model/address.h"

#define PORT_MAX 65535

struct prefixes {
	struct prefix items[DECAP_PREFIX_MAX];
	size_t count;
};

struct arguments {
	const char *interface;
	const char *pin_dir;
	struct prefixes from, to;
	enum xdp_mode xdp_mode;
	uint16_t gue_port;
	bool configures; /* an option was given that only attaching has a use for */
	bool detach, status, json, all;
};

/* One address is a prefix too. */
static int read_prefix(const char *value, struct prefix *ret, struct error *error)
{
	if (strchr(value, '/'))
		return prefix_parse(value, ret, error);
	ret->length = 8 * sizeof(ret->address.bytes);
	return address_parse(value, &ret->address, error);
}

static int add_prefix(struct prefixes *prefixes, const char *value, struct error *error)
{
	struct error reason = { 0 };
	struct prefix prefix;

	if (read_prefix(value, &prefix, &reason) < 0)
		return error_set(error, -EINVAL, "'%s', expected an address or ADDRESS/LENGTH",
				 value);
	if (prefixes->count == DECAP_PREFIX_MAX)
		return error_set(error, -E2BIG, "'%s', expected at most %d of these", value,
				 DECAP_PREFIX_MAX);
	prefixes->items[prefixes->count++] = prefix;
	return 0;
}

static int set_from(const struct option_spec *option, const char *value, void *target,
		    struct error *error)
{
	struct arguments *arguments = target;

	(void)option;
	arguments->configures = true;
	return add_prefix(&arguments->from, value, error);
}

static int set_to(const struct option_spec *option, const char *value, void *target,
		  struct error *error)
{
	struct arguments *arguments = target;

	(void)option;
	arguments->configures = true;
	return add_prefix(&arguments->to, value, error);
}

static int set_gue_port(const struct option_spec *option, const char *value, void *target,
			struct error *error)
{
	struct arguments *arguments = target;
	char *end = NULL;
	unsigned long port = isdigit((unsigned char)*value) ? strtoul(value, &end, 10) : 0;

	(void)option;
	if (port == 0 || port > PORT_MAX || *end)
		return error_set(error, -EINVAL, "'%s', expected a port from 1 to %d", value,
				 PORT_MAX);
	arguments->configures = true;
	arguments->gue_port = (uint16_t)port;
	return 0;
}

static int set_xdp_mode(const struct option_spec *option, const char *value, void *target,
			struct error *error)
{
	static const char *const names[] = {
		[XDP_MODE_AUTO] = "auto",
		[XDP_MODE_NATIVE] = "native",
		[XDP_MODE_GENERIC] = "generic",
	};
	struct arguments *arguments = target;

	(void)option;
	arguments->configures = true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		arguments->xdp_mode = (enum xdp_mode)i;
		if (strcmp(value, names[i]) == 0)
			return 0;
	}
	return error_set(error, -EINVAL, "'%s', expected auto, native or generic", value);
}

static int set_output(const struct option_spec *option, const char *value, void *target,
		      struct error *error)
{
	if (strcmp(value, "json") != 0)
		return error_set(error, -EINVAL, "'%s', expected json", value);
	return option_set_flag(option, value, target, error);
}

static const struct option_spec options[] = {
	{ .name = "interface",
	  .argument = "NAME",
	  .help = "where the gateway's packets arrive",
	  .set = option_set_text,
	  .offset = offsetof(struct arguments, interface) },
	{ .name = "from",
	  .argument = "PREFIX",
	  .help = "unwrap only what gateways with these addresses send, and drop what others do",
	  .default_text = "everybody",
	  .repeats = true,
	  .set = set_from },
	{ .name = "to",
	  .argument = "PREFIX",
	  .help = "unwrap only what is for these addresses inside, and drop the rest",
	  .default_text = "all",
	  .repeats = true,
	  .set = set_to },
	{ .name = "gue-port",
	  .argument = "PORT",
	  .help = "the UDP port of GUE",
	  .default_text = "6080",
	  .set = set_gue_port },
	{ .name = "xdp-mode",
	  .argument = "MODE",
	  .help = "native: in the driver; generic: in the kernel's stack, slower; auto: native "
		  "where the driver can, else generic",
	  .default_text = "auto",
	  .set = set_xdp_mode },
	{ .name = "detach",
	  .help = "stop unwrapping on the interface, and leave nothing behind",
	  .set = option_set_flag,
	  .offset = offsetof(struct arguments, detach) },
	{ .name = "status",
	  .help = "show what became of the packets, on the interface or on all",
	  .set = option_set_flag,
	  .offset = offsetof(struct arguments, status) },
	{ .letter = 'a',
	  .name = "all",
	  .help = "with --status: also the reasons for which no packet was dropped",
	  .set = option_set_flag,
	  .offset = offsetof(struct arguments, all) },
	{ .letter = 'o',
	  .name = "output",
	  .argument = "json",
	  .help = "with --status: everything, for other programs",
	  .set = set_output,
	  .offset = offsetof(struct arguments, json) },
	{ .name = "pin-dir",
	  .argument = "DIR",
	  .help = "where program and counters are pinned, in a BPF file system",
	  .default_text = DECAP_PIN_DIR_DEFAULT,
	  .set = option_set_text,
	  .offset = offsetof(struct arguments, pin_dir) },
};

static const struct command_usage usage = {
	.name = "decap",
	.synopsis = "--interface NAME [--from PREFIX...] [OPTION...]",
	.summary = "On a backend: lets the XDP program of an interface unwrap the IPIP and GUE "
		   "packets of a gateway, so that no tunnel device is needed. The backend has the "
		   "VIP on lo, and answers clients directly. Given again, it exchanges program "
		   "and settings without a gap.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
};

static int check_arguments(const struct arguments *arguments, struct error *error)
{
	if (arguments->detach && arguments->status)
		return error_set(error, -EINVAL, "--detach and --status, expected one of them");
	if (!arguments->interface && !arguments->status)
		return error_set(error, -EINVAL, "no interface: expected --interface NAME");
	if (arguments->configures && (arguments->detach || arguments->status))
		return error_set(error, -EINVAL,
				 "%s takes no --from, --to, --gue-port and --xdp-mode",
				 arguments->detach ? "--detach" : "--status");
	if ((arguments->json || arguments->all) && !arguments->status)
		return error_set(error, -EINVAL, "%s: expected only with --status",
				 arguments->json ? "--output" : "--all");
	return 0;
}

/* The one line that says what is so from now on. */
static void tell_attached(const struct arguments *arguments, const struct attachment *attachment)
{
	bool is_elsewhere = strcmp(arguments->pin_dir, DECAP_PIN_DIR_DEFAULT) != 0;

	(void)printf("%s: unwraps IPIP and GUE (UDP port %u)", arguments->interface,
		     arguments->gue_port);
	if (arguments->from.count)
		(void)printf(" from %zu prefix%s", arguments->from.count,
			     arguments->from.count == 1 ? "" : "es");
	if (arguments->to.count)
		(void)printf(" to %zu prefix%s", arguments->to.count,
			     arguments->to.count == 1 ? "" : "es");
	(void)printf(", in %s XDP, until guideway decap --interface %s%s",
		     attachment->native ? "native" : "generic", arguments->interface,
		     is_elsewhere ? " --pin-dir " : "");
	terminal_print(stdout, is_elsewhere ? arguments->pin_dir : "");
	(void)puts(" --detach");
}

static int attach(const struct arguments *arguments)
{
	const struct decap_settings settings = {
		.pin_dir = arguments->pin_dir,
		.interface = arguments->interface,
		.xdp_mode = arguments->xdp_mode,
		.gue_port = arguments->gue_port,
		.sources = arguments->from.items,
		.source_count = arguments->from.count,
		.destinations = arguments->to.items,
		.destination_count = arguments->to.count,
	};
	struct attachment attachment;
	struct error error = { 0 };

	if (agent_decap_attach(&settings, &attachment, &error) < 0)
		return terminal_fail(&error);
	tell_attached(arguments, &attachment);
	return EXIT_SUCCESS;
}

static int detach(const struct arguments *arguments)
{
	struct error error = { 0 };
	int r = agent_decap_detach(arguments->pin_dir, arguments->interface, &error);

	/* What was asked for is so already: scripts may call it twice. */
	if (r == -ENOENT) {
		(void)printf("%s: nothing was attached\n", arguments->interface);
		return EXIT_SUCCESS;
	}
	return r < 0 ? terminal_fail(&error) : EXIT_SUCCESS;
}

static int print_status(const json_t *status, bool all)
{
	const json_t *interfaces = json_object_get(status, "interfaces"), *interface;
	size_t i;
	int r = 0;

	if (json_array_size(interfaces) == 0)
		(void)puts("nothing is unwrapped: guideway decap --interface NAME does it");
	json_array_foreach(interfaces, i, interface)
	{
		if (i)
			(void)putchar('\n');
		terminal_print(stdout, answer_text(interface, "name"));
		(void)printf(", %s XDP\n", answer_text(interface, "mode"));
		r = verdict_table_print(json_object_get(interface, "verdicts"), all);
		if (r < 0)
			return r;
	}
	return 0;
}

static int show_status(const struct arguments *arguments)
{
	struct error error = { 0 };
	json_t *status = agent_decap_status(arguments->pin_dir, arguments->interface, &error);
	int r = 0;

	if (!status)
		return terminal_fail(&error);
	if (arguments->json)
		answer_print(status);
	else
		r = print_status(status, arguments->all);
	json_decref(status);
	if (r < 0) {
		(void)error_set(&error, r, "decap: out of memory");
		return terminal_fail(&error);
	}
	return EXIT_SUCCESS;
}

int command_decap(int argc, char **argv)
{
	struct arguments arguments = {
		.pin_dir = DECAP_PIN_DIR_DEFAULT,
		.gue_port = DECAP_GUE_PORT_DEFAULT,
	};
	struct error error = { 0 };
	int first, status;

	if (!options_begin(&usage, argc, argv, &arguments, &first, &status))
		return status;
	if (check_arguments(&arguments, &error) < 0)
		return options_refuse(&usage, &error);
	if (privilege_check(&error) < 0) {
		error_prefix(&error, "decap");
		return terminal_fail(&error);
	}
	if (arguments.status)
		return show_status(&arguments);
	return arguments.detach ? detach(&arguments) : attach(&arguments);
}
