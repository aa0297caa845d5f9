/* SPDX-License-Identifier: BSD-2-Clause */
/* test_plan.c - the plan: complete, minimal, and safe to stop after any step. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/plan.h"

#define MOST 32

/* A datapath that only remembers; also what is wanted, which has the same form. */
struct world {
	struct service *services[MOST];
	struct plan_programmed programmed[MOST];
	size_t service_count;
	struct address vips[MOST];
	size_t vip_count;
};

static struct address vip_number(unsigned int number)
{
	return (struct address){ { [10] = 0xff, [11] = 0xff, 10, 0, 0, (uint8_t)number } };
}

/* Backend numbers stand for contents: services with different ones are not equal. */
static void add_service(struct world *world, unsigned int vip, uint16_t port, uint16_t contents)
{
	const struct service_key key = { vip_number(vip), port, PROTOCOL_TCP };
	struct service *service = service_create(&key, "default", "web", "", 1, 0);

	assert_non_null(service);
	service->backends[0] = (struct backend){ vip_number(200), contents, 1, BACKEND_READY };
	world->services[world->service_count] = service;
	world->programmed[world->service_count++] = (struct plan_programmed){ key, service };
}

static void add_vip(struct world *world, unsigned int vip)
{
	world->vips[world->vip_count++] = vip_number(vip);
}

static void world_finish(struct world *world)
{
	for (size_t i = 0; i < world->service_count; i++)
		service_unref(world->programmed[i].service);
	*world = (struct world){ 0 };
}

static struct plan *plan(const struct world *wanted, const struct world *there, bool prune)
{
	struct plan *made = NULL;

	assert_int_equal(plan_create(wanted->services, wanted->service_count, there->programmed,
				     there->service_count, there->vips, there->vip_count, prune,
				     &made, NULL),
			 0);
	return made;
}

static const char *describe(const struct plan *made)
{
	static const char *const verbs[] = { "set", "show", "hide", "remove" };
	static char text[2048];
	char key[SERVICE_KEY_TEXT_SIZE], vip[ADDRESS_TEXT_SIZE];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < made->step_count; i++) {
		const struct plan_step *step = &made->steps[i];
		bool is_vip = step->kind == PLAN_ADD_VIP || step->kind == PLAN_REMOVE_VIP;

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %s\n",
					 verbs[step->kind],
					 is_vip ? address_format(&step->vip, vip)
						: service_key_format(&step->key, key));
	}
	return text;
}

static void assert_plan(struct world *wanted, struct world *there, bool prune, const char *expected)
{
	struct plan *made = plan(wanted, there, prune);

	assert_string_equal(describe(made), expected);
	plan_destroy(made);
	world_finish(wanted);
	world_finish(there);
}

static void an_empty_datapath_gets_services_before_vips(void **state)
{
	struct world wanted = { 0 }, there = { 0 };

	(void)state;
	add_service(&wanted, 1, 80, 1);
	add_service(&wanted, 1, 443, 1);
	add_service(&wanted, 2, 80, 1);
	assert_plan(&wanted, &there, true,
		    "set 10.0.0.1:80/TCP\nset 10.0.0.1:443/TCP\nset 10.0.0.2:80/TCP\n"
		    "show 10.0.0.1\nshow 10.0.0.2\n");
}

static void what_is_right_already_needs_no_step(void **state)
{
	struct world wanted = { 0 }, there = { 0 };

	(void)state;
	add_service(&wanted, 1, 80, 1);
	add_service(&wanted, 2, 80, 1);
	add_service(&there, 1, 80, 1);
	add_service(&there, 2, 80, 1);
	add_vip(&there, 1);
	add_vip(&there, 2);
	assert_plan(&wanted, &there, true, "");
}

static void only_what_changed_is_set(void **state)
{
	struct world wanted = { 0 }, there = { 0 };

	(void)state;
	add_service(&wanted, 1, 80, 1);
	add_service(&wanted, 1, 443, 2);
	add_service(&there, 1, 80, 1);
	add_service(&there, 1, 443, 1);
	add_vip(&there, 1);
	assert_plan(&wanted, &there, true, "set 10.0.0.1:443/TCP\n");
}

