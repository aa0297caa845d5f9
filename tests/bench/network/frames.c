/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.c - how many small frames a second a gateway forwards: generates them in the
 * client's network namespace, counts what arrives in the backends', and prints one line
 * of JSON. Everything it attaches goes with it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "frames.h"
#include "tests/bench/network/frames.skel.h"

#define INTERFACE "eth0" /* in every namespace */
#define BACKEND_MAX 16
#define THREAD_MAX 64
#define FIRST_PORT 16384
#define FLOW_MAX 32768
#define NS_PER_S 1000000000ULL
#define NS_PER_MS 1000000ULL
#define STEP_MS 10        /* between two looks at the pace */
#define REPEAT (1U << 28) /* a bound, some 30 s; a signal ends it */

struct options {
	const char *client; /* namespaces, by path */
	const char *backends[BACKEND_MAX];
	size_t backend_count;
	struct in_addr from, to;
	struct ether_addr gateway;
	unsigned long port, flows, measure_ms, warm_up_ms, cpu;
	bool has_gateway, has_answers;
	const char *threads[THREAD_MAX]; /* pids: whose time is counted as the gateway's */
	size_t thread_count;
};

struct sample {
	uint64_t time_ns, sent, received;
	uint64_t gateway_ns, held_up_ns; /* of the gateway's threads */
};

struct generator {
	pthread_t thread;
	const struct options *options;
	int program, ifindex;
	int result; /* of the run, negative errno; -EINTR: it was ended */
	atomic_bool is_over;
};

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fputs("frames: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void wait_ms(unsigned long ms)
{
	struct timespec time = { .tv_sec = (time_t)(ms / 1000),
				 .tv_nsec = (long)(ms % 1000 * NS_PER_MS) };

	while (nanosleep(&time, &time) < 0 && errno == EINTR)
		;
}

/* What the scheduler says of a thread: how long it ran and how long it was held up, in ns. */
static void read_thread(const char *pid, uint64_t *run_ns, uint64_t *wait_ns)
{
	unsigned long long ran, waited;
	char path[64];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%s/schedstat", pid);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%llu %llu", &ran, &waited) != 2)
		die("%s: cannot be read", path);
	(void)fclose(file);
	*run_ns += ran;
	*wait_ns += waited;
}

/* Into the namespace; returns the interface there. */
static int enter(const char *namespace)
{
	int fd = open(namespace, O_RDONLY | O_CLOEXEC);
	unsigned int ifindex;

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die("%s: %s", namespace, strerror(errno));
	(void)close(fd);
	ifindex = if_nametoindex(INTERFACE);
	if (ifindex == 0)
		die("%s: no interface %s", namespace, INTERFACE);
	return (int)ifindex;
}

static void attach(struct bpf_program *program, const char *namespace)
{
	if (!bpf_program__attach_xdp(program, enter(namespace)))
		die("%s: attaching to %s: %s", namespace, INTERFACE, strerror(errno));
}

static void read_own_mac(uint8_t *ret_mac)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = INTERFACE };

	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		die("the address of %s: %s", INTERFACE, strerror(errno));
	memcpy(ret_mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
	(void)close(fd);
}

