/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_telling.c - two gateways that tell each other of their flows: each knows where the
 * other's go, so that one can die at any time. A model checker takes random steps with both.
 *
 *	build/tests/unit/test_telling [STEPS [SEED]]
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define WORLD_BACKEND_IDS 300
#include "track_world.h"

#define FLOWS 400
#define BACKENDS 16
#define IDLE_S 32
#define STEPS 400000
#define TELLS_PER_S 10
/* Two passes over all recorded flows, and what the clocks' steps may add to a rebase. */
#define KNOWN_S 6

struct flow {
	uint64_t hash;
	uint64_t begun_s, seen_s;
	uint64_t confirmed_s; /* 0: not yet */
	uint16_t backend;     /* port; 0: there is no such flow */
	uint8_t gateway;
};

struct checker {
	struct datapath *datapaths[2];
	uint64_t random;
	uint8_t protocol;
	uint32_t live_s;
	uint32_t weights[BACKENDS + 1]; /* by port */
	uint32_t affinity_s;            /* 0: none */
	bool exists[BACKENDS + 1];
	bool is_behind[2]; /* the gateway has not been given the last change yet */
	bool is_quiet;
	uint64_t lossy_until_s; /* what is told gets lost, now and then */
	uint64_t changed_s;     /* when both gateways had the same objects again */
	uint64_t agreed_s;      /* since when both have the same base table, as far as is known */
	struct flow flows[FLOWS];
	struct heard heard;
	uint64_t looks, moves, changes, deaths, rests;
};

static uint64_t given_seed;
static uint64_t steps = STEPS;

static uint64_t random_next(struct checker *checker)
{
	return world_random(&checker->random);
}

static uint32_t random_below(struct checker *checker, uint32_t limit)
{
	return (uint32_t)(random_next(checker) >> 32) % limit;
}

static struct datapath *go_to(struct checker *checker, int gateway)
{
	here = &worlds[gateway];
	return checker->datapaths[gateway];
}

/* The objects as they are now, given to one gateway. */
static void program(struct checker *checker, int gateway)
{
	world_set_service(go_to(checker, gateway), checker->protocol, checker->exists,
			  checker->weights, BACKENDS, checker->affinity_s);
	checker->is_behind[gateway] = false;
	if (!checker->is_behind[!gateway])
		checker->changed_s = world_now_s;
}

static void open_gateway(struct checker *checker, int gateway)
{
	here = &worlds[gateway];
	checker->datapaths[gateway] = world_create(IDLE_S, IDLE_S);
	config.tells_flows = true;
	if (telling_open(checker->datapaths[gateway], NULL) < 0)
		fail_msg("no memory");
	program(checker, gateway);
}

static void close_gateway(struct checker *checker, int gateway)
{
	world_destroy(go_to(checker, gateway));
}

static void kill_backend(struct checker *checker, uint16_t backend)
{
	checker->exists[backend] = false;
	for (int i = 0; i < FLOWS; i++)
		if (checker->flows[i].backend == backend)
			checker->flows[i].backend = 0;
}

/* Backend 1 stays, so that new flows have somewhere to go. */
static void change(struct checker *checker)
{
	uint16_t backend = (uint16_t)(2 + random_below(checker, BACKENDS - 1));
	int first = (int)random_below(checker, 2);

	if (checker->is_behind[0] || checker->is_behind[1])
		return;
	switch (random_below(checker, 4)) {
	case 0:
		kill_backend(checker, backend);
		break;
	case 1:
		checker->exists[backend] = true;
		checker->weights[backend] = random_below(checker, 3);
		break;
	default:
		checker->exists[backend] = true;
		checker->weights[backend] = 1;
	}
	checker->is_behind[!first] = true;
	program(checker, first);
	checker->changes++;
}

static void catch_up(struct checker *checker)
{
	for (int i = 0; i < 2; i++)
		if (checker->is_behind[i])
			program(checker, i);
}

static bool is_live(const struct checker *checker, const struct flow *flow)
{
	return flow->backend && world_now_s - flow->seen_s < checker->live_s;
}

