/* SPDX-License-Identifier: BSD-2-Clause */
/* traffic_common.h - what traffic's commands share: options, addresses, the pattern, results. */
#ifndef TRAFFIC_COMMON_H
#define TRAFFIC_COMMON_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NAME_SIZE 64 /* of a server, with the NUL */
#define SERVER_MAX 1024
#define EVENT_COUNT 256
#define NS_PER_MS 1000000ULL
#define NS_PER_S 1000000000ULL

struct options {
	const char *name;
	const char *to;
	const char *bind;
	const char *source_addresses;
	const char *lost; /* a file with the names of lost backends */
	unsigned long port;
	unsigned long count;
	unsigned long parallel;
	unsigned long rate; /* new connections a second; 0: as many as can be */
	unsigned long bytes;
	unsigned long flows;
	unsigned long window;
	unsigned long outstanding;
	unsigned long seconds;
	unsigned long interval_ms;
	unsigned long messages; /* of a connection that does not stay */
	unsigned long timeout_s;
};

/* Something is wrong with the call or the machine, not with the traffic: status 2. */
__attribute__((format(printf, 1, 2), noreturn)) static inline void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fputs("traffic: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	va_end(args);
	exit(2);
}

static inline void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory)
		die("out of memory");
	return memory;
}

static inline uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* What the scheduler has given this process. */
static inline double cpu_seconds(void)
{
	struct timespec used;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / NS_PER_S;
}

union endpoint {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

static inline bool endpoint_parse(const char *text, unsigned long port, union endpoint *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &ret->ipv4.sin_addr) == 1) {
		ret->ipv4.sin_family = AF_INET;
		ret->ipv4.sin_port = htons((uint16_t)port);
		return true;
	}
	ret->ipv6.sin6_family = AF_INET6;
	ret->ipv6.sin6_port = htons((uint16_t)port);
	return inet_pton(AF_INET6, text, &ret->ipv6.sin6_addr) == 1;
}

static inline socklen_t endpoint_size(const union endpoint *endpoint)
{
	return endpoint->any.sa_family == AF_INET ? sizeof(endpoint->ipv4) : sizeof(endpoint->ipv6);
}

/* The last 32 bits of the address, where a range counts. */
static inline void *endpoint_tail(union endpoint *endpoint)
{
	return endpoint->any.sa_family == AF_INET ? (char *)&endpoint->ipv4.sin_addr
						  : (char *)&endpoint->ipv6.sin6_addr + 12;
}

static inline uint32_t endpoint_number(union endpoint *endpoint)
{
	uint32_t bits;

	memcpy(&bits, endpoint_tail(endpoint), sizeof(bits));
	return ntohl(bits);
}

/* Where clients connect to, and from: source i of the range in turn, or any. */
struct route_pair {
	union endpoint to;
	union endpoint first_source;
	uint32_t source_count; /* 0: the kernel chooses */
	uint32_t next_source;
};

static inline void parse_sources(const char *text, struct route_pair *ret)
{
	char first[INET6_ADDRSTRLEN + 1];
	union endpoint last;
	const char *dash = strchr(text, '-');
	size_t length = dash ? (size_t)(dash - text) : strlen(text);

	if (length >= sizeof(first))
		die("--source-addresses %s: expected A-B", text);
	memcpy(first, text, length);
	first[length] = '\0';
	if (!endpoint_parse(first, 0, &ret->first_source) ||
	    !endpoint_parse(dash ? dash + 1 : first, 0, &last) ||
	    last.any.sa_family != ret->first_source.any.sa_family ||
	    last.any.sa_family != ret->to.any.sa_family ||
	    endpoint_number(&last) < endpoint_number(&ret->first_source))
		die("--source-addresses %s: expected A-B, of the family of --to", text);
	ret->source_count = endpoint_number(&last) - endpoint_number(&ret->first_source) + 1;
}

static inline struct route_pair parse_route(const struct options *options)
{
	struct route_pair pair = { .source_count = 0 };

	if (!endpoint_parse(options->to, options->port, &pair.to))
		die("--to %s: not an IP address", options->to);
	if (options->source_addresses)
		parse_sources(options->source_addresses, &pair);
	return pair;
}

static inline void bind_next_source(int fd, struct route_pair *pair)
{
	union endpoint source = pair->first_source;
	uint32_t number;
	int on = 1;

	if (pair->source_count == 0)
		return;
	number = htonl(endpoint_number(&source) + pair->next_source++ % pair->source_count);
	memcpy(endpoint_tail(&source), &number, sizeof(number));
	/* The port is chosen by connect(), which knows that it may be used once a destination. */
	(void)setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, &source.any, endpoint_size(&source)) < 0)
		die("--source-addresses: bind: %s", strerror(errno));
}

