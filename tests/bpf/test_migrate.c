/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_migrate.c - an agent takes over maps of another layout's version: what they hold, and
 * what is left of sets whose agents were killed. Here both layouts are the same, and only the
 * version differs; netns/test_consistency_agents.sh has one that is another indeed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <guideway/flow_table.h>

#include "placed.h"

#define OTHER_VERSION (GW_ABI_VERSION + 1000)

static void path_of(const char *name, char path[static 256])
{
	(void)snprintf(path, 256, "%s/%s", pin_dir, name);
}

static bool is_pinned(const char *name)
{
	char path[256];
	struct stat stat;

	path_of(name, path);
	return lstat(path, &stat) == 0;
}

static void assert_current(const char *wanted)
{
	char path[256], target[64] = "";

	path_of("current", path);
	assert_true(readlink(path, target, sizeof(target) - 1) > 0);
	assert_string_equal(target, wanted);
}

static struct gw_meta read_meta(const char *set)
{
	char path[256];
	struct gw_meta meta = { 0 };
	uint32_t first = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s/meta", pin_dir, set);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &first, &meta), 0);
	(void)close(fd);
	return meta;
}

/* As if an agent of another version had made them. */
static void make_foreign(struct datapath *datapath)
{
	const struct gw_meta meta = { .abi_version = OTHER_VERSION };
	uint32_t first = 0;

	assert_int_equal(bpf_map__update_elem(datapath->skeleton->maps.meta, &first, sizeof(first),
					      &meta, sizeof(meta), BPF_ANY),
			 0);
}

static uint32_t map_id(const struct bpf_map *map)
{
	struct bpf_map_info info = { 0 };
	uint32_t length = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &length), 0);
	return info.id;
}

static void fill(struct datapath *datapath)
{
	struct service *service = make_service(VIP6, three, 3);

	service->mode = FORWARDING_MODE_DNAT;
	service->affinity = true;
	service->affinity_timeout_s = 7;
	set_service(datapath, service);
	set_service(datapath, with_many_ranges(VIP, 2000));
}

static void maps_of_another_version_are_taken_over_as_they_are(void **state)
{
	struct datapath *datapath;
	char *before, *after;
	uint32_t slots, flows, nat4;

	(void)state;
	datapath = take_datapath();
	fill(datapath);
	before = dump(datapath);
	slots = map_id(datapath->skeleton->maps.slots);
	flows = map_id(datapath->skeleton->maps.flows);
	nat4 = map_id(datapath->skeleton->maps.nat4);
	make_foreign(datapath);

	datapath = restart_datapath();
	after = dump(datapath);
	assert_string_equal(after, before);
	assert_int_equal(count_ranges(datapath), 2000);
	assert_current("maps-1");
	assert_false(is_pinned("maps-0"));
	assert_int_equal(read_meta("maps-1").abi_version, GW_ABI_VERSION);
	/* What the old program goes on to read is not ours to change; flows are both programs'. */
	assert_int_not_equal(map_id(datapath->skeleton->maps.slots), slots);
	assert_int_equal(map_id(datapath->skeleton->maps.flows), flows);
	assert_int_equal(map_id(datapath->skeleton->maps.nat4), nat4);
	free(before);
	free(after);

	/* And back: its number is taken again only when it is free. */
	make_foreign(datapath);
	datapath = restart_datapath();
	assert_current("maps-2");
	assert_false(is_pinned("maps-1"));
	give_back(datapath);
}

/* A map that nobody thought of would be lost with each program. */
static void only_scratch_of_one_packet_is_not_pinned(void **state)
{
	static const char *const scratch[] = { "fragment_room", "nat_flow", "refused",
					       "route_query",   "told",     "tracked",
					       "translation",   "ways",     "guideway.bss" };
	struct datapath *datapath;
	struct bpf_map *map;
	size_t count = 0;

	(void)state;
	datapath = take_datapath();
	bpf_object__for_each_map(map, datapath->skeleton->obj)
	{
		bool is_listed = strchr(bpf_map__name(map), '.') != NULL;

		for (size_t i = 0; i < sizeof(scratch) / sizeof(scratch[0]); i++)
			is_listed |= strcmp(scratch[i], bpf_map__name(map)) == 0;
		if (is_listed != (map_kind(map) == MAP_SCRATCH))
			fail_msg("map %s", bpf_map__name(map));
		count += !is_listed;
	}
	assert_true(count > 20);
	give_back(datapath);
}

static void an_agent_that_cannot_attach_leaves_the_old_maps_current(void **state)
{
	struct datapath *datapath;
	char *before, *after;

	(void)state;
	datapath = take_datapath();
	fill(datapath);
	before = dump(datapath);
	make_foreign(datapath);
	datapath_close(datapath);
	kept_datapath = open_datapath();
	datapath_close(kept_datapath);
	kept_datapath = NULL;
	assert_current("maps-0");
	assert_false(is_pinned("maps-1"));
	assert_int_equal(read_meta("maps-0").abi_version, OTHER_VERSION);
	assert_int_equal(read_meta("maps-0").is_handing_over, 0);

	kept_datapath = attach_datapath();
	after = dump(kept_datapath);
	assert_string_equal(after, before);
	free(before);
	free(after);
	give_back(kept_datapath);
}

