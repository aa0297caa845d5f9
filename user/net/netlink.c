/* SPDX-License-Identifier: BSD-2-Clause */
/* netlink.c - a socket to the kernel's routing tables; owns the socket and one buffer. */
#include "net/netlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "lib/error.h"
#include "model/address.h"

/* What the kernel fills at most in one part of a dump; without VFs no message is longer. */
#define BUFFER_BYTES (32 * 1024)
/* Few enough that their answers always fit in the socket's buffer: the kernel drops the rest. */
#define REQUESTS_PER_SEND 128
#define RECEIVE_BUFFER_BYTES (8 * 1024 * 1024)
#define READS_PER_EVENT 512
#define DUMP_ATTEMPTS 5

struct netlink {
	struct mnl_socket *socket;
	uint32_t sequence;
	char *buffer;
};

static int configure(struct netlink *netlink, const unsigned int *groups, size_t group_count)
{
	int bytes = RECEIVE_BUFFER_BYTES;
	int fd = mnl_socket_get_fd(netlink->socket);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (mnl_socket_bind(netlink->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	for (size_t i = 0; i < group_count; i++) {
		unsigned int group = groups[i];

		if (mnl_socket_setsockopt(netlink->socket, NETLINK_ADD_MEMBERSHIP, &group,
					  sizeof(group)) < 0)
			return -errno;
	}
	return 0;
}

int netlink_open(const unsigned int *groups, size_t group_count, struct netlink **ret_netlink,
		 struct error *error)
{
	struct netlink *netlink = calloc(1, sizeof(*netlink));
	int r;

	if (!netlink)
		return error_set(error, -ENOMEM, "netlink socket: out of memory");
	netlink->buffer = malloc(BUFFER_BYTES);
	netlink->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!netlink->buffer || !netlink->socket)
		r = netlink->buffer ? -errno : -ENOMEM;
	else
		r = configure(netlink, groups, group_count);
	if (r < 0) {
		netlink_close(netlink);
		return error_set(error, r, "netlink socket: %s", strerror(-r));
	}
	*ret_netlink = netlink;
	return 0;
}

void netlink_close(struct netlink *netlink)
{
	if (!netlink)
		return;
	if (netlink->socket)
		(void)mnl_socket_close(netlink->socket);
	free(netlink->buffer);
	free(netlink);
}

int netlink_fd(const struct netlink *netlink)
{
	return mnl_socket_get_fd(netlink->socket);
}

/* The bytes of the next datagram in the buffer, 0 when there is none, or a negative errno. */
static int read_datagram(struct netlink *netlink)
{
	ssize_t length;

	do
		length = mnl_socket_recvfrom(netlink->socket, netlink->buffer, BUFFER_BYTES);
	while (length < 0 && errno == EINTR);
	if (length < 0)
		return errno == EAGAIN ? 0 : -errno;
	return (int)length;
}

static int error_of(const struct nlmsghdr *message)
{
	const struct nlmsgerr *report = mnl_nlmsg_get_payload(message);

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*report))
		return -EBADMSG;
	return report->error;
}

/* 1 when the dump is complete, 0 when more follows, or a negative errno. */
static int read_dump_part(struct netlink *netlink, netlink_on_message *on_message, void *context,
			  int *result)
{
	int length = read_datagram(netlink);
	const struct nlmsghdr *message = (const struct nlmsghdr *)netlink->buffer;

	if (length <= 0)
		return length < 0 ? length : -EIO;
	for (; mnl_nlmsg_ok(message, length); message = mnl_nlmsg_next(message, &length)) {
		if (message->nlmsg_seq != netlink->sequence)
			continue;
		if (message->nlmsg_flags & NLM_F_DUMP_INTR)
			*result = -EINTR;
		if (message->nlmsg_type == NLMSG_DONE)
			return 1;
		if (message->nlmsg_type == NLMSG_ERROR)
			return error_of(message) < 0 ? error_of(message) : -EBADMSG;
		if (*result == 0)
			*result = on_message(message, context);
	}
	return 0;
}

static int dump_once(struct netlink *netlink, uint16_t type, netlink_on_message *on_message,
		     void *context)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(netlink->buffer);
	int result = 0;
	int r;

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = ++netlink->sequence;
	(void)mnl_nlmsg_put_extra_header(request, sizeof(struct rtgenmsg));
	if (mnl_socket_sendto(netlink->socket, request, request->nlmsg_len) < 0)
		return -errno;
	do
		r = read_dump_part(netlink, on_message, context, &result);
	while (r == 0);
	return r < 0 ? r : result;
}

int netlink_dump(struct netlink *netlink, uint16_t type, netlink_on_message *on_message,
		 void *context)
{
	int r = -EINTR;

	/* Interrupted: the table changed meanwhile, so that entries may be missing. */
	for (int attempt = 0; attempt < DUMP_ATTEMPTS && r == -EINTR; attempt++)
		r = dump_once(netlink, type, on_message, context);
	return r;
}

