/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_model_order.c - a set of objects gives the same services in whatever order it
 * comes, with other objects coming and going in between. Names, addresses, ports and
 * labels are from small sets, so that clashes, shared VIPs and duplicates abound.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "model/maglev.h"
#include "model/table_digest.h"
#include "model_fixture.h"

#define SET_SIZE 60
#define ROUNDS 300
#define DISTURBANCES 40

static void set_random_policies(struct object *object, unsigned int *random)
{
	static const char *const ranges[] = { "10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24",
					      "2001:db8::/32" };
	struct service_object *service = &object->service;

	service->forwarding_mode = (enum forwarding_mode)(rand_r(random) % 6);
	service->session_affinity = (enum session_affinity)(rand_r(random) % 2);
	service->affinity_timeout_s = 1 + (uint32_t)rand_r(random) % 2;
	service->flows_per_second = (uint32_t)rand_r(random) % 2;
	for (unsigned int i = rand_r(random) % 4; i > 0; i--)
		restrict_to(object, ranges[rand_r(random) % 4]);
	if (rand_r(random) % 4 == 0)
		request(object, "2001:db8::1");
}

/* The same seed gives the same object, whenever it is asked for. */
static struct object *random_object(unsigned int seed)
{
	static const char *const services[] = { "a", "b", "c", "d", "e" };
	static const char *const labels[] = { "web", "api" };
	unsigned int random = seed;
	char name[32], text[ADDRESS_TEXT_SIZE];
	struct object *object;

	(void)snprintf(name, sizeof(name), "o%u", rand_r(&random) % 12);
	(void)snprintf(text, sizeof(text), "10.1.0.%u", 1 + rand_r(&random) % 6);
	switch (rand_r(&random) % 3) {
	case 0:
		object = simple_service(services[rand_r(&random) % 5], VIP,
					(uint16_t)(80 + rand_r(&random) % 3));
		object->creation_time_s = rand_r(&random) % 3;
		add_label(object, &object->service.selector, "app", labels[rand_r(&random) % 2]);
		if (rand_r(&random) % 2)
			request(object, "10.0.0.2");
		set_random_policies(object, &random);
		break;
	case 1:
		object = build_slice(name, services[rand_r(&random) % 5]);
		object->endpoints.change_time_ns = rand_r(&random) % 3;
		for (unsigned int i = rand_r(&random) % 4; i > 0; i--) {
			struct endpoint *endpoint = add_endpoint(object, text);

			endpoint->target_uid = rand_r(&random) % 2 ? "pod-1" : NULL;
			endpoint->ready = rand_r(&random) % 2;
			endpoint->terminating = rand_r(&random) % 2;
			(void)snprintf(text, sizeof(text), "10.1.0.%u", 1 + rand_r(&random) % 6);
		}
		((struct endpoint_group *)object->endpoints.groups)->weight = rand_r(&random) % 3;
		break;
	default:
		object = build_pod(name, text);
		object->pod.ready = rand_r(&random) % 4 != 0;
		((struct label *)object->labels.items)->value = labels[rand_r(&random) % 2];
	}
	return object;
}

static bool is_same_object(unsigned int seed, unsigned int other_seed)
{
	struct object *a = random_object(seed), *b = random_object(other_seed);
	bool same = a->kind == b->kind && strcmp(a->name, b->name) == 0;

	object_destroy(a);
	object_destroy(b);
	return same;
}

/* Seeds of objects of different names, so that the last one set is no matter of order. */
static size_t choose_seeds(unsigned int *seeds, unsigned int *random)
{
	size_t count = 0;

	for (size_t tries = 0; tries < SET_SIZE; tries++) {
		bool is_new = true;

		seeds[count] = (unsigned int)rand_r(random);
		for (size_t i = 0; i < count; i++)
			is_new = is_new && !is_same_object(seeds[i], seeds[count]);
		count += is_new;
	}
	return count;
}

/* Something comes or goes that is not of the set, or will be set again later. */
static void disturb(struct model *model, unsigned int *random)
{
	struct object *object = random_object((unsigned int)rand_r(random));

	if (rand_r(random) % 2)
		set(model, object);
	else {
		model_remove_object(model, object->kind, object->namespace, object->name);
		object_destroy(object);
	}
	if (rand_r(random) % 3 == 0)
		(void)update(model);
}

