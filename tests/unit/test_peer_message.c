/* SPDX-License-Identifier: BSD-2-Clause */
/* test_peer_message.c - what gateways tell each other arrives as it was, or not at all. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peer/message.h"
#include "peer/replay.h"
#include "peer/seal.h"

#define MESSAGES_MAX 64
#define FLOWS_MAX 4096

static const uint8_t key[SEAL_KEY_BYTES] = { 1, 2, 3 };
static const uint8_t other_key[SEAL_KEY_BYTES] = { 1, 2, 4 };

/* What was written, as datagrams, and what was read of them. */
static struct {
	uint8_t bytes[MESSAGES_MAX][MESSAGE_BYTES_MAX];
	size_t lengths[MESSAGES_MAX];
	size_t count;
	uint64_t stamp_us;
	struct telling tellings[MESSAGES_MAX * 32];
	struct told_flow flows[FLOWS_MAX];
	size_t telling_count, flow_count;
} wire;

static uint64_t next_stamp_us(void *owner)
{
	(void)owner;
	return ++wire.stamp_us;
}

static void on_message(const uint8_t *bytes, size_t length, void *owner)
{
	(void)owner;
	assert_true(wire.count < MESSAGES_MAX && length <= MESSAGE_BYTES_MAX);
	memcpy(wire.bytes[wire.count], bytes, length);
	wire.lengths[wire.count++] = length;
}

static struct message_writer *open_writer(void)
{
	static struct message_writer writer;

	memset(&wire, 0, sizeof(wire));
	writer = (struct message_writer){
		.key = key,
		.header = { .key_print = 0x1122334455667788, .bucket_count = 4096, .sender = 7 },
		.next_stamp_us = next_stamp_us,
		.on_message = on_message,
	};
	return &writer;
}

static void on_telling(const struct telling *telling, void *owner)
{
	(void)owner;
	assert_true(wire.flow_count + telling->count <= FLOWS_MAX);
	wire.tellings[wire.telling_count] = *telling;
	wire.tellings[wire.telling_count++].flows = &wire.flows[wire.flow_count];
	for (size_t i = 0; i < telling->count; i++)
		wire.flows[wire.flow_count++] = telling->flows[i];
}

static void read_all(void)
{
	for (size_t i = 0; i < wire.count; i++) {
		struct message_header header;

		assert_int_equal(message_open(key, wire.bytes[i], wire.lengths[i], &header), 0);
		assert_true(header.key_print == 0x1122334455667788 && header.sender == 7);
		assert_int_equal(header.bucket_count, 4096);
		assert_int_equal(header.stamp_us, i + 1);
		assert_int_equal(message_read(wire.bytes[i], wire.lengths[i], on_telling, NULL), 0);
	}
}

static struct telling telling_of(const char *vip, const char *backend, enum protocol protocol)
{
	struct telling ret = { .service = { .port = 443, .protocol = protocol },
			       .backend_port = 8443 };

	assert_int_equal(address_parse(vip, &ret.service.vip, NULL), 0);
	assert_int_equal(address_parse(backend, &ret.backend, NULL), 0);
	return ret;
}

static struct told_flow flow(uint32_t i)
{
	return (struct told_flow){ .tag = 0xdeadbe00 + i,
				   .bucket = i * 3,
				   .silent = (uint16_t)(i % (TOLD_SILENT_MAX + 1)),
				   .is_closing = i % 5 == 0 };
}

static void assert_same_service(const struct telling *a, const struct telling *b)
{
	assert_int_equal(service_key_compare(&a->service, &b->service), 0);
	assert_int_equal(address_compare(&a->backend, &b->backend), 0);
	assert_int_equal(a->backend_port, b->backend_port);
}

