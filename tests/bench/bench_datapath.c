/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_datapath.c - what a packet costs in the XDP program, net of an empty one.
 *
 * For each case, rounds of three runs: the empty program, the bare IPIP push, and the real
 * program, all in the same wrapper (bench_wrapper.bpf.c) with the same packets. Each gives
 * a value every 4,096 packets. Over all rounds, the minimum, the 10th percentile and the
 * median of the empty program are subtracted from those of the others: what disturbs the
 * machine disturbs all three, and the 10th percentile is from its quiet moments.
 */
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench_run.h"
#include "bench_world.h"

#define SKIPPED 77
#define NAME_SIZE 64
#define ROUND_CHUNKS 48
#define LEARN_BATCH 16384 /* flows, far fewer than the table of unconfirmed ones holds */
#define SECONDS_DEFAULT 2.0

enum packet_kind {
	REQUEST,   /* of flows that are established in modes that keep state */
	NEW_FLOWS, /* a SYN each, all different */
	REPLY,
	FOREIGN, /* to an address that is nobody's here */
	ARP,
	UNSERVED,
	NO_ENDPOINT, /* far above the rate of rejections */
	ECHO_REQUEST,
	TRUNCATED,
};

static const struct kind_text {
	const char *name;
	const char *verdict; /* which all packets must get */
} kinds[] = {
	[REQUEST] = { "forward", "forwarded" },
	[NEW_FLOWS] = { "new flows", "forwarded" },
	[REPLY] = { "reply", "replied" },
	[FOREIGN] = { "not ours", "not_ours" },
	[ARP] = { "not ours", "not_ours" },
	[UNSERVED] = { "unserved port", "unserved_port" },
	[NO_ENDPOINT] = { "no endpoint", "reject_limited" },
	[ECHO_REQUEST] = { "echo answered", "echo_replied" },
	[TRUNCATED] = { "truncated", "truncated" },
};

/* What goals are measured in; 0: no such goal. */
struct goal {
	double ns;
	double times_push;
	double times_p1;
};

struct bench_case {
	const char *row; /* of the list of goals, "-" when it has none */
	enum forwarding_mode mode;
	bool is_ipv6;
	uint8_t protocol;
	enum packet_kind kind;
	uint32_t flows;    /* of so many sources; with many services: each to another service */
	uint32_t services; /* of each family and protocol */
	struct goal goal;
};

#define SNAT FORWARDING_MODE_SNAT
#define IPV4 false
#define IPV6 true
#define TCP IPPROTO_TCP
#define UDP IPPROTO_UDP
#define ICMP4 IPPROTO_ICMP
#define ICMP6 IPPROTO_ICMPV6
#define HOT 1
#define MANY 100000
#define MANY_SERVICES 10000

/* Cases of one mode and number of services stand together: each change sets up all anew. */
static const struct bench_case cases[] = {
	{ "P6", SNAT, IPV4, TCP, REQUEST, HOT, 1, { .ns = 45 } },
	{ "P6", SNAT, IPV4, TCP, REPLY, HOT, 1, { .ns = 45 } },
	{ "P6", SNAT, IPV4, TCP, REQUEST, MANY, 1, { .ns = 150 } },
	{ "P6", SNAT, IPV4, TCP, REPLY, MANY, 1, { .ns = 150 } },
	{ "P6", SNAT, IPV4, UDP, REQUEST, HOT, 1, { .ns = 45 } },
	{ "P6", SNAT, IPV4, UDP, REPLY, HOT, 1, { .ns = 45 } },
	{ "P6", SNAT, IPV4, UDP, REQUEST, MANY, 1, { .ns = 150 } },
	{ "P6", SNAT, IPV4, UDP, REPLY, MANY, 1, { .ns = 150 } },
	{ "P6", SNAT, IPV6, TCP, REQUEST, HOT, 1, { .ns = 45 } },
	{ "P6", SNAT, IPV6, TCP, REPLY, HOT, 1, { .ns = 45 } },
	{ "P6", SNAT, IPV6, TCP, REQUEST, MANY, 1, { .ns = 150 } },
	{ "P6", SNAT, IPV6, TCP, REPLY, MANY, 1, { .ns = 150 } },
	{ "P8", SNAT, IPV4, TCP, FOREIGN, HOT, 1, { .ns = 8 } },
	{ "P8", SNAT, IPV4, TCP, FOREIGN, MANY, 1, { .ns = 8 } },
	{ "P8", SNAT, IPV6, TCP, FOREIGN, HOT, 1, { .ns = 8 } },
	{ "P8", SNAT, IPV4, 0, ARP, HOT, 1, { .ns = 8 } },
	{ "-", SNAT, IPV4, TCP, UNSERVED, HOT, 1, { .ns = 0 } },
	{ "-", SNAT, IPV4, TCP, NO_ENDPOINT, HOT, 1, { .ns = 0 } },
	{ "-", SNAT, IPV4, ICMP4, ECHO_REQUEST, HOT, 1, { .ns = 0 } },
	{ "-", SNAT, IPV6, ICMP6, ECHO_REQUEST, HOT, 1, { .ns = 0 } },
	{ "-", SNAT, IPV4, TCP, TRUNCATED, HOT, 1, { .ns = 0 } },
	{ "P14", SNAT, IPV4, TCP, REQUEST, MANY_SERVICES, MANY_SERVICES, { .times_p1 = 1.5 } },
};

