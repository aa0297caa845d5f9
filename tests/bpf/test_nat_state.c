// SPDX-License-Identifier: BSD-2-Clause
/* test_nat_state.c - how far a translated flow is, and that nobody else gets its replies. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "nat_entry.h"

static void a_reply_must_match_the_whole_tuple(void **state)
{
	const struct packet_spec reply = reply_to(request(IPPROTO_UDP));
	struct packet_spec other;

	(void)state;
	world_open();
	client_sends(IPPROTO_UDP, 0);
	other = reply;
	other.src = is_ip6 ? "fd00:1::2" : "10.1.0.2";
	run_to_end(&other, GW_NOT_OURS);
	other = reply;
	other.src_port++;
	run_to_end(&other, GW_NOT_OURS);
	other = reply;
	other.dst_port++;
	run_to_end(&other, GW_NOT_OURS);
	other = reply;
	other.protocol = IPPROTO_TCP;
	run_to_end(&other, GW_NOT_OURS);
	(void)run(&reply, GW_REPLIED, XDP_TX);
}

static void both_directions_keep_an_entry_young(void **state)
{
	const struct bpf_map *map;

	(void)state;
	world_open();
	map = unconfirmed();
	client_sends(IPPROTO_UDP, 0);
	assert_in_range(entry_in(map, IPPROTO_UDP).common.seen, now_s() - 1, now_s());
	age_entry(map, IPPROTO_UDP, now_s() - 20);
	client_sends(IPPROTO_UDP, 0);
	assert_in_range(entry_in(map, IPPROTO_UDP).common.seen, now_s() - 1, now_s());
	age_entry(map, IPPROTO_UDP, now_s() - 20);
	backend_sends(IPPROTO_UDP, 0);
	assert_in_range(entry_in(map, IPPROTO_UDP).common.seen, now_s() - 1, now_s());
}

static void an_old_entry_that_nobody_took_is_still_its_flows(void **state)
{
	(void)state;
	world_open();
	client_sends(IPPROTO_UDP, 0);
	age_entry(unconfirmed(), IPPROTO_UDP, now_s() - 1000);
	client_sends(IPPROTO_UDP, 0);
	assert_int_equal(traffic(IPPROTO_UDP).flows, 1);
}

static void tcp_is_confirmed_by_the_third_packet_of_its_handshake(void **state)
{
	(void)state;
	world_open();
	client_sends(IPPROTO_TCP, SYN);
	client_sends(IPPROTO_TCP, ACK); /* nothing has answered */
	assert_int_equal(state_in(unconfirmed(), IPPROTO_TCP), 0);
	backend_sends(IPPROTO_TCP, SYN | ACK);
	client_sends(IPPROTO_TCP, SYN); /* again */
	assert_int_equal(state_in(unconfirmed(), IPPROTO_TCP), GW_NAT_REPLIED);
	client_sends(IPPROTO_TCP, ACK);
	assert_int_equal(state_in(confirmed(), IPPROTO_TCP), GW_NAT_REPLIED);
	backend_sends(IPPROTO_TCP, ACK);
	client_sends(IPPROTO_TCP, ACK);
}

static void a_port_scan_is_never_confirmed(void **state)
{
	(void)state;
	world_open();
	client_sends(IPPROTO_TCP, SYN);
	backend_sends(IPPROTO_TCP, SYN | ACK);
	client_sends(IPPROTO_TCP, RST);
	assert_int_equal(state_in(unconfirmed(), IPPROTO_TCP), GW_NAT_REPLIED | GW_NAT_RESET);
}

static void udp_is_confirmed_by_the_request_after_a_reply(void **state)
{
	(void)state;
	world_open();
	client_sends(IPPROTO_UDP, 0);
	client_sends(IPPROTO_UDP, 0);
	backend_sends(IPPROTO_UDP, 0);
	assert_int_equal(state_in(unconfirmed(), IPPROTO_UDP), GW_NAT_REPLIED);
	client_sends(IPPROTO_UDP, 0);
	assert_int_equal(state_in(confirmed(), IPPROTO_UDP), GW_NAT_REPLIED);
	assert_int_equal(traffic(IPPROTO_UDP).flows, 1);
}