static void an_adopted_service_is_set_whatever_it_holds(void **state)
{
	struct world wanted = { 0 }, there = { 0 };

	(void)state;
	add_service(&wanted, 1, 80, 1);
	add_service(&there, 1, 80, 1);
	service_unref(there.programmed[0].service);
	there.programmed[0].service = NULL;
	add_vip(&there, 1);
	assert_plan(&wanted, &there, true, "set 10.0.0.1:80/TCP\n");
}

static void vips_go_before_their_services(void **state)
{
	struct world wanted = { 0 }, there = { 0 };

	(void)state;
	add_service(&there, 1, 80, 1);
	add_service(&there, 1, 443, 1);
	add_vip(&there, 1);
	assert_plan(&wanted, &there, true,
		    "hide 10.0.0.1\nremove 10.0.0.1:80/TCP\nremove 10.0.0.1:443/TCP\n");
}

/* As datapath_open finds it: what it contains is not known. */
static void add_adopted(struct world *world, unsigned int vip, uint16_t port)
{
	add_service(world, vip, port, 1);
	service_unref(world->services[world->service_count - 1]);
	world->programmed[world->service_count - 1].service = NULL;
}

static void without_prune_nothing_adopted_is_removed(void **state)
{
	struct world wanted = { 0 }, there = { 0 };

	(void)state;
	add_service(&wanted, 2, 80, 1);
	add_adopted(&there, 1, 80);
	add_adopted(&there, 3, 80);
	add_vip(&there, 1);
	add_vip(&there, 3);
	add_vip(&there, 4);
	assert_plan(&wanted, &there, false, "set 10.0.0.2:80/TCP\nshow 10.0.0.2\n");
}

static void without_prune_what_this_agent_set_is_removed(void **state)
{
	struct world wanted = { 0 }, there = { 0 };

	(void)state;
	add_service(&there, 1, 80, 1);
	add_vip(&there, 1);
	assert_plan(&wanted, &there, false, "hide 10.0.0.1\nremove 10.0.0.1:80/TCP\n");
}

static void a_vip_of_an_adopted_service_stays_without_prune(void **state)
{
	struct world wanted = { 0 }, there = { 0 };

	(void)state;
	add_service(&there, 1, 80, 1);
	add_adopted(&there, 1, 443);
	add_vip(&there, 1);
	assert_plan(&wanted, &there, false, "remove 10.0.0.1:80/TCP\n");
}

static void a_vip_that_lost_one_of_two_services_stays(void **state)
{
	struct world wanted = { 0 }, there = { 0 };

	(void)state;
	add_service(&wanted, 1, 443, 1);
	add_service(&there, 1, 80, 1);
	add_service(&there, 1, 443, 1);
	add_vip(&there, 1);
	assert_plan(&wanted, &there, true, "remove 10.0.0.1:80/TCP\n");
}

static struct service *find(const struct world *world, const struct service_key *key)
{
	for (size_t i = 0; i < world->service_count; i++)
		if (service_key_compare(&world->programmed[i].key, key) == 0)
			return world->programmed[i].service;
	return NULL;
}

static bool shows(const struct world *world, const struct address *vip)
{
	for (size_t i = 0; i < world->vip_count; i++)
		if (address_compare(&world->vips[i], vip) == 0)
			return true;
	return false;
}

static void drop_service(struct world *world, const struct service_key *key)
{
	for (size_t i = 0; i < world->service_count; i++)
		if (service_key_compare(&world->programmed[i].key, key) == 0) {
			service_unref(world->programmed[i].service);
			world->programmed[i] = world->programmed[--world->service_count];
			return;
		}
	fail_msg("removed a service that is not there");
}

static void drop_vip(struct world *world, const struct address *vip)
{
	for (size_t i = 0; i < world->vip_count; i++)
		if (address_compare(&world->vips[i], vip) == 0) {
			world->vips[i] = world->vips[--world->vip_count];
			return;
		}
	fail_msg("removed a VIP that is not there");
}

