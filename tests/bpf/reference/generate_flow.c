// SPDX-License-Identifier: BSD-2-Clause
/* generate_flow.c - addresses, ports and links of a packet. */
#include <string.h>

#include "reference/generate.h"

static struct link link_from(struct generator *generator)
{
	struct random *random = &generator->random;
	struct link link = { .dst_mac = { 2, 0, 0, 4, 0, DEVICE_CLIENTS },
			     .src_mac = { 2, 0, 0, 5, 0, random_below(random, 3) } };

	if (random_permille(random, 100)) {
		link.tags[0] = (struct gw_vlan){ htons(0x8100), htons(random_below(random, 5)) };
		if (random_permille(random, 500)) {
			link.tags[1] = link.tags[0];
			link.tags[0].tpid = htons(0x88a8);
		}
	}
	if (random_permille(random, 10))
		link.dst_mac[0] = random_below(random, 2) ? 0xff : 1;
	return link;
}

static uint16_t some_port(struct generator *generator)
{
	return generator->world->client_ports[random_below(&generator->random, PORTS)];
}

/* Mostly of the first net, so that flows meet again. */
static struct gw_addr some_client(struct generator *generator, bool is_ipv6)
{
	uint32_t count = random_permille(&generator->random, 600) ? CLIENTS_PER_NET : CLIENTS;

	return generator->world->clients[is_ipv6][random_below(&generator->random, count)];
}

/* Some services have more traffic than others, so that their flows need more ports than there are.
 */
static const struct service_row *some_service(struct generator *generator)
{
	uint32_t count = generator->world->tables.service_count;
	struct random *random = &generator->random;

	if (random_permille(random, 300))
		count = 48;
	return &generator->world->tables.services[random_below(random, count)];
}

struct spec flow_to_service(struct generator *generator)
{
	const struct service_row *service = some_service(generator);

	return (struct spec){ .link = link_from(generator),
			      .is_ipv6 = service->is_ipv6,
			      .src = some_client(generator, service->is_ipv6),
			      .dst = service->socket.address,
			      .protocol = service->socket.protocol,
			      .src_port = some_port(generator),
			      .dst_port = ntohs(service->socket.port) };
}

/* Between clients, to a VIP's unserved port or protocol, to a gateway from where no reply is. */
struct spec flow_to_nobody(struct generator *generator)
{
	static const uint8_t protocols[] = { IPPROTO_TCP,  IPPROTO_UDP, IPPROTO_GRE,
					     IPPROTO_SCTP, IPPROTO_ESP, IPPROTO_IGMP };
	const struct tables *tables = &generator->world->tables;
	struct random *random = &generator->random;
	struct spec spec = flow_to_service(generator);
	uint32_t half = tables->gateway_count / 2;

	switch (random_below(random, 4)) {
	case 0:
		spec.dst = some_client(generator, spec.is_ipv6);
		break;
	case 1:
		spec.dst_port = random_below(random, 150);
		break;
	case 2:
		spec.protocol = protocols[random_below(random, sizeof(protocols))];
		break;
	default:
		spec.dst = tables->gateways[half * spec.is_ipv6 + random_below(random, half)];
		spec.dst_port = tables->config.nat_port_first + random_below(random, 70);
	}
	return spec;
}

bool flow_from_backend(struct generator *generator, struct spec *ret_spec)
{
	const struct map *nat = generator->model->state.nat;
	const struct gw_nat_key *key;

	if (map_count(nat) == 0)
		return false;
	key = map_key_at(nat, random_below(&generator->random, map_count(nat)));
	*ret_spec = (struct spec){ .link = link_from(generator),
				   .is_ipv6 = key->is_ipv6,
				   .src = key->backend,
				   .dst = key->gateway,
				   .protocol = key->protocol,
				   .src_port = ntohs(key->backend_port),
				   .dst_port = ntohs(key->gateway_port) };
	return true;
}

struct spec flow_from_pod(struct generator *generator)
{
	const struct tables *tables = &generator->world->tables;
	const struct reply_row *row =
		&tables->replies[random_below(&generator->random, tables->reply_count)];

	return (struct spec){ .link = link_from(generator),
			      .is_ipv6 = row->is_ipv6,
			      .src = row->socket.address,
			      .dst = some_client(generator, row->is_ipv6),
			      .protocol = row->socket.protocol,
			      .src_port = ntohs(row->socket.port),
			      .dst_port = some_port(generator) };
}

struct spec flow_turned(const struct spec *spec)
{
	struct spec turned = *spec;

	turned.src = spec->dst;
	turned.dst = spec->src;
	turned.src_port = spec->dst_port;
	turned.dst_port = spec->src_port;
	return turned;
}
