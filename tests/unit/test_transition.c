/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_transition.c - no live flow moves, whatever happens to the backends: a model checker that
 * takes random steps, and knows of every flow where it has to be.
 *
 *	build/tests/unit/test_transition [STEPS [SEED]]
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define WORLD_BACKEND_IDS 300 /* so few that they are used again and again */
#include "track_world.h"

#define FLOWS 400
#define BACKENDS 40
#define IDLE_S 32
#define STEPS 1000000

struct flow {
	uint64_t hash; /* also says which client it is of */
	uint64_t seen_s;
	uint16_t backend; /* port; 0: there is no such flow */
};

struct checker {
	struct datapath *datapath;
	uint64_t random;
	uint8_t protocol;
	uint32_t weights[BACKENDS + 1]; /* by port */
	bool exists[BACKENDS + 1];
	uint32_t affinity_s; /* 0: none */
	struct flow flows[FLOWS];
	uint32_t live_s; /* a flow that was silent for less has to stay */
	bool is_quiet;   /* no changes: all comes to rest */
	uint64_t packets, begun, lost, changes, rests;
};

static uint64_t random_next(struct checker *checker)
{
	return world_random(&checker->random);
}

static uint32_t random_below(struct checker *checker, uint32_t limit)
{
	return (uint32_t)(random_next(checker) >> 32) % limit;
}

static bool takes_new_flows(const struct checker *checker)
{
	for (int i = 1; i <= BACKENDS; i++)
		if (checker->exists[i] && checker->weights[i])
			return true;
	return false;
}

/* What the model would hand down. */
static void program(struct checker *checker)
{
	world_set_service(checker->datapath, checker->protocol, checker->exists, checker->weights,
			  BACKENDS, checker->affinity_s);
	checker->changes++;
}

/* Its flows end with it. */
static void kill_backend(struct checker *checker, uint16_t backend)
{
	checker->exists[backend] = false;
	for (int i = 0; i < FLOWS; i++) {
		if (checker->flows[i].backend != backend)
			continue;
		checker->flows[i].backend = 0;
		checker->lost++;
	}
}

/* In UDP it would move flows of a client that has several. */
static void change_affinity(struct checker *checker)
{
	static const uint32_t affinities_s[] = { 0, 1, IDLE_S / 2, WORLD_HOUR_S };

	if (checker->protocol == IPPROTO_TCP)
		checker->affinity_s = affinities_s[random_below(checker, 4)];
}

static void change(struct checker *checker)
{
	uint16_t backend = (uint16_t)(1 + random_below(checker, BACKENDS));

	switch (random_below(checker, 7)) {
	case 0:
	case 1:
		checker->exists[backend] = true;
		checker->weights[backend] = 1;
		break;
	case 2:
		checker->weights[backend] = 0; /* drained */
		break;
	case 3:
		checker->weights[backend] = 1 + random_below(checker, 4);
		break;
	case 4:
		kill_backend(checker, backend);
		break;
	case 5:
		change_affinity(checker);
		break;
	default:
		/* Scaled up or down at once. */
		for (uint16_t i = 1; i <= BACKENDS; i++) {
			if (random_below(checker, 4))
				continue;
			checker->exists[i] = true;
			checker->weights[i] = random_below(checker, 2);
		}
	}
	program(checker);
}

static uint32_t client_of(uint64_t hash)
{
	return (uint32_t)(hash % WORLD_CLIENTS);
}

/* The port of the backend that the client has, if that may get its new flows; else 0. */
static uint16_t backend_of_client(const struct checker *checker, uint32_t client)
{
	const struct gw_affinity *known = &here->affinities[client];
	const struct gw_backend *backend = &here->backends[known->backend];
	uint16_t port = bpf_ntohs(backend->port);

	if (!checker->affinity_s || !here->has_affinity[client] ||
	    world_now_s - known->seen > checker->affinity_s ||
	    backend->service != here->service.id || !checker->exists[port] ||
	    !checker->weights[port])
		return 0;
	return port;
}

static void begin_flow(struct checker *checker, struct flow *flow)
{
	uint64_t hash = random_next(checker);
	bool is_new = true;
	uint16_t known;

	/* A tuple that was used before is used again, now and then. */
	if (flow->hash && random_below(checker, 2) == 0) {
		hash = flow->hash;
		is_new = false;
	}
	*flow = (struct flow){ .hash = hash, .seen_s = world_now_s };
	known = backend_of_client(checker, client_of(hash));
	flow->backend = world_packet(hash, client_of(hash), checker->protocol,
				     checker->protocol == IPPROTO_TCP ? TCP_SYN : 0);
	if (known && is_new)
		assert_int_equal(flow->backend, known);
	if (checker->protocol == IPPROTO_UDP) {
		/* Nothing tells that it begins: it may also go to one that drains. */
		if (flow->backend)
			assert_true(checker->exists[flow->backend]);
	} else if (takes_new_flows(checker)) {
		assert_in_range(flow->backend, 1, BACKENDS);
		assert_true(checker->exists[flow->backend] && checker->weights[flow->backend]);
	} else {
		assert_int_equal(flow->backend, 0);
	}
	checker->begun += flow->backend != 0;
}