static void flows_come_back_over_as_many_messages_as_they_need(void **state)
{
	struct message_writer *writer = open_writer();
	struct telling first = telling_of("192.0.2.1", "10.0.0.1", PROTOCOL_TCP);
	struct telling second = telling_of("2001:db8::1", "2001:db8:1::1", PROTOCOL_UDP);
	static struct told_flow flows[1000];

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		flows[i] = flow(i);
	first.flows = flows;
	first.count = 700;
	second.flows = flows + 700;
	second.count = 300;
	message_write(writer, &first);
	message_write(writer, &second);
	message_flush(writer);
	read_all();
	assert_int_equal(wire.flow_count, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(wire.flows[i].tag, flows[i].tag);
		assert_int_equal(wire.flows[i].bucket, flows[i].bucket);
		assert_int_equal(wire.flows[i].silent, flows[i].silent);
		assert_int_equal(wire.flows[i].is_closing, flows[i].is_closing);
	}
	assert_same_service(&wire.tellings[0], &first);
	assert_same_service(&wire.tellings[wire.telling_count - 1], &second);
	assert_int_equal(wire.count, 9); /* 116 or so in each */
}

static void learning_comes_back(void **state)
{
	struct message_writer *writer = open_writer();
	struct telling told = telling_of("192.0.2.1", "::", PROTOCOL_TCP);

	(void)state;
	told.backend_port = 0;
	told.learning_s = 899;
	for (int i = 0; i < 100; i++)
		message_write(writer, &told);
	message_flush(writer);
	read_all();
	assert_int_equal(wire.telling_count, 100);
	for (int i = 0; i < 100; i++) {
		assert_same_service(&wire.tellings[i], &told);
		assert_int_equal(wire.tellings[i].learning_s, 899);
		assert_int_equal(wire.tellings[i].count, 0);
	}
}

static void an_empty_message_is_a_sign_of_life(void **state)
{
	(void)state;
	message_flush(open_writer());
	assert_int_equal(wire.count, 1);
	read_all();
	assert_int_equal(wire.telling_count, 0);
}

/* One message with some of everything. */
static size_t write_one(void)
{
	struct message_writer *writer = open_writer();
	struct telling told = telling_of("192.0.2.1", "10.0.0.1", PROTOCOL_TCP);
	struct told_flow flows[3] = { flow(1), flow(2), flow(3) };

	message_write(writer, &told);
	told.flows = flows;
	told.count = 3;
	message_write(writer, &told);
	message_flush(writer);
	assert_int_equal(wire.count, 1);
	return wire.lengths[0];
}

