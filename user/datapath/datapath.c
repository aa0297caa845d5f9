/* SPDX-License-Identifier: BSD-2-Clause */
/* datapath.c - opens and closes the datapath: program, maps, adoption. */
#include "datapath/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <guideway/flow_table.h>

#include "datapath/ids.h"
#include "datapath/libbpf_message.h"
#include "datapath/regions.h"
#include "guideway.skel.h"
#include "lib/error.h"

#define ANSWERS_PER_SECOND 1000 /* a CPU */

/* Spreads the secret over the words of the multilinear hash (splitmix64's step). */
static void expand_hash_key(const uint8_t secret[DATAPATH_HASH_KEY_BYTES], __u64 *words)
{
	uint64_t parts[DATAPATH_HASH_KEY_BYTES / sizeof(uint64_t)];
	uint64_t state = 0;

	memcpy(parts, secret, sizeof(parts));
	for (size_t i = 0; i < GW_HASH_KEY_WORDS; i++) {
		uint64_t z;

		state += 0x9e3779b97f4a7c15ULL + parts[i % (sizeof(parts) / sizeof(parts[0]))];
		z = state;
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
		words[i] = z ^ (z >> 31);
	}
}

/* The prefix goes with each next hop, see next_hops.c; here which bits of it are the flow's. */
static void configure_encap(struct datapath *datapath, struct gw_config *config, int ipv4,
			    const struct prefix *source)
{
	uint32_t host_bits = 8 * sizeof(source->address) - source->length;

	datapath->encap_sources[ipv4] = *source;
	if (source->length)
		config->encap_mask[ipv4] = htonl((uint32_t)((UINT64_C(1) << host_bits) - 1));
}

static bool has_veth(const struct interface *interface)
{
	bool has = false;

	for (size_t i = 0; i < interface->device_count; i++)
		has |= devices_is_veth(interface->devices[i].ifindex);
	return has;
}

static void configure(struct datapath *datapath, const struct datapath_settings *settings)
{
	struct gw_config config = {
		.nat_port_first = settings->snat_port_first,
		.nat_port_count = (__u16)(settings->snat_port_last - settings->snat_port_first + 1),
		.answers_per_second = ANSWERS_PER_SECOND,
		.answer_neighbours = settings->answer_neighbours,
		.flow_bucket_mask = datapath->flow_bucket_count - 1,
		.tcp_idle = settings->tcp_idle_s >> GW_FLOW_TIME_SHIFT,
		.udp_idle = settings->udp_idle_s >> GW_FLOW_TIME_SHIFT,
		.tells_flows = settings->tells_flows,
	};

	for (size_t i = 0; i < settings->interface_count; i++)
		config.redirect_always |= has_veth(&settings->interfaces[i]);
	expand_hash_key(settings->hash_key, config.hash_key);
	for (int ipv4 = 0; ipv4 < 2; ipv4++)
		configure_encap(datapath, &config, ipv4, &settings->encap_sources[ipv4]);
	memcpy((void *)&datapath->skeleton->rodata->config, &config, sizeof(config));
}

static int load(struct datapath *datapath, const struct datapath_settings *settings,
		struct error *error)
{
	int r;

	libbpf_message_clear();
	datapath->skeleton = guideway_bpf__open();
	if (!datapath->skeleton)
		return error_set(error, -errno, "cannot open the XDP program: %s",
				 libbpf_message());
	configure(datapath, settings);
	r = bpf_map__set_max_entries(datapath->skeleton->maps.slots,
				     datapath->slot_max / GW_SLOTS_PACKED);
	if (r == 0)
		r = bpf_map__set_max_entries(datapath->skeleton->maps.flows,
					     datapath->flow_bucket_count);
	if (r < 0)
		return error_set(error, r, "cannot size the maps for %u slots and %u flows: %s",
				 datapath->slot_max, datapath->flow_bucket_count * GW_FLOW_WAYS,
				 strerror(-r));
	r = map_sets_pin(datapath, error);
	if (r == 0)
		r = migrate_begin(datapath, error);
	if (r < 0)
		return r;
	r = guideway_bpf__load(datapath->skeleton);
	if (r < 0)
		return error_set(
			error, r,
			"cannot load the XDP program (Linux 6.1 or newer is needed): %s%s%s",
			strerror(-r), libbpf_message()[0] ? ": " : "", libbpf_message());
	datapath->program_fd = bpf_program__fd(datapath->skeleton->progs.guideway);
	r = migrate_copy(datapath, error);
	/* A set that is taken over from another layout is made so when flows are in it. */
	if (r == 0 && datapath->old_map_set == MAP_SET_NONE)
		r = map_sets_make_current(datapath, error);
	return r;
}

static int allocate(struct datapath *datapath, const struct datapath_settings *settings)
{
	datapath->service_ids = ids_create(GW_SERVICE_MAX, NULL, NULL);
	datapath->backend_ids = ids_create(GW_BACKEND_MAX, tending_purge, datapath);
	datapath->next_hop_ids = ids_create(GW_NEXT_HOP_MAX, NULL, NULL);
	datapath->regions = regions_create(datapath->slot_max);
	datapath->next_hop_users = calloc(GW_NEXT_HOP_MAX, sizeof(*datapath->next_hop_users));
	datapath->backend_links = calloc(GW_BACKEND_MAX, sizeof(*datapath->backend_links));
	datapath->slot_counts = calloc(GW_BACKEND_MAX, sizeof(*datapath->slot_counts));
	if (!datapath->service_ids || !datapath->backend_ids || !datapath->next_hop_ids ||
	    !datapath->regions || !datapath->next_hop_users || !datapath->backend_links ||
	    !datapath->slot_counts || sources_create(datapath) < 0)
		return -ENOMEM;
	return interfaces_copy(datapath, settings->interfaces, settings->interface_count);
}