static void send_packet(struct checker *checker, struct flow *flow, uint8_t tcp_flags)
{
	uint16_t backend;

	(void)go_to(checker, flow->gateway);
	backend = world_packet(flow->hash, flow->hash % WORLD_CLIENTS, checker->protocol,
			       checker->protocol == IPPROTO_TCP ? tcp_flags : 0);
	if (backend != flow->backend)
		fail_msg("after %" PRIu64 " changes: a flow moved from backend %u to %u, %" PRIu64
			 " s old, silent for %" PRIu64 "; %" PRIu64 " s after the last change",
			 checker->changes, flow->backend, backend, world_now_s - flow->begun_s,
			 world_now_s - flow->seen_s, world_now_s - checker->changed_s);
	flow->seen_s = world_now_s;
	if (flow->confirmed_s == 0)
		flow->confirmed_s = world_now_s;
}

static void begin_flow(struct checker *checker, struct flow *flow, uint32_t gateway)
{
	uint64_t hash = random_next(checker);

	*flow = (struct flow){ .hash = hash,
			       .begun_s = world_now_s,
			       .seen_s = world_now_s,
			       .gateway = (uint8_t)gateway };
	(void)go_to(checker, flow->gateway);
	flow->backend = world_packet(hash, hash % WORLD_CLIENTS, checker->protocol,
				     checker->protocol == IPPROTO_TCP ? TCP_SYN : 0);
	flow->confirmed_s = checker->protocol == IPPROTO_UDP ? world_now_s : 0;
	/* The gateway does not know yet that it has gone. */
	if (!checker->exists[flow->backend])
		flow->backend = 0;
}

/* Whether the other gateway must know it, whatever became of single messages. */
static bool must_be_known(const struct checker *checker, const struct flow *flow)
{
	uint64_t since_s = flow->confirmed_s;

	if (since_s < checker->changed_s)
		since_s = checker->changed_s;
	if (since_s < checker->agreed_s)
		since_s = checker->agreed_s;
	if (since_s < checker->lossy_until_s)
		since_s = checker->lossy_until_s;
	return is_live(checker, flow) && flow->confirmed_s && !checker->is_behind[0] &&
	       !checker->is_behind[1] && world_now_s >= since_s + KNOWN_S;
}

/* What the other gateway would do with the flow, if its packets came there. */
static void look(struct checker *checker, const struct flow *flow)
{
	uint16_t backend;

	if (!must_be_known(checker, flow))
		return;
	(void)go_to(checker, !flow->gateway);
	backend = world_look(flow->hash, checker->protocol);
	if (backend != flow->backend)
		fail_msg("after %" PRIu64 " changes: the other gateway has backend %u, not %u, for "
			 "a flow that is %" PRIu64 " s old, silent for %" PRIu64 "; %" PRIu64
			 " s after the last change",
			 checker->changes, backend, flow->backend, world_now_s - flow->begun_s,
			 world_now_s - flow->seen_s, world_now_s - checker->changed_s);
	checker->looks++;
}

static void use_flow(struct checker *checker)
{
	struct flow *flow = &checker->flows[random_below(checker, FLOWS)];

	if (!is_live(checker, flow)) {
		begin_flow(checker, flow, random_below(checker, 2));
		return;
	}
	look(checker, flow);
	if (random_below(checker, 8)) {
		send_packet(checker, flow, TCP_ACK);
	} else if (random_below(checker, 4)) {
		send_packet(checker, flow, TCP_ACK | TCP_FIN);
		flow->backend = 0;
	} else if (must_be_known(checker, flow)) {
		flow->gateway = !flow->gateway; /* the routers' choice */
		checker->moves++;
	}
}

struct listener {
	struct checker *checker;
	int gateway;
};

static void on_telling(const struct telling *telling, void *owner)
{
	const struct listener *listener = owner;
	struct checker *checker = listener->checker;
	struct world *teller = here;

	if (world_now_s < checker->lossy_until_s && random_below(checker, 3) == 0)
		return;
	datapath_hear(go_to(checker, listener->gateway), telling, &checker->heard);
	here = teller;
}

