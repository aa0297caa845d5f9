// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_counters.c - what a packet adds to the counters of its service and backend. That it adds
 * to one verdict, once and with all its bytes, run.h sees to with every packet of every test.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fragments.h"
#include "quotation.h"

static uint64_t drops_of(uint32_t service)
{
	uint64_t per_cpu[CPU_MAX] = {}, sum = 0;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(world->maps.service_drops), &service, per_cpu), 0);
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		sum += per_cpu[cpu];
	return sum;
}

static uint64_t all_drops(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < bpf_map__max_entries(world->maps.service_drops); i++)
		sum += drops_of(i);
	return sum;
}

static uint64_t all_packets(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < bpf_map__max_entries(world->maps.backend_traffic); i++)
		sum += traffic_of(i).packets;
	return sum;
}

static void requests_are_counted_by_backend_in_every_mode(void **state)
{
	(void)state;
	for_each_mode(mode) for (int i = 0; i < 4; i++)
	{
		uint8_t protocol = i % 2 ? IPPROTO_TCP : IPPROTO_UDP;
		struct packet_spec spec = mode_request(mode, protocol);
		struct gw_traffic traffic;
		uint64_t bytes;

		mode_open(mode);
		spec.padding_bytes = 3;
		spec.option_bytes = i > 1 ? 4 : 0; /* not the plain way */
		bytes = frame_build(&spec).size;
		for (int packets = 0; packets < 3; packets++) {
			(void)run(&spec, GW_FORWARDED, XDP_REDIRECT);
			spec.tcp_flags = ACK;
		}
		traffic = traffic_of(mode_service(mode, protocol));
		assert_int_equal(traffic.packets, 3);
		assert_int_equal(traffic.bytes, 3 * bytes);
		assert_int_equal(traffic.flows,
				 protocol == IPPROTO_TCP || mode->mode == GW_MODE_SNAT);
		assert_int_equal(traffic.reply_packets, 0);
		assert_int_equal(all_packets(), 3);
		assert_int_equal(all_drops(), 0);
	}
}

static void fragments_and_errors_are_counted_and_are_no_flows(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec spec = mode_request(mode, IPPROTO_UDP), error = spec;
		struct packet_spec answer = spec;
		struct frame quoted, in;

		mode_open(mode);
		spec.payload_bytes = PAYLOAD_BYTES;
		run_number(mode, &spec, 0, GW_FORWARDED);
		run_number(mode, &spec, 2, GW_FRAGMENT_AHEAD);
		answer.src = spec.dst;
		answer.dst = spec.src;
		answer.src_port = spec.dst_port;
		answer.dst_port = spec.src_port;
		error.icmp_type = mode->is_ip6 ? 1 : 3;
		quoted = frame_build(&answer);
		in = error_about(&error, &quoted, quote_bytes(&answer, 8));
		(void)run_frame(&in, GW_ICMP_FORWARDED, XDP_REDIRECT);
		assert_int_equal(traffic_of(mode_service(mode, IPPROTO_UDP)).packets, 3);
		assert_int_equal(traffic_of(mode_service(mode, IPPROTO_UDP)).flows,
				 mode->mode == GW_MODE_SNAT);
		assert_int_equal(all_drops(), 0);
	}
}

/* A service of the case, changed so that it drops for one reason. */
struct drop_case {
	const struct mode *mode;
	uint8_t protocol;
	struct gw_service service;
	struct gw_next_hop hop;
	struct packet_spec spec;
};

static void no_endpoint(struct drop_case *it)
{
	it->service.slot_count = 0;
}

static void no_local_endpoint(struct drop_case *it)
{
	it->service.slot_count = 0;
	it->service.flags = GW_SERVICE_DROP;
}

static void refused_source(struct drop_case *it)
{
	it->service.flags = GW_SERVICE_SOURCES;
}

static void no_new_flows(struct drop_case *it)
{
	it->service.flow_cost_ns = UINT32_MAX;
}

static void no_slots(struct drop_case *it)
{
	it->service.slot_offset = 10000;
}

static void no_neighbour(struct drop_case *it)
{
	it->hop.flags = 0;
}

static void no_source(struct drop_case *it)
{
	it->hop.gateway_count = 0;
	it->hop.encap_source = (struct gw_addr){};
}

static void small_mtu(struct drop_case *it)
{
	it->hop.mtu = 100;
	it->spec.payload_bytes = 100;
}

static void last_hop(struct drop_case *it)
{
	it->spec.ttl = 1;
}

static void reset_of_last_hop(struct drop_case *it)
{
	it->spec.ttl = 1;
	it->spec.tcp_flags = RST;
}

