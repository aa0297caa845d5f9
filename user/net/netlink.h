/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netlink.h - a socket to the kernel's routing tables: many requests at once, dumps, events.
 *
 * The kernel handles a request while it is being sent, so the answers are there when
 * sending returns and nothing here ever waits.
 */
#ifndef NET_NETLINK_H
#define NET_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address;
struct error;
struct netlink;
struct nlattr;
struct nlmsghdr;

/* Of the network namespace of the caller. Without groups it is a socket for requests. */
int netlink_open(const unsigned int *groups, size_t group_count, struct netlink **ret_netlink,
		 struct error *error);
void netlink_close(struct netlink *netlink);

int netlink_fd(const struct netlink *netlink); /* borrowed */

/* Gives 0 or a negative errno, which ends the caller's work after the last message. */
typedef int netlink_on_message(const struct nlmsghdr *message, void *context);

/* Hands over what "ip -family FAMILY OBJECT show" lists; type is RTM_GET... */
int netlink_dump(struct netlink *netlink, uint16_t type, netlink_on_message *on_message,
		 void *context);

/*
 * Hands over the events that wait, a bounded number of them. -ENOBUFS when events
 * were lost: what is known is then out of date.
 */
int netlink_read_events(struct netlink *netlink, netlink_on_message *on_message, void *context);

struct netlink_requests {
	size_t count;
	/* Writes type, flags, header and attributes, at most NETLINK_REQUEST_BYTES. */
	void (*write)(struct nlmsghdr *message, size_t index, void *context);
	/* The answer to one request: a message, or NULL and a negative errno. */
	void (*on_reply)(size_t index, const struct nlmsghdr *reply, int error, void *context);
	void *context;
};

#define NETLINK_REQUEST_BYTES 128

/* The number of replies, or a negative errno. */
int netlink_send_requests(struct netlink *netlink, const struct netlink_requests *requests);

/* Attributes by type into table[0 .. count), NULL where absent; those from count on are ignored. */
void netlink_parse(const struct nlmsghdr *message, size_t header_bytes, const struct nlattr **table,
		   uint16_t count);
void netlink_parse_nested(const struct nlattr *nest, const struct nlattr **table, uint16_t count);

/* The value of an attribute that may be NULL or too short; then false or 0. */
bool netlink_get_address(const struct nlattr *attribute, struct address *ret);
uint8_t netlink_get_u8(const struct nlattr *attribute);
uint16_t netlink_get_u16(const struct nlattr *attribute);
uint32_t netlink_get_u32(const struct nlattr *attribute);

void netlink_put_address(struct nlmsghdr *message, uint16_t type, const struct address *address);
uint8_t netlink_family(const struct address *address);

/* An IPv4 (4 bytes) or IPv6 (16 bytes) address as the kernel gives it. */
bool netlink_address_from_bytes(const void *bytes, size_t length, struct address *ret);

#endif