static void open_connection(void)
{
	client_sends(IPPROTO_TCP, SYN);
	backend_sends(IPPROTO_TCP, SYN | ACK);
	client_sends(IPPROTO_TCP, ACK);
}

static void who_closed_first_is_known(void **state)
{
	const uint32_t both = GW_NAT_REPLIED | GW_NAT_CLIENT_FIN | GW_NAT_BACKEND_FIN;

	(void)state;
	world_open();
	open_connection();
	client_sends(IPPROTO_TCP, FIN | ACK);
	assert_int_equal(state_in(confirmed(), IPPROTO_TCP), GW_NAT_REPLIED | GW_NAT_CLIENT_FIN);
	backend_sends(IPPROTO_TCP, FIN | ACK);
	client_sends(IPPROTO_TCP, ACK);
	assert_int_equal(state_in(confirmed(), IPPROTO_TCP), both);

	client_sends(IPPROTO_TCP, SYN);
	assert_int_equal(state_in(confirmed(), IPPROTO_TCP), 0);
	backend_sends(IPPROTO_TCP, SYN | ACK);
	backend_sends(IPPROTO_TCP, FIN | ACK);
	backend_sends(IPPROTO_TCP, FIN | ACK); /* again */
	client_sends(IPPROTO_TCP, FIN | ACK);
	assert_int_equal(state_in(confirmed(), IPPROTO_TCP), both | GW_NAT_BACKEND_CLOSED_FIRST);
}

static void a_client_may_use_its_port_again_once_the_connection_ends(void **state)
{
	(void)state;
	world_open();
	open_connection();
	client_sends(IPPROTO_TCP, SYN); /* a stray one: the connection lives */
	assert_int_equal(state_in(confirmed(), IPPROTO_TCP), GW_NAT_REPLIED);
	assert_int_equal(traffic(IPPROTO_TCP).flows, 1);
	backend_sends(IPPROTO_TCP, RST);
	client_sends(IPPROTO_TCP, SYN);
	assert_int_equal(state_in(confirmed(), IPPROTO_TCP), 0);
	assert_int_equal(traffic(IPPROTO_TCP).flows, 2);
}

static void a_reset_does_not_count_when_the_client_goes_on(void **state)
{
	(void)state;
	world_open();
	open_connection();
	client_sends(IPPROTO_TCP, RST | ACK);
	assert_int_equal(state_in(confirmed(), IPPROTO_TCP), GW_NAT_REPLIED | GW_NAT_RESET);
	client_sends(IPPROTO_TCP, ACK);
	assert_int_equal(state_in(confirmed(), IPPROTO_TCP), GW_NAT_REPLIED);
}

/* Both exist only while a promotion is going on; replies have one receiver even then. */
static void a_confirmed_entry_goes_before_an_unconfirmed_one(void **state)
{
	union nat_entry entry;

	(void)state;
	world_open();
	client_sends(IPPROTO_UDP, 0);
	entry = entry_in(unconfirmed(), IPPROTO_UDP);
	entry.common.client_port = htons(1001);
	nat_put(confirmed(), IPPROTO_UDP, NAT_PORT, &entry);
	assert_int_equal(send_from(33333, IPPROTO_UDP, 0, NULL), GW_NAT_PORTS_EXHAUSTED);
	assert_int_equal(send_from(1001, IPPROTO_UDP, 0, NULL), GW_FORWARDED);
	reply_reaches(NAT_PORT, 1001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH_FAMILIES(a_reply_must_match_the_whole_tuple),
		IN_BOTH_FAMILIES(both_directions_keep_an_entry_young),
		IN_BOTH_FAMILIES(an_old_entry_that_nobody_took_is_still_its_flows),
		IN_BOTH_FAMILIES(tcp_is_confirmed_by_the_third_packet_of_its_handshake),
		IN_BOTH_FAMILIES(a_port_scan_is_never_confirmed),
		IN_BOTH_FAMILIES(udp_is_confirmed_by_the_request_after_a_reply),
		IN_BOTH_FAMILIES(who_closed_first_is_known),
		IN_BOTH_FAMILIES(a_client_may_use_its_port_again_once_the_connection_ends),
		IN_BOTH_FAMILIES(a_reset_does_not_count_when_the_client_goes_on),
		IN_BOTH_FAMILIES(a_confirmed_entry_goes_before_an_unconfirmed_one),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}
