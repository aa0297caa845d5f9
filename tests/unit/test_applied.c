/* SPDX-License-Identifier: BSD-2-Clause */
/* test_applied.c - the services as they were last programmed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "agent/applied.h"

static struct service_key key(const char *vip, uint16_t port)
{
	struct service_key ret = { .port = port, .protocol = PROTOCOL_TCP };

	assert_int_equal(address_parse(vip, &ret.vip, NULL), 0);
	return ret;
}

/* Only applied holds a reference afterwards. */
static struct service *set(struct applied *applied, const char *vip, uint16_t port)
{
	const struct service_key at = key(vip, port);
	struct service *service = service_create(&at, "default", "web", "", 0, 0);

	assert_non_null(service);
	assert_int_equal(applied_set(applied, service), 0);
	service_unref(service);
	return service;
}

static void what_was_set_is_found_whatever_the_order(void **state)
{
	struct applied applied = { 0 };
	struct service *last = set(&applied, "192.0.2.9", 80);
	struct service *first = set(&applied, "192.0.2.1", 80);
	struct service *second = set(&applied, "192.0.2.1", 443);

	(void)state;
	assert_ptr_equal(applied_find(&applied, &last->key), last);
	assert_ptr_equal(applied_find(&applied, &first->key), first);
	assert_ptr_equal(applied_find(&applied, &second->key), second);
	applied_finish(&applied);
}

static void what_is_set_again_replaces_the_old_one(void **state)
{
	struct applied applied = { 0 };
	struct service_key at = key("192.0.2.1", 80);
	struct service *newer;

	(void)state;
	set(&applied, "192.0.2.1", 80);
	newer = set(&applied, "192.0.2.1", 80);
	assert_int_equal(applied.count, 1);
	assert_ptr_equal(applied_find(&applied, &at), newer);
	assert_int_equal(applied_set(&applied, newer), 0);
	assert_ptr_equal(applied_find(&applied, &at), newer);
	applied_finish(&applied);
}

static void what_was_removed_is_not_found(void **state)
{
	struct applied applied = { 0 };
	struct service_key gone = key("192.0.2.1", 80), other = key("192.0.2.2", 80);

	(void)state;
	set(&applied, "192.0.2.1", 80);
	set(&applied, "192.0.2.3", 80);
	applied_remove(&applied, &gone);
	applied_remove(&applied, &other);
	assert_null(applied_find(&applied, &gone));
	assert_int_equal(applied.count, 1);
	applied_finish(&applied);
}

static void a_vip_is_known_while_any_of_its_services_is(void **state)
{
	struct applied applied = { 0 };
	struct service_key a = key("192.0.2.2", 80), b = key("192.0.2.2", 443);

	(void)state;
	set(&applied, "192.0.2.1", 80);
	set(&applied, "192.0.2.2", 80);
	set(&applied, "192.0.2.2", 443);
	applied_remove(&applied, &a);
	assert_true(applied_has_vip(&applied, &b.vip));
	applied_remove(&applied, &b);
	assert_false(applied_has_vip(&applied, &b.vip));
	applied_finish(&applied);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_set_is_found_whatever_the_order),
		cmocka_unit_test(what_is_set_again_replaces_the_old_one),
		cmocka_unit_test(what_was_removed_is_not_found),
		cmocka_unit_test(a_vip_is_known_while_any_of_its_services_is),
	};

	return cmocka_run_group_tests_name("applied", tests, NULL, NULL);
}
