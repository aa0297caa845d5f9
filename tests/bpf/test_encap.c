// SPDX-License-Identifier: BSD-2-Clause
/* test_encap.c - outer headers of ipip and gue: how flows are spread, and what is left out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "modes.h"

enum {
	FLOWS = 64,
};

#define for_each_wrapping_mode(it) for_each_mode(it) if (mode_wraps(it))

/* What of an outer header is the flow's own. */
struct outer_seen {
	uint32_t src_tail; /* the last 32 bits */
	uint16_t port;
	uint32_t flow_label;
};

static struct outer_seen outer_seen(const struct mode *mode, uint16_t client_port)
{
	struct packet_spec spec = mode_request(mode, IPPROTO_UDP);
	struct outer_seen seen = {};
	const uint8_t *ip;
	struct frame out;

	spec.src_port = client_port;
	out = run(&spec, GW_FORWARDED, XDP_REDIRECT);
	ip = out.bytes + frame_network(&out);
	memcpy(&seen.src_tail, ip + (mode->has_ip6_backend ? 20 : 12), 4);
	if (mode->has_ip6_backend)
		seen.flow_label = (ip[1] & 15) << 16 | get16(ip + 2);
	if (mode->mode == GW_MODE_GUE)
		seen.port = get16(ip + (mode->has_ip6_backend ? 40 : 20));
	return seen;
}

static void flows_are_spread_over_sources_ports_and_labels(void **state)
{
	(void)state;
	for_each_wrapping_mode(mode)
	{
		unsigned int sources = 0, ports = 0, labels = 0;
		struct outer_seen last = {};

		mode_open(mode);
		for (uint16_t i = 0; i < FLOWS; i++) {
			struct outer_seen seen = outer_seen(mode, 1000 + i);

			sources += seen.src_tail != last.src_tail;
			ports += seen.port != last.port;
			labels += seen.flow_label != last.flow_label;
			last = seen;
		}
		assert_in_range(sources, FLOWS - 2, FLOWS);
		assert_in_range(ports, mode->mode == GW_MODE_GUE ? FLOWS - 2 : 0,
				mode->mode == GW_MODE_GUE ? FLOWS : 0);
		assert_in_range(labels, mode->has_ip6_backend ? FLOWS - 2 : 0,
				mode->has_ip6_backend ? FLOWS : 0);
	}
}

static void a_flow_keeps_its_outer_header(void **state)
{
	(void)state;
	for_each_wrapping_mode(mode)
	{
		struct outer_seen first, again;

		mode_open(mode);
		first = outer_seen(mode, 1000);
		(void)outer_seen(mode, 1001);
		again = outer_seen(mode, 1000);
		assert_memory_equal(&first, &again, sizeof(first));
	}
}

static void gue_ports_are_dynamic_ones(void **state)
{
	(void)state;
	for_each_wrapping_mode(mode)
	{
		if (mode->mode != GW_MODE_GUE)
			continue;
		mode_open(mode);
		for (uint16_t i = 0; i < FLOWS; i++)
			assert_in_range(outer_seen(mode, 1000 + i).port, 49152, 65535);
	}
}

/* An address of the gateway's own: no bits are the flow's. */
static void a_source_without_a_mask_is_the_same_for_all_flows(void **state)
{
	struct gw_config config = world_config();

	(void)state;
	memset(config.encap_mask, 0, sizeof(config.encap_mask));
	for_each_wrapping_mode(mode)
	{
		const char *source = mode->has_ip6_backend ? GATEWAY6 : GATEWAY4;
		struct gw_next_hop hop = mode_hop(mode);

		world_open_with(config, LRU_ENTRIES);
		frame_case = mode->name;
		set_mode_service(mode, IPPROTO_UDP);
		hop.encap_source = address(source);
		set_next_hop(mode_next_hop(mode), hop);
		for (uint16_t i = 0; i < FLOWS; i++)
			assert_int_equal(outer_seen(mode, 1000 + i).src_tail,
					 address(source).word[3]);
	}
}

static void without_a_source_nothing_is_sent(void **state)
{
	(void)state;
	for_each_wrapping_mode(mode)
	{
		struct packet_spec spec = mode_request(mode, IPPROTO_TCP);
		struct gw_next_hop hop = mode_hop(mode);

		mode_open(mode);
		hop.encap_source = (struct gw_addr){};
		set_next_hop(mode_next_hop(mode), hop);
		run_to_end(&spec, GW_NO_GATEWAY_ADDRESS);
	}
}

/* Sources for snat are none for encapsulation, nor the other way round. */
static void only_snat_needs_gateway_addresses(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec spec = mode_request(mode, IPPROTO_TCP);
		struct gw_next_hop hop = mode_hop(mode);

		mode_open(mode);
		hop.gateway_count = 0;
		set_next_hop(mode_next_hop(mode), hop);
		(void)run(&spec, mode->mode == GW_MODE_SNAT ? GW_NO_GATEWAY_ADDRESS : GW_FORWARDED,
			  XDP_REDIRECT);
	}
}

/* Metadata takes up the headroom, as it is elsewhere taken up by drivers. */
static void without_headroom_for_an_outer_header_nothing_is_sent(void **state)
{
	enum { METADATA_BYTES = 172, LEFT_BYTES = 44 };

	(void)state;
	for_each_wrapping_mode(mode)
	{
		struct packet_spec spec = mode_request(mode, IPPROTO_UDP);
		struct frame frame = frame_build(&spec);
		struct xdp_md ctx = { .data = METADATA_BYTES,
				      .data_end = METADATA_BYTES + frame.size };
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.bytes,
			    .data_size_in = METADATA_BYTES + frame.size, .ctx_in = &ctx,
			    .ctx_size_in = sizeof(ctx), .repeat = 1);
		int r;

		mode_open(mode);
		memmove(frame.bytes + METADATA_BYTES, frame.bytes, frame.size);
		r = bpf_prog_test_run_opts(bpf_program__fd(world->progs.guideway), &opts);
		if (r == -EINVAL) {
			print_message("# needs a kernel with metadata of 172 bytes\n");
			skip();
		}
		assert_int_equal(r, 0);
		assert_int_equal(opts.retval,
				 mode_room(mode) > LEFT_BYTES ? XDP_DROP : XDP_REDIRECT);
		assert_int_equal(verdict_counter(GW_NO_HEADROOM).packets,
				 mode_room(mode) > LEFT_BYTES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_are_spread_over_sources_ports_and_labels),
		cmocka_unit_test(a_flow_keeps_its_outer_header),
		cmocka_unit_test(gue_ports_are_dynamic_ones),
		cmocka_unit_test(a_source_without_a_mask_is_the_same_for_all_flows),
		cmocka_unit_test(without_a_source_nothing_is_sent),
		cmocka_unit_test(only_snat_needs_gateway_addresses),
		cmocka_unit_test(without_headroom_for_an_outer_header_nothing_is_sent),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}
