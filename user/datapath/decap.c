/* SPDX-License-Identifier: BSD-2-Clause */
/* decap.c - loads, attaches, exchanges and removes the program that unwraps. */
#include "datapath/decap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <guideway/decap_abi.h>

#include "datapath/decap_pins.h"
#include "datapath/libbpf_message.h"
#include "datapath/xdp_link.h"
#include "decap.skel.h"
#include "lib/error.h"

_Static_assert(DECAP_GUE_PORT_DEFAULT == GW_DECAP_GUE_PORT, "one default port");
_Static_assert(DECAP_PREFIX_MAX == GW_DECAP_PREFIX_MAX, "one limit of prefixes");

/* One call of decap_attach. */
struct attempt {
	const struct decap_settings *settings;
	struct attachment *attachment;
	struct decap_pins pins;
	struct decap_bpf *skeleton;
	int lock_fd;
	int link_fd; /* of what is attached, -1: nothing */
	bool keeps_counters;
};

static int find_interface(const char *interface, uint32_t *ret, struct error *error)
{
	*ret = if_nametoindex(interface);
	if (*ret == 0)
		return error_set(error, -ENODEV,
				 "interface '%s': there is no such interface (ip link shows those "
				 "there are)",
				 interface);
	return 0;
}

static int add_prefixes(struct bpf_map *map, const struct prefix *prefixes, size_t count,
			struct error *error)
{
	for (size_t i = 0; i < count; i++) {
		const struct prefix *prefix = &prefixes[i];
		struct gw_decap_prefix key = {
			.bits = GW_DECAP_FAMILY_BITS + prefix->length,
			.is_ipv6 = !address_is_ipv4(&prefix->address),
		};
		uint32_t value = 0;
		int r;

		memcpy(&key.address, prefix->address.bytes, sizeof(key.address));
		r = bpf_map__update_elem(map, &key, sizeof(key), &value, sizeof(value), BPF_ANY);
		if (r < 0)
			return error_set(error, r, "map %s: cannot write it: %s",
					 bpf_map__name(map), strerror(-r));
	}
	return 0;
}

static void configure(const struct attempt *attempt)
{
	const struct decap_settings *settings = attempt->settings;
	const struct gw_decap_config config = {
		.gue_port = htons(settings->gue_port),
		.checks_source = settings->source_count > 0,
		.checks_destination = settings->destination_count > 0,
	};

	memcpy((void *)&attempt->skeleton->rodata->config, &config, sizeof(config));
}

/* What has been counted so far belongs to the interface, not to the program. */
static void keep_counters(struct attempt *attempt)
{
	int fd = attempt->link_fd >= 0 ? decap_pins_open_counters(&attempt->pins) : -ENOENT;

	if (fd < 0)
		return;
	attempt->keeps_counters = bpf_map__reuse_fd(attempt->skeleton->maps.counters, fd) == 0;
	(void)close(fd);
}

static int load(struct attempt *attempt, struct error *error)
{
	const struct decap_settings *settings = attempt->settings;
	int r;

	libbpf_message_clear();
	attempt->skeleton = decap_bpf__open();
	if (!attempt->skeleton)
		return error_set(error, -errno, "cannot open the XDP program: %s",
				 libbpf_message());
	configure(attempt);
	keep_counters(attempt);
	r = decap_bpf__load(attempt->skeleton);
	if (r < 0)
		return error_set(
			error, r,
			"cannot load the XDP program (Linux 6.1 or newer is needed): %s%s%s",
			strerror(-r), libbpf_message()[0] ? ": " : "", libbpf_message());
	r = add_prefixes(attempt->skeleton->maps.sources, settings->sources, settings->source_count,
			 error);
	if (r < 0)
		return r;
	return add_prefixes(attempt->skeleton->maps.destinations, settings->destinations,
			    settings->destination_count, error);
}

static int pin(int fd, const char *path, struct error *error)
{
	(void)unlink(path);
	if (bpf_obj_pin(fd, path) < 0)
		return error_set(error, -errno, "%s: cannot pin it: %s", path, strerror(errno));
	return 0;
}

/* In place: no packet meets anything but the old program or the new one. */
static int exchange(struct attempt *attempt, int program_fd, struct error *error)
{
	int r = bpf_link_update(attempt->link_fd, program_fd, NULL);

	if (r < 0)
		return error_set(error, r, "interface '%s': cannot exchange the XDP program: %s",
				 attempt->settings->interface, strerror(-r));
	return 0;
}