static void apply(struct world *world, const struct plan_step *step)
{
	switch (step->kind) {
	case PLAN_SET_SERVICE:
		if (find(world, &step->key))
			drop_service(world, &step->key);
		world->programmed[world->service_count++] =
			(struct plan_programmed){ step->key, service_ref(step->service) };
		break;
	case PLAN_ADD_VIP:
		assert_false(shows(world, &step->vip));
		world->vips[world->vip_count++] = step->vip;
		break;
	case PLAN_REMOVE_VIP:
		drop_vip(world, &step->vip);
		break;
	case PLAN_REMOVE_SERVICE:
		drop_service(world, &step->key);
		break;
	}
}

/*
 * What must be true after any prefix: a service that was programmed and is wanted is
 * there, with its old or its new contents; a VIP that is shown now and was not
 * before has all its wanted services as wanted; a VIP that served before and is
 * wanted is shown all the time.
 */
static void assert_safe(const struct world *now, const struct world *wanted,
			const struct world *before)
{
	for (size_t i = 0; i < wanted->service_count; i++) {
		const struct service *service = wanted->services[i];
		const struct service *held = find(now, &service->key);
		const struct service *old = find(before, &service->key);

		if (old)
			assert_true(held &&
				    (service_equal(held, old) || service_equal(held, service)));
		if (shows(before, &service->key.vip))
			assert_true(shows(now, &service->key.vip));
		else if (shows(now, &service->key.vip))
			assert_true(held && service_equal(held, service));
	}
}

/* At random; a VIP is there for each service, and one sometimes for none. */
static void randomise(struct world *world)
{
	for (unsigned int vip = 1; vip <= 4; vip++) {
		size_t before = world->service_count;

		for (uint16_t port = 80; port < 84; port++)
			if (rand() % 3 == 0)
				add_service(world, vip, port, (uint16_t)(1 + rand() % 2));
		if (world->service_count > before || rand() % 4 == 0)
			add_vip(world, vip);
	}
}

static void assert_reached(const struct world *now, const struct world *wanted)
{
	assert_int_equal(now->service_count, wanted->service_count);
	for (size_t i = 0; i < wanted->service_count; i++) {
		const struct service *held = find(now, &wanted->services[i]->key);

		assert_true(held && service_equal(held, wanted->services[i]));
		assert_true(shows(now, &wanted->services[i]->key.vip));
	}
	for (size_t i = 0; i < now->vip_count; i++) {
		bool is_wanted = false;

		for (size_t s = 0; s < wanted->service_count; s++)
			is_wanted |=
				address_compare(&wanted->services[s]->key.vip, &now->vips[i]) == 0;
		assert_true(is_wanted);
	}
}

static void every_prefix_of_a_plan_is_safe_and_the_whole_reaches_the_aim(void **state)
{
	(void)state;
	srand(1);
	for (size_t round = 0; round < 2000; round++) {
		struct world wanted = { 0 }, before = { 0 }, now = { 0 };
		struct plan *made;

		randomise(&wanted);
		randomise(&before);
		now = before;
		for (size_t i = 0; i < now.service_count; i++)
			(void)service_ref(now.programmed[i].service);
		made = plan(&wanted, &before, true);
		for (size_t i = 0; i < made->step_count; i++) {
			apply(&now, &made->steps[i]);
			assert_safe(&now, &wanted, &before);
		}
		assert_reached(&now, &wanted);
		plan_destroy(made);
		world_finish(&wanted);
		world_finish(&before);
		world_finish(&now);
	}
	plan_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_datapath_gets_services_before_vips),
		cmocka_unit_test(what_is_right_already_needs_no_step),
		cmocka_unit_test(only_what_changed_is_set),
		cmocka_unit_test(an_adopted_service_is_set_whatever_it_holds),
		cmocka_unit_test(vips_go_before_their_services),
		cmocka_unit_test(without_prune_nothing_adopted_is_removed),
		cmocka_unit_test(without_prune_what_this_agent_set_is_removed),
		cmocka_unit_test(a_vip_of_an_adopted_service_stays_without_prune),
		cmocka_unit_test(a_vip_that_lost_one_of_two_services_stays),
		cmocka_unit_test(every_prefix_of_a_plan_is_safe_and_the_whole_reaches_the_aim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