/* The old program's from then on are to be on base owners, until it is replaced. */
static void the_old_program_is_told_before_flows_are_copied(void **state)
{
	struct datapath *datapath;
	struct error error = { 0 };

	(void)state;
	datapath = take_datapath();
	make_foreign(datapath);
	datapath_close(datapath);
	kept_datapath = open_datapath();
	assert_int_equal(read_meta("maps-0").is_handing_over, 0);
	assert_int_equal(migrate_refresh(kept_datapath, &error), 0);
	assert_int_equal(read_meta("maps-0").is_handing_over, 1);
	/* It gives up, and says so. */
	datapath_close(kept_datapath);
	kept_datapath = NULL;
	assert_int_equal(read_meta("maps-0").is_handing_over, 0);
	kept_datapath = attach_datapath();
	assert_int_equal(read_meta("maps-1").is_handing_over, 0);
	give_back(kept_datapath);
}

static void pin_map(int fd, const char *set, const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s/%s", pin_dir, set, name);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	(void)close(fd);
}

/* A map like ours with one entry, in the set. */
static void leave_entry(const char *set, const struct bpf_map *ours, const void *key,
			const void *value)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = bpf_map__map_flags(ours));
	struct bpf_map_info info = { 0 };
	uint32_t length = sizeof(info);
	int fd;

	assert_int_equal(bpf_obj_get_info_by_fd(bpf_map__fd(ours), &info, &length), 0);
	options.btf_fd = (uint32_t)bpf_btf_get_fd_by_id(info.btf_id);
	options.btf_key_type_id = info.btf_key_type_id;
	options.btf_value_type_id = info.btf_value_type_id;
	fd = bpf_map_create(info.type, bpf_map__name(ours), info.key_size, info.value_size,
			    info.max_entries, &options);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(fd, key, value, BPF_ANY), 0);
	pin_map(fd, set, bpf_map__name(ours));
	(void)close((int)options.btf_fd);
}

/* A set that was current with this version; 0: never. */
static void leave_set(const char *set, uint32_t version)
{
	const struct gw_meta meta = { .abi_version = version };
	const uint32_t first = 0;
	char path[256];

	path_of(set, path);
	assert_int_equal(mkdir(path, 0700), 0);
	leave_entry(set, kept_datapath->skeleton->maps.meta, &first, &meta);
}

static void leave_flow(const char *set, uint32_t version, uint32_t index, __u64 flow)
{
	const struct gw_flow_bucket bucket = { .entry = { flow } };

	leave_set(set, version);
	leave_entry(set, kept_datapath->skeleton->maps.flows, &index, &bucket);
}

static struct gw_flow_bucket flows_at(uint32_t index)
{
	struct gw_flow_bucket bucket;

	assert_int_equal(bpf_map__lookup_elem(kept_datapath->skeleton->maps.flows, &index,
					      sizeof(index), &bucket, sizeof(bucket), 0),
			 0);
	return bucket;
}

static void flows_that_only_a_left_set_knows_are_brought_over(void **state)
{
	struct datapath *datapath;
	__u64 left;
	struct gw_flow_bucket bucket;
	uint32_t index = 77, id, way;

	(void)state;
	datapath = take_datapath();
	set(datapath, VIP, three, 2);
	id = id_of_backend(datapath, VIP, "10.0.0.1");
	left = gw_flow_entry(4711, id, GW_FLOW_CONFIRMED, tending_flow_time());
	leave_flow("maps-2", 0, index, gw_flow_entry(4712, id, GW_FLOW_CONFIRMED, 0));
	leave_flow("maps-3", OTHER_VERSION, index, left);
	leave_flow("maps-5", OTHER_VERSION, index,
		   gw_flow_entry(4711, id + 1, GW_FLOW_CONFIRMED, 0));

	restart_datapath();
	assert_current("maps-0");
	assert_false(is_pinned("maps-2"));
	assert_false(is_pinned("maps-3"));
	assert_false(is_pinned("maps-5"));
	bucket = flows_at(index);
	way = gw_flow_find(&bucket, 4711);
	assert_true(way < GW_FLOW_WAYS);
	/* The first one stays: what is known of a flow already is not contradicted. */
	assert_int_equal(bucket.entry[way], left);
	bucket.entry[way] = 0;
	assert_int_equal(gw_flow_find(&bucket, 4711), GW_FLOW_WAYS);
	/* No packet ever met a set that was not current. */
	assert_int_equal(gw_flow_find(&bucket, 4712), GW_FLOW_WAYS);
	memset(&bucket, 0, sizeof(bucket));
	assert_int_equal(bpf_map__update_elem(kept_datapath->skeleton->maps.flows, &index,
					      sizeof(index), &bucket, sizeof(bucket), BPF_ANY),
			 0);
	give_back(kept_datapath);
}

static const struct gw_nat_key4 nat_key = { .backend = 1, .gateway = 2, .protocol = IPPROTO_TCP };