static uint32_t sum_words(uint32_t sum, const void *start, size_t bytes)
{
	const uint8_t *at = start;

	for (size_t i = 0; i < bytes; i += 2) {
		uint16_t word;

		memcpy(&word, at + i, sizeof(word));
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void make_frame(const struct options *options, struct frame *frame)
{
	*frame = (struct frame){
		.ethernet.h_proto = htons(ETH_P_IP),
		.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP },
		.udp.dest = htons((uint16_t)options->port),
		.udp.len = htons(sizeof(frame->udp) + sizeof(frame->payload)),
	};
	memcpy(frame->ethernet.h_dest, &options->gateway, ETH_ALEN);
	read_own_mac(frame->ethernet.h_source);
	frame->ip.saddr = options->from.s_addr;
	frame->ip.daddr = options->to.s_addr;
	frame->ip.tot_len = htons(FRAME_BYTES - sizeof(frame->ethernet));
	frame->ip.check = (uint16_t)~sum_words(0, &frame->ip, sizeof(frame->ip));
}

/* The pseudo header is the addresses, the protocol and the length. */
static uint32_t udp_sum(const struct frame *frame)
{
	uint32_t sum = htons(IPPROTO_UDP) + frame->udp.len;

	sum = sum_words(sum, &frame->ip.saddr, 2 * sizeof(frame->ip.saddr));
	return sum_words(sum, &frame->udp, sizeof(frame->udp) + sizeof(frame->payload));
}

/* Called in the client's namespace. */
static struct frames_bpf *load(const struct options *options)
{
	struct frames_bpf *skeleton = frames_bpf__open();
	struct frame frame;

	if (!skeleton)
		die("the programs cannot be opened");
	make_frame(options, &frame);
	memcpy((void *)skeleton->rodata->frame_words, &frame, sizeof(frame));
	skeleton->rodata->checksum_base = udp_sum(&frame);
	skeleton->rodata->first_port = FIRST_PORT;
	skeleton->rodata->flow_mask = (uint32_t)options->flows - 1;
	if (frames_bpf__load(skeleton) < 0)
		die("the programs cannot be loaded: %s", strerror(errno));
	return skeleton;
}

static void on_signal(int signal)
{
	(void)signal;
}

static void *generate(void *owner)
{
	struct generator *generator = owner;
	uint8_t data[FRAME_BYTES] = { 0 };
	struct xdp_md context = { .data_end = sizeof(data),
				  .ingress_ifindex = (uint32_t)generator->ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = data, .data_size_in = sizeof(data),
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = REPEAT,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(generator->options->cpu, &cpus);
	(void)sched_setaffinity(0, sizeof(cpus), &cpus);
	generator->result = bpf_prog_test_run_opts(generator->program, &run);
	generator->is_over = true;
	return NULL;
}

static void start_generator(struct generator *generator)
{
	/* Without SA_RESTART: the signal is to end the system call. */
	struct sigaction action = { .sa_handler = on_signal };

	(void)sigaction(SIGUSR1, &action, NULL);
	if (pthread_create(&generator->thread, NULL, generate, generator) != 0)
		die("no thread");
}

/* Again and again: the first may come before the system call. */
static void end_generator(struct generator *generator)
{
	if (generator->is_over)
		die("the generator ended early: %s", strerror(-generator->result));
	while (!generator->is_over) {
		(void)pthread_kill(generator->thread, SIGUSR1);
		wait_ms(1);
	}
	(void)pthread_join(generator->thread, NULL);
}

static uint64_t read_received(const struct frames_bpf *skeleton)
{
	int cpu_count = libbpf_num_possible_cpus();
	uint64_t *counts = cpu_count > 0 ? calloc((size_t)cpu_count, sizeof(*counts)) : NULL;
	uint32_t zero = 0;
	uint64_t sum = 0;

	if (!counts || bpf_map_lookup_elem(bpf_map__fd(skeleton->maps.received), &zero, counts) < 0)
		die("reading the count: %s", strerror(errno));
	for (int i = 0; i < cpu_count; i++)
		sum += counts[i];
	free(counts);
	return sum;
}

static struct sample take_sample(const struct options *options, const struct frames_bpf *skeleton)
{
	struct sample sample = {
		.time_ns = now_ns(),
		.sent = *(volatile __u64 *)&skeleton->bss->sent,
		.received = read_received(skeleton),
	};

	for (size_t i = 0; i < options->thread_count; i++)
		read_thread(options->threads[i], &sample.gateway_ns, &sample.held_up_ns);
	return sample;
}

static void print_result(const struct sample *start, const struct sample *end)
{
	double seconds = (double)(end->time_ns - start->time_ns) / NS_PER_S;
	double received = (double)(end->received - start->received);

	if (received == 0)
		die("no frame arrived");
	(void)printf("{\"sent_per_second\":%.0f,\"received_per_second\":%.0f,"
		     "\"gateway_ns_per_packet\":%.1f,\"gateway_busy\":%.3f}\n",
		     (double)(end->sent - start->sent) / seconds, received / seconds,
		     (double)(end->gateway_ns - start->gateway_ns) / received,
		     (double)(end->gateway_ns - start->gateway_ns) / 1e9 / seconds);
}

/*
 * The time between two bursts for the next step: somewhat less than what the gateway took
 * for one while it ran. Whoever else wants its core slows it down, and must not slow us.
 */
static uint64_t next_interval(const struct options *options, const struct sample *last,
			      const struct sample *now, uint64_t interval_ns)
{
	uint64_t ran_ns = now->gateway_ns - last->gateway_ns;
	uint64_t wanted_ns = ran_ns + now->held_up_ns - last->held_up_ns;
	uint64_t hops = options->has_answers ? 2 : 1;
	uint64_t received = now->received - last->received;

	if (received == 0)
		return interval_ns;
	if (wanted_ns < (now->time_ns - last->time_ns) / 100 * 95)
		return interval_ns - interval_ns / 10;
	return (3 * interval_ns + BURST * hops * ran_ns / received * 85 / 100) / 4;
}

/*
 * Gives the gateway somewhat more than it can take, until its core has worked for the given
 * time; but where others want that core too, for four times as long at the most.
 */
static struct sample drive(const struct options *options, struct frames_bpf *skeleton,
			   unsigned long ms)
{
	volatile __u64 *interval_ns = &skeleton->data->burst_interval_ns;
	struct sample start = take_sample(options, skeleton), last = start, now = start;

	while (now.gateway_ns - start.gateway_ns < ms * NS_PER_MS &&
	       now.time_ns - start.time_ns < 4 * ms * NS_PER_MS) {
		wait_ms(STEP_MS);
		now = take_sample(options, skeleton);
		*interval_ns = next_interval(options, &last, &now, *interval_ns);
		last = now;
	}
	return now;
}

static void measure(const struct options *options)
{
	struct generator generator = { .options = options };
	struct frames_bpf *skeleton;
	struct sample start, end;

	generator.ifindex = enter(options->client);
	skeleton = load(options);
	generator.program = bpf_program__fd(skeleton->progs.generate);
	for (size_t i = 0; i < options->backend_count; i++)
		attach(options->has_answers ? skeleton->progs.reflect : skeleton->progs.count,
		       options->backends[i]);
	attach(skeleton->progs.count, options->client);
	start_generator(&generator);
	start = drive(options, skeleton, options->warm_up_ms);
	end = drive(options, skeleton, options->measure_ms);
	end_generator(&generator);
	print_result(&start, &end);
	frames_bpf__destroy(skeleton);
}

static void print_usage(FILE *file)
{
	(void)fputs(
		"usage: frames --client NETNS --backend NETNS... --gateway-mac MAC --from ADDRESS\n"
		"              --to ADDRESS --port PORT [--flows 32768] [--answers]\n"
		"              [--measure-ms 400] [--warm-up-ms 200] [--cpu 0] --thread PID...\n"
		"    Sends UDP frames of 60 bytes out of the client's " INTERFACE ", from FLOWS\n"
		"    ports, as fast as one core can, and counts those that reach the backends; "
		"with\n"
		"    --answers these send them back, and those that reach the client count as "
		"well.\n"
		"    --measure-ms is time of the gateway's core, or up to four times that by the "
		"clock.\n"
		"    NETNS is a path, PID a thread of the gateway, CPU where the generator runs.\n",
		file);
}

enum option_id {
	OPTION_HELP = 'h',
	OPTION_CLIENT = 256,
	OPTION_BACKEND,
	OPTION_GATEWAY_MAC,
	OPTION_FROM,
	OPTION_TO,
	OPTION_PORT,
	OPTION_FLOWS,
	OPTION_ANSWERS,
	OPTION_MEASURE_MS,
	OPTION_WARM_UP_MS,
	OPTION_CPU,
	OPTION_THREAD,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "client", required_argument, NULL, OPTION_CLIENT },
	{ "backend", required_argument, NULL, OPTION_BACKEND },
	{ "gateway-mac", required_argument, NULL, OPTION_GATEWAY_MAC },
	{ "from", required_argument, NULL, OPTION_FROM },
	{ "to", required_argument, NULL, OPTION_TO },
	{ "port", required_argument, NULL, OPTION_PORT },
	{ "flows", required_argument, NULL, OPTION_FLOWS },
	{ "answers", no_argument, NULL, OPTION_ANSWERS },
	{ "measure-ms", required_argument, NULL, OPTION_MEASURE_MS },
	{ "warm-up-ms", required_argument, NULL, OPTION_WARM_UP_MS },
	{ "cpu", required_argument, NULL, OPTION_CPU },
	{ "thread", required_argument, NULL, OPTION_THREAD },
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

static struct in_addr parse_address(const char *text)
{
	struct in_addr address;

	if (inet_pton(AF_INET, text, &address) != 1)
		die("\"%s\": expected an IPv4 address", text);
	return address;
}

static void add(const char **list, size_t *count, size_t most, const char *text)
{
	if (*count == most)
		die("\"%s\": more than %zu of these", text, most);
	list[(*count)++] = text;
}

static void apply_option(int id, struct options *options)
{
	switch (id) {
	case OPTION_HELP:
		print_usage(stdout);
		exit(0);
	case OPTION_CLIENT:
		options->client = optarg;
		break;
	case OPTION_BACKEND:
		add(options->backends, &options->backend_count, BACKEND_MAX, optarg);
		break;
	case OPTION_GATEWAY_MAC:
		if (!ether_aton_r(optarg, &options->gateway))
			die("\"%s\": expected a MAC address", optarg);
		options->has_gateway = true;
		break;
	case OPTION_FROM:
		options->from = parse_address(optarg);
		break;
	case OPTION_TO:
		options->to = parse_address(optarg);
		break;
	case OPTION_PORT:
		options->port = parse_number(optarg, 1, 65535);
		break;
	case OPTION_FLOWS:
		options->flows = parse_number(optarg, 1, FLOW_MAX);
		break;
	case OPTION_ANSWERS:
		options->has_answers = true;
		break;
	case OPTION_MEASURE_MS:
		options->measure_ms = parse_number(optarg, 1, 10000);
		break;
	case OPTION_WARM_UP_MS:
		options->warm_up_ms = parse_number(optarg, 0, 10000);
		break;
	case OPTION_CPU:
		options->cpu = parse_number(optarg, 0, CPU_SETSIZE - 1);
		break;
	case OPTION_THREAD:
		add(options->threads, &options->thread_count, THREAD_MAX, optarg);
		break;
	default:
		print_usage(stderr);
		exit(2);
	}
}

static void parse_options(int argc, char **argv, struct options *ret_options)
{
	struct options options = { .flows = FLOW_MAX, .measure_ms = 400, .warm_up_ms = 200 };
	int id;

	while ((id = getopt_long(argc, argv, "h", long_options, NULL)) != -1)
		apply_option(id, &options);
	if (optind < argc)
		die("\"%s\" is not an option", argv[optind]);
	if (!options.client || options.backend_count == 0 || !options.has_gateway ||
	    options.from.s_addr == 0 || options.to.s_addr == 0 || options.port == 0 ||
	    options.thread_count == 0)
		die("something is missing: see frames --help");
	if (options.flows & (options.flows - 1))
		die("--flows %lu: expected a power of two", options.flows);
	*ret_options = options;
}

int main(int argc, char **argv)
{
	struct options options;

	parse_options(argc, argv, &options);
	measure(&options);
	return 0;
}