static void a_message_with_any_bit_changed_is_refused(void **state)
{
	size_t length = write_one();
	struct message_header header;

	(void)state;
	for (size_t bit = 0; bit < 8 * length; bit++) {
		wire.bytes[0][bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(message_open(key, wire.bytes[0], length, &header),
				 bit < 8 ? -EPROTO : -EBADMSG);
		wire.bytes[0][bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(message_open(key, wire.bytes[0], length, &header), 0);
}

static void a_message_of_another_length_or_key_is_refused(void **state)
{
	size_t length = write_one();
	struct message_header header;
	uint8_t *exact;

	(void)state;
	assert_int_equal(message_open(other_key, wire.bytes[0], length, &header), -EBADMSG);
	for (size_t less = 0; less < length; less++) {
		/* At the end of its memory, where a byte too far is seen. */
		exact = malloc(less ? less : 1);
		assert_non_null(exact);
		memcpy(exact, wire.bytes[0], less);
		assert_int_equal(message_open(key, exact, less, &header), -EBADMSG);
		free(exact);
	}
	assert_int_equal(message_open(key, wire.bytes[0], MESSAGE_BYTES_MAX + 1, &header),
			 -EBADMSG);
}

/* Who has the key may still send nonsense: it is read within its bounds, or refused. */
static void random_groups_are_read_within_their_bounds(void **state)
{
	unsigned int random = (unsigned int)time(NULL);
	size_t length = write_one(), refused = 0;

	(void)state;
	print_message("# seed %u\n", random);
	for (int round = 0; round < 20000; round++) {
		size_t size = 64 + (size_t)rand_r(&random) % (MESSAGE_BYTES_MAX - 64 + 1);
		uint8_t *bytes = malloc(size);

		assert_non_null(bytes);
		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)rand_r(&random);
		/* Half of them begin well. */
		if (round % 2)
			memcpy(bytes, wire.bytes[0],
			       length - SEAL_BYTES < size ? length - SEAL_BYTES : size);
		if (round % 4 == 1 && size > 36)
			bytes[35] = (uint8_t)rand_r(&random);
		wire.telling_count = wire.flow_count = 0;
		refused += message_read(bytes, size, on_telling, NULL) == -EBADMSG;
		free(bytes);
	}
	assert_true(refused > 10000);
}

#define MINUTE_US (60 * UINT64_C(1000000))
#define NOW_US (1000 * MINUTE_US)

static void a_message_is_heard_once(void **state)
{
	static struct replay replay;

	(void)state;
	memset(&replay, 0, sizeof(replay));
	assert_int_equal(replay_check(&replay, 1, NOW_US, NOW_US), REPLAY_NEW_SENDER);
	assert_int_equal(replay_check(&replay, 1, NOW_US, NOW_US), REPLAY_OLD);
	assert_int_equal(replay_check(&replay, 1, NOW_US - 1, NOW_US), REPLAY_OLD);
	assert_int_equal(replay_check(&replay, 1, NOW_US + 1, NOW_US), REPLAY_NEW);
	assert_int_equal(replay_check(&replay, 2, NOW_US, NOW_US), REPLAY_NEW_SENDER);
	assert_int_equal(replay_check(&replay, 1, NOW_US + 1, NOW_US), REPLAY_OLD);
}

static void a_message_from_another_time_is_refused(void **state)
{
	static struct replay replay;

	(void)state;
	memset(&replay, 0, sizeof(replay));
	assert_int_equal(replay_check(&replay, 1, NOW_US - MINUTE_US - 1, NOW_US), REPLAY_SKEWED);
	assert_int_equal(replay_check(&replay, 1, NOW_US + MINUTE_US + 1, NOW_US), REPLAY_SKEWED);
	assert_int_equal(replay_check(&replay, 1, NOW_US - MINUTE_US, NOW_US), REPLAY_NEW_SENDER);
}

/* Those that can no longer be replayed make room. */
static void senders_are_as_many_as_there_is_room_for(void **state)
{
	static struct replay replay;

	(void)state;
	memset(&replay, 0, sizeof(replay));
	for (uint64_t i = 0; i < REPLAY_SENDERS_MAX; i++)
		assert_int_equal(replay_check(&replay, i, NOW_US, NOW_US), REPLAY_NEW_SENDER);
	assert_int_equal(replay_check(&replay, 1000, NOW_US, NOW_US), REPLAY_CROWDED);
	assert_int_equal(
		replay_check(&replay, 1000, NOW_US + 2 * MINUTE_US, NOW_US + 2 * MINUTE_US),
		REPLAY_NEW_SENDER);
}

static void the_seal_is_hmac_sha256(void **state)
{
	/* Of no bytes, with a key of zeros (Python's hmac says so too). */
	static const uint8_t zeros[SEAL_KEY_BYTES];
	static const uint8_t wanted[] = { 0xb6, 0x13, 0x67, 0x9a, 0x08, 0x14, 0xd9, 0xec };
	uint8_t seal[SEAL_BYTES];

	(void)state;
	seal_make(zeros, "", 0, seal);
	assert_memory_equal(seal, wanted, sizeof(wanted));
	assert_true(seal_is_right(zeros, "", 0, seal));
	assert_false(seal_is_right(key, "", 0, seal));
	assert_true(seal_key_print(key) != seal_key_print(other_key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_come_back_over_as_many_messages_as_they_need),
		cmocka_unit_test(learning_comes_back),
		cmocka_unit_test(an_empty_message_is_a_sign_of_life),
		cmocka_unit_test(a_message_with_any_bit_changed_is_refused),
		cmocka_unit_test(a_message_of_another_length_or_key_is_refused),
		cmocka_unit_test(random_groups_are_read_within_their_bounds),
		cmocka_unit_test(a_message_is_heard_once),
		cmocka_unit_test(a_message_from_another_time_is_refused),
		cmocka_unit_test(senders_are_as_many_as_there_is_room_for),
		cmocka_unit_test(the_seal_is_hmac_sha256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
