/* SPDX-License-Identifier: BSD-2-Clause */
/* test_watched.c - the addresses of backends, while services come, change and go. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/watched.h"
#include "model/service.h"

#define SERVICES_MAX 40
#define ADDRESSES 50

static struct service *make(unsigned int vip, const unsigned int *backends, size_t count)
{
	struct service_key key = { .port = 80, .protocol = PROTOCOL_TCP };
	struct service *service;

	memset(key.vip.bytes, 1, sizeof(key.vip.bytes));
	key.vip.bytes[15] = (uint8_t)vip;
	service = service_create(&key, "default", "web", "", count, 0);
	assert_non_null(service);
	for (size_t i = 0; i < count; i++) {
		memset(&service->backends[i], 0, sizeof(service->backends[i]));
		service->backends[i].address.bytes[15] = (uint8_t)backends[i];
	}
	return service;
}

/* As "1*2 5*1 -7": address 1 twice, 5 once, and 7 left. */
static const char *follow(struct watched_list *list, struct service **services, size_t count,
			  uint64_t now_ms)
{
	static char text[4096];
	struct address *left = NULL;
	size_t left_count = 0, length = 0;
	bool changed = false;
	size_t before = list->count;

	assert_int_equal(
		watched_follow(list, services, count, now_ms, &changed, &left, &left_count), 0);
	text[0] = '\0';
	for (size_t i = 0; i < list->count; i++)
		length += (size_t)sprintf(text + length, "%u*%u ", list->items[i].address.bytes[15],
					  list->items[i].references);
	for (size_t i = 0; i < left_count; i++)
		length += (size_t)sprintf(text + length, "-%u ", left[i].bytes[15]);
	if (left_count || list->count != before)
		assert_true(changed);
	free(left);
	return text;
}

static void addresses_are_counted_and_leave_with_the_last_backend(void **state)
{
	const unsigned int one[] = { 3, 1 }, two[] = { 3, 5 }, three[] = { 1 };
	struct service *a = make(1, one, 2), *b = make(2, two, 2), *c = make(1, three, 1);
	struct watched_list list = { 0 };

	(void)state;
	assert_string_equal(follow(&list, (struct service *[]){ a, b }, 2, 7), "1*1 3*2 5*1 ");
	assert_string_equal(follow(&list, (struct service *[]){ a, b }, 2, 8), "1*1 3*2 5*1 ");
	list.items[0].is_programmed = true;
	assert_string_equal(follow(&list, (struct service *[]){ c, b }, 2, 9), "1*1 3*1 5*1 ");
	assert_true(list.items[0].is_programmed);
	assert_int_equal(list.items[0].since_ms, 7);
	assert_string_equal(follow(&list, (struct service *[]){ c }, 1, 9), "1*1 -3 -5 ");
	assert_non_null(watched_find(&list, &c->backends[0].address));
	assert_null(watched_find(&list, &b->backends[1].address));
	assert_string_equal(follow(&list, NULL, 0, 9), "-1 ");
	assert_null(watched_find(&list, &c->backends[0].address));
	watched_finish(&list);
	assert_int_equal(a->references, 1);
	service_unref(a);
	service_unref(b);
	service_unref(c);
}

/* A service at a place, by chance, or none. */
static void change(struct service **slots, unsigned int vip)
{
	unsigned int backends[8];
	size_t count = (size_t)rand() % 8;

	service_unref(slots[vip]);
	slots[vip] = NULL;
	if (rand() % 4 == 0)
		return;
	for (size_t i = 0; i < count; i++)
		backends[i] = (unsigned int)rand() % ADDRESSES;
	slots[vip] = make(vip, backends, count);
}

static void it_is_the_same_as_counting_anew(void **state)
{
	struct service *slots[SERVICES_MAX] = { 0 }, *services[SERVICES_MAX];
	struct watched_list list = { 0 };

	(void)state;
	srand(4711);
	for (int step = 0; step < 2000; step++) {
		struct watched_list anew = { 0 };
		char expected[4096];
		size_t count = 0;
		char *behind;

		for (int i = rand() % 3; i >= 0; i--)
			change(slots, (unsigned int)rand() % SERVICES_MAX);
		for (size_t i = 0; i < SERVICES_MAX; i++)
			if (slots[i])
				services[count++] = slots[i];
		strcpy(expected, follow(&anew, services, count, 0));
		behind = strstr(follow(&list, services, count, 0), expected);
		assert_true(!*expected || behind != NULL);
		watched_finish(&anew);
	}
	watched_finish(&list);
	for (size_t i = 0; i < SERVICES_MAX; i++)
		service_unref(slots[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_counted_and_leave_with_the_last_backend),
		cmocka_unit_test(it_is_the_same_as_counting_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
