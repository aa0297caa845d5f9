/* SPDX-License-Identifier: BSD-2-Clause */
/* test_flow_hash.c - the keyed hash of a flow, as both sides compute it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <guideway/flow_hash.h>

#include "model/address.h"

#define FLOWS 100000
#define SLOTS 1021

static __u64 key[GW_HASH_KEY_WORDS];

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < GW_HASH_KEY_WORDS; i++)
		key[i] = (i + 1) * 0x9e3779b97f4a7c15ULL;
	return 0;
}

struct flow {
	struct gw_addr src, dst;
	__u16 src_port, dst_port; /* host order */
	__u8 protocol;
	int is_ipv6;
};

static struct gw_addr wire_address(const char *text)
{
	struct address parsed;
	struct gw_addr wire;

	assert_int_equal(address_parse(text, &parsed, NULL), 0);
	memcpy(&wire, parsed.bytes, sizeof(wire));
	return wire;
}

static struct flow sample(void)
{
	return (struct flow){
		wire_address("192.0.2.1"), wire_address("10.0.0.1"), 40000, 80, IPPROTO_TCP, 0
	};
}

static struct flow sample_ipv6(void)
{
	return (struct flow){
		wire_address("2001:db8::1"), wire_address("2001:db8::2"), 40000, 53, IPPROTO_UDP, 1
	};
}

static __u64 hash(const struct flow *flow)
{
	return gw_flow_hash(key, &flow->src, &flow->dst, htons(flow->src_port),
			    htons(flow->dst_port), flow->protocol, flow->is_ipv6);
}

/* Worked out by another program from the description in flow_hash.h. */
static void hashes_are_what_they_always_were(void **state)
{
	const struct flow ipv4 = sample(), ipv6 = sample_ipv6();

	(void)state;
	assert_true(hash(&ipv4) == 0x61865e0f5148af46ULL);
	assert_true(hash(&ipv6) == 0x30092616772c40e1ULL);
}

static void every_part_of_the_flow_counts(void **state)
{
	struct flow flows[20];
	size_t count = 0;

	(void)state;
	flows[count++] = sample();
	flows[count++] = sample_ipv6();
	for (size_t base = 0; base < 2; base++) {
		for (size_t word = base ? 0 : 3; word < 4; word++) {
			flows[count] = flows[base];
			flows[count++].src.word[word] ^= htonl(1);
			flows[count] = flows[base];
			flows[count++].dst.word[word] ^= htonl(1);
		}
		flows[count] = flows[base];
		flows[count++].src_port ^= 1;
		flows[count] = flows[base];
		flows[count++].dst_port ^= 1;
		flows[count] = flows[base];
		flows[count++].protocol ^= IPPROTO_TCP ^ IPPROTO_UDP;
	}
	assert_int_equal(count, 18);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			assert_true(hash(&flows[i]) != hash(&flows[j]));
}

static void ipv4_and_ipv6_flows_differ_in_hash(void **state)
{
	struct flow ipv4 = sample(), as_ipv6 = ipv4;

	(void)state;
	as_ipv6.is_ipv6 = 1;
	assert_true(hash(&ipv4) != hash(&as_ipv6));
}

static void the_direction_of_a_flow_counts(void **state)
{
	struct flow there = sample();
	struct flow back = { there.dst,      there.src,      there.dst_port,
			     there.src_port, there.protocol, there.is_ipv6 };

	(void)state;
	assert_true(hash(&there) != hash(&back));
}

static void every_word_of_the_key_counts(void **state)
{
	struct flow flow = sample_ipv6();
	__u64 before;

	(void)state;
	/* A word of the flow that is 0 has no use for its word of the key. */
	flow.src = wire_address("2001:db8:1:2:3:4:5:6");
	flow.dst = wire_address("2001:db8:6:5:4:3:2:1");
	before = hash(&flow);
	for (size_t i = 0; i < GW_HASH_KEY_WORDS; i++) {
		key[i] ^= 1;
		assert_true(hash(&flow) != before);
		key[i] ^= 1;
	}
	assert_true(hash(&flow) == before);
}

/* Pearson's chi-squared for FLOWS in SLOTS cells; about SLOTS when they are spread at random. */
static double chi_squared(const unsigned int *counts)
{
	const double expected = (double)FLOWS / SLOTS;
	double sum = 0;

	for (size_t slot = 0; slot < SLOTS; slot++) {
		double difference = counts[slot] - expected;

		sum += difference * difference / expected;
	}
	return sum;
}

static void assert_even_spread(struct flow (*flow_number)(__u32 number))
{
	static unsigned int counts[SLOTS];

	memset(counts, 0, sizeof(counts));
	for (__u32 i = 0; i < FLOWS; i++) {
		struct flow flow = flow_number(i);
		__u32 slot = gw_hash_slot(hash(&flow), SLOTS);

		assert_in_range(slot, 0, SLOTS - 1);
		counts[slot]++;
	}
	/* SLOTS - 1 degrees of freedom: 1020 +- 45; eight sigma either way. */
	assert_true(chi_squared(counts) > 660);
	assert_true(chi_squared(counts) < 1380);
}

static struct flow from_client_number(__u32 number)
{
	struct flow flow = sample();

	flow.src.word[3] = htonl(0x0a000000 + number);
	return flow;
}

static struct flow from_port_number(__u32 number)
{
	struct flow flow = sample();

	flow.src.word[3] = htonl(0x0a000000 + number / 50000);
	flow.src_port = (__u16)(1024 + number % 50000);
	return flow;
}

static struct flow from_ipv6_network_number(__u32 number)
{
	struct flow flow = sample_ipv6();

	flow.src.word[1] = htonl(number);
	return flow;
}

static void clients_in_a_row_spread_evenly_over_slots(void **state)
{
	(void)state;
	assert_even_spread(from_client_number);
}

static void ports_in_a_row_spread_evenly_over_slots(void **state)
{
	(void)state;
	assert_even_spread(from_port_number);
}

static void ipv6_networks_in_a_row_spread_evenly_over_slots(void **state)
{
	(void)state;
	assert_even_spread(from_ipv6_network_number);
}

static void the_slot_is_the_scaled_high_half_of_the_hash(void **state)
{
	(void)state;
	assert_int_equal(gw_hash_slot(0, SLOTS), 0);
	assert_int_equal(gw_hash_slot(0xffffffffULL, SLOTS), 0);
	assert_int_equal(gw_hash_slot(0x80000000ULL << 32, SLOTS), SLOTS / 2);
	assert_int_equal(gw_hash_slot(~0ULL, SLOTS), SLOTS - 1);
	assert_int_equal(gw_hash_slot(~0ULL, 1), 0);
	assert_int_equal(gw_hash_slot(~0ULL, GW_SLOT_MAX), GW_SLOT_MAX - 1);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hashes_are_what_they_always_were),
		TEST(every_part_of_the_flow_counts),
		TEST(ipv4_and_ipv6_flows_differ_in_hash),
		TEST(the_direction_of_a_flow_counts),
		TEST(every_word_of_the_key_counts),
		TEST(clients_in_a_row_spread_evenly_over_slots),
		TEST(ports_in_a_row_spread_evenly_over_slots),
		TEST(ipv6_networks_in_a_row_spread_evenly_over_slots),
		TEST(the_slot_is_the_scaled_high_half_of_the_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