struct options {
	const char *pattern, *json_path;
	double seconds; /* a case */
};

struct result {
	struct quantiles net, push;
};

struct bench {
	struct options options;
	struct runner runner;
	struct world world;
	double p1_ns; /* 0: row P1 was not measured */
	bool has_failed;
};

static double now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static const char *protocol_text(uint8_t protocol)
{
	switch (protocol) {
	case TCP:
		return "TCP";
	case UDP:
		return "UDP";
	case ICMP4:
	case ICMP6:
		return "ICMP";
	default:
		return "ARP";
	}
}

/* "snat TCP IPv4 forward, 100000 flows" */
static const char *case_name(const struct bench_case *test, char buffer[static NAME_SIZE])
{
	bool has_mode = test->kind <= REPLY;
	int used = snprintf(buffer, NAME_SIZE, "%s%s%s %s %s",
			    has_mode ? forwarding_mode_name(test->mode) : "", has_mode ? " " : "",
			    protocol_text(test->protocol), test->is_ipv6 ? "IPv6" : "IPv4",
			    kinds[test->kind].name);

	if (test->services > 1)
		(void)snprintf(buffer + used, NAME_SIZE - (size_t)used, ", %u services",
			       test->services);
	else if (test->flows > 1)
		(void)snprintf(buffer + used, NAME_SIZE - (size_t)used, ", %u flows", test->flows);
	return buffer;
}

static bool complain(struct bench *bench, const struct bench_case *test, const char *what)
{
	char name[NAME_SIZE];

	(void)fprintf(stderr, "bench_datapath: %s: %s\n", case_name(test, name), what);
	bench->has_failed = true;
	return false;
}

static struct frame_spec case_frame(const struct bench_case *test)
{
	struct frame_spec spec = {
		.src = address_at(pick(test->is_ipv6, CLIENT4, CLIENT6), 0),
		.dst = address_at(pick(test->is_ipv6, VIP4, VIP6), 0),
		.src_port = 33333,
		.dst_port = test->protocol == UDP ? UDP_PORT : TCP_PORT,
		.protocol = test->protocol,
		.tcp_flags = test->kind == NEW_FLOWS ? TH_SYN : TH_ACK,
		.is_arp = test->kind == ARP,
		.is_truncated = test->kind == TRUNCATED,
	};

	if (test->kind == FOREIGN || test->kind == ARP)
		spec.dst = address_at(pick(test->is_ipv6, FOREIGN4, FOREIGN6), 0);
	if (test->kind == UNSERVED)
		spec.dst_port = UNSERVED_PORT;
	if (test->kind == NO_ENDPOINT)
		spec.dst_port = EMPTY_PORT;
	return spec;
}

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* About the golden section of count: visits all, and neighbours in time are far apart. */
static uint32_t stride_for(uint32_t count)
{
	uint32_t stride = (uint32_t)((double)count * 0.618) | 1;

	while (greatest_common_divisor(stride, count) != 1)
		stride += 2;
	return stride < count ? stride : 1;
}

/* What has no ports must keep the bytes where they would be. */
static enum bench_stepping case_stepping(const struct bench_case *test)
{
	if (test->kind == REPLY)
		return BENCH_STEP_TABLE;
	if (test->services > 1 || (test->protocol != TCP && test->protocol != UDP))
		return BENCH_STEP_DESTINATION;
	return BENCH_STEP_SOURCE;
}

static struct bench_steps case_steps(const struct bench_case *test, const struct frame_spec *spec)
{
	return (struct bench_steps){
		.stepping = case_stepping(test),
		.is_ipv6 = test->is_ipv6,
		.limit = test->flows,
		.stride = stride_for(test->flows),
		.port_step = test->kind == NEW_FLOWS,
		.src_base = address_last_word(&spec->src),
		.dst_base = address_last_word(&spec->dst),
		.src_port = spec->src_port,
	};
}