int netlink_read_events(struct netlink *netlink, netlink_on_message *on_message, void *context)
{
	for (int i = 0; i < READS_PER_EVENT; i++) {
		const struct nlmsghdr *message = (const struct nlmsghdr *)netlink->buffer;
		int length = read_datagram(netlink);

		if (length <= 0)
			return length;
		for (; mnl_nlmsg_ok(message, length); message = mnl_nlmsg_next(message, &length)) {
			int r = on_message(message, context);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int send_chunk(struct netlink *netlink, const struct netlink_requests *requests,
		      size_t first, size_t count)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		struct nlmsghdr *message = mnl_nlmsg_put_header(netlink->buffer + used);

		requests->write(message, first + i, requests->context);
		message->nlmsg_flags |= NLM_F_REQUEST;
		message->nlmsg_seq = netlink->sequence + (uint32_t)i;
		used += MNL_ALIGN(message->nlmsg_len);
	}
	return mnl_socket_sendto(netlink->socket, netlink->buffer, used) < 0 ? -errno : 0;
}

static int read_replies(struct netlink *netlink, const struct netlink_requests *requests,
			size_t first, size_t count)
{
	int replies = 0;

	for (;;) {
		const struct nlmsghdr *message = (const struct nlmsghdr *)netlink->buffer;
		int length = read_datagram(netlink);

		if (length <= 0)
			return length < 0 ? length : replies;
		for (; mnl_nlmsg_ok(message, length); message = mnl_nlmsg_next(message, &length)) {
			uint32_t index = message->nlmsg_seq - netlink->sequence;
			bool is_error = message->nlmsg_type == NLMSG_ERROR;

			if (index >= count)
				continue;
			requests->on_reply(first + index, is_error ? NULL : message,
					   is_error ? error_of(message) : 0, requests->context);
			replies++;
		}
	}
}

int netlink_send_requests(struct netlink *netlink, const struct netlink_requests *requests)
{
	size_t count;
	int replies = 0;

	for (size_t first = 0; first < requests->count; first += count) {
		int r;

		count = requests->count - first;
		if (count > REQUESTS_PER_SEND)
			count = REQUESTS_PER_SEND;
		netlink->sequence++;
		r = send_chunk(netlink, requests, first, count);
		if (r == 0)
			r = read_replies(netlink, requests, first, count);
		netlink->sequence += REQUESTS_PER_SEND;
		if (r < 0)
			return r;
		replies += r;
	}
	return replies;
}

struct attribute_table {
	const struct nlattr **attributes;
	uint16_t count;
};

static int note_attribute(const struct nlattr *attribute, void *context)
{
	const struct attribute_table *table = context;
	uint16_t type = mnl_attr_get_type(attribute);

	if (type < table->count)
		table->attributes[type] = attribute;
	return MNL_CB_OK;
}

void netlink_parse(const struct nlmsghdr *message, size_t header_bytes, const struct nlattr **table,
		   uint16_t count)
{
	struct attribute_table context = { table, count };

	memset(table, 0, count * sizeof(*table));
	if (mnl_nlmsg_get_payload_len(message) >= header_bytes)
		(void)mnl_attr_parse(message, (unsigned int)header_bytes, note_attribute, &context);
}

void netlink_parse_nested(const struct nlattr *nest, const struct nlattr **table, uint16_t count)
{
	struct attribute_table context = { table, count };

	memset(table, 0, count * sizeof(*table));
	if (nest)
		(void)mnl_attr_parse_nested(nest, note_attribute, &context);
}

bool netlink_address_from_bytes(const void *bytes, size_t length, struct address *ret)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (length == 4) {
		memcpy(ret->bytes, mapped, sizeof(mapped));
		memcpy(ret->bytes + sizeof(mapped), bytes, 4);
		return true;
	}
	if (length != sizeof(ret->bytes))
		return false;
	memcpy(ret->bytes, bytes, sizeof(ret->bytes));
	return true;
}

bool netlink_get_address(const struct nlattr *attribute, struct address *ret)
{
	return attribute && netlink_address_from_bytes(mnl_attr_get_payload(attribute),
						       mnl_attr_get_payload_len(attribute), ret);
}

uint8_t netlink_get_u8(const struct nlattr *attribute)
{
	return attribute && mnl_attr_get_payload_len(attribute) >= sizeof(uint8_t)
		       ? mnl_attr_get_u8(attribute)
		       : 0;
}

uint16_t netlink_get_u16(const struct nlattr *attribute)
{
	return attribute && mnl_attr_get_payload_len(attribute) >= sizeof(uint16_t)
		       ? mnl_attr_get_u16(attribute)
		       : 0;
}

uint32_t netlink_get_u32(const struct nlattr *attribute)
{
	return attribute && mnl_attr_get_payload_len(attribute) >= sizeof(uint32_t)
		       ? mnl_attr_get_u32(attribute)
		       : 0;
}

void netlink_put_address(struct nlmsghdr *message, uint16_t type, const struct address *address)
{
	size_t skipped = address_is_ipv4(address) ? 12 : 0;

	mnl_attr_put(message, type, sizeof(address->bytes) - skipped, address->bytes + skipped);
}

uint8_t netlink_family(const struct address *address)
{
	return address_is_ipv4(address) ? AF_INET : AF_INET6;
}
