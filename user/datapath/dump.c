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
		(void)fprintf(out, "address %s%s%s%s\n",
			      address_format(&datapath->addresses[i].address, text),
			      flags & GW_ADDRESS_VIP ? " vip" : "",
			      flags & GW_ADDRESS_GATEWAY ? " gateway" : "",
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
static uint64_t table_digest(const struct datapath *datapath, const struct gw_slot *slots,
			     uint32_t slot_count)
{
	uint64_t digest = DIGEST_START;

	for (uint32_t slot = 0; slot < slot_count; slot++) {
		/* Within the array also when the map is damaged, which a dump is to show. */
		const struct gw_backend *entry =
			&datapath->backends[slots[slot].current % GW_BACKEND_MAX];

		for (size_t i = 0; i < sizeof(entry->address.word) / sizeof(__be32); i++)
			digest = digest_add(digest, ntohl(entry->address.word[i]));
		digest = digest_add(digest, ntohs(entry->port));
	}
	return digest;
}

static int dump_service(struct datapath *datapath, const struct placed_service *placed, FILE *out,
			struct error *error)
{
	struct gw_service_key key;
	struct gw_service entry = { 0 };
	const struct gw_slot *slots = NULL;
	char text[SERVICE_KEY_TEXT_SIZE];
	int r;

	abi_service_key(&placed->key, &key);
	r = bpf_map__lookup_elem(datapath->skeleton->maps.services, &key, sizeof(key), &entry,
				 sizeof(entry), 0);
	if (r < 0)
		return error_set(error, r, "map services: cannot read %s: %s",
				 service_key_format(&placed->key, text), strerror(-r));
	(void)fprintf(out, "service %s mode %s slots %u", service_key_format(&placed->key, text),
		      forwarding_mode_name(placed->mode), entry.slot_count);
	if (entry.slot_count == 0) {
		(void)fprintf(out, " %s\n", entry.flags & GW_SERVICE_DROP ? "drop" : "reject");
	} else {
		r = slots_open(datapath, entry.slot_offset, entry.slot_count, &slots, error);
		if (r < 0)
			return r;
		(void)fprintf(out, " table %016" PRIx64 "\n",
			      table_digest(datapath, slots, entry.slot_count));
	}
	if (slots) {
		slots_count(datapath, slots, entry.slot_count);
		slots_close(slots, entry.slot_count);
	}
	for (size_t i = 0; i < placed->backend_count; i++)
		dump_backend(datapath, placed->backends[i].id,
			     slots_take_count(datapath, placed->backends[i].id), out);
	return 0;
}

int datapath_dump(struct datapath *datapath, char **ret_text, struct error *error)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int r = 0;

	if (!out)
		return error_set(error, -ENOMEM, "no memory for the dump");
	dump_addresses(datapath, out);
	for (size_t i = 0; r == 0 && i < datapath->service_count; i++)
		r = dump_service(datapath, &datapath->services[i], out, error);
	if (fclose(out) != 0 && r == 0)
		r = error_set(error, -ENOMEM, "no memory for the dump");
	if (r < 0) {
		free(text);
		return r;
	}
	*ret_text = text;
	return 0;
}
