// SPDX-License-Identifier: BSD-2-Clause
/* test_affinity.c - all flows of a client to one backend, as long as it speaks and that lives. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "modes.h"
#include "quotation.h"

enum {
	TIMEOUT_S = 600,
	OTHER_BACKEND = 9, /* of the same service */
	CLIENTS = 16,
};

static uint32_t service_of(const struct mode *mode)
{
	return mode_service(mode, IPPROTO_UDP);
}

static void set_other_backend(const struct mode *mode, uint32_t service)
{
	const struct gw_backend backend = {
		.address = address(mode->has_ip6_backend ? "fd00:1::2" : "10.1.0.2"),
		.port = htons(8080),
		.flags = mode->has_ip6_backend ? 0 : GW_BACKEND_IPV4,
		.service = service,
		.next_hop = mode_next_hop(mode),
	};
	uint32_t index = OTHER_BACKEND;

	map_set(world->maps.backends, &index, &backend);
}

/* As the agent has it with affinity: all slots are tracked. */
static void set_owners(uint32_t service, uint32_t backend)
{
	set_slots(service, backend | GW_SLOT_TRACK);
}

/* UDP, with two backends that take turns in the table, and ports enough. */
static void open_affine(const struct mode *mode)
{
	struct gw_service service = service_in_mode(service_of(mode), mode->mode);
	struct gw_config config = world_config();

	config.nat_port_count = 64;
	world_open_with(config, LRU_ENTRIES);
	frame_case = mode->name;
	set_mode_service(mode, IPPROTO_UDP);
	set_other_backend(mode, service.id);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		set_slot(service.id * SLOTS + slot,
			 (slot % 2 ? OTHER_BACKEND : service.id) | GW_SLOT_TRACK);
	service.flags = GW_SERVICE_AFFINITY;
	service.affinity_timeout_s = TIMEOUT_S;
	set_service(mode->is_ip6 ? VIP6 : VIP4, IPPROTO_UDP, 53, &service);
}

/* The backend that gets the client's packet. */
static uint32_t backend_for(const struct mode *mode, const char *client, uint16_t port)
{
	uint64_t before = traffic_of(OTHER_BACKEND).packets;
	struct packet_spec spec = mode_request(mode, IPPROTO_UDP);

	spec.src = client;
	spec.src_port = port;
	(void)run(&spec, GW_FORWARDED, XDP_REDIRECT);
	return traffic_of(OTHER_BACKEND).packets > before ? OTHER_BACKEND : service_of(mode);
}

static const char *client(const struct mode *mode, unsigned int number)
{
	static char text[32];

	snprintf(text, sizeof(text), mode->is_ip6 ? "2001:db8:2::%u" : "198.51.100.%u", number + 1);
	return text;
}

static uint32_t slot_owner(const struct mode *mode, const char *text)
{
	const struct gw_config config = world_config();
	const struct gw_addr addr = address(text);
	uint64_t hash = gw_client_hash(config.hash_key, &addr, mode->is_ip6);

	return gw_hash_slot(hash, SLOTS) % 2 ? OTHER_BACKEND : service_of(mode);
}

static void all_flows_of_a_client_go_to_its_slots_backend(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		unsigned int to_other = 0;

		open_affine(mode);
		for (unsigned int i = 0; i < CLIENTS; i++) {
			uint32_t owner = slot_owner(mode, client(mode, i));

			to_other += owner == OTHER_BACKEND;
			for (uint16_t port = 1000; port < 1003; port++)
				assert_int_equal(backend_for(mode, client(mode, i), port), owner);
		}
		assert_in_range(to_other, 1, CLIENTS - 1);
	}
}

static void a_known_client_stays_when_the_table_changes(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		uint32_t had[CLIENTS];

		open_affine(mode);
		for (unsigned int i = 0; i < CLIENTS; i++)
			had[i] = backend_for(mode, client(mode, i), 1000);
		set_owners(service_of(mode), OTHER_BACKEND);
		for (unsigned int i = 0; i < CLIENTS; i++)
			assert_int_equal(backend_for(mode, client(mode, i), 1001), had[i]);
		for (unsigned int i = CLIENTS; i < CLIENTS + 8; i++)
			assert_int_equal(backend_for(mode, client(mode, i), 1000), OTHER_BACKEND);
	}
}