static void exchange(struct checker *checker)
{
	for (int i = 0; i < 2; i++) {
		struct listener listener = { checker, !i };

		datapath_tell(go_to(checker, i), on_telling, &listener);
	}
}

static uint16_t base_owner(const struct world *world, uint32_t slot)
{
	const struct gw_slot *slots_of = (const struct gw_slot *)world->slots;

	return world->backends[slot_owner_id(slots_of[world->service.base_offset + slot])].port;
}

/*
 * One that has begun anew, or was given a change just before the other rebased, goes by another
 * base table until both come to rest: flows that they do not record go by it.
 */
static bool has_same_bases(void)
{
	if (worlds[0].service.base_count != worlds[1].service.base_count)
		return false;
	for (uint32_t slot = 0; slot < worlds[0].service.base_count; slot++)
		if (base_owner(&worlds[0], slot) != base_owner(&worlds[1], slot))
			return false;
	return true;
}

static void let_a_second_pass(struct checker *checker)
{
	uint32_t wait_ms;

	world_now_s++;
	for (int i = 0; i < TELLS_PER_S; i++)
		exchange(checker);
	for (int i = 0; i < 2; i++) {
		struct datapath *datapath = go_to(checker, i);
		bool was_changing = datapath_changing_count(datapath) > 0;

		datapath_tend(datapath, &wait_ms);
		checker->rests += was_changing && datapath_changing_count(datapath) == 0;
	}
	catch_up(checker);
	if (!has_same_bases())
		checker->agreed_s = world_now_s;
}

/*
 * A gateway dies, and all that it knew; its flows come to the other, those that may break
 * apart. Then it begins anew.
 */
static void lose_gateway(struct checker *checker)
{
	uint8_t gateway = (uint8_t)random_below(checker, 2);
	int other = !gateway;

	for (int i = 0; i < FLOWS; i++) {
		struct flow *flow = &checker->flows[i];

		if (flow->gateway != gateway)
			continue;
		if (!must_be_known(checker, flow))
			flow->backend = 0;
		flow->gateway = (uint8_t)other;
	}
	close_gateway(checker, gateway);
	checker->is_behind[gateway] = false;
	open_gateway(checker, gateway);
	datapath_tell_for_others(go_to(checker, other));
	checker->changed_s = checker->agreed_s = world_now_s;
	checker->deaths++;
}

static void step(struct checker *checker)
{
	uint32_t kind = random_below(checker, 10000);

	if (random_below(checker, 20000) == 0)
		checker->is_quiet = !checker->is_quiet;
	if (kind < 20 && !checker->is_quiet)
		change(checker);
	else if (kind < 23)
		checker->lossy_until_s = world_now_s + 5;
	else if (kind == 23 && random_below(checker, 3) == 0)
		lose_gateway(checker);
	else if (kind < 150)
		let_a_second_pass(checker);
	else
		use_flow(checker);
}

static struct checker *create_checker(uint8_t protocol, uint32_t live_s, uint32_t affinity_s)
{
	struct checker *checker = calloc(1, sizeof(*checker));

	assert_non_null(checker);
	checker->random = given_seed;
	checker->protocol = protocol;
	checker->live_s = live_s;
	checker->affinity_s = affinity_s;
	for (int i = 1; i <= 5; i++) {
		checker->exists[i] = true;
		checker->weights[i] = 1;
	}
	open_gateway(checker, 0);
	open_gateway(checker, 1);
	return checker;
}

static void destroy_checker(struct checker *checker)
{
	close_gateway(checker, 0);
	close_gateway(checker, 1);
	free(checker);
}

