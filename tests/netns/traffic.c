/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * traffic.c - the server and the load of the end-to-end tests: every byte that goes
 * out is checked when it comes back, and by whom.
 */
#include <getopt.h>

#include "traffic_answer.h"
#include "traffic_common.h"
#include "traffic_connect.h"
#include "traffic_converse.h"
#include "traffic_datagrams.h"
#include "traffic_flood.h"
#include "traffic_hold.h"
#include "traffic_requests.h"
#include "traffic_serve.h"

struct command {
	const char *name;
	int (*run)(const struct options *options);
	unsigned long timeout_s;
	unsigned long bytes_low, bytes_high, bytes;
	const char *help;
};

static const struct command commands[] = {
	{ "serve", command_serve, 3600, 0, 0, 0,
	  "serve --name NAME --port PORT [--bind ADDRESS]\n"
	  "    TCP: says \"NAME\\n\", then echoes. UDP: answers \"NAME \" and the first 16 bytes.\n"
	  "    SIGTERM ends it with \"served NAME tcp=N udp=M corrupt=K\", status 0.\n"
	  "    (--bind ::, both families; --timeout 3600, which ends it with status 1)\n" },
	{ "connect", command_connect, 120, 0, 1UL << 40, 256,
	  "connect --to ADDRESS --port PORT --count N [--parallel 64] [--rate R] [--bytes 256]\n"
	  "        [--source-addresses A-B]\n"
	  "    N TCP connections, R new ones a second; each sends BYTES, checks the echo and\n"
	  "    closes first. Status 0 only when all are ok. One has 30 s.\n" },
	{ "datagrams", command_datagrams, 120, DATAGRAM_ID_BYTES, DATAGRAM_MAX, 64,
	  "datagrams --to ADDRESS --port PORT --count N [--flows 64] [--window 8] [--bytes 64]\n"
	  "          [--outstanding 200] [--source-addresses A-B]\n"
	  "    N UDP datagrams over FLOWS sockets, each with at most WINDOW unanswered ones and\n"
	  "    OUTSTANDING over all: a veth's ring holds 256 frames and drops more. Lost is what\n"
	  "     has no answer after 2 s; misdelivered an answer to another socket's\n"
	  "    datagram, or by another server than the socket's first. Status 0 only without "
	  "both.\n" },
	{ "hold", command_hold, 120, 0, 0, 0,
	  "hold --to ADDRESS --port PORT --count N --seconds S [--interval-ms 500] [--parallel "
	  "64]\n"
	  "     [--source-addresses A-B]\n"
	  "    N TCP connections for S seconds with a checked message every interval, after\n"
	  "    \"traffic: holding N connections\" on standard error. Status 0 only when none\n"
	  "    broke or waited more than 3 s for an echo.\n" },
	{ "requests", command_requests, 120, PATTERN_HEADER_BYTES, 1UL << 20, 64,
	  "requests --to ADDRESS --port PORT --count N --seconds S [--bytes 64]\n"
	  "         [--source-addresses A-B]\n"
	  "    N TCP connections; each sends BYTES, checks the echo and sends again, for S\n"
	  "    seconds. Status 0 only when none broke.\n" },
	{ "answer", command_answer, 3600, 0, 0, 0,
	  "answer --name NAME --port PORT [--bind ADDRESS]\n"
	  "    The server of converse. SIGTERM closes every connection in an orderly way, and "
	  "when\n"
	  "    the clients have closed theirs, or after 2 s, ends it with status 0.\n" },
	{ "converse", command_converse, 120, 0, 0, 0,
	  "converse --to ADDRESS --port PORT --count N --rate R --seconds S [--lost FILE]\n"
	  "         [--parallel 64] [--source-addresses A-B] [--messages 3]\n"
	  "    N TCP connections for S seconds with a numbered message every 200 to 500 ms, after\n"
	  "    \"traffic: conversing on N connections\" on standard error, and R new ones a "
	  "second\n"
	  "    with so many messages each, 10 a second. Answers tell the backend: one and the "
	  "same, or the\n"
	  "    connection has moved. FILE, read at the end, names backends lost in mid-flight: "
	  "what\n"
	  "    broke on them is counted apart. Status 0 only when all opened, and none moved, "
	  "broke or\n"
	  "    waited more than 3 s for an answer.\n" },
	{ "flood", command_flood, 120, 0, 0, 0,
	  "flood --to ADDRESS --port PORT --count N --rate R\n"
	  "    N SYNs of IPv4, R a second, from random sources in 198.18.0.0/15: nobody answers\n"
	  "    their answers. Status 0 only when all were sent.\n" },
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *file)
{
	(void)fputs("usage: traffic COMMAND OPTIONS, for IPv4 and IPv6. Clients print one line of "
		    "JSON.\n--timeout S (120) bounds the time of all commands. Status 2: wrong "
		    "call.\n",
		    file);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		(void)fprintf(file, "\ntraffic %s", commands[i].help);
}