static struct gw_nat4 nat_entry(__be32 client, uint32_t seen)
{
	return (struct gw_nat4){ .client = client, .common.seen = seen };
}

static void put_nat(const struct bpf_map *map, struct gw_nat4 entry)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &nat_key, &entry, BPF_ANY), 0);
}

/* Whose the key is; 0: nobody's. */
static __be32 nat_client(const struct bpf_map *map)
{
	struct gw_nat4 entry;

	return bpf_map_lookup_elem(bpf_map__fd(map), &nat_key, &entry) == 0 ? entry.client : 0;
}

/*
 * Restarts with an entry of client 1 in the map ours, seen at 100, and one of client 2 in the
 * left set's map left, seen at seen.
 */
static void restart_with_two_entries(const char *ours, const char *left, uint32_t seen)
{
	struct bpf_object *object;
	const struct gw_nat4 other = nat_entry(2, seen);

	kept_datapath = take_datapath();
	object = kept_datapath->skeleton->obj;
	bpf_map_delete_elem(bpf_map__fd(kept_datapath->skeleton->maps.nat4), &nat_key);
	bpf_map_delete_elem(bpf_map__fd(kept_datapath->skeleton->maps.nat_unconfirmed4), &nat_key);
	put_nat(bpf_object__find_map_by_name(object, ours), nat_entry(1, 100));
	leave_set("maps-3", OTHER_VERSION);
	leave_entry("maps-3", bpf_object__find_map_by_name(object, left), &nat_key, &other);
	restart_datapath();
	assert_false(is_pinned("maps-3"));
}

static void of_two_translated_flows_with_one_port_the_later_one_has_it(void **state)
{
	static const struct {
		const char *ours, *left;
		uint32_t seen;
		__be32 confirmed, unconfirmed; /* clients */
	} cases[] = {
		{ "nat4", "nat4", 101, 2, 0 },
		{ "nat4", "nat4", 100, 1, 0 },
		{ "nat4", "nat_unconfirmed4", 101, 0, 2 },
		{ "nat4", "nat_unconfirmed4", 99, 1, 0 },
		{ "nat_unconfirmed4", "nat_unconfirmed4", 101, 0, 2 },
		{ "nat_unconfirmed4", "nat_unconfirmed4", 99, 0, 1 },
		{ "nat_unconfirmed4", "nat4", 101, 2, 1 }, /* who is confirmed counts */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct guideway_bpf *skeleton;

		restart_with_two_entries(cases[i].ours, cases[i].left, cases[i].seen);
		skeleton = kept_datapath->skeleton;
		assert_int_equal(nat_client(skeleton->maps.nat4), cases[i].confirmed);
		assert_int_equal(nat_client(skeleton->maps.nat_unconfirmed4), cases[i].unconfirmed);
		give_back(kept_datapath);
	}
}

static void nothing_waits_for_flows_once_all_are_there(void **state)
{
	struct datapath *datapath;

	(void)state;
	datapath = take_datapath();
	make_foreign(datapath);
	datapath_close(datapath);
	kept_datapath = open_datapath();
	assert_int_equal(map_sets_make_current(kept_datapath, NULL), 0);
	assert_in_range(read_meta("maps-1").taking_over_until_s, tending_clock_s() + 5,
			tending_clock_s() + 60);
	/* Killed here; the next one does not find another layout. */
	datapath_close(kept_datapath);
	kept_datapath = attach_datapath();
	assert_int_equal(read_meta("maps-1").taking_over_until_s, 0);
	assert_false(is_pinned("maps-0"));
	give_back(kept_datapath);
}

static void tables_of_before_map_sets_are_refused_in_one_line(void **state)
{
	const struct datapath_settings settings = default_settings();
	struct datapath *datapath = NULL;
	struct error error = { 0 };
	char path[256];
	int fd;

	(void)state;
	skip_without_root();
	assert_int_equal(mkdir(pin_dir, 0700), 0);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "meta", 4, 8, 1, NULL);
	assert_true(fd >= 0);
	path_of("meta", path);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	(void)close(fd);
	assert_int_equal(datapath_open(&settings, &datapath, &error), -EPROTO);
	assert_non_null(strstr(error.text, "guideway detach"));
	assert_true(is_pinned("meta"));
	assert_int_equal(datapath_remove(pin_dir, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ALONE(maps_of_another_version_are_taken_over_as_they_are),
		TEST(only_scratch_of_one_packet_is_not_pinned),
		TEST_ALONE(an_agent_that_cannot_attach_leaves_the_old_maps_current),
		TEST_ALONE(the_old_program_is_told_before_flows_are_copied),
		TEST_ALONE(flows_that_only_a_left_set_knows_are_brought_over),
		TEST_ALONE(of_two_translated_flows_with_one_port_the_later_one_has_it),
		TEST_ALONE(nothing_waits_for_flows_once_all_are_there),
		TEST_ALONE(tables_of_before_map_sets_are_refused_in_one_line),
	};

	return cmocka_run_group_tests_name("migrate", tests, require_root, drop_datapath);
}