static const struct {
	void (*prepare)(struct drop_case *it);
	uint32_t verdict;
	uint32_t modes; /* bits of enum gw_mode; 0: all */
} drop_cases[] = {
	{ no_endpoint, GW_REJECTED, 0 },
	{ no_local_endpoint, GW_NO_LOCAL_ENDPOINT, 0 },
	{ refused_source, GW_SOURCE_REFUSED, 0 },
	{ no_new_flows, GW_FLOW_LIMITED, 0 },
	{ no_slots, GW_BAD_TABLE, 0 },
	{ no_neighbour, GW_NO_NEXT_HOP, 0 },
	{ no_source, GW_NO_GATEWAY_ADDRESS,
	  1 << GW_MODE_SNAT | 1 << GW_MODE_IPIP | 1 << GW_MODE_GUE },
	{ small_mtu, GW_TOO_BIG_ANSWERED, 0 },
	{ last_hop, GW_TTL_ANSWERED, 0 },
	{ reset_of_last_hop, GW_TTL_EXCEEDED, 0 },
};

static void run_drop_case(const struct mode *mode, size_t number)
{
	uint32_t id = mode_service(mode, IPPROTO_TCP);
	struct drop_case it = { .mode = mode,
				.protocol = IPPROTO_TCP,
				.service = service_in_mode(id, mode->mode),
				.hop = mode_hop(mode),
				.spec = mode_request(mode, IPPROTO_TCP) };

	if (drop_cases[number].modes && !(drop_cases[number].modes & 1 << mode->mode))
		return;
	mode_open(mode);
	drop_cases[number].prepare(&it);
	set_service(it.spec.dst, IPPROTO_TCP, 80, &it.service);
	set_next_hop(mode_next_hop(mode), it.hop);
	for (uint64_t i = 1; i <= 2; i++) {
		(void)run(&it.spec, drop_cases[number].verdict, XDP_TX);
		assert_int_equal(drops_of(id), i);
		assert_int_equal(all_drops(), i);
		assert_int_equal(all_packets(), 0);
		it.spec.option_bytes = 4; /* not the plain way */
	}
}

static void every_packet_that_no_backend_gets_is_a_drop_of_its_service(void **state)
{
	(void)state;
	for_each_mode(mode) for (size_t i = 0; i < sizeof(drop_cases) / sizeof(drop_cases[0]); i++)
		run_drop_case(mode, i);
}

static void a_flow_without_a_port_is_a_drop_of_its_service(void **state)
{
	struct packet_spec spec = request4(IPPROTO_UDP);

	(void)state;
	world_open();
	(void)run(&spec, GW_FORWARDED, XDP_REDIRECT);
	spec.src_port++;
	run_to_end(&spec, GW_NAT_PORTS_EXHAUSTED);
	assert_int_equal(drops_of(SERVICE_UDP4), 1);
	assert_int_equal(traffic_of(SERVICE_UDP4).packets, 1);
	assert_int_equal(traffic_of(SERVICE_UDP4).flows, 1);
}

static void what_is_for_no_service_is_no_drop_of_one(void **state)
{
	struct packet_spec spec = request4(IPPROTO_TCP);
	struct frame cut;

	(void)state;
	world_open();
	cut = frame_build(&spec);
	cut.size -= 1;
	(void)run_frame(&cut, GW_TRUNCATED, XDP_ABORTED);
	spec.dst_port = 81;
	run_to_end(&spec, GW_UNSERVED_PORT);
	spec.dst = "192.0.2.2";
	run_to_end(&spec, GW_NOT_OURS);
	assert_int_equal(all_drops(), 0);
	assert_int_equal(all_packets(), 0);
}

static void a_reply_that_is_not_sent_is_not_counted(void **state)
{
	const struct packet_spec request = request4(IPPROTO_UDP);
	struct packet_spec reply = reply_to(request);

	(void)state;
	world_open();
	(void)run(&request, GW_FORWARDED, XDP_REDIRECT);
	reply.ttl = 1;
	(void)run(&reply, GW_TTL_ANSWERED, XDP_TX);
	assert_int_equal(traffic_of(SERVICE_UDP4).reply_packets, 0);
	reply.ttl = 2;
	(void)run(&reply, GW_REPLIED, XDP_TX);
	assert_int_equal(traffic_of(SERVICE_UDP4).reply_packets, 1);
}

static void traffic_of_the_past_is_the_agents_to_keep(void **state)
{
	const struct gw_traffic past = { 1, 2, 3, 4, 5 };
	const struct packet_spec spec = request4(IPPROTO_UDP);
	struct gw_traffic after;
	uint32_t id = SERVICE_UDP4;

	(void)state;
	world_open();
	map_set(world->maps.service_past, &id, &past);
	(void)run(&spec, GW_FORWARDED, XDP_REDIRECT);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(world->maps.service_past), &id, &after),
			 0);
	assert_memory_equal(&after, &past, sizeof(past));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_counted_by_backend_in_every_mode),
		cmocka_unit_test(fragments_and_errors_are_counted_and_are_no_flows),
		cmocka_unit_test(every_packet_that_no_backend_gets_is_a_drop_of_its_service),
		cmocka_unit_test(a_flow_without_a_port_is_a_drop_of_its_service),
		cmocka_unit_test(what_is_for_no_service_is_no_drop_of_one),
		cmocka_unit_test(a_reply_that_is_not_sent_is_not_counted),
		cmocka_unit_test(traffic_of_the_past_is_the_agents_to_keep),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}
