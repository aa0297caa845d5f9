/* SPDX-License-Identifier: BSD-2-Clause */
/* replies.h - a world in mode dnat, and a backend's reply as it arrives and as it leaves. */
#ifndef TESTS_BPF_REPLIES_H
#define TESTS_BPF_REPLIES_H

#include "modes.h"
#include "network.h"

static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };

static inline const struct mode *dnat(bool is_ip6)
{
	return &modes[is_ip6 ? 3 : 2];
}

static inline void set_reply(const char *backend, uint8_t protocol, const struct gw_reply *reply)
{
	const struct gw_socket4 key4 = socket4(backend, protocol, 8080);
	const struct gw_socket key6 = socket6(backend, protocol, 8080);

	if (text_is_ip6(backend))
		map_set(world->maps.replies6, &key6, reply);
	else
		map_set(world->maps.replies4, &key4, reply);
}

static inline void set_replies(bool is_ip6)
{
	const char *backend = is_ip6 ? BACKEND6 : BACKEND4;

	set_address(backend, GW_ADDRESS_BACKEND);
	for (int i = 0; i < 2; i++) {
		const struct gw_reply reply = { .vip = address(is_ip6 ? VIP6 : VIP4),
						.port = htons(i ? 53 : 80),
						.backend =
							mode_service(dnat(is_ip6), protocols[i]) };

		set_reply(backend, protocols[i], &reply);
	}
}

static inline void dnat_open(void)
{
	world_open();
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		set_mode_service(dnat(is_ip6), IPPROTO_TCP);
		set_mode_service(dnat(is_ip6), IPPROTO_UDP);
		set_replies(is_ip6);
	}
	network_furnish();
}

/* From the backend to the client, as it arrives. */
static inline struct packet_spec reply_in(bool is_ip6, uint8_t protocol)
{
	const struct packet_spec request = is_ip6 ? request6(protocol) : request4(protocol);
	struct packet_spec reply = reply_to(request);

	reply.dst = request.src;
	reply.dst_port = request.src_port;
	return reply;
}

static inline struct packet_spec translated(struct packet_spec reply)
{
	reply.src = spec_is_ip6(&reply) ? VIP6 : VIP4;
	reply.src_port = reply.protocol == IPPROTO_TCP ? 80 : 53;
	return reply;
}

/* And as it leaves. */
static inline struct packet_spec reply_out(struct packet_spec reply)
{
	reply = translated(reply);
	reply.src_mac = (struct mac_address)GATEWAY_MAC;
	reply.dst_mac = (struct mac_address)CLIENT_MAC;
	memset(reply.vlan, 0, sizeof(reply.vlan));
	reply.ttl--;
	return reply;
}

static inline void expect_reply(const struct packet_spec *reply)
{
	const struct packet_spec out = reply_out(*reply);

	run_and_expect(reply, GW_REPLIED, XDP_REDIRECT, &out);
}

static inline void expect_passed(const struct packet_spec *reply)
{
	const struct packet_spec passed = translated(*reply);

	run_and_expect(reply, GW_REPLY_PASSED, XDP_PASS, &passed);
}

#endif