/* What random_object can name. */
struct nameable {
	enum object_kind kind;
	char name[32];
};

#define NAMEABLE_COUNT (5 + 2 * 12)

static void list_nameable(struct nameable *all)
{
	for (char service = 'a'; service <= 'e'; service++) {
		all->kind = OBJECT_SERVICE;
		(void)snprintf(all++->name, sizeof(all->name), "%c", service);
	}
	for (unsigned int i = 0; i < 2 * 12; i++) {
		all->kind = i < 12 ? OBJECT_ENDPOINT_SLICE : OBJECT_POD;
		(void)snprintf(all++->name, sizeof(all->name), "o%u", i % 12);
	}
}

/* The set's object of that kind and name; NULL when it has none. */
static struct object *object_named(const struct nameable *nameable, const unsigned int *seeds,
				   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct object *object = random_object(seeds[i]);

		if (object->kind == nameable->kind && strcmp(object->name, nameable->name) == 0)
			return object;
		object_destroy(object);
	}
	return NULL;
}

/* Sets what is of the set and removes the rest, in any order, with updates in between. */
static void settle(struct model *model, const unsigned int *seeds, size_t count,
		   unsigned int *random)
{
	struct nameable all[NAMEABLE_COUNT];

	list_nameable(all);
	for (size_t left = NAMEABLE_COUNT; left > 0; left--) {
		size_t chosen = (size_t)rand_r(random) % left;
		struct object *object = object_named(&all[chosen], seeds, count);

		if (object)
			set(model, object);
		else
			model_remove_object(model, all[chosen].kind, "default", all[chosen].name);
		if (rand_r(random) % 3 == 0)
			(void)update(model);
		all[chosen] = all[left - 1];
	}
}

static uint64_t digest_of(const struct service *service)
{
	uint32_t count = 0, *owners;
	size_t weighted = 0;
	uint64_t digest;

	for (size_t i = 0; i < service->backend_count; i++)
		weighted += service->backends[i].weight > 0;
	count = maglev_slot_count(weighted);
	owners = calloc(count + 1, sizeof(*owners));
	assert_non_null(owners);
	if (count)
		assert_int_equal(
			maglev_fill(service->backends, service->backend_count, owners, count, NULL),
			0);
	digest = table_digest(service, owners, count);
	free(owners);
	return digest;
}

/* Of all tables, as gateways show it. */
static uint64_t digest_of_all(const struct model *model)
{
	size_t count;
	struct service *const *services = model_services(model, &count);
	uint64_t *digests = calloc(count + 1, sizeof(*digests)), digest;

	assert_non_null(digests);
	for (size_t i = 0; i < count; i++)
		digests[i] = digest_of(services[i]);
	digest = table_digest_join(digests, count);
	free(digests);
	return digest;
}

static void the_order_of_arrival_does_not_matter(void **state)
{
	struct fixture *fixture = *state;
	unsigned int seed = (unsigned int)time(NULL), random = seed;
	static char expected[DUMP_SIZE];
	size_t served = 0;
	uint64_t digest;

	print_message("# seed %u\n", seed);
	for (size_t round = 0; round < ROUNDS; round++) {
		unsigned int seeds[SET_SIZE];
		size_t count = choose_seeds(seeds, &random);

		create_model(fixture, NULL, true);
		for (size_t i = 0; i < count; i++)
			set(fixture->model, random_object(seeds[i]));
		(void)update(fixture->model);
		(void)strcpy(expected, services_text(fixture->model));
		digest = digest_of_all(fixture->model);
		served += strlen(expected) > 0;

		create_model(fixture, NULL, true);
		for (size_t i = 0; i < DISTURBANCES; i++)
			disturb(fixture->model, &random);
		settle(fixture->model, seeds, count, &random);
		assert_services(fixture->model, expected);
		assert_true(digest_of_all(fixture->model) == digest);
	}
	assert_true(served > ROUNDS / 2); /* else the test would prove nothing */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_order_of_arrival_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