static void check_protocol(uint8_t protocol, uint32_t live_s, uint32_t affinity_s)
{
	struct checker *checker = create_checker(protocol, live_s, affinity_s);

	for (uint64_t i = 0; i < steps / 2; i++)
		step(checker);
	print_message("# %" PRIu64 " changes, %" PRIu64 " looks at what the other has, %" PRIu64
		      " flows rerouted, %" PRIu64 " gateways lost, %" PRIu64 " recorded, %" PRIu64
		      " known, %" PRIu64 " needless, %" PRIu64 " unknown, %" PRIu64
		      " times at rest\n",
		      checker->changes, checker->looks, checker->moves, checker->deaths,
		      checker->heard.recorded, checker->heard.known, checker->heard.needless,
		      checker->heard.unknown, checker->rests);
	assert_int_equal(checker->heard.without_room, 0);
	if (steps >= STEPS / 2) {
		assert_true(checker->looks > 1000 && checker->heard.recorded > 1000);
		assert_true(checker->rests > 0 && checker->deaths > 0);
	}
	destroy_checker(checker);
}

static void either_gateway_can_go_on_with_all_tcp_flows(void **state)
{
	(void)state;
	/*
	 * A packet just before its gateway dies is not told any more: the silence before it and
	 * after it are one to the other.
	 */
	check_protocol(IPPROTO_TCP, IDLE_S / 2 - 4, 0);
}

static void either_gateway_can_go_on_with_all_udp_flows(void **state)
{
	(void)state;
	check_protocol(IPPROTO_UDP, DATAPATH_UDP_LEARNING_S - 4, 0);
}

/* Each knows the clients that came to it, but of the other's flows where they are. */
static void either_gateway_can_go_on_with_all_flows_of_clients(void **state)
{
	(void)state;
	check_protocol(IPPROTO_TCP, IDLE_S / 2 - 4, IDLE_S);
}

/* Flows of a slot whose owner is another in the base table. */
static size_t begin_deviations(struct checker *checker, size_t wanted)
{
	size_t count = 0;

	while (count < wanted) {
		struct flow *flow = &checker->flows[count];

		begin_flow(checker, flow, 0);
		send_packet(checker, flow, TCP_ACK);
		(void)go_to(checker, 1);
		count += world_look(flow->hash, IPPROTO_TCP) != flow->backend;
	}
	return count;
}

static void add_a_backend(struct checker *checker)
{
	checker->exists[6] = true;
	checker->weights[6] = 1;
	program(checker, 0);
	program(checker, 1);
}

static void assert_second_knows(struct checker *checker, size_t count)
{
	(void)go_to(checker, 1);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(world_look(checker->flows[i].hash, IPPROTO_TCP),
				 checker->flows[i].backend);
}

static void a_confirmed_flow_is_known_after_one_exchange(void **state)
{
	struct checker *checker = create_checker(IPPROTO_TCP, IDLE_S, 0);
	size_t count;

	(void)state;
	add_a_backend(checker);
	count = begin_deviations(checker, 20);
	exchange(checker);
	assert_second_knows(checker, count);
	destroy_checker(checker);
}

static void a_flow_that_only_sent_a_syn_is_not_told(void **state)
{
	struct checker *checker = create_checker(IPPROTO_TCP, IDLE_S, 0);

	(void)state;
	add_a_backend(checker);
	for (int i = 0; i < 1000; i++) {
		struct flow flow;

		begin_flow(checker, &flow, i % 2);
	}
	for (int i = 0; i < 2 * TELLS_PER_S; i++)
		exchange(checker);
	assert_int_equal(checker->heard.recorded + checker->heard.known + checker->heard.needless +
				 checker->heard.unknown,
			 0);
	destroy_checker(checker);
}

static void flows_beyond_what_the_ring_holds_are_counted_and_told_by_the_pass(void **state)
{
	struct checker *checker = create_checker(IPPROTO_TCP, IDLE_S, 0);
	size_t count;

	(void)state;
	add_a_backend(checker);
	count = begin_deviations(checker, WORLD_TOLD + 30);
	assert_int_equal(worlds[0].untold, 30);
	for (int i = 0; i < 2 * TELLS_PER_S + 2; i++)
		exchange(checker);
	assert_second_knows(checker, count);
	destroy_checker(checker);
}

