/* SPDX-License-Identifier: BSD-2-Clause */
/* neighbour.c - the neighbours in use and their users, both sorted by the neighbours' key. */
#include "net/neighbour.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "net/netlink.h"

#define NUD_VALID (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)

#define ASK_PERIOD_MS 900 /* a little less than the second promised: the caller's timer is late */
#define STALE_PERIOD_MS 9900
#define ASKED_AT_ONCE 64
#define ASKED_PER_ROUND 16384 /* so that the event loop has time for others */

static int compare_keys(const struct neighbour_key *a, const struct neighbour_key *b)
{
	int order = address_compare(&a->address, &b->address);

	return order ? order : (a->ifindex > b->ifindex) - (a->ifindex < b->ifindex);
}

static int by_key(const void *a, const void *b)
{
	const struct neighbour_user *left = a, *right = b;

	return compare_keys(&left->key, &right->key);
}

static int key_to_neighbour(const void *key, const void *neighbour)
{
	return compare_keys(key, &((const struct neighbour *)neighbour)->key);
}

static struct neighbour *find(const struct neighbour_table *table, const struct neighbour_key *key)
{
	if (table->count == 0)
		return NULL;
	return bsearch(key, table->neighbours, table->count, sizeof(table->neighbours[0]),
		       key_to_neighbour);
}

/* What the kernel says of a neighbour; true when its answer is another one than before. */
static bool note_state(struct neighbour *neighbour, uint16_t state, const uint8_t *mac)
{
	bool changed = false;

	neighbour->kernel_state = state;
	if ((state & NUD_VALID) && mac) {
		changed = !neighbour->has_mac || memcmp(neighbour->mac, mac, 6) != 0;
		memcpy(neighbour->mac, mac, 6);
		neighbour->has_mac = true;
		neighbour->has_failed = false;
	} else if (state & NUD_FAILED) {
		changed = !neighbour->has_failed;
		neighbour->has_mac = false;
		neighbour->has_failed = true;
	}
	/* Else it is being asked, or the kernel forgot it: the last answer is the best there is. */
	return changed;
}

static bool parse_neighbour(const struct nlmsghdr *message, struct neighbour_key *ret_key,
			    uint16_t *ret_state, const uint8_t **ret_mac)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attributes[NDA_LLADDR + 1];
	const struct nlattr *mac;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header) ||
	    (header->ndm_family != AF_INET && header->ndm_family != AF_INET6) ||
	    (header->ndm_flags & NTF_PROXY))
		return false;
	netlink_parse(message, sizeof(*header), attributes, NDA_LLADDR + 1);
	if (!netlink_get_address(attributes[NDA_DST], &ret_key->address))
		return false;
	ret_key->ifindex = (uint32_t)header->ndm_ifindex;
	*ret_state = header->ndm_state;
	mac = attributes[NDA_LLADDR];
	*ret_mac = mac && mnl_attr_get_payload_len(mac) == 6 ? mnl_attr_get_payload(mac) : NULL;
	return true;
}

void neighbour_table_apply(struct neighbour_table *table, const struct nlmsghdr *message)
{
	struct neighbour *neighbour;
	struct neighbour_key key;
	const uint8_t *mac;
	uint16_t state;

	if (!parse_neighbour(message, &key, &state, &mac))
		return;
	neighbour = find(table, &key);
	if (!neighbour)
		return;
	if (message->nlmsg_type == RTM_DELNEIGH)
		state = NUD_NONE;
	if (note_state(neighbour, state, mac) && !neighbour->is_dirty) {
		neighbour->is_dirty = true;
		table->dirty[table->dirty_count++] = (uint32_t)(neighbour - table->neighbours);
	}
}

void neighbour_table_clear_dirty(struct neighbour_table *table)
{
	for (size_t i = 0; i < table->dirty_count; i++)
		table->neighbours[table->dirty[i]].is_dirty = false;
	table->dirty_count = 0;
}

/* Requests about the neighbours neighbours[indices[0 ..]]. */
struct inquiry {
	struct neighbour *neighbours;
	const uint32_t *indices;
	int failure;
};

