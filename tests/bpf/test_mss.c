// SPDX-License-Identifier: BSD-2-Clause
/* test_mss.c - the segment size that a SYN offers is lowered to the service's, and no other byte.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "modes.h"

enum {
	MSS = 1400,
	OPTION_BYTES = 40,
};

static void open_clamping(const struct mode *mode, uint16_t mss)
{
	struct gw_service service = service_in_mode(mode_service(mode, IPPROTO_TCP), mode->mode);

	mode_open(mode);
	service.tcp_mss = mss;
	set_service(mode->is_ip6 ? VIP6 : VIP4, IPPROTO_TCP, 80, &service);
}

static struct packet_spec syn(const struct mode *mode, const uint8_t *options, size_t bytes)
{
	struct packet_spec spec = mode_request(mode, IPPROTO_TCP);

	spec.tcp_options = options;
	spec.tcp_option_bytes = bytes;
	return spec;
}

/* Sends spec, and expects it forwarded with other options. */
static void expect_options(const struct mode *mode, const struct packet_spec *spec,
			   const uint8_t *options)
{
	const struct gw_next_hop hop = mode_hop(mode);
	struct packet_spec changed = *spec;
	struct frame in = frame_build(spec), wanted, out;

	changed.tcp_options = options;
	wanted = mode_forwarded(mode, &changed, &hop);
	out = run_frame(&in, GW_FORWARDED, XDP_REDIRECT);
	assert_frame_equal(&out, &wanted);
}

static void put_mss(uint8_t *options, size_t at, uint16_t mss)
{
	options[at] = 2;
	options[at + 1] = 4;
	put16(options + at + 2, mss);
}

static void a_larger_mss_is_lowered_at_every_place(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		open_clamping(mode, MSS);
		for (size_t at = 0; at <= OPTION_BYTES - 4; at++) {
			uint8_t options[OPTION_BYTES], lowered[OPTION_BYTES];
			struct packet_spec spec = syn(mode, options, OPTION_BYTES);

			memset(options, 1, sizeof(options));
			memset(lowered, 1, sizeof(lowered));
			put_mss(options, at, at % 3 ? 1460 : 65535);
			put_mss(lowered, at, MSS);
			spec.payload_bytes = at % 4;
			expect_options(mode, &spec, lowered);
		}
	}
}

static void a_mss_that_fits_stays(void **state)
{
	static const uint16_t sizes[] = { 0, 1, 536, MSS - 1, MSS };

	(void)state;
	for_each_mode(mode)
	{
		open_clamping(mode, MSS);
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			uint8_t options[8] = { 1, 1, 1, 2, 4, 0, 0, 0 };
			struct packet_spec spec = syn(mode, options, sizeof(options));

			put16(options + 5, sizes[i]);
			expect_options(mode, &spec, options);
		}
	}
}

static void other_options_are_stepped_over(void **state)
{
	/* SACK, timestamps, window scale, an unknown one, and MSS at an odd place. */
	static const uint8_t options[] = { 4, 2,   8, 10, 2, 4, 5, 0xb4, 2, 4,    5, 0xb4, 3, 3,
					   7, 253, 4, 9,  9, 1, 2, 4,    5, 0xb4, 0, 0,    0, 0 };
	uint8_t lowered[sizeof(options)];

	(void)state;
	memcpy(lowered, options, sizeof(options));
	put_mss(lowered, 20, MSS);
	for_each_mode(mode)
	{
		const struct packet_spec spec = syn(mode, options, sizeof(options));

		open_clamping(mode, MSS);
		expect_options(mode, &spec, lowered);
	}
}

static void options_that_lie_are_left_alone(void **state)
{
	static const uint8_t cases[][8] = {
		{ 0, 0, 0, 0, 2, 4, 5, 0xb4 },   /* behind the end */
		{ 8, 0, 1, 1, 2, 4, 5, 0xb4 },   /* behind one without a length */
		{ 8, 200, 1, 1, 2, 4, 5, 0xb4 }, /* behind one longer than the header */
		{ 2, 3, 5, 2, 3, 5, 0xb4, 1 },   /* of another length than it has */
		{ 1, 1, 1, 1, 1, 2, 4, 5 },      /* cut off by the payload */
		{ 1, 1, 1, 1, 1, 1, 1, 2 },      { 1, 1, 1, 1, 1, 1, 3, 250 },
	};

	(void)state;
	for_each_mode(mode)
	{
		open_clamping(mode, MSS);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct packet_spec spec = syn(mode, cases[i], sizeof(cases[i]));

			spec.payload = "\xb4\xb4\xb4\xb4\x02\x04\x05\xb4";
			spec.payload_bytes = 8;
			expect_options(mode, &spec, cases[i]);
		}
	}
}

static void only_a_syn_of_a_service_with_a_size_is_changed(void **state)
{
	static const uint8_t options[] = { 2, 4, 5, 0xb4 };
	static const uint8_t lowered[] = { 2, 4, MSS >> 8, MSS & 0xff };

	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec spec = syn(mode, options, sizeof(options));

		open_clamping(mode, MSS);
		expect_options(mode, &spec, lowered);
		spec.tcp_flags = ACK;
		expect_options(mode, &spec, options);
		open_clamping(mode, 0);
		spec.tcp_flags = SYN;
		expect_options(mode, &spec, options);
	}
}

static void tags_ip_options_and_extension_headers_are_no_obstacle(void **state)
{
	static const uint8_t extensions[] = { 0, 43, 60, 60, 0xff };
	static const uint8_t options[] = { 1, 2, 4, 5, 0xb4, 1, 1, 1 };
	static const uint8_t lowered[] = { 1, 2, 4, MSS >> 8, MSS & 0xff, 1, 1, 1 };

	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec spec = syn(mode, options, sizeof(options));

		open_clamping(mode, MSS);
		spec.vlan[0] = (struct gw_vlan){ htons(0x88a8), htons(9) };
		spec.vlan[1] = (struct gw_vlan){ htons(0x8100), htons(7) };
		spec.option_bytes = 40;
		spec.extensions = extensions;
		spec.extension_units = 25;
		expect_options(mode, &spec, lowered);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_larger_mss_is_lowered_at_every_place),
		cmocka_unit_test(a_mss_that_fits_stays),
		cmocka_unit_test(other_options_are_stepped_over),
		cmocka_unit_test(options_that_lie_are_left_alone),
		cmocka_unit_test(only_a_syn_of_a_service_with_a_size_is_changed),
		cmocka_unit_test(tags_ip_options_and_extension_headers_are_no_obstacle),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}