/* It left, or its number is another service's by now. */
static void a_client_of_a_backend_that_left_goes_where_its_slot_says(void **state)
{
	static const uint32_t services[] = { 0, 42 };

	(void)state;
	for_each_mode(mode) for (size_t i = 0; i < 2; i++)
	{
		uint32_t id = service_of(mode);

		open_affine(mode);
		set_owners(id, OTHER_BACKEND);
		assert_int_equal(backend_for(mode, client(mode, 0), 1000), OTHER_BACKEND);
		set_owners(id, id);
		assert_int_equal(backend_for(mode, client(mode, 0), 1000), OTHER_BACKEND);
		set_other_backend(mode, services[i]);
		assert_int_equal(backend_for(mode, client(mode, 0), 1000), id);
		/* And stays there when the other comes back. */
		set_other_backend(mode, id);
		set_owners(id, OTHER_BACKEND);
		assert_int_equal(backend_for(mode, client(mode, 0), 1000), id);
	}
}

static struct gw_affinity known(const char *text, uint32_t service)
{
	const struct gw_affinity_key key = { address(text), service };
	struct gw_affinity affinity;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(world->maps.affinities), &key, &affinity),
			 0);
	return affinity;
}

static void grow_old(const char *text, uint32_t service, uint32_t seconds)
{
	const struct gw_affinity_key key = { address(text), service };
	struct gw_affinity affinity = known(text, service);

	affinity.seen -= seconds;
	map_set(world->maps.affinities, &key, &affinity);
}

static void a_client_is_forgotten_when_it_was_silent_for_the_timeout(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		uint32_t id = service_of(mode);
		const char *text = client(mode, 0);

		open_affine(mode);
		set_owners(id, OTHER_BACKEND);
		assert_int_equal(backend_for(mode, text, 1000), OTHER_BACKEND);
		set_owners(id, id);
		grow_old(text, id, TIMEOUT_S - 2);
		assert_int_equal(backend_for(mode, text, 1001), OTHER_BACKEND);
		grow_old(text, id, TIMEOUT_S - 2); /* it has spoken meanwhile */
		assert_int_equal(backend_for(mode, text, 1002), OTHER_BACKEND);
		grow_old(text, id, TIMEOUT_S + 1);
		assert_int_equal(backend_for(mode, text, 1003), id);
		assert_int_equal(known(text, id).backend, id);
	}
}

static void services_know_their_clients_apart(void **state)
{
	struct gw_service service = service_in_mode(SERVICE_TCP4, GW_MODE_L2);
	struct packet_spec spec = request4(IPPROTO_TCP);

	(void)state;
	open_affine(&modes[4]);
	service.flags = GW_SERVICE_AFFINITY;
	service.affinity_timeout_s = TIMEOUT_S;
	set_service(VIP4, IPPROTO_TCP, 80, &service);
	set_owners(SERVICE_UDP4, OTHER_BACKEND);
	set_owners(SERVICE_TCP4, SERVICE_TCP4);
	assert_int_equal(backend_for(&modes[4], CLIENT4, 1000), OTHER_BACKEND);
	spec.tcp_flags = ACK;
	(void)run(&spec, GW_FORWARDED, XDP_REDIRECT);
	assert_int_equal(known(CLIENT4, SERVICE_UDP4).backend, OTHER_BACKEND);
	assert_int_equal(known(CLIENT4, SERVICE_TCP4).backend, SERVICE_TCP4);
}

static void an_error_goes_to_the_backend_that_the_client_has(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec request = mode_request(mode, IPPROTO_UDP), answer = request;
		struct packet_spec error = request;
		struct frame quoted, in;

		open_affine(mode);
		set_owners(service_of(mode), OTHER_BACKEND);
		(void)run(&request, GW_FORWARDED, XDP_REDIRECT);
		set_owners(service_of(mode), service_of(mode));
		error.src = mode->is_ip6 ? "2001:db8:5::5" : "203.0.113.5";
		error.icmp_type = mode->is_ip6 ? 1 : 3;
		answer.src = request.dst;
		answer.dst = request.src;
		answer.src_port = request.dst_port;
		answer.dst_port = request.src_port;
		quoted = frame_build(&answer);
		in = error_about(&error, &quoted, quote_bytes(&answer, 8));
		(void)run_frame(&in, GW_ICMP_FORWARDED, XDP_REDIRECT);
		assert_int_equal(traffic_of(OTHER_BACKEND).packets, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_flows_of_a_client_go_to_its_slots_backend),
		cmocka_unit_test(a_known_client_stays_when_the_table_changes),
		cmocka_unit_test(a_client_of_a_backend_that_left_goes_where_its_slot_says),
		cmocka_unit_test(a_client_is_forgotten_when_it_was_silent_for_the_timeout),
		cmocka_unit_test(services_know_their_clients_apart),
		cmocka_unit_test(an_error_goes_to_the_backend_that_the_client_has),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}