/* A non-blocking socket that connects, or -1 with errno. */
static inline int connect_next(struct route_pair *pair, int type)
{
	int fd = socket(pair->to.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;
	int code;

	if (fd < 0)
		die("socket: %s", strerror(errno));
	bind_next_source(fd, pair);
	if (type == SOCK_STREAM)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, &pair->to.any, endpoint_size(&pair->to)) == 0 || errno == EINPROGRESS)
		return fd;
	code = errno;
	(void)close(fd);
	errno = code;
	return -1;
}

static inline int create_epoll(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		die("epoll: %s", strerror(errno));
	return fd;
}

static inline void epoll_watch(int epoll, int fd, uint32_t events, void *owner)
{
	struct epoll_event event = { .events = events, .data.ptr = owner };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll: %s", strerror(errno));
}

static inline void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/*
 * The pattern: a stream (or datagram) begins with PATTERN_MAGIC and its seed, and each
 * byte behind follows from the seed and its place. So whoever sees it can check it.
 */
#define PATTERN_MAGIC 0x89475754U
#define PATTERN_HEADER_BYTES 8

static inline uint64_t pattern_word(uint32_t seed, uint64_t index)
{
	uint64_t x = (uint64_t)seed << 32 ^ (index * 0x9e3779b97f4a7c15ULL);

	if (index == 0)
		return (uint64_t)seed << 32 | PATTERN_MAGIC;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	return x ^ x >> 31;
}

static inline void pattern_write(uint32_t seed, uint64_t place, uint8_t *bytes, size_t count)
{
	uint64_t word = pattern_word(seed, place / 8);

	for (size_t i = 0; i < count; i++, place++) {
		if (place % 8 == 0)
			word = pattern_word(seed, place / 8);
		bytes[i] = (uint8_t)(word >> place % 8 * 8);
	}
}

static inline bool pattern_matches(uint32_t seed, uint64_t place, const uint8_t *bytes,
				   size_t count)
{
	uint8_t expected[2048];

	while (count > 0) {
		size_t size = count < sizeof(expected) ? count : sizeof(expected);

		pattern_write(seed, place, expected, size);
		if (memcmp(bytes, expected, size) != 0)
			return false;
		bytes += size;
		place += size;
		count -= size;
	}
	return true;
}

/* Whether bytes are the start of a pattern, and of which. */
static inline bool pattern_recognise(const uint8_t *bytes, size_t count, uint32_t *ret_seed)
{
	uint64_t word;

	if (count < PATTERN_HEADER_BYTES)
		return false;
	memcpy(&word, bytes, sizeof(word));
	*ret_seed = (uint32_t)(word >> 32);
	return (uint32_t)word == PATTERN_MAGIC;
}

/* A datagram: its flow's number and its own make up the id, the rest is a pattern of both. */
#define DATAGRAM_ID_BYTES 16
#define DATAGRAM_MAX 1400

static inline void datagram_write(uint32_t flow, uint64_t sequence, uint8_t *bytes, size_t count)
{
	pattern_write(flow, 0, bytes, PATTERN_HEADER_BYTES);
	memcpy(bytes + PATTERN_HEADER_BYTES, &sequence, sizeof(sequence));
	pattern_write(flow ^ (uint32_t)sequence, DATAGRAM_ID_BYTES, bytes + DATAGRAM_ID_BYTES,
		      count - DATAGRAM_ID_BYTES);
}

static inline bool datagram_read_id(const uint8_t *bytes, size_t count, uint32_t *ret_flow,
				    uint64_t *ret_sequence)
{
	if (count < DATAGRAM_ID_BYTES || !pattern_recognise(bytes, count, ret_flow))
		return false;
	memcpy(ret_sequence, bytes + PATTERN_HEADER_BYTES, sizeof(*ret_sequence));
	return true;
}

/* How much each server did. */
struct shares {
	struct {
		char name[NAME_SIZE];
		unsigned long count;
	} servers[SERVER_MAX];
	size_t count;
};

/* The server's index; names are few, so a walk will do. */
static inline size_t shares_index(struct shares *shares, const char *name)
{
	size_t i = 0;

	while (i < shares->count && strcmp(shares->servers[i].name, name) != 0)
		i++;
	if (i == SERVER_MAX)
		die("more than %d servers answer", SERVER_MAX);
	if (i == shares->count) {
		(void)snprintf(shares->servers[i].name, NAME_SIZE, "%s", name);
		shares->count++;
	}
	return i;
}

/* As a JSON object. Names come from the network: what would need escaping is replaced. */
static inline void shares_print(const struct shares *shares)
{
	(void)fputs("\"by_server\":{", stdout);
	for (size_t i = 0; i < shares->count; i++) {
		(void)printf("%s\"", i ? "," : "");
		for (const char *c = shares->servers[i].name; *c; c++)
			(void)putchar(*c < 0x20 || *c == '"' || *c == '\\' || *c == 0x7f ? '?'
											 : *c);
		(void)printf("\":%lu", shares->servers[i].count);
	}
	(void)putchar('}');
}

#endif
