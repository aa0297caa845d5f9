/* SPDX-License-Identifier: BSD-2-Clause */
/* interfaces.c - tells the datapath which devices it is to be attached to; owns nothing. */
#include "agent/interfaces.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

const char *interfaces_mode(const struct datapath *datapath, const struct interface *interface)
{
	const char *mode = "absent";

	for (size_t i = 0; i < interface->device_count; i++) {
		const struct attachment *attachment =
			datapath_attachment(datapath, interface->devices[i].ifindex);

		if (attachment && !attachment->native)
			return "generic";
		if (attachment)
			mode = "native";
	}
	return mode;
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

/* Why one of its devices could not be had natively; nothing when it was not tried. */
static const char *native_error(const struct datapath *datapath, const struct interface *interface)
{
	for (size_t i = 0; i < interface->device_count; i++) {
		const struct attachment *attachment =
			datapath_attachment(datapath, interface->devices[i].ifindex);

		if (attachment && attachment->native_error)
			return strerror(-attachment->native_error);
	}
	return "";
}

static void tell(const struct datapath *datapath, const struct interface *interface)
{
	const char *mode = interfaces_mode(datapath, interface);
	const char *reason = native_error(datapath, interface);
	char lower[512];

	(void)name_lower(interface, lower, sizeof(lower));
	if (interface->ifindex == 0)
		log_warning("interface '%s' is gone: its packets are not seen until it is back",
			    interface->name);
	else if (interface->device_count == 0)
		log_warning("interface '%s' has no lower device: its packets are not seen until "
			    "it has one",
			    interface->name);
	else if (strcmp(mode, "native") == 0)
		log_info("interface '%s': XDP%s in native mode", interface->name, lower);
	else if (strcmp(mode, "generic") == 0)
		log_warning("interface '%s': XDP%s in GENERIC mode%s%s: several times slower than "
			    "native",
			    interface->name, lower, *reason ? ", " : "", reason);
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