void neighbour_key_write(struct nlmsghdr *message, const struct neighbour_key *key, uint8_t flags)
{
	struct ndmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->ndm_family = netlink_family(&key->address);
	header->ndm_ifindex = (int)key->ifindex;
	header->ndm_flags = flags;
	netlink_put_address(message, NDA_DST, &key->address);
}

static void write_get(struct nlmsghdr *message, size_t index, void *context)
{
	const struct inquiry *inquiry = context;

	message->nlmsg_type = RTM_GETNEIGH;
	neighbour_key_write(message, &inquiry->neighbours[inquiry->indices[index]].key, 0);
}

static void on_get_reply(size_t index, const struct nlmsghdr *reply, int error, void *context)
{
	struct inquiry *inquiry = context;
	struct neighbour *neighbour = &inquiry->neighbours[inquiry->indices[index]];
	struct neighbour_key key;
	const uint8_t *mac;
	uint16_t state;

	if (error == -ENOMEM || error == -ENOBUFS)
		inquiry->failure = error;
	if (reply && parse_neighbour(reply, &key, &state, &mac))
		(void)note_state(neighbour, state, mac);
	else
		(void)note_state(neighbour, NUD_NONE, NULL);
}

/* Reads what the kernel knows already. */
static int look_up(struct netlink *netlink, struct neighbour *neighbours, const uint32_t *indices,
		   size_t count)
{
	struct inquiry inquiry = { .neighbours = neighbours, .indices = indices };
	const struct netlink_requests requests = {
		.count = count,
		.write = write_get,
		.on_reply = on_get_reply,
		.context = &inquiry,
	};
	int r = netlink_send_requests(netlink, &requests);

	if (r < 0)
		return r;
	if (inquiry.failure < 0)
		return inquiry.failure;
	return (size_t)r == count ? 0 : -ENOBUFS;
}

/* One neighbour for each key in users, which are sorted; the number of them. */
static size_t collect(struct neighbour *neighbours, const struct neighbour_user *users,
		      size_t user_count)
{
	size_t count = 0;

	for (size_t i = 0; i < user_count; i++) {
		if (i == 0 || compare_keys(&users[i].key, &users[i - 1].key) != 0)
			neighbours[count++] =
				(struct neighbour){ .key = users[i].key, .first_user = i };
		neighbours[count - 1].user_count++;
	}
	return count;
}

/* Takes over what old knows; the indices of those to look up, and their number. */
static size_t inherit(const struct neighbour_table *old, struct neighbour *neighbours, size_t count,
		      bool read_again, uint32_t *indices)
{
	size_t unknown = 0;

	for (size_t i = 0; i < count; i++) {
		struct neighbour *neighbour = &neighbours[i];
		const struct neighbour *known = find(old, &neighbour->key);

		if (known) {
			struct neighbour before = *neighbour;

			*neighbour = *known;
			neighbour->is_dirty = false;
			neighbour->first_user = before.first_user;
			neighbour->user_count = before.user_count;
		}
		if (!known || read_again)
			indices[unknown++] = (uint32_t)i;
	}
	return unknown;
}

/* They often are: by address, or all behind one router. */
static bool is_sorted(const struct neighbour_user *users, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (compare_keys(&users[i - 1].key, &users[i].key) > 0)
			return false;
	return true;
}

int neighbour_table_replace(struct neighbour_table *table, struct netlink *netlink,
			    struct neighbour_user *users, size_t user_count, bool read_again)
{
	struct neighbour_table new = { .users = users, .user_count = user_count };
	int r = -ENOMEM;

	if (!is_sorted(users, user_count))
		qsort(users, user_count, sizeof(*users), by_key);
	new.neighbours = reallocarray(NULL, user_count + 1, sizeof(*new.neighbours));
	new.dirty = reallocarray(NULL, user_count + 1, sizeof(*new.dirty));
	new.waiting = reallocarray(NULL, user_count + 1, sizeof(*new.waiting));
	if (!new.neighbours || !new.dirty || !new.waiting)
		goto fail;
	new.count = collect(new.neighbours, users, user_count);
	r = look_up(netlink, new.neighbours, new.waiting,
		    inherit(table, new.neighbours, new.count, read_again, new.waiting));
	if (r < 0)
		goto fail;
	new.next_asked = new.count ? table->next_asked % new.count : 0;
	new.next_probed = new.count ? table->next_probed % new.count : 0;
	neighbour_table_finish(table);
	*table = new;
	return 0;
fail:
	new.users = NULL;
	neighbour_table_finish(&new);
	return r;
}