static int adopt(struct datapath *datapath, struct error *error)
{
	int r = backends_map(datapath, error);

	if (r == 0)
		r = filter_map(datapath, error);
	if (r == 0)
		r = gateways_adopt(datapath, error);
	if (r == 0)
		r = addresses_adopt(datapath, error);
	if (r == 0)
		r = sources_adopt(datapath, error);
	if (r == 0)
		r = services_adopt(datapath, error);
	if (r == 0)
		r = replies_adopt(datapath, error);
	if (r < 0)
		return r;
	sources_drop_unused(datapath);
	addresses_drop_unused(datapath);
	return 0;
}

static int check_interfaces(const struct datapath_settings *settings, struct error *error)
{
	for (size_t i = 0; i < settings->interface_count; i++)
		if (settings->interfaces[i].ifindex == 0)
			return error_set(error, -ENODEV,
					 "interface '%s': there is no such interface (ip link "
					 "shows those there are)",
					 settings->interfaces[i].name);
	return 0;
}

/* What is pinned keeps its size. */
static void take_sizes(struct datapath *datapath, const struct datapath_settings *settings)
{
	datapath->slot_max =
		GW_SLOTS_PACKED *
		map_sets_entries(datapath, "slots", settings->slot_max / GW_SLOTS_PACKED);
	datapath->flow_bucket_count =
		map_sets_entries(datapath, "flows", settings->flow_max / GW_FLOW_WAYS);
}

int datapath_open(const struct datapath_settings *settings, struct datapath **ret,
		  struct error *error)
{
	struct datapath *datapath;
	int r = check_interfaces(settings, error);

	if (r < 0)
		return r;
	datapath = calloc(1, sizeof(*datapath));
	if (!datapath)
		return error_set(error, -ENOMEM, "no memory for the datapath");
	datapath->lock_fd = -1;
	datapath->map_set = datapath->old_map_set = MAP_SET_NONE;
	datapath->pin_dir = strdup(settings->pin_dir);
	if (!datapath->pin_dir) {
		free(datapath);
		return error_set(error, -ENOMEM, "no memory for the datapath");
	}
	datapath->xdp_mode = settings->xdp_mode;
	datapath->tcp_idle_s = settings->tcp_idle_s;
	datapath->udp_idle_s = settings->udp_idle_s;
	datapath->cpu_count = libbpf_num_possible_cpus();
	r = pins_lock(settings->pin_dir, true, &datapath->lock_fd, error);
	if (r == 0)
		r = map_sets_choose(datapath, error);
	if (r == 0)
		take_sizes(datapath, settings);
	if (r == 0 && allocate(datapath, settings) < 0)
		r = error_set(error, -ENOMEM, "no memory for the datapath");
	if (r == 0)
		r = load(datapath, settings, error);
	if (r == 0)
		r = adopt(datapath, error);
	if (r == 0 && settings->tells_flows)
		r = telling_open(datapath, error);
	if (r < 0) {
		datapath_close(datapath);
		return r;
	}
	*ret = datapath;
	return 0;
}

void datapath_close(struct datapath *datapath)
{
	if (!datapath)
		return;
	/* A start that failed leaves nothing behind. */
	if (!datapath->is_started && datapath->is_new)
		(void)pins_remove_all(datapath->pin_dir, NULL);
	migrate_free(datapath);
	if (datapath->old_map_set != MAP_SET_NONE && !map_sets_is_current(datapath))
		map_sets_remove(datapath, datapath->map_set);
	interfaces_free(datapath);
	telling_close(datapath);
	tending_free(datapath);
	services_free(datapath);
	replies_free(datapath);
	sources_free(datapath);
	addresses_free(datapath);
	filter_unmap(datapath);
	backends_unmap(datapath);
	guideway_bpf__destroy(datapath->skeleton);
	free(datapath->placed_next_hops);
	free(datapath->routes);
	free(datapath->backend_links);
	free(datapath->slot_counts);
	free(datapath->next_hop_users);
	regions_destroy(datapath->regions);
	ids_destroy(datapath->next_hop_ids);
	ids_destroy(datapath->backend_ids);
	ids_destroy(datapath->service_ids);
	if (datapath->lock_fd >= 0)
		(void)close(datapath->lock_fd);
	free(datapath->pin_dir);
	free(datapath);
}

uint32_t datapath_flow_bucket_count(const struct datapath *datapath)
{
	return datapath->flow_bucket_count;
}

int datapath_remove(const char *pin_dir, struct error *error)
{
	int lock_fd;
	int r = pins_lock(pin_dir, false, &lock_fd, error);

	if (r < 0)
		return r;
	r = pins_remove_all(pin_dir, error);
	(void)close(lock_fd);
	return r;
}