enum option_id {
	OPTION_HELP = 'h',
	OPTION_NAME = 256,
	OPTION_TO,
	OPTION_BIND,
	OPTION_SOURCE_ADDRESSES,
	OPTION_LOST,
	OPTION_PORT,
	OPTION_COUNT,
	OPTION_PARALLEL,
	OPTION_RATE,
	OPTION_BYTES,
	OPTION_FLOWS,
	OPTION_WINDOW,
	OPTION_OUTSTANDING,
	OPTION_SECONDS,
	OPTION_INTERVAL_MS,
	OPTION_MESSAGES,
	OPTION_TIMEOUT,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "name", required_argument, NULL, OPTION_NAME },
	{ "to", required_argument, NULL, OPTION_TO },
	{ "bind", required_argument, NULL, OPTION_BIND },
	{ "source-addresses", required_argument, NULL, OPTION_SOURCE_ADDRESSES },
	{ "lost", required_argument, NULL, OPTION_LOST },
	{ "port", required_argument, NULL, OPTION_PORT },
	{ "count", required_argument, NULL, OPTION_COUNT },
	{ "parallel", required_argument, NULL, OPTION_PARALLEL },
	{ "rate", required_argument, NULL, OPTION_RATE },
	{ "bytes", required_argument, NULL, OPTION_BYTES },
	{ "flows", required_argument, NULL, OPTION_FLOWS },
	{ "window", required_argument, NULL, OPTION_WINDOW },
	{ "outstanding", required_argument, NULL, OPTION_OUTSTANDING },
	{ "seconds", required_argument, NULL, OPTION_SECONDS },
	{ "interval-ms", required_argument, NULL, OPTION_INTERVAL_MS },
	{ "messages", required_argument, NULL, OPTION_MESSAGES },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ 0 },
};

static unsigned long parse_number(const char *text, unsigned long low, unsigned long high)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || number < low || number > high)
		die("\"%s\": expected a number from %lu to %lu", text, low, high);
	return number;
}

static void apply_option(int id, const struct command *command, struct options *options)
{
	switch (id) {
	case OPTION_HELP:
		print_usage(stdout);
		exit(0);
	case OPTION_NAME:
		options->name = optarg;
		break;
	case OPTION_TO:
		options->to = optarg;
		break;
	case OPTION_BIND:
		options->bind = optarg;
		break;
	case OPTION_SOURCE_ADDRESSES:
		options->source_addresses = optarg;
		break;
	case OPTION_LOST:
		options->lost = optarg;
		break;
	case OPTION_PORT:
		options->port = parse_number(optarg, 1, 65535);
		break;
	case OPTION_COUNT:
		options->count = parse_number(optarg, 1, UINT32_MAX);
		break;
	case OPTION_PARALLEL:
		options->parallel = parse_number(optarg, 1, 1000000);
		break;
	case OPTION_RATE:
		options->rate = parse_number(optarg, 1, 1000000);
		break;
	case OPTION_BYTES:
		options->bytes = parse_number(optarg, command->bytes_low, command->bytes_high);
		break;
	case OPTION_FLOWS:
		options->flows = parse_number(optarg, 1, 1000000);
		break;
	case OPTION_WINDOW:
		options->window = parse_number(optarg, 1, 65536);
		break;
	case OPTION_OUTSTANDING:
		options->outstanding = parse_number(optarg, 1, 1000000);
		break;
	case OPTION_SECONDS:
		options->seconds = parse_number(optarg, 1, 86400);
		break;
	case OPTION_INTERVAL_MS:
		options->interval_ms = parse_number(optarg, 1, 3600000);
		break;
	case OPTION_MESSAGES:
		options->messages = parse_number(optarg, 1, 1000000);
		break;
	case OPTION_TIMEOUT:
		options->timeout_s = parse_number(optarg, 1, 86400);
		break;
	default:
		die("see traffic --help");
	}
}

static void check_options(const struct command *command, const struct options *options)
{
	if (options->port == 0)
		die("%s: --port is missing", command->name);
	if (command->run == command_serve || command->run == command_answer) {
		if (!options->name || !options->name[0] || strpbrk(options->name, " \n") ||
		    strlen(options->name) >= NAME_SIZE)
			die("%s: --name: expected a word of up to %d bytes", command->name,
			    NAME_SIZE - 1);
		return;
	}
	if (!options->to)
		die("%s: --to is missing", command->name);
	if (options->count == 0)
		die("%s: --count is missing", command->name);
	if ((command->run == command_hold || command->run == command_requests ||
	     command->run == command_converse) &&
	    options->seconds == 0)
		die("%s: --seconds is missing", command->name);
	if (options->seconds >= options->timeout_s)
		die("%s: --seconds %lu needs a longer --timeout", command->name, options->seconds);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
	struct options options = {
		.bind = "::",
		.parallel = 64,
		.flows = 64,
		.window = 8,
		.outstanding = 200,
		.interval_ms = 500,
		.messages = 3,
	};
	int id;

	if (!command) {
		bool is_asked = argc > 1 && strcmp(argv[1], "--help") == 0;

		print_usage(is_asked ? stdout : stderr);
		return is_asked ? 0 : 2;
	}
	options.timeout_s = command->timeout_s;
	options.bytes = command->bytes;
	while ((id = getopt_long(argc - 1, argv + 1, "h", long_options, NULL)) != -1)
		apply_option(id, command, &options);
	if (optind < argc - 1)
		die("%s: \"%s\" is not an option", command->name, argv[optind + 1]);
	check_options(command, &options);
	raise_file_limit();
	return command->run(&options);
}
