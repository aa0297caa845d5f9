/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tables.h - a datapath with real maps in a network namespace of its own, and its dump.
 * Include after cmocka.h.
 */
#ifndef TESTS_BPF_TABLES_H
#define TESTS_BPF_TABLES_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/datapath.h"
#include "lib/error.h"

/* Few, so that what is not given back is soon missed. */
#define SLOTS 8192
#define SOURCE_RANGE_ROOM 2000 /* of each service that is made */

static char pin_dir[64];
static const struct interface interfaces[] = {
	{ .name = "lo", .ifindex = 1, .devices = { { .ifindex = 1 } }, .device_count = 1 },
};

static inline struct datapath_settings default_settings(void)
{
	return (struct datapath_settings){
		.pin_dir = pin_dir,
		.interfaces = interfaces,
		.interface_count = 1,
		.snat_port_first = 1024,
		.snat_port_last = 32767,
		.flow_max = 1 << 14,
		.tcp_idle_s = 900,
		.udp_idle_s = 60,
		.slot_max = SLOTS,
		.hash_key = { 1, 2, 3 },
	};
}

static inline struct datapath *open_with(const struct datapath_settings *settings)
{
	struct datapath *datapath = NULL;
	struct error error = { 0 };

	if (datapath_open(settings, &datapath, &error) < 0)
		fail_msg("%s", error.text);
	return datapath;
}

static inline struct datapath *open_datapath(void)
{
	const struct datapath_settings settings = default_settings();

	return open_with(&settings);
}

/* A datapath that the next open finds: its program is attached. */
static inline struct datapath *attach_datapath(void)
{
	struct datapath *datapath = open_datapath();
	struct error error = { 0 };

	if (datapath_attach(datapath, &error) < 0)
		fail_msg("%s", error.text);
	return datapath;
}

static inline int require_root(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	/* Interface lo of a network namespace of our own. */
	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	(void)snprintf(pin_dir, sizeof(pin_dir), "/sys/fs/bpf/guideway-test-%d-tables", getpid());
	return 0;
}

static inline int remove_pins(void **state)
{
	(void)state;
	if (geteuid() == 0)
		(void)datapath_remove(pin_dir, NULL);
	return 0;
}

static inline void skip_without_root(void)
{
	if (geteuid() == 0)
		return;
	print_message("# skip: needs root to load programs\n");
	skip();
}

static inline struct address address(const char *text)
{
	struct address ret;

	assert_int_equal(address_parse(text, &ret, NULL), 0);
	return ret;
}

static inline struct service *make_service(const char *vip, const char *const *backends,
					   size_t count)
{
	struct service_key key = { .vip = address(vip), .port = 80, .protocol = PROTOCOL_TCP };
	struct service *service =
		service_create(&key, "default", "web", "", count, SOURCE_RANGE_ROOM);

	assert_non_null(service);
	service->mode = FORWARDING_MODE_SNAT;
	service->source_range_count = 0;
	for (size_t i = 0; i < count; i++)
		service->backends[i] =
			(struct backend){ address(backends[i]), 8080, 1, BACKEND_READY };
	return service;
}

/* Takes service. */
static inline void set_service(struct datapath *datapath, struct service *service)
{
	struct error error = { 0 };

	if (datapath_set_service(datapath, service, &error) < 0)
		fail_msg("%s", error.text);
	service_unref(service);
}

static inline void set(struct datapath *datapath, const char *vip, const char *const *backends,
		       size_t count)
{
	set_service(datapath, make_service(vip, backends, count));
}

static inline char *dump(struct datapath *datapath)
{
	char *text = NULL;

	assert_int_equal(datapath_dump(datapath, &text, NULL), 0);
	return text;
}

static inline void assert_dump_has(struct datapath *datapath, const char *wanted)
{
	char *text = dump(datapath);

	if (!strstr(text, wanted))
		fail_msg("no '%s' in:\n%s", wanted, text);
	free(text);
}

static inline void assert_dump_is(struct datapath *datapath, const char *wanted)
{
	char *text = dump(datapath);

	assert_string_equal(text, wanted);
	free(text);
}

/*
 * Starting takes seconds. So the datapath stays for the next test, attached, and each test gives
 * it back as it has found it: empty. One that fails before takes the datapath with it.
 */
static struct datapath *kept_datapath;
static bool is_taken;

static inline struct datapath *take_datapath(void)
{
	skip_without_root();
	is_taken = true;
	if (!kept_datapath)
		kept_datapath = attach_datapath();
	return kept_datapath;
}

/* What an agent that is started again makes of the one that was taken. */
static inline struct datapath *restart_datapath(void)
{
	datapath_close(kept_datapath);
	kept_datapath = NULL;
	kept_datapath = attach_datapath();
	return kept_datapath;
}

static inline void remove_everything(struct datapath *datapath)
{
	const struct service_key *keys;
	const struct address *vips;

	while (datapath_services(datapath, &keys) > 0) {
		const struct service_key key = keys[0];

		assert_int_equal(datapath_remove_service(datapath, &key, NULL), 0);
	}
	while (datapath_vips(datapath, &vips) > 0) {
		const struct address vip = vips[0];

		assert_int_equal(datapath_remove_vip(datapath, &vip, NULL), 0);
	}
	assert_int_equal(datapath_set_own_addresses(datapath, NULL, 0, NULL), 0);
}

/* The end of a test: what it has set can be removed, and nothing is left then. */
static inline void give_back(struct datapath *datapath)
{
	remove_everything(datapath);
	assert_dump_is(datapath, "");
	is_taken = false;
}

/* The next test gets a new one: after tests whose traces cannot be removed. */
static inline int drop_datapath(void **state)
{
	datapath_close(kept_datapath);
	kept_datapath = NULL;
	is_taken = false;
	return remove_pins(state);
}

static inline int drop_datapath_of_a_failed_test(void **state)
{
	return is_taken ? drop_datapath(state) : 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, drop_datapath_of_a_failed_test)
/* One that starts datapaths itself. */
#define TEST_ALONE(name) cmocka_unit_test_setup_teardown(name, drop_datapath, drop_datapath)

static const char *const three[] = { "10.0.0.1", "10.0.0.2", "10.0.0.3" };

#endif
