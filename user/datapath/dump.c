/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dump.c - the tables as text, read back from the kernel's maps rather than from what
 * the agent remembers. Ids and offsets, which depend on history, do not appear.
 */
#include "datapath/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "guideway.skel.h"
#include "lib/error.h"
#include "lib/sorted.h"

/* FNV-1a over words: tells tables apart; nobody has an interest in making two alike. */
#define DIGEST_START 0xcbf29ce484222325ULL
#define DIGEST_PRIME 0x100000001b3ULL

static uint64_t digest_add(uint64_t digest, uint64_t word)
{
	digest = (digest ^ word) * DIGEST_PRIME;
	return digest ^ digest >> 32;
}

static void dump_addresses(const struct datapath *datapath, FILE *out)
{
	for (size_t i = 0; i < datapath->address_count; i++) {
		struct gw_addr key;
		uint32_t flags = 0;
		char text[ADDRESS_TEXT_SIZE];

		abi_address(&datapath->addresses[i].address, &key);
		if (bpf_map__lookup_elem(datapath->skeleton->maps.addresses, &key, sizeof(key),
					 &flags, sizeof(flags), 0) < 0)
			continue;
		(void)fprintf(out, "address %s%s%s%s%s\n",
			      address_format(&datapath->addresses[i].address, text),
			      flags & GW_ADDRESS_VIP ? " vip" : "",
			      flags & GW_ADDRESS_GATEWAY ? " gateway" : "",
			      flags & GW_ADDRESS_BACKEND ? " backend" : "",
			      flags & GW_ADDRESS_LOCAL ? " local" : "");
	}
}

static void dump_next_hop(const struct datapath *datapath, uint32_t id, FILE *out)
{
	const struct gw_next_hop *hop = &datapath->next_hops[id % GW_NEXT_HOP_MAX];
	char interface[IF_NAMESIZE];

	if (id == GW_NONE || !(hop->flags & GW_NEXT_HOP_RESOLVED)) {
		(void)fprintf(out, "unresolved");
		return;
	}
	(void)fprintf(out, "%02x:%02x:%02x:%02x:%02x:%02x dev %s mtu %u", hop->dst_mac[0],
		      hop->dst_mac[1], hop->dst_mac[2], hop->dst_mac[3], hop->dst_mac[4],
		      hop->dst_mac[5], if_indextoname(hop->ifindex, interface) ? interface : "?",
		      hop->mtu);
	for (size_t i = 0; i < NEXT_HOP_VLAN_MAX && hop->vlan[i].tpid; i++)
		(void)fprintf(out, " %s %u",
			      hop->vlan[i].tpid == htons(ETH_P_8021Q) ? "802.1Q" : "802.1ad",
			      ntohs(hop->vlan[i].tci));
	for (uint32_t i = 0; i < hop->gateway_count; i++) {
		char text[ADDRESS_TEXT_SIZE];

		(void)fprintf(out, "%s%s", i ? "," : " from ",
			      address_format(&datapath->gateways[hop->gateway_first + i], text));
	}
}

static void dump_backend(const struct datapath *datapath, uint32_t id, uint32_t owned, FILE *out)
{
	const struct gw_backend *entry = &datapath->backends[id];
	struct address address;
	char text[ADDRESS_TEXT_SIZE];

	address_from_abi(&entry->address, &address);
	(void)fprintf(out, "  backend %s port %u slots %u via ", address_format(&address, text),
		      ntohs(entry->port), owned);
	dump_next_hop(datapath, entry->next_hop, out);
	(void)fputc('\n', out);
}

/* The same for the same table on every gateway: the backends in the order of the slots. */
static uint64_t table_digest(const struct datapath *datapath, struct slot_table table)
{
	uint64_t digest = DIGEST_START;

	for (uint32_t slot = 0; slot < table.count; slot++) {
		/* Within the array also when the map is damaged, which a dump is to show. */
		const struct gw_backend *entry =
			&datapath->backends[slot_owner_id(table.slots[slot]) % GW_BACKEND_MAX];

		for (size_t i = 0; i < sizeof(entry->address.word) / sizeof(__be32); i++)
			digest = digest_add(digest, ntohl(entry->address.word[i]));
		digest = digest_add(digest, ntohs(entry->port));
	}
	return digest;
}

static int compare_set(const void *key, const void *item)
{
	uint32_t set = *(const uint32_t *)key, other = ((const struct source_range *)item)->set;

	return (set > other) - (set < other);
}

/* How many source ranges there are, and their digest. */
static void dump_sources(uint32_t set, const struct source_ranges *sources, FILE *out)
{
	size_t first = sorted_position(&set, sources->items, sources->count,
				       sizeof(*sources->items), compare_set);
	uint64_t digest = DIGEST_START;
	size_t i;

	for (i = first; i < sources->count && sources->items[i].set == set; i++) {
		const struct prefix *prefix = &sources->items[i].prefix;

		for (size_t byte = 0; byte < sizeof(prefix->address.bytes); byte++)
			digest = digest_add(digest, prefix->address.bytes[byte]);
		digest = digest_add(digest, prefix->length);
	}
	(void)fprintf(out, " sources %zu", i - first);
	if (i > first)
		(void)fprintf(out, " %016" PRIx64, digest);
}

