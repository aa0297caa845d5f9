/* SPDX-License-Identifier: BSD-2-Clause */
/* neighbour_probe.c - one round of questions to neighbours that have answered before. */
#include "net/neighbour_probe.h"

#include <string.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "net/link.h"
#include "net/neighbour.h"
#include "net/netlink.h"
#include "net/route.h"
#include "net/solicitation.h"

#define NUD_IN_USE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE)

/* Whoever has been silent for so many rounds is asked for less often. */
#define SILENT_ROUNDS 10
#define SILENT_PERIOD_MS (3 * NEIGHBOUR_PROBE_PERIOD_MS)
#define TIMER_SLACK_MS 50
#define CLOCK_SLACK_MS 20

struct round {
	struct neighbour_table *table;
	const uint32_t *indices; /* of the neighbours to be asked */
	size_t count;
	uint64_t now_ms;
};

static struct neighbour *asked(const struct round *round, size_t index)
{
	return &round->table->neighbours[round->indices[index]];
}

static bool is_due(const struct neighbour *neighbour, uint64_t now_ms)
{
	uint64_t period_ms = neighbour->silent_rounds < SILENT_ROUNDS ? NEIGHBOUR_PROBE_PERIOD_MS
								      : SILENT_PERIOD_MS;

	if (!neighbour->has_mac || !(neighbour->kernel_state & NUD_IN_USE))
		return false;
	return now_ms - neighbour->probed_ms + TIMER_SLACK_MS >= period_ms;
}

static size_t collect_due(struct neighbour_table *table, uint64_t now_ms)
{
	size_t count = 0;

	for (size_t i = 0; i < table->count && count < NEIGHBOUR_PROBES_PER_ROUND; i++) {
		size_t at = (table->next_probed + i) % table->count;

		if (is_due(&table->neighbours[at], now_ms))
			table->waiting[count++] = (uint32_t)at;
	}
	if (count == NEIGHBOUR_PROBES_PER_ROUND)
		table->next_probed = (table->waiting[count - 1] + 1) % table->count;
	return count;
}

static void write_get(struct nlmsghdr *message, size_t index, void *context)
{
	message->nlmsg_type = RTM_GETNEIGH;
	neighbour_key_write(message, &asked(context, index)->key, 0);
}

/* When the kernel last had an answer; in the past as far as can be if it never had one. */
static uint64_t confirmed_ms_ago(const struct nlmsghdr *reply)
{
	const struct nlattr *attributes[NDA_CACHEINFO + 1];
	const struct nda_cacheinfo *info;

	netlink_parse(reply, sizeof(struct ndmsg), attributes, NDA_CACHEINFO + 1);
	if (!attributes[NDA_CACHEINFO] ||
	    mnl_attr_get_payload_len(attributes[NDA_CACHEINFO]) < sizeof(*info))
		return UINT64_MAX;
	info = mnl_attr_get_payload(attributes[NDA_CACHEINFO]);
	return (uint64_t)info->ndm_confirmed * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

/* The kernel's clock ticks every 10 ms at the worst, and once more where it is told. */
static bool has_answered(const struct neighbour *neighbour, const struct nlmsghdr *reply,
			 uint64_t now_ms)
{
	return reply && confirmed_ms_ago(reply) <= now_ms - neighbour->probed_ms + CLOCK_SLACK_MS;
}

static void on_get_reply(size_t index, const struct nlmsghdr *reply, int error, void *context)
{
	const struct round *round = context;
	struct neighbour *neighbour = asked(round, index);

	(void)error;
	if (neighbour->probed_ms == 0 || has_answered(neighbour, reply, round->now_ms))
		neighbour->silent_rounds = 0;
	else if (neighbour->silent_rounds < SILENT_ROUNDS)
		neighbour->silent_rounds++;
}

/* Who has answered since the last round, and who has not. */
static void read_answers(struct round *round, struct netlink *netlink)
{
	const struct netlink_requests requests = {
		.count = round->count,
		.write = write_get,
		.on_reply = on_get_reply,
		.context = round,
	};

	(void)netlink_send_requests(netlink, &requests);
}

/* The address of ours that the kernel would ask them from. */
static void find_sources(struct round *round, struct netlink *netlink)
{
	struct route_query queries[NEIGHBOUR_PROBES_PER_ROUND];
	struct route routes[NEIGHBOUR_PROBES_PER_ROUND];
	struct neighbour *neighbours[NEIGHBOUR_PROBES_PER_ROUND];
	size_t count = 0;

	for (size_t i = 0; i < round->count; i++) {
		struct neighbour *neighbour = asked(round, i);

		if (neighbour->has_source)
			continue;
		queries[count] = (struct route_query){ &neighbour->key.address,
						       neighbour->key.ifindex, &routes[count] };
		neighbours[count++] = neighbour;
	}
	if (count == 0 || route_lookup(netlink, queries, count) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		neighbours[i]->source = routes[i].source;
		neighbours[i]->has_source =
			routes[i].has_source && routes[i].ifindex == neighbours[i]->key.ifindex;
	}
}

static void probe(struct neighbour *neighbour, const struct link_table *links, int socket,
		  uint64_t now_ms)
{
	const struct link *link = link_table_find(links, neighbour->key.ifindex);
	struct solicitation solicitation = {
		.target = neighbour->key.address,
		.source = neighbour->source,
		.ifindex = neighbour->key.ifindex,
		.dst_mac = neighbour->silent_rounds > 0 ? NULL : neighbour->mac,
	};

	neighbour->probed_ms = now_ms;
	if (!link || !link->has_mac || !neighbour->has_source)
		return;
	memcpy(solicitation.src_mac, link->mac, sizeof(solicitation.src_mac));
	solicitation_send(socket, &solicitation);
}

void neighbour_probe_round(struct neighbour_table *table, const struct link_table *links,
			   struct netlink *netlink, int socket, uint64_t now_ms)
{
	struct round round = {
		.table = table,
		.indices = table->waiting,
		.count = collect_due(table, now_ms),
		.now_ms = now_ms,
	};

	if (round.count == 0)
		return;
	read_answers(&round, netlink);
	find_sources(&round, netlink);
	for (size_t i = 0; i < round.count; i++)
		probe(asked(&round, i), links, socket, now_ms);
}