static void told_flows_track_where_nothing_changes_and_end_with_it(void **state)
{
	struct checker *checker = create_checker(IPPROTO_TCP, IDLE_S, 0);
	size_t count;

	(void)state;
	/* The second gateway knows the backend, and gives it nothing. */
	checker->exists[6] = true;
	program(checker, 1);
	for (int i = 0; i < 3 * IDLE_S; i++)
		let_a_second_pass(checker);
	assert_int_equal(datapath_changing_count(go_to(checker, 1)), 0);
	checker->weights[6] = 1;
	program(checker, 0);
	count = begin_deviations(checker, 20);
	exchange(checker);
	assert_int_equal(datapath_changing_count(go_to(checker, 1)), 1);
	assert_second_knows(checker, count);
	for (int i = 0; i < 3 * IDLE_S; i++)
		let_a_second_pass(checker);
	assert_int_equal(datapath_changing_count(go_to(checker, 1)), 0);
	destroy_checker(checker);
}

static void in_steady_state_nothing_is_told(void **state)
{
	struct checker *checker = create_checker(IPPROTO_TCP, IDLE_S, 0);

	(void)state;
	for (int i = 0; i < FLOWS; i++) {
		begin_flow(checker, &checker->flows[i], i % 2);
		send_packet(checker, &checker->flows[i], TCP_ACK);
	}
	for (int i = 0; i < 10; i++)
		let_a_second_pass(checker);
	assert_int_equal(checker->heard.recorded + checker->heard.known + checker->heard.needless +
				 checker->heard.unknown,
			 0);
	assert_int_equal(worlds[0].counts[GW_TRACK_LOOKUPS] + worlds[1].counts[GW_TRACK_LOOKUPS],
			 0);
	destroy_checker(checker);
}

/* Without the other's word the one that changed first would be done first. */
static void a_gateway_learns_as_long_as_the_other_does(void **state)
{
	struct checker *checker = create_checker(IPPROTO_TCP, IDLE_S, 0);

	(void)state;
	checker->exists[6] = true;
	checker->weights[6] = 1;
	program(checker, 0);
	for (int i = 0; i < IDLE_S - 5; i++)
		let_a_second_pass(checker);
	program(checker, 1);
	for (int i = 0; i < IDLE_S; i++) {
		let_a_second_pass(checker);
		assert_true(worlds[0].service.base_offset != worlds[0].service.slot_offset);
	}
	for (int i = 0; i < 5; i++)
		let_a_second_pass(checker);
	assert_int_equal(worlds[0].service.base_offset, worlds[0].service.slot_offset);
	assert_int_equal(worlds[1].service.base_offset, worlds[1].service.slot_offset);
	destroy_checker(checker);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_confirmed_flow_is_known_after_one_exchange),
		cmocka_unit_test(a_flow_that_only_sent_a_syn_is_not_told),
		cmocka_unit_test(flows_beyond_what_the_ring_holds_are_counted_and_told_by_the_pass),
		cmocka_unit_test(told_flows_track_where_nothing_changes_and_end_with_it),
		cmocka_unit_test(in_steady_state_nothing_is_told),
		cmocka_unit_test(a_gateway_learns_as_long_as_the_other_does),
		cmocka_unit_test(either_gateway_can_go_on_with_all_tcp_flows),
		cmocka_unit_test(either_gateway_can_go_on_with_all_udp_flows),
		cmocka_unit_test(either_gateway_can_go_on_with_all_flows_of_clients),
	};

	/* Fewer where a step takes 50 times as long. */
	if (argc > 1 || getenv("GUIDEWAY_CHECK_STEPS"))
		steps = strtoull(argc > 1 ? argv[1] : getenv("GUIDEWAY_CHECK_STEPS"), NULL, 10);
	given_seed = argc > 2 ? strtoull(argv[2], NULL, 0)
			      : (uint64_t)getpid() << 32 ^ (uint64_t)time(NULL);
	print_message("# seed 0x%" PRIx64 "\n", given_seed);
	return cmocka_run_group_tests_name("telling", tests, NULL, NULL);
}