static void send_packet(struct checker *checker, struct flow *flow, uint8_t tcp_flags)
{
	uint16_t backend = world_packet(flow->hash, client_of(flow->hash), checker->protocol,
					checker->protocol == IPPROTO_TCP ? tcp_flags : 0);

	if (backend != flow->backend)
		fail_msg("after %" PRIu64
			 " changes: a flow moved from backend %u to %u, silent for "
			 "%" PRIu64 " s",
			 checker->changes, flow->backend, backend, world_now_s - flow->seen_s);
	flow->seen_s = world_now_s;
	checker->packets++;
}

static bool is_live(const struct checker *checker, const struct flow *flow)
{
	return flow->backend && world_now_s - flow->seen_s < checker->live_s;
}

static void use_flow(struct checker *checker)
{
	struct flow *flow = &checker->flows[random_below(checker, FLOWS)];

	if (!is_live(checker, flow)) {
		begin_flow(checker, flow);
	} else if (random_below(checker, 8)) {
		send_packet(checker, flow, TCP_ACK);
	} else {
		send_packet(checker, flow, TCP_ACK | TCP_FIN);
		flow->backend = 0;
	}
}

static void let_time_pass(struct checker *checker)
{
	bool was_changing = datapath_changing_count(checker->datapath) > 0;
	uint32_t wait_ms;

	world_now_s += random_below(checker, 3);
	datapath_tend(checker->datapath, &wait_ms);
	checker->rests += was_changing && datapath_changing_count(checker->datapath) == 0;
}

/* Changes come in bursts; between them there is time to rebase, and to come to rest. */
static void step(struct checker *checker)
{
	uint32_t kind = random_below(checker, 1000);

	if (random_below(checker, 15000) == 0)
		checker->is_quiet = !checker->is_quiet;
	if (kind < 3 && !checker->is_quiet)
		change(checker);
	else if (kind < 20)
		let_time_pass(checker);
	else
		use_flow(checker);
}

static uint64_t given_seed;
static uint64_t steps = STEPS;

static void check_protocol(uint8_t protocol, uint32_t live_s, uint32_t affinity_s)
{
	struct checker *checker = calloc(1, sizeof(*checker));

	assert_non_null(checker);
	checker->random = given_seed;
	checker->protocol = protocol;
	checker->live_s = live_s;
	checker->affinity_s = affinity_s;
	checker->datapath = world_create(IDLE_S, IDLE_S);
	for (int i = 1; i <= 5; i++) {
		checker->exists[i] = true;
		checker->weights[i] = 1;
	}
	program(checker);
	for (uint64_t i = 0; i < steps / 2; i++)
		step(checker);
	print_message("# %" PRIu64 " packets, %" PRIu64 " flows begun, %" PRIu64
		      " lost with their backend, %" PRIu64 " changes, %" PRIu64 " lookups, %" PRIu64
		      " found, %" PRIu64 " unrecorded, %" PRIu64 " times at rest\n",
		      checker->packets, checker->begun, checker->lost, checker->changes,
		      here->counts[GW_TRACK_LOOKUPS], here->counts[GW_TRACK_FOUND],
		      here->counts[GW_TRACK_UNRECORDED], checker->rests);
	/* The promise holds as long as there is room. */
	assert_int_equal(here->counts[GW_TRACK_UNRECORDED], 0);
	/* A short run may have been quiet, or never have been. */
	if (steps >= STEPS / 2) {
		assert_true(here->counts[GW_TRACK_FOUND] > checker->packets / 10);
		assert_true(checker->rests > 0);
	}
	world_destroy(checker->datapath);
	free(checker);
}

static void no_tcp_flow_moves_in_random_changes(void **state)
{
	(void)state;
	/* The program's clock has steps of 4 s: what was silent for nearly as long may be over. */
	check_protocol(IPPROTO_TCP, IDLE_S - 4, 0);
}

static void no_udp_flow_moves_that_was_not_silent_while_flows_are_learned(void **state)
{
	(void)state;
	check_protocol(IPPROTO_UDP, DATAPATH_UDP_LEARNING_S - 4, 0);
}

static void no_udp_flow_with_affinity_moves(void **state)
{
	(void)state;
	check_protocol(IPPROTO_UDP, DATAPATH_UDP_LEARNING_S - 4, WORLD_HOUR_S);
	check_protocol(IPPROTO_UDP, DATAPATH_UDP_LEARNING_S - 4, 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_tcp_flow_moves_in_random_changes),
		cmocka_unit_test(no_udp_flow_moves_that_was_not_silent_while_flows_are_learned),
		cmocka_unit_test(no_udp_flow_with_affinity_moves),
	};

	/* Fewer where a step takes 50 times as long. */
	if (argc > 1 || getenv("GUIDEWAY_CHECK_STEPS"))
		steps = strtoull(argc > 1 ? argv[1] : getenv("GUIDEWAY_CHECK_STEPS"), NULL, 10);
	given_seed = argc > 2 ? strtoull(argv[2], NULL, 0)
			      : (uint64_t)getpid() << 32 ^ (uint64_t)time(NULL);
	print_message("# seed 0x%" PRIx64 "\n", given_seed);
	return cmocka_run_group_tests_name("transition", tests, NULL, NULL);
}
