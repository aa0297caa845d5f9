// SPDX-License-Identifier: BSD-2-Clause
/* generate.c - which sort of packet comes next, and how it is dressed. */
#include "reference/generate.h"

#include <string.h>

static size_t some_payload_bytes(struct random *random)
{
	uint32_t sort = random_below(random, 1000);

	if (sort < 900)
		return random_below(random, 80);
	if (sort < 960)
		return 480 + random_below(random, 200);
	if (sort < 997)
		return 1100 + random_below(random, 500);
	return 4000 + random_below(random, 5000);
}

static uint8_t some_ttl(struct random *random)
{
	return random_permille(random, 950) ? 2 + random_below(random, 250)
					    : random_below(random, 3);
}

/* As connections have them, and as nobody should. */
static uint8_t some_tcp_flags(struct random *random)
{
	static const uint8_t usual[] = { 0x02, 0x02, 0x12, 0x10, 0x10, 0x18, 0x11, 0x14, 0x04 };

	return random_permille(random, 900) ? usual[random_below(random, sizeof(usual))]
					    : random_next(random);
}

static void dress_tcp(struct random *random, struct spec *spec)
{
	static const uint8_t usual[] = { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0,
					 0, 1, 0, 0,    0, 0, 1, 3,  3, 7 };
	static const uint8_t odd[] = { 1, 2, 4, 5, 0xb4, 1, 1, 0 };
	static const uint8_t behind[] = { 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 2, 4, 5, 0xb4, 1, 0 };
	static const uint8_t small[] = { 2, 4, 2, 0, 2, 4, 5, 0xb4 };
	static const uint8_t bad[] = { 8, 1, 2, 4, 5, 0xb4, 3, 0, 2, 4, 5, 0xb4 };
	static const struct {
		const uint8_t *bytes;
		size_t size;
	} options[] = {
		{ usual, sizeof(usual) }, { odd, sizeof(odd) }, { behind, sizeof(behind) },
		{ small, sizeof(small) }, { bad, sizeof(bad) },
	};
	uint32_t chosen = random_below(random, 10);

	spec->tcp_flags = some_tcp_flags(random);
	spec->seq = random_next(random);
	spec->ack = random_next(random);
	if (chosen < 5) {
		spec->tcp_options = options[chosen].bytes;
		spec->tcp_option_bytes = options[chosen].size;
	}
}

static void dress_ip6(struct random *random, struct spec *spec)
{
	static const uint8_t types[] = { EXTENSION_HOP_BY_HOP, IPPROTO_ROUTING, IPPROTO_DSTOPTS };
	uint32_t count = random_permille(random, 900) ? 0 : 1 + random_below(random, 5);

	for (uint32_t i = 0; i < count; i++)
		spec->extensions[i] = types[random_below(random, 3)];
	if (random_permille(random, 100))
		spec->inner_extensions[0] = IPPROTO_DSTOPTS;
	spec->extension_units = random_permille(random, 850) ? 0 : random_below(random, 20);
	spec->is_fragment |= random_permille(random, 20);
}

void spec_dress(struct generator *generator, struct spec *spec)
{
	struct random *random = &generator->random;

	spec->ttl = some_ttl(random);
	spec->traffic_class = random_permille(random, 800) ? 0 : random_next(random);
	spec->id = random_next(random) & 0xffff;
	spec->may_not_fragment = random_permille(random, 500);
	spec->payload_bytes = some_payload_bytes(random);
	spec->padding_bytes = random_permille(random, 900) ? 0 : random_below(random, 46);
	if (spec->protocol == IPPROTO_TCP)
		dress_tcp(random, spec);
	spec->has_no_checksum = random_permille(random, 200);
	if (spec->is_ipv6)
		dress_ip6(random, spec);
	else if (random_permille(random, 50))
		spec->ip_option_bytes = 4 * (1 + random_below(random, 10));
}

static void generate_flow(struct generator *generator, struct frame *ret_frame)
{
	uint32_t sort = random_below(&generator->random, 100);
	struct spec spec;

	if (sort < 55 || (sort < 80 && !flow_from_backend(generator, &spec)))
		spec = flow_to_service(generator);
	else if (sort >= 95)
		spec = flow_to_nobody(generator);
	else if (sort >= 80)
		spec = flow_from_pod(generator);
	spec_dress(generator, &spec);
	build_frame(&spec, ret_frame);
}

/* A datagram of several pieces, which are sent one by one later on. */
static void begin_datagram(struct generator *generator, struct datagram *datagram)
{
	static uint8_t segment[SEGMENT_BYTES_MAX + 64];
	struct spec *spec = &datagram->spec;
	struct random *random = &generator->random;
	uint32_t sort = random_below(random, 10);

	if (sort < 6 || (sort < 8 && !flow_from_backend(generator, spec)))
		*spec = flow_to_service(generator);
	else if (sort >= 8)
		*spec = flow_from_pod(generator);
	spec_dress(generator, spec);
	spec->is_fragment = true;
	spec->may_not_fragment = false;
	spec->id = ++generator->next_id;
	spec->payload_bytes = random_below(random, 3000);
	datagram->bytes = build_segment(spec, segment);
	datagram->next = 0;
}

static void generate_fragment(struct generator *generator, struct frame *ret_frame)
{
	struct random *random = &generator->random;
	struct datagram *datagram = &generator->datagrams[random_below(random, DATAGRAMS)];
	struct spec spec;

	if (datagram->next >= datagram->bytes)
		begin_datagram(generator, datagram);
	spec = datagram->spec;
	spec.from = datagram->next;
	spec.bytes = 8 * (1 + random_below(random, 100));
	if (random_permille(random, 150)) /* ahead, or once more */
		spec.from = random_below(random, datagram->bytes) / 8 * 8;
	else
		datagram->next += spec.bytes;
	if (random_permille(random, 10))
		spec.from += 65536 - random_below(random, datagram->bytes + 100) / 8 * 8;
	if (spec.from > datagram->bytes)
		spec.from = datagram->bytes / 8 * 8;
	build_frame(&spec, ret_frame);
}

static void generate_right(struct generator *generator, struct frame *ret_frame)
{
	uint32_t sort = random_below(&generator->random, 100);

	if (sort < 68)
		generate_flow(generator, ret_frame);
	else if (sort < 78)
		generate_fragment(generator, ret_frame);
	else if (sort < 90)
		generate_error(generator, ret_frame);
	else if (sort < 94)
		generate_echo(generator, ret_frame);
	else if (sort < 97)
		generate_arp(generator, ret_frame);
	else
		generate_solicitation(generator, ret_frame);
}

static uint32_t some_ingress(struct random *random)
{
	static const uint32_t usual[] = { DEVICE_CLIENTS, DEVICE_BACKENDS };

	return random_permille(random, 950) ? usual[random_below(random, 2)]
					    : DEVICE_CLIENTS + random_below(random, 4);
}

void generate(struct generator *generator, struct frame *ret_frame, uint32_t *ret_ingress)
{
	generate_right(generator, ret_frame);
	*ret_ingress = some_ingress(&generator->random);
	if (random_permille(&generator->random, 300))
		mutate(&generator->random, ret_frame);
}