static void dump_policies(const struct gw_service *entry, const struct source_ranges *sources,
			  FILE *out)
{
	if (entry->flags & GW_SERVICE_AFFINITY)
		(void)fprintf(out, " affinity %u s", entry->affinity_timeout_s);
	if (entry->flags & GW_SERVICE_SOURCES)
		dump_sources(entry->source_set, sources, out);
	if (entry->flow_cost_ns)
		(void)fprintf(out, " new-flow %u ns", entry->flow_cost_ns);
	if (entry->tcp_mss)
		(void)fprintf(out, " mss %u", entry->tcp_mss);
	if (entry->flags & GW_SERVICE_RECORD)
		(void)fprintf(out, " record");
}

static void dump_backends(struct datapath *datapath, const struct placed_service *placed,
			  struct slot_table table, FILE *out)
{
	slots_count(datapath, table);
	(void)slots_take_count(datapath, GW_NONE);
	for (size_t i = 0; i < placed->backend_count; i++)
		dump_backend(datapath, placed->backends[i].id,
			     slots_take_count(datapath, placed->backends[i].id), out);
}

static int dump_service(struct datapath *datapath, const struct placed_service *placed,
			const struct source_ranges *sources, FILE *out, struct error *error)
{
	const struct socket_maps maps = services_maps(datapath);
	struct gw_service entry = { 0 };
	struct slot_table table = { 0 };
	char text[SERVICE_KEY_TEXT_SIZE];
	int r = sockets_get(&maps, &placed->key, &entry, error);

	(void)service_key_format(&placed->key, text);
	if (r == -ENOENT)
		return error_set(error, r, "service %s: its entry is gone", text);
	if (r == 0)
		r = slots_open(datapath, entry.slot_offset, entry.slot_count, &table, error);
	if (r < 0)
		return r;
	(void)fprintf(out, "service %s mode %s slots %u", text,
		      forwarding_mode_name(mode_from_abi(entry.mode)), entry.slot_count);
	if (table.count)
		(void)fprintf(out, " table %016" PRIx64, table_digest(datapath, table));
	else
		(void)fprintf(out, entry.flags & GW_SERVICE_DROP ? " drop" : " reject");
	dump_policies(&entry, sources, out);
	(void)fputc('\n', out);
	dump_backends(datapath, placed, table, out);
	slots_close(table);
	return 0;
}

static int dump_services(struct datapath *datapath, FILE *out, struct error *error)
{
	struct source_ranges sources;
	int r = sources_read(datapath, &sources, error);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < datapath->service_count; i++)
		r = dump_service(datapath, &datapath->services[i], &sources, out, error);
	free(sources.items);
	return r;
}

struct dumped_reply {
	struct service_key socket;
	struct gw_reply entry;
};

struct dumped_replies {
	struct dumped_reply *items;
	size_t count, room;
};

static int keep_reply(const struct service_key *socket, const void *value, void *context,
		      struct error *error)
{
	struct dumped_replies *replies = context;

	if (array_reserve((void **)&replies->items, &replies->room, replies->count + 1,
			  sizeof(*replies->items)) < 0)
		return error_set(error, -ENOMEM, "no memory for the dump");
	replies->items[replies->count].socket = *socket;
	memcpy(&replies->items[replies->count++].entry, value, sizeof(struct gw_reply));
	return 0;
}

static int compare_dumped(const void *a, const void *b)
{
	const struct dumped_reply *left = a, *right = b;

	return service_key_compare(&left->socket, &right->socket);
}

static int dump_replies(struct datapath *datapath, FILE *out, struct error *error)
{
	const struct socket_maps maps = replies_maps(datapath);
	struct dumped_replies replies = { 0 };
	int r = sockets_for_each(&maps, keep_reply, &replies, error);

	if (r == 0 && replies.count)
		qsort(replies.items, replies.count, sizeof(*replies.items), compare_dumped);
	for (size_t i = 0; r == 0 && i < replies.count; i++) {
		const struct gw_reply *entry = &replies.items[i].entry;
		char backend[SERVICE_KEY_TEXT_SIZE], vip[ADDRESS_TEXT_SIZE];
		struct address address;

		address_from_abi(&entry->vip, &address);
		(void)fprintf(out, "reply %s from %s port %u%s\n",
			      service_key_format(&replies.items[i].socket, backend),
			      address_format(&address, vip), ntohs(entry->port),
			      entry->flags & GW_REPLY_RECORDED ? " recorded" : "");
	}
	free(replies.items);
	return r;
}

int datapath_dump(struct datapath *datapath, char **ret_text, struct error *error)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int r;

	if (!out)
		return error_set(error, -ENOMEM, "no memory for the dump");
	dump_addresses(datapath, out);
	r = dump_services(datapath, out, error);
	if (r == 0)
		r = dump_replies(datapath, out, error);
	if (fclose(out) != 0 && r == 0)
		r = error_set(error, -ENOMEM, "no memory for the dump");
	if (r < 0) {
		free(text);
		return r;
	}
	*ret_text = text;
	return 0;
}
