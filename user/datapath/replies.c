/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replies.c - owns the maps replies4 and replies6: by which backend a reply in mode dnat is
 * known, and whose it is.
 *
 * A backend of one service needs no more. When a second service claims it, both have
 * their flows recorded, and each reply asks for its flow: first the services' entries are told
 * to record, then the reply's to ask, and only then the second service becomes visible.
 * So no reply ever leaves with another service's address; one of a flow that sent nothing
 * in between is lost, and sent again. Recording ends when the backend has left the last of
 * them: until then the flows of the service that left are still told apart.
 */
#include "datapath/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guideway.skel.h"
#include "lib/error.h"

struct reply_user {
	struct reply_user *next;
	struct service_key key;
	uint32_t backend; /* id */
};

struct socket_maps replies_maps(const struct datapath *datapath)
{
	return (struct socket_maps){ "replies", datapath->skeleton->maps.replies4,
				     datapath->skeleton->maps.replies6 };
}

static struct service_key socket_of(const struct service_key *service,
				    const struct backend *backend)
{
	return (struct service_key){ backend->address, backend->port, service->protocol };
}

static uint64_t hash_of(const struct service_key *socket)
{
	uint64_t hash = table_hash_bytes(0, socket->vip.bytes, sizeof(socket->vip.bytes));

	return table_hash_bytes(hash, &socket->port, sizeof(socket->port)) + socket->protocol;
}

static struct placed_reply *find(const struct datapath *datapath, const struct service_key *socket)
{
	struct table_node *node = table_first(&datapath->replies, hash_of(socket));

	for (; node; node = table_next(node)) {
		struct placed_reply *reply = TABLE_OWNER(node, struct placed_reply, node);

		if (service_key_compare(&reply->socket, socket) == 0)
			return reply;
	}
	return NULL;
}

static struct placed_reply *create(struct datapath *datapath, const struct service_key *socket,
				   struct error *error)
{
	struct placed_reply *reply = calloc(1, sizeof(*reply));

	if (!reply || table_insert(&datapath->replies, &reply->node, hash_of(socket)) < 0) {
		free(reply);
		(void)error_set(error, -ENOMEM, "no memory for a reply");
		return NULL;
	}
	reply->socket = *socket;
	if (addresses_add_reply(datapath, &socket->vip, error) < 0) {
		table_remove(&datapath->replies, &reply->node);
		free(reply);
		return NULL;
	}
	return reply;
}

static void destroy(struct datapath *datapath, struct placed_reply *reply)
{
	addresses_remove_reply(datapath, &reply->socket.vip);
	table_remove(&datapath->replies, &reply->node);
	free(reply);
}

/* Where the user's pointer stands, or would. */
static struct reply_user **user_link(struct placed_reply *reply, const struct service_key *key)
{
	struct reply_user **link = &reply->users;

	while (*link && service_key_compare(&(*link)->key, key) < 0)
		link = &(*link)->next;
	return link;
}

static bool is_user(const struct reply_user *user, const struct service_key *key)
{
	return user && service_key_compare(&user->key, key) == 0;
}

static int add_user(struct placed_reply *reply, const struct service_key *key, uint32_t backend)
{
	struct reply_user **link = user_link(reply, key), *user = *link;

	if (!is_user(user, key)) {
		user = calloc(1, sizeof(*user));
		if (!user)
			return -ENOMEM;
		*user = (struct reply_user){ .next = *link, .key = *key };
		*link = user;
		reply->is_stored = false;
	}
	reply->is_stored &= user->backend == backend;
	user->backend = backend;
	return 0;
}

static void remove_user(struct placed_reply *reply, const struct service_key *key)
{
	struct reply_user **link = user_link(reply, key), *user = *link;

	if (!is_user(user, key))
		return;
	reply->is_stored &= link != &reply->users;
	*link = user->next;
	free(user);
}

static struct gw_reply entry_of(const struct placed_reply *reply)
{
	struct gw_reply entry = {
		.port = htons(reply->users->key.port),
		.flags = reply->flags,
		.backend = reply->users->backend,
	};

	abi_address(&reply->users->key.vip, &entry.vip);
	return entry;
}

/* The services before the reply: a flow is recorded before anybody asks for it. */
static int record(struct datapath *datapath, struct placed_reply *reply, struct error *error)
{
	for (const struct reply_user *user = reply->users; user; user = user->next) {
		int r = services_record(datapath, &user->key, error);

		if (r < 0)
			return r;
	}
	if (!(reply->flags & GW_REPLY_RECORDED)) {
		reply->flags |= GW_REPLY_RECORDED;
		reply->is_stored = false;
	}
	return 0;
}