void neighbour_table_finish(struct neighbour_table *table)
{
	free(table->neighbours);
	free(table->users);
	free(table->dirty);
	free(table->waiting);
	memset(table, 0, sizeof(*table));
}

static bool is_due(const struct neighbour *neighbour, uint64_t now_ms)
{
	uint16_t state = neighbour->kernel_state;

	if ((state & NUD_VALID) && !(state & NUD_STALE))
		return false;
	if (neighbour->asked_ms == 0)
		return true;
	return now_ms - neighbour->asked_ms >=
	       (state & NUD_STALE ? STALE_PERIOD_MS : ASK_PERIOD_MS);
}

/* NTF_USE: as if the kernel had a packet for it. The entry stays the kernel's own. */
static void write_use(struct nlmsghdr *message, size_t index, void *context)
{
	const struct inquiry *inquiry = context;

	message->nlmsg_type = RTM_NEWNEIGH;
	message->nlmsg_flags = NLM_F_CREATE;
	neighbour_key_write(message, &inquiry->neighbours[inquiry->indices[index]].key, NTF_USE);
}

static void on_use_reply(size_t index, const struct nlmsghdr *reply, int error, void *context)
{
	struct inquiry *inquiry = context;

	(void)index, (void)reply;
	if (error == -ENOBUFS || error == -ENOMEM)
		inquiry->failure = error;
}

/*
 * The number of indices that were dealt with. Stops when the kernel's table is full:
 * each further request would have it search all of its table for an entry to drop.
 */
static size_t ask_each(struct neighbour_table *table, struct netlink *netlink,
		       const uint32_t *indices, size_t count, uint64_t now_ms)
{
	struct inquiry inquiry = { .neighbours = table->neighbours };
	struct netlink_requests requests = {
		.write = write_use,
		.on_reply = on_use_reply,
		.context = &inquiry,
	};
	size_t asked = 0;

	while (asked < count && inquiry.failure == 0) {
		inquiry.indices = indices + asked;
		requests.count = count - asked < ASKED_AT_ONCE ? count - asked : ASKED_AT_ONCE;
		if (netlink_send_requests(netlink, &requests) < 0)
			break;
		for (size_t i = 0; i < requests.count; i++)
			table->neighbours[indices[asked + i]].asked_ms = now_ms;
		asked += requests.count;
	}
	return asked;
}

void neighbour_table_ask(struct neighbour_table *table, struct netlink *netlink, uint64_t now_ms)
{
	size_t waiting = 0;
	size_t asked;

	for (size_t i = 0; i < table->count && waiting < ASKED_PER_ROUND; i++) {
		size_t at = (table->next_asked + i) % table->count;

		if (is_due(&table->neighbours[at], now_ms))
			table->waiting[waiting++] = (uint32_t)at;
	}
	asked = ask_each(table, netlink, table->waiting, waiting, now_ms);
	if (asked > 0)
		table->next_asked = (table->waiting[asked - 1] + 1) % table->count;
}

void neighbour_table_ask_dirty(struct neighbour_table *table, struct netlink *netlink,
			       uint64_t now_ms)
{
	size_t waiting = 0;

	for (size_t i = 0; i < table->dirty_count; i++) {
		const struct neighbour *neighbour = &table->neighbours[table->dirty[i]];

		if (neighbour->has_failed && is_due(neighbour, now_ms))
			table->waiting[waiting++] = table->dirty[i];
	}
	(void)ask_each(table, netlink, table->waiting, waiting, now_ms);
}

void neighbour_table_forget_sources(struct neighbour_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		table->neighbours[i].has_source = false;
}
