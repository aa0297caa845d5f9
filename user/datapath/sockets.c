/* SPDX-License-Identifier: BSD-2-Clause */
/* sockets.c - maps keyed by an address, port and protocol: one for each family. */
#include "datapath/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "lib/error.h"

#define VALUE_BYTES_MAX 64

struct socket_key {
	struct bpf_map *map;
	size_t size;
	union {
		struct gw_socket4 ipv4;
		struct gw_socket ipv6;
	} bytes;
};

static struct socket_key make_key(const struct socket_maps *maps, const struct service_key *socket)
{
	struct socket_key key = { .map = maps->ipv6, .size = sizeof(key.bytes.ipv6) };
	struct gw_addr address;

	abi_address(&socket->vip, &address);
	if (address_is_ipv4(&socket->vip)) {
		key.map = maps->ipv4;
		key.size = sizeof(key.bytes.ipv4);
		key.bytes.ipv4 = (struct gw_socket4){ address.word[3], htons(socket->port),
						      (uint8_t)socket->protocol, 0 };
	} else {
		key.bytes.ipv6 = (struct gw_socket){ address, htons(socket->port),
						     (uint8_t)socket->protocol, 0 };
	}
	return key;
}

static struct service_key socket_from(const struct socket_key *key, bool ipv4)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct service_key socket;

	if (ipv4) {
		socket.port = ntohs(key->bytes.ipv4.port);
		socket.protocol = (enum protocol)key->bytes.ipv4.protocol;
		memcpy(socket.vip.bytes, mapped, sizeof(mapped));
		memcpy(socket.vip.bytes + sizeof(mapped), &key->bytes.ipv4.address,
		       sizeof(key->bytes.ipv4.address));
	} else {
		socket.port = ntohs(key->bytes.ipv6.port);
		socket.protocol = (enum protocol)key->bytes.ipv6.protocol;
		address_from_abi(&key->bytes.ipv6.address, &socket.vip);
	}
	return socket;
}

static int fail(const struct socket_maps *maps, const struct service_key *socket, const char *what,
		int r, struct error *error)
{
	bool ipv4 = address_is_ipv4(&socket->vip);
	char text[SERVICE_KEY_TEXT_SIZE];

	if (r == -E2BIG)
		return error_set(error, -ENOSPC, "map %s%c: %u entries, the most there can be",
				 maps->name, ipv4 ? '4' : '6',
				 bpf_map__max_entries(ipv4 ? maps->ipv4 : maps->ipv6));
	return error_set(error, r, "map %s%c: cannot %s %s: %s", maps->name, ipv4 ? '4' : '6', what,
			 service_key_format(socket, text), strerror(-r));
}

int sockets_set(const struct socket_maps *maps, const struct service_key *socket, const void *value,
		struct error *error)
{
	const struct socket_key key = make_key(maps, socket);
	int r = bpf_map__update_elem(key.map, &key.bytes, key.size, value,
				     bpf_map__value_size(key.map), BPF_ANY);

	return r < 0 ? fail(maps, socket, "write", r, error) : 0;
}

int sockets_get(const struct socket_maps *maps, const struct service_key *socket, void *ret_value,
		struct error *error)
{
	const struct socket_key key = make_key(maps, socket);
	int r = bpf_map__lookup_elem(key.map, &key.bytes, key.size, ret_value,
				     bpf_map__value_size(key.map), 0);

	return r < 0 && r != -ENOENT ? fail(maps, socket, "read", r, error) : r;
}

int sockets_delete(const struct socket_maps *maps, const struct service_key *socket,
		   struct error *error)
{
	const struct socket_key key = make_key(maps, socket);
	int r = bpf_map__delete_elem(key.map, &key.bytes, key.size, 0);

	return r < 0 && r != -ENOENT ? fail(maps, socket, "delete", r, error) : 0;
}

int sockets_for_each(const struct socket_maps *maps,
		     int (*on_entry)(const struct service_key *socket, const void *value,
				     void *context, struct error *error),
		     void *context, struct error *error)
{
	int r = 0;

	for (int ipv4 = 1; r == 0 && ipv4 >= 0; ipv4--) {
		struct bpf_map *map = ipv4 ? maps->ipv4 : maps->ipv6;
		size_t size = bpf_map__key_size(map);
		struct socket_key key, next = { 0 };
		const void *previous = NULL;

		while (r == 0 && bpf_map__get_next_key(map, previous, &next.bytes, size) == 0) {
			_Alignas(8) char value[VALUE_BYTES_MAX] = { 0 };
			struct service_key socket;

			key = next;
			previous = &key.bytes;
			if (bpf_map__lookup_elem(map, &key.bytes, size, value,
						 bpf_map__value_size(map), 0) < 0)
				continue;
			socket = socket_from(&key, ipv4);
			r = on_entry(&socket, value, context, error);
		}
	}
	return r;
}
