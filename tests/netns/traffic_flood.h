/* SPDX-License-Identifier: BSD-2-Clause */
/* traffic_flood.h - SYNs with sources that nobody has (198.18.0.0/15, RFC 2544), which no answer
 * reaches. */
#ifndef TRAFFIC_FLOOD_H
#define TRAFFIC_FLOOD_H

#include <netinet/ip.h>

#include "traffic_common.h"

#define FLOOD_BATCH 64
#define FLOOD_NET 0xc6120000U /* 198.18.0.0 */
#define FLOOD_HOSTS 0x0001ffffU

struct flood_packet {
	struct iphdr ip;
	struct tcphdr tcp;
};

static uint64_t flood_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint32_t flood_sum(const void *bytes, size_t size)
{
	const uint16_t *words = bytes;
	uint32_t sum = 0;

	for (size_t i = 0; i < size / sizeof(*words); i++)
		sum += words[i];
	return sum;
}

/* Of the TCP header with its pseudo header; the kernel does that of IP. */
static uint16_t flood_checksum(const struct flood_packet *packet)
{
	uint32_t sum = flood_sum(&packet->ip.saddr, 8) + htons(IPPROTO_TCP) +
		       htons(sizeof(packet->tcp)) + flood_sum(&packet->tcp, sizeof(packet->tcp));

	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void flood_write(struct flood_packet *packet, const struct sockaddr_in *to, uint64_t random)
{
	*packet = (struct flood_packet){
		.ip = { .version = 4,
			.ihl = 5,
			.ttl = 64,
			.protocol = IPPROTO_TCP,
			.tot_len = htons(sizeof(*packet)),
			.saddr = htonl(FLOOD_NET | ((uint32_t)random & FLOOD_HOSTS)),
			.daddr = to->sin_addr.s_addr },
		.tcp = { .source = htons((uint16_t)(1024 + (random >> 20) % 64000)),
			 .dest = to->sin_port,
			 .seq = (uint32_t)(random >> 32),
			 .doff = sizeof(packet->tcp) / 4,
			 .syn = 1,
			 .window = htons(64240) },
	};
	packet->tcp.check = flood_checksum(packet);
}

/* What of a batch could be sent; what the device has no room for is tried again. */
static unsigned long flood_send(int fd, struct mmsghdr *headers, unsigned long count)
{
	int sent = sendmmsg(fd, headers, (unsigned int)count, 0);

	if (sent < 0 && errno != ENOBUFS && errno != EAGAIN)
		die("cannot send: %s", strerror(errno));
	return sent < 0 ? 0 : (unsigned long)sent;
}

static int command_flood(const struct options *options)
{
	static struct flood_packet packets[FLOOD_BATCH];
	static struct mmsghdr headers[FLOOD_BATCH];
	static struct iovec vectors[FLOOD_BATCH];
	union endpoint to;
	uint64_t state = now_ns() | 1, begin = now_ns();
	unsigned long sent = 0;
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);

	if (fd < 0)
		die("no raw socket: %s", strerror(errno));
	if (!endpoint_parse(options->to, options->port, &to) || to.any.sa_family != AF_INET)
		die("--to %s: expected an IPv4 address", options->to);
	while (sent < options->count && now_ns() - begin < options->timeout_s * NS_PER_S) {
		unsigned long due = (now_ns() - begin) * options->rate / NS_PER_S;
		unsigned long count = options->count - sent;

		if (due <= sent) {
			(void)usleep(1000);
			continue;
		}
		count = count < due - sent ? count : due - sent;
		count = count < FLOOD_BATCH ? count : FLOOD_BATCH;
		for (unsigned long i = 0; i < count; i++) {
			flood_write(&packets[i], &to.ipv4, flood_random(&state));
			vectors[i] = (struct iovec){ &packets[i], sizeof(packets[i]) };
			headers[i].msg_hdr = (struct msghdr){ .msg_name = &to.ipv4,
							      .msg_namelen = sizeof(to.ipv4),
							      .msg_iov = &vectors[i],
							      .msg_iovlen = 1 };
		}
		sent += flood_send(fd, headers, count);
	}
	(void)close(fd);
	printf("{\"sent\": %lu, \"seconds\": %.1f}\n", sent, (double)(now_ns() - begin) / NS_PER_S);
	return sent == options->count ? 0 : 1;
}

#endif