/* Hands out count flows from first on, once each and in order. */
static int pass_over(struct bench *bench, int outer_fd, struct bench_steps steps, uint32_t first,
		     uint32_t count, const struct frame *frame)
{
	steps.first = first;
	steps.limit = first + count;
	steps.stride = 1;
	runner_set(&bench->runner, frame, &steps);
	bench->runner.skeleton->bss->state.flow = first;
	bench->runner.skeleton->bss->state.src_port = steps.src_port;
	/* One more: the result of a packet is seen when the next is handed out. */
	return runner_repeat(&bench->runner, outer_fd, bench->world.datapath->program_fd,
			     count + 1);
}

/*
 * Makes the flows known where the mode keeps them: requests, whose results tell what replies
 * look like, then these replies, then requests again.
 */
static int establish(struct bench *bench, const struct bench_case *test)
{
	struct frame_spec spec = case_frame(test);
	struct bench_case request = *test;
	struct frame frame = frame_build(&spec);
	struct bench_steps steps, replies;
	int r = 0;

	request.kind = REQUEST;
	steps = replies = case_steps(&request, &spec);
	replies.stepping = BENCH_STEP_TABLE;
	for (uint32_t first = 0; r == 0 && first < test->flows; first += LEARN_BATCH) {
		uint32_t count = test->flows - first;

		if (count > LEARN_BATCH)
			count = LEARN_BATCH;
		r = pass_over(bench, bench->runner.learn_fd, steps, first, count, &frame);
		if (r == 0)
			r = pass_over(bench, bench->runner.wrapper_fd, replies, first, count,
				      &frame);
		if (r == 0)
			r = pass_over(bench, bench->runner.wrapper_fd, steps, first, count, &frame);
	}
	return r;
}

static bool case_needs_flows(const struct bench_case *test)
{
	return test->mode == SNAT && (test->kind == REQUEST || test->kind == REPLY);
}

static bool world_is_for(const struct world *world, const struct bench_case *test)
{
	return world->datapath && world->mode == test->mode && world->services == test->services;
}

static bool prepare(struct bench *bench, const struct bench_case *test)
{
	struct frame_spec spec = case_frame(test);
	struct bench_steps steps = case_steps(test, &spec);
	struct frame frame = frame_build(&spec);
	struct error error = { 0 };

	if (!world_is_for(&bench->world, test)) {
		world_close(&bench->world);
		if (world_open(&bench->world, test->mode, test->services, &error) < 0)
			return complain(bench, test, error.text);
	}
	if (case_needs_flows(test) && establish(bench, test) < 0)
		return complain(bench, test, "cannot establish its flows");
	runner_set(&bench->runner, &frame, &steps);
	bench->runner.skeleton->bss->state.flow = 0;
	bench->runner.skeleton->bss->state.src_port = spec.src_port;
	return true;
}

/* Rounds until the time is used up; the first warms up and does not count. */
static int measure(struct bench *bench, struct samples samples[static 3])
{
	int targets[] = { bench->runner.empty_fd, bench->runner.push_fd,
			  bench->world.datapath->program_fd };
	double end_s = 0;
	int r = 0;

	do {
		for (int i = 0; r == 0 && i < 3; i++)
			r = runner_measure(&bench->runner, targets[i], ROUND_CHUNKS, &samples[i]);
		if (end_s == 0) {
			for (int i = 0; i < 3; i++)
				samples[i].count = 0;
			end_s = now_s() + bench->options.seconds;
		}
	} while (r == 0 && (samples[0].count == 0 || now_s() < end_s));
	return r;
}

static struct quantiles quantiles_subtract(struct quantiles a, struct quantiles b)
{
	return (struct quantiles){ a.min - b.min, a.p10 - b.p10, a.median - b.median };
}

/* A bench of something else than it says would be worse than none. */
static bool check_verdicts(struct bench *bench, const struct bench_case *test, uint64_t before,
			   size_t chunks)
{
	double share = (double)(world_verdicts(&bench->world, kinds[test->kind].verdict) - before) /
		       ((double)chunks * BENCH_CHUNK_PACKETS);
	char what[128];

	if (share > 0.99)
		return true;
	(void)snprintf(what, sizeof(what), "%.1f %% of its packets only were \"%s\"", share * 100,
		       kinds[test->kind].verdict);
	return complain(bench, test, what);
}

static bool run_case(struct bench *bench, const struct bench_case *test, struct result *ret)
{
	struct samples samples[3] = { 0 };
	struct quantiles empty;
	uint64_t before;
	bool is_good;

	if (!prepare(bench, test))
		return false;
	before = world_verdicts(&bench->world, kinds[test->kind].verdict);
	if (measure(bench, samples) < 0)
		is_good = complain(bench, test, "cannot run the program");
	else
		is_good = check_verdicts(bench, test, before, samples[2].count);
	if (is_good) {
		empty = samples_quantiles(&samples[0]);
		ret->push = quantiles_subtract(samples_quantiles(&samples[1]), empty);
		ret->net = quantiles_subtract(samples_quantiles(&samples[2]), empty);
	}
	for (int i = 0; i < 3; i++)
		samples_free(&samples[i]);
	return is_good;
}

