/* SPDX-License-Identifier: BSD-2-Clause */
/* interfaces.c - tells the datapath which devices it is to be attached to; owns nothing. */
#include "agent/interfaces.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/attachment.h"
#include "agent/config.h"
#include "datapath/datapath.h"
#include "lib/error.h"
#include "lib/log.h"
#include "net/net.h"

int interfaces_read(const struct net *net, const struct agent_config_texts *names,
		    struct interface **ret, struct error *error)
{
	struct interface *interfaces = calloc(names->count + 1, sizeof(*interfaces));

	if (!interfaces)
		return error_set(error, -ENOMEM, "no memory for %zu interfaces", names->count);
	for (size_t i = 0; i < names->count; i++) {
		int r = net_interface(net, names->items[i], &interfaces[i], error);

		if (r < 0) {
			free(interfaces);
			return r;
		}
	}
	*ret = interfaces;
	return 0;
}

/* The slowest of its devices; NULL when the program is on none. */
static const struct attachment *slowest(const struct datapath *datapath,
					const struct interface *interface)
{
	const struct attachment *found = NULL;

	for (size_t i = 0; i < interface->device_count; i++) {
		const struct attachment *attachment =
			datapath_attachment(datapath, interface->devices[i].ifindex);

		if (attachment && (!found || found->native))
			found = attachment;
	}
	return found;
}

const char *interfaces_mode(const struct datapath *datapath, const struct interface *interface)
{
	const struct attachment *attachment = slowest(datapath, interface);

	if (!attachment)
		return "absent";
	return attachment->native ? "native" : "generic";
}

/* " on its lower devices eth0, eth1"; nothing when it is its own. */
static const char *name_lower(const struct interface *interface, char *buffer, size_t size)
{
	size_t used = 0;

	buffer[0] = '\0';
	if (interface->device_count == 1 && interface->devices[0].ifindex == interface->ifindex)
		return buffer;
	for (size_t i = 0; i < interface->device_count && used < size; i++) {
		char name[IF_NAMESIZE] = "?";

		(void)if_indextoname(interface->devices[i].ifindex, name);
		used += (size_t)snprintf(buffer + used, size - used, "%s%s",
					 i ? ", " : " on its lower devices ", name);
	}
	return buffer;
}

static void tell(const struct datapath *datapath, const struct interface *interface)
{
	const struct attachment *attachment = slowest(datapath, interface);
	char lower[512];

	if (interface->ifindex == 0)
		log_warning("interface '%s' is gone: its packets are not seen until it is back",
			    interface->name);
	else if (interface->device_count == 0)
		log_warning("interface '%s' has no lower device: its packets are not seen until "
			    "it has one",
			    interface->name);
	else if (attachment)
		attachment_log(interface->name, name_lower(interface, lower, sizeof(lower)),
			       attachment);
}

void interfaces_tell(const struct datapath *datapath)
{
	const struct interface *interfaces;
	size_t count = datapath_interfaces(datapath, &interfaces);

	for (size_t i = 0; i < count; i++)
		tell(datapath, &interfaces[i]);
}

void interfaces_follow(const struct net *net, struct datapath *datapath)
{
	const struct interface *interfaces;
	size_t count = datapath_interfaces(datapath, &interfaces);

	for (size_t i = 0; i < count; i++) {
		struct error error = { 0 };
		struct interface now;
		bool changed = false;
		int r = net_interface(net, interfaces[i].name, &now, &error);

		if (r == 0)
			r = datapath_follow_interface(datapath, i, &now, &changed, &error);
		if (r < 0)
			log_error("%s", error.text);
		if (changed)
			tell(datapath, &interfaces[i]);
	}
}
