// SPDX-License-Identifier: BSD-2-Clause
/* generate_icmp.c - ICMP errors about flows, echo, and questions for neighbours. */
#include <string.h>

#include "reference/bytes.h"
#include "reference/generate.h"

enum { QUOTE_MAX = 1400 };

/* A packet that somebody had trouble with: its sender is who the error goes to. */
static struct spec some_trouble(struct generator *generator)
{
	struct random *random = &generator->random;
	struct spec spec = flow_to_service(generator);

	/* In each case as it was sent by who is told: a VIP, a gateway, a client. */
	switch (random_below(random, 4)) {
	case 0:
		return flow_turned(&spec);
	case 1:
		if (!flow_from_backend(generator, &spec))
			return flow_turned(&spec);
		return flow_turned(&spec);
	case 2:
		spec = flow_from_pod(generator);
		return flow_turned(&spec);
	default:
		return random_permille(random, 300) ? flow_to_nobody(generator) : spec;
	}
}

static void choose_error(struct random *random, struct spec *error)
{
	static const uint8_t types4[] = { 3, 3, 11, 12, 4, 5, 0 },
			     types6[] = { 1, 2, 3, 4, 5, 127 };

	error->icmp_type = error->is_ipv6 ? types6[random_below(random, sizeof(types6))]
					  : types4[random_below(random, sizeof(types4))];
	error->icmp_code = random_below(random, 5);
	error->icmp_rest = random_permille(random, 300) ? 1400 : 0;
}

void generate_error(struct generator *generator, struct frame *ret_frame)
{
	static uint8_t segment[SEGMENT_BYTES_MAX + 64], quote[REFERENCE_FRAME_MAX];
	struct random *random = &generator->random;
	struct spec quoted = some_trouble(generator), error = {};
	size_t bytes;

	spec_dress(generator, &quoted);
	if (quoted.payload_bytes > QUOTE_MAX)
		quoted.payload_bytes = QUOTE_MAX;
	bytes = build_packet(&quoted, segment, build_segment(&quoted, segment), quote);
	error = flow_turned(&quoted);
	error.extension_units = 0;
	spec_dress(generator, &error);
	memset(error.inner_extensions, 0, sizeof(error.inner_extensions));
	error.protocol = error.is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	if (random_permille(random, 300)) /* a router's */
		error.src = generator->world->clients[error.is_ipv6][random_below(random, CLIENTS)];
	choose_error(random, &error);
	error.payload = quote;
	error.payload_bytes = random_permille(random, 700) ? bytes : random_below(random, bytes);
	build_frame(&error, ret_frame);
}

void generate_echo(struct generator *generator, struct frame *ret_frame)
{
	struct random *random = &generator->random;
	struct spec spec = random_permille(random, 800) ? flow_to_service(generator)
							: flow_to_nobody(generator);

	spec_dress(generator, &spec);
	spec.protocol = spec.is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	spec.icmp_type = spec.is_ipv6 ? 128 : 8;
	if (random_permille(random, 100))
		spec.icmp_type += 1;
	spec.icmp_rest = random_next(random);
	build_frame(&spec, ret_frame);
}

static struct gw_addr some_target(struct generator *generator, bool is_ipv6)
{
	const struct tables *tables = &generator->world->tables;
	const struct gw_addr *target;

	for (;;) {
		target = &tables->addresses[random_below(&generator->random, 24)].address;
		if (!is_ipv6 == (!target->word[0] && target->word[2] == htonl(0xffff)))
			return *target;
	}
}

void generate_arp(struct generator *generator, struct frame *ret_frame)
{
	struct random *random = &generator->random;
	struct spec spec = flow_to_service(generator);
	struct gw_addr target = some_target(generator, false);
	uint8_t *arp;

	spec.is_ipv6 = false;
	spec.src = generator->world->clients[0][random_below(random, CLIENTS)];
	if (random_permille(random, 50))
		spec.src = target;
	if (random_permille(random, 500))
		memset(spec.link.dst_mac, 0xff, 6);
	if (random_permille(random, 30))
		memcpy(spec.link.src_mac, &(uint8_t[6]){ 2, 0, 0, 4, 0, DEVICE_CLIENTS }, 6);
	spec.padding_bytes = random_below(random, 20);
	build_frame(&spec, ret_frame);
	arp = ret_frame->bytes + 14 + 4 * (!!spec.link.tags[0].tpid + !!spec.link.tags[1].tpid);
	memset(arp, 0, 28 + 18);
	memcpy(arp, &(uint8_t[8]){ 0, 1, 8, 0, 6, 4, 0, 1 }, 8);
	arp[7] = random_permille(random, 900) ? 1 : 2;
	memcpy(arp + 8, spec.link.src_mac, 6);
	memcpy(arp + 14, &spec.src.word[3], 4);
	memcpy(arp + 24, &target.word[3], 4);
	put16(arp - 2, 0x0806);
	ret_frame->size = arp + 28 + spec.padding_bytes - ret_frame->bytes;
}

/* RFC 4861, 4.3: to the target's multicast address, or to itself. */
void generate_solicitation(struct generator *generator, struct frame *ret_frame)
{
	struct random *random = &generator->random;
	struct spec spec = flow_to_service(generator);
	struct gw_addr target = some_target(generator, true);
	uint8_t body[24] = {};

	spec.is_ipv6 = true;
	spec.protocol = IPPROTO_ICMPV6;
	spec.ttl = random_permille(random, 900) ? 255 : 64;
	spec.icmp_type = random_permille(random, 950) ? 135 : 136;
	spec.icmp_code = random_permille(random, 950) ? 0 : 1;
	spec.src = generator->world->clients[1][random_below(random, CLIENTS)];
	if (random_permille(random, 200))
		memset(&spec.src, 0, sizeof(spec.src));
	spec.dst = target;
	if (random_permille(random, 700)) {
		spec.dst = (struct gw_addr){ { htonl(0xff020000), 0, htonl(1),
					       htonl(0xff000000) | target.word[3] } };
		memcpy(spec.link.dst_mac, &(uint8_t[6]){ 0x33, 0x33, 0xff, 0, 0, 1 }, 6);
	}
	if (random_permille(random, 30))
		memcpy(spec.link.src_mac, &(uint8_t[6]){ 2, 0, 0, 4, 0, DEVICE_CLIENTS }, 6);
	memcpy(body, &target, 16);
	body[16] = 1;
	body[17] = 1;
	memcpy(body + 18, spec.link.src_mac, 6);
	spec.payload = body;
	spec.payload_bytes = random_permille(random, 700) ? 24 : 16;
	build_frame(&spec, ret_frame);
}