/* Appends one condition to the goal's text; whether it is met. */
static bool goal_add(char *text, size_t size, double value, double limit, const char *unit)
{
	size_t used = strlen(text);

	(void)snprintf(text + used, size - used, "%s<= %g%s", used ? ", " : "", limit, unit);
	return value <= limit;
}

static void print_goal(const struct bench *bench, const struct goal *goal,
		       const struct result *result)
{
	char text[64] = "";
	bool is_met = true;

	if (goal->ns > 0)
		is_met &= goal_add(text, sizeof(text), result->net.p10, goal->ns, "");
	if (goal->times_push > 0)
		is_met &= goal_add(text, sizeof(text), result->net.p10 / result->push.p10,
				   goal->times_push, " pushes");
	if (goal->times_p1 > 0 && bench->p1_ns > 0)
		is_met &= goal_add(text, sizeof(text), result->net.p10 / bench->p1_ns,
				   goal->times_p1, " P1");
	if (text[0])
		(void)printf("  %s: %s", text, is_met ? "met" : "MISSED");
	(void)printf("\n");
}

static void report(struct bench *bench, const struct bench_case *test, const struct result *result)
{
	char name[NAME_SIZE];
	double ratio = result->net.p10 / result->push.p10;

	if (strcmp(test->row, "P1") == 0)
		bench->p1_ns = result->net.p10;
	(void)printf("%-4s %-42s %7.1f %7.1f %7.1f %7.1f %6.1fx", test->row, case_name(test, name),
		     result->net.min, result->net.p10, result->net.median, result->push.p10, ratio);
	print_goal(bench, &test->goal, result);
	(void)fflush(stdout);
	if (bench->options.json_path &&
	    !bench_json_append(bench->options.json_path,
			       json_pack("{s:s, s:s, s:o, s:f, s:f}", "row", test->row, "case",
					 name, "net_ns", bench_json_quantiles(result->net),
					 "floor_ns", result->push.p10, "ratio_to_floor", ratio)))
		bench->has_failed = true;
}

static bool is_wanted(const struct options *options, const struct bench_case *test)
{
	char name[NAME_SIZE];

	return !options->pattern || strstr(case_name(test, name), options->pattern) ||
	       strcmp(test->row, options->pattern) == 0;
}

static int run(struct bench *bench)
{
	(void)printf("XDP program, net nanoseconds a packet\n"
		     "%-4s %-42s %7s %7s %7s %7s %7s  %s\n",
		     "row", "case", "min", "p10", "median", "push", "ratio", "goal for p10");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct result result;

		if (is_wanted(&bench->options, &cases[i]) && run_case(bench, &cases[i], &result))
			report(bench, &cases[i], &result);
	}
	return bench->has_failed;
}

/* The last one we may use: the first one gets most interrupts. */
static bool pin_to_one_cpu(void)
{
	cpu_set_t cpus;
	int last = -1;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		return false;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus))
			last = cpu;
	CPU_ZERO(&cpus);
	CPU_SET(last, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus) == 0;
}

static bool parse_options(int argc, char **argv, struct options *ret)
{
	*ret = (struct options){ .seconds = SECONDS_DEFAULT };
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
			ret->json_path = argv[++i];
		else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
			ret->seconds = atof(argv[++i]);
		else if (argv[i][0] == '-' || ret->pattern)
			return false;
		else
			ret->pattern = argv[i];
	}
	return ret->seconds > 0;
}

int main(int argc, char **argv)
{
	struct bench bench = { 0 };
	int r;

	if (!parse_options(argc, argv, &bench.options)) {
		(void)fprintf(stderr, "Usage: bench_datapath [--seconds A_CASE] [--json FILE] "
				      "[ROW|PART_OF_A_NAME]\n");
		return 2;
	}
	if (geteuid() != 0) {
		(void)printf("XDP program: skipped: needs root, run it with sudo\n");
		return SKIPPED;
	}
	if (unshare(CLONE_NEWNET) < 0 || !pin_to_one_cpu()) {
		perror("bench_datapath: a network namespace and a CPU of its own");
		return 1;
	}
	r = runner_open(&bench.runner);
	if (r < 0) {
		(void)fprintf(stderr, "bench_datapath: cannot load the wrapper: %s\n",
			      strerror(-r));
		return 1;
	}
	r = run(&bench);
	world_close(&bench.world);
	runner_close(&bench.runner);
	return r;
}
