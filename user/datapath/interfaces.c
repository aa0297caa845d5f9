/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interfaces.c - owns the interfaces of the settings and the list of attachments, one for
 * each device that is below any of them.
 */
#include "datapath/internal.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"

static const struct lower_device *device_of(const struct interface *interface, uint32_t ifindex)
{
	for (size_t i = 0; i < interface->device_count; i++)
		if (interface->devices[i].ifindex == ifindex)
			return &interface->devices[i];
	return NULL;
}

bool datapath_has_interface(const struct datapath *datapath, uint32_t ifindex)
{
	for (size_t i = 0; i < datapath->interface_count; i++)
		if (device_of(&datapath->interfaces[i], ifindex))
			return true;
	return false;
}

/* Named both by itself and as a slave of a bond, it takes part. */
static bool is_standby(const struct datapath *datapath, uint32_t ifindex)
{
	for (size_t i = 0; i < datapath->interface_count; i++) {
		const struct lower_device *device = device_of(&datapath->interfaces[i], ifindex);

		if (device && !device->is_standby)
			return false;
	}
	return true;
}

static struct placed_attachment *find(const struct datapath *datapath, uint32_t ifindex)
{
	for (size_t i = 0; i < datapath->attachment_count; i++)
		if (datapath->attachments[i].attachment.ifindex == ifindex)
			return &datapath->attachments[i];
	return NULL;
}

/* A device that sends for the interface now; 0: none. */
static uint32_t first_to_send(const struct interface *interface)
{
	for (size_t i = 0; i < interface->device_count; i++)
		if (!interface->devices[i].is_standby)
			return interface->devices[i].ifindex;
	return 0;
}

/*
 * The device sends nothing for the interface any more. When no other does either, nothing
 * that is sent could arrive.
 */
static int give_way(const struct datapath *datapath, const struct interface *interface,
		    uint32_t ifindex, struct error *error)
{
	uint32_t to = first_to_send(interface);

	return to ? devices_fail_over(datapath, ifindex, to, error) : 0;
}

/*
 * Of a VLAN device the address of the device below it is answered with: the frames come there
 * whatever the VLAN device's own is. A broadcast comes to every slave of a bond. One on standby
 * that answered would have the switch believe that the bond is there.
 */
static int store_device(struct datapath *datapath, const struct interface *interface,
			uint32_t ifindex, struct error *error)
{
	int r;

	if (is_standby(datapath, ifindex)) {
		devices_forget(datapath, ifindex);
		return give_way(datapath, interface, ifindex, error);
	}
	r = devices_fail_back(datapath, ifindex, error);
	return r < 0 ? r : devices_store(datapath, ifindex, error);
}

static int attach_one(struct datapath *datapath, uint32_t ifindex, struct error *error)
{
	struct placed_attachment placed = { .attachment.ifindex = ifindex };
	struct attachment *attachment = &placed.attachment;

	if (!if_indextoname(ifindex, attachment->device))
		return error_set(error, -ENODEV, "device %u: it is gone", ifindex);
	if (array_reserve((void **)&datapath->attachments, &datapath->attachment_room,
			  datapath->attachment_count + 1, sizeof(placed)) < 0)
		return error_set(error, -ENOMEM, "no memory for device '%s'", attachment->device);
	placed.link_fd = links_open(datapath, attachment, error);
	if (placed.link_fd < 0)
		return placed.link_fd;
	datapath->attachments[datapath->attachment_count++] = placed;
	return 0;
}

/* Attaches to what is below the interface and has no program yet. */
static int attach_below(struct datapath *datapath, const struct interface *interface,
			bool *ret_changed, struct error *error)
{
	int result = 0;

	for (size_t i = 0; i < interface->device_count; i++) {
		uint32_t ifindex = interface->devices[i].ifindex;
		bool is_new = !find(datapath, ifindex);
		int r = is_new ? attach_one(datapath, ifindex, error) : 0;

		*ret_changed |= is_new && r == 0;
		if (r == 0)
			r = store_device(datapath, interface, ifindex, error);
		/* One device that cannot be had does not keep the others waiting. */
		if (r < 0)
			result = r;
	}
	return result;
}

static void detach_at(struct datapath *datapath, size_t at)
{
	struct placed_attachment *placed = &datapath->attachments[at];

	links_close(datapath, placed->attachment.ifindex, placed->link_fd);
	devices_forget(datapath, placed->attachment.ifindex);
	datapath->attachment_count--;
	memmove(placed, placed + 1, (datapath->attachment_count - at) * sizeof(*placed));
}

int datapath_attach(struct datapath *datapath, struct error *error)
{
	bool changed = false;
	int r = pins_add_ways(datapath, error);

	if (r == 0)
		r = migrate_refresh(datapath, error);
	if (r == 0)
		r = map_sets_make_current(datapath, error);
	if (r < 0)
		return r;
	links_detach_others(datapath);
	for (size_t i = 0; i < datapath->interface_count; i++) {
		r = attach_below(datapath, &datapath->interfaces[i], &changed, error);
		if (r < 0)
			return r;
	}
	migrate_follow(datapath);
	pins_drop_other_ways(datapath);
	migrate_end(datapath);
	datapath->is_started = true;
	return 0;
}

static bool have_same_devices(const struct interface *a, const struct interface *b)
{
	if (a->ifindex != b->ifindex || a->device_count != b->device_count)
		return false;
	for (size_t i = 0; i < a->device_count; i++)
		if (a->devices[i].ifindex != b->devices[i].ifindex)
			return false;
	return true;
}

int datapath_follow_interface(struct datapath *datapath, size_t index, const struct interface *now,
			      bool *ret_changed, struct error *error)
{
	struct interface *interface = &datapath->interfaces[index];
	int r, left;

	*ret_changed = !have_same_devices(interface, now);
	*interface = *now;
	r = attach_below(datapath, interface, ret_changed, error);
	for (size_t i = datapath->attachment_count; i-- > 0;) {
		uint32_t ifindex = datapath->attachments[i].attachment.ifindex;

		if (datapath_has_interface(datapath, ifindex))
			continue;
		detach_at(datapath, i);
		left = give_way(datapath, interface, ifindex, error);
		r = r < 0 ? r : left;
	}
	return r;
}

size_t datapath_interfaces(const struct datapath *datapath, const struct interface **ret)
{
	*ret = datapath->interfaces;
	return datapath->interface_count;
}

const struct attachment *datapath_attachment(const struct datapath *datapath, uint32_t ifindex)
{
	const struct placed_attachment *placed = find(datapath, ifindex);

	return placed ? &placed->attachment : NULL;
}

int interfaces_copy(struct datapath *datapath, const struct interface *interfaces, size_t count)
{
	datapath->interfaces = calloc(count + 1, sizeof(*interfaces));
	if (!datapath->interfaces)
		return -ENOMEM;
	memcpy(datapath->interfaces, interfaces, count * sizeof(*interfaces));
	datapath->interface_count = count;
	return 0;
}

void interfaces_free(struct datapath *datapath)
{
	for (size_t i = 0; i < datapath->attachment_count; i++)
		(void)close(datapath->attachments[i].link_fd);
	free(datapath->attachments);
	free(datapath->interfaces);
}