static int attach_anew(struct attempt *attempt, int program_fd, struct error *error)
{
	struct attachment *attachment = attempt->attachment;
	int r;

	attempt->link_fd =
		xdp_link_create(program_fd, attempt->settings->xdp_mode, attachment, error);
	if (attempt->link_fd < 0)
		return attempt->link_fd;
	r = pin(attempt->link_fd, attempt->pins.link, error);
	if (r < 0) {
		(void)close(attempt->link_fd);
		attempt->link_fd = r;
	}
	return r;
}

/*
 * An interface has one mode at a time, so that what is attached goes first. When the other
 * mode cannot be had, the new program goes where the old one was: better than none.
 */
static int change_mode(struct attempt *attempt, int program_fd, bool was_native,
		       struct error *error)
{
	int r;

	(void)unlink(attempt->pins.link);
	(void)close(attempt->link_fd);
	r = attach_anew(attempt, program_fd, error);
	if (r == 0)
		return 0;
	attempt->link_fd =
		xdp_link_create_in_mode(program_fd, attempt->attachment->ifindex, was_native);
	if (attempt->link_fd < 0 || pin(attempt->link_fd, attempt->pins.link, NULL) < 0)
		decap_pins_remove(&attempt->pins);
	return r;
}

static int attach(struct attempt *attempt, struct error *error)
{
	struct attachment *attachment = attempt->attachment;
	int program_fd = bpf_program__fd(attempt->skeleton->progs.decap);
	bool native = xdp_is_native(attachment->ifindex);
	int r = 0;

	/* Before the program, so that whoever sees that finds them. */
	if (!attempt->keeps_counters)
		r = pin(bpf_map__fd(attempt->skeleton->maps.counters), attempt->pins.counters,
			error);
	if (r < 0)
		return r;
	if (attempt->link_fd < 0) {
		r = attach_anew(attempt, program_fd, error);
		if (r < 0)
			decap_pins_remove(&attempt->pins);
		return r;
	}
	if (!xdp_mode_is_met(attempt->settings->xdp_mode, native))
		return change_mode(attempt, program_fd, native, error);
	attachment->native = native;
	return exchange(attempt, program_fd, error);
}

int decap_attach(const struct decap_settings *settings, struct attachment *ret, struct error *error)
{
	struct attachment attachment = { 0 };
	struct attempt attempt = {
		.settings = settings, .attachment = &attachment, .lock_fd = -1, .link_fd = -1
	};
	int r = find_interface(settings->interface, &attachment.ifindex, error);

	(void)snprintf(attachment.device, sizeof(attachment.device), "%s", settings->interface);
	if (r == 0)
		r = decap_pins_paths(settings->pin_dir, attachment.ifindex, &attempt.pins, error);
	if (r == 0)
		r = decap_pins_lock(settings->pin_dir, true, &attempt.lock_fd, error);
	if (r < 0)
		return r;
	decap_pins_remove_dead(settings->pin_dir);
	r = decap_pins_open_link(&attempt.pins, attachment.ifindex, &attempt.link_fd, error);
	if (r == 0)
		r = load(&attempt, error);
	if (r == 0)
		r = attach(&attempt, error);
	decap_bpf__destroy(attempt.skeleton);
	if (attempt.link_fd >= 0)
		(void)close(attempt.link_fd);
	decap_pins_unlock(settings->pin_dir, attempt.lock_fd);
	if (r == 0)
		*ret = attachment;
	return r;
}

int decap_detach(const char *pin_dir, const char *interface, struct error *error)
{
	struct decap_pins pins;
	int lock_fd, link_fd = -1;
	uint32_t ifindex;
	int r = find_interface(interface, &ifindex, error);

	if (r == 0)
		r = decap_pins_paths(pin_dir, ifindex, &pins, error);
	if (r == 0)
		r = decap_pins_lock(pin_dir, false, &lock_fd, error);
	if (r < 0)
		return r;
	decap_pins_remove_dead(pin_dir);
	r = decap_pins_open_link(&pins, ifindex, &link_fd, error);
	if (r == 0 && link_fd < 0)
		r = error_set(error, -ENOENT, "interface '%s': nothing is attached", interface);
	if (link_fd >= 0) {
		decap_pins_remove(&pins);
		(void)close(link_fd);
	}
	decap_pins_unlock(pin_dir, lock_fd);
	return r;
}