/* Makes the map say what reply says. */
static int store(struct datapath *datapath, struct placed_reply *reply, struct error *error)
{
	const struct socket_maps maps = replies_maps(datapath);
	struct gw_reply entry;
	int r = 0;

	if (reply->users->next || reply->flags & GW_REPLY_RECORDED)
		r = record(datapath, reply, error);
	if (r < 0 || reply->is_stored)
		return r;
	entry = entry_of(reply);
	r = sockets_set(&maps, &reply->socket, &entry, error);
	reply->is_stored = r == 0;
	return r;
}

int replies_claim(struct datapath *datapath, const struct service_key *service,
		  const struct placed_backend *backend, bool *ret_recorded, struct error *error)
{
	const struct service_key socket = socket_of(service, &backend->backend);
	struct placed_reply *reply = find(datapath, &socket);
	int r;

	if (!reply) {
		reply = create(datapath, &socket, error);
		if (!reply)
			return -ENOSPC;
	}
	if (add_user(reply, service, backend->id) < 0)
		r = error_set(error, -ENOMEM, "no memory for a reply");
	else
		r = store(datapath, reply, error);
	if (r < 0) {
		replies_release(datapath, service, &backend->backend);
		return r;
	}
	*ret_recorded = reply->flags & GW_REPLY_RECORDED;
	return 0;
}

void replies_release(struct datapath *datapath, const struct service_key *service,
		     const struct backend *backend)
{
	const struct socket_maps maps = replies_maps(datapath);
	const struct service_key socket = socket_of(service, backend);
	struct placed_reply *reply = find(datapath, &socket);

	if (!reply)
		return;
	remove_user(reply, service);
	if (reply->users) {
		/* If it cannot be stored: who asks for its flow does not read the rest. */
		(void)store(datapath, reply, NULL);
		return;
	}
	/* One that cannot be deleted is without a user for the next agent, which tries again. */
	(void)sockets_delete(&maps, &socket, NULL);
	destroy(datapath, reply);
}

/* Entries that no service of an earlier agent stands for. */
struct orphans {
	struct datapath *datapath;
	struct service_key *sockets;
	size_t count, room;
};

static int adopt_entry(const struct service_key *socket, const void *value, void *context,
		       struct error *error)
{
	struct orphans *orphans = context;
	struct placed_reply *reply = find(orphans->datapath, socket);
	const struct gw_reply *stored = value;
	struct gw_reply wanted;

	if (!reply) {
		if (array_reserve((void **)&orphans->sockets, &orphans->room, orphans->count + 1,
				  sizeof(*orphans->sockets)) < 0)
			return error_set(error, -ENOMEM, "no memory for the replies");
		orphans->sockets[orphans->count++] = *socket;
		return 0;
	}
	reply->flags = stored->flags & GW_REPLY_RECORDED;
	wanted = entry_of(reply);
	reply->is_stored = memcmp(stored, &wanted, sizeof(wanted)) == 0;
	return 0;
}

static int adopt_users(struct datapath *datapath, const struct placed_service *placed,
		       struct error *error)
{
	for (size_t i = 0; i < placed->backend_count; i++) {
		const struct placed_backend *backend = &placed->backends[i];
		const struct service_key socket = socket_of(&placed->key, &backend->backend);
		struct placed_reply *reply = find(datapath, &socket);

		if (!reply)
			reply = create(datapath, &socket, error);
		if (!reply)
			return -ENOSPC;
		if (add_user(reply, &placed->key, backend->id) < 0)
			return error_set(error, -ENOMEM, "no memory for a reply");
	}
	return 0;
}

static int store_all(struct datapath *datapath, struct error *error)
{
	int r = 0;

	for (size_t i = 0; i < datapath->replies.bucket_count; i++)
		for (struct table_node *node = datapath->replies.buckets[i]; r == 0 && node;
		     node = node->next)
			r = store(datapath, TABLE_OWNER(node, struct placed_reply, node), error);
	return r;
}

int replies_adopt(struct datapath *datapath, struct error *error)
{
	const struct socket_maps maps = replies_maps(datapath);
	struct orphans orphans = { .datapath = datapath };
	int r = 0;

	for (size_t i = 0; r == 0 && i < datapath->service_count; i++)
		if (datapath->services[i].entry.mode == GW_MODE_DNAT)
			r = adopt_users(datapath, &datapath->services[i], error);
	if (r == 0)
		r = sockets_for_each(&maps, adopt_entry, &orphans, error);
	for (size_t i = 0; r == 0 && i < orphans.count; i++)
		r = sockets_delete(&maps, &orphans.sockets[i], error);
	free(orphans.sockets);
	return r == 0 ? store_all(datapath, error) : r;
}

static void free_reply(struct table_node *node)
{
	struct placed_reply *reply = TABLE_OWNER(node, struct placed_reply, node);

	while (reply->users) {
		struct reply_user *next = reply->users->next;

		free(reply->users);
		reply->users = next;
	}
	free(reply);
}

void replies_free(struct datapath *datapath)
{
	table_finish(&datapath->replies, free_reply);
}
