/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net_fixture.h - what the tests of net/ share: a network namespace of the test's own
 * with a `struct net` on a loop in it, and peers (other namespaces) on cables to it.
 *
 * A namespace goes away with the last process in it, so nothing remains of a test that
 * was killed.
 */
#ifndef TESTS_NET_FIXTURE_H
#define TESTS_NET_FIXTURE_H

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/loop.h"
#include "net/net.h"

#define PATIENCE_MS 20000 /* under valgrind, on a busy machine */
#define POLL_MS 5
#define PEERS_MAX 4

struct fixture {
	struct loop *loop;
	struct net *net;
	struct loop_watch *poll_timer;
	bool (*condition)(struct fixture *fixture);
	uint64_t deadline_ms;
	bool is_met;
	bool is_in_watch;
	int next_hop_calls, address_calls;
	struct address wanted; /* for conditions: which next hop, and what it shall be */
	uint8_t wanted_mac;
	enum next_hop_state wanted_state;
	size_t changed; /* taken so far */
	pid_t peers[PEERS_MAX];
	size_t peer_count;
};

#define SKIP(reason)                                                                               \
	do {                                                                                       \
		print_message("# skip: %s\n", reason);                                             \
		skip();                                                                            \
	} while (0)

/* Runs a shell command; all of them must succeed. */
__attribute__((format(printf, 1, 2))) static inline void run(const char *format, ...)
{
	char command[1024];
	va_list args;
	int status;

	va_start(args, format);
	(void)vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	status = system(command);
	if (status != 0)
		fail_msg("\"%s\" ended with status %d", command, status);
}

static inline bool enter_new_namespace(void)
{
	return unshare(CLONE_NEWNET) == 0;
}

/* A process that only holds a namespace. */
static inline pid_t start_peer(struct fixture *fixture)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_true(fixture->peer_count < PEERS_MAX);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!enter_new_namespace() || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	assert_true(pid > 0);
	fixture->peers[fixture->peer_count++] = pid;
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return pid;
}

/*
 * A cable from device here to eth0 of a new peer, whose MAC ends in mac. Here is
 * 10.0.SUBNET.1/24 and fd00:SUBNET::1/64, there ends in 2.
 */
static inline pid_t start_peer_on(struct fixture *fixture, const char *device, int subnet, int mac)
{
	pid_t pid = start_peer(fixture);

	run("ip link add %s address 02:00:00:00:01:%02x type veth "
	    "peer name eth0 address 02:00:00:00:00:%02x netns %d",
	    device, mac, mac, pid);
	run("ip addr add 10.0.%d.1/24 brd + dev %s; ip addr add fd00:%d::1/64 nodad dev %s; "
	    "ip link set %s up; sysctl -qw net.ipv4.neigh.%s.retrans_time_ms=100 "
	    "net.ipv6.neigh.%s.retrans_time_ms=100",
	    subnet, device, subnet, device, device, device, device);
	run("nsenter -t %d -n sh -ec 'sysctl -qw net.ipv4.conf.default.arp_notify=1 "
	    "net.ipv4.conf.eth0.arp_notify=1 net.ipv6.conf.eth0.accept_dad=0; "
	    "ip addr add 10.0.%d.2/24 dev eth0; ip addr add fd00:%d::2/64 nodad dev eth0; "
	    "ip addr add fe80::2/64 nodad dev eth0; ip link set lo up; ip link set eth0 up'",
	    pid, subnet, subnet);
	return pid;
}

static inline struct address address(const char *text)
{
	struct address parsed;

	assert_int_equal(address_parse(text, &parsed, NULL), 0);
	return parsed;
}

static inline struct next_hop next_hop_of(const struct fixture *fixture, const char *text)
{
	struct address wanted = address(text);
	struct next_hop hop;

	assert_int_equal(net_next_hop(fixture->net, &wanted, &hop), 0);
	return hop;
}

static inline int by_address(const void *a, const void *b)
{
	return address_compare(a, b);
}

static inline void watch_all(struct fixture *fixture, struct address *addresses, size_t count)
{
	struct error error = { 0 };

	qsort(addresses, count, sizeof(*addresses), by_address);
	fixture->is_in_watch = true;
	if (net_watch(fixture->net, addresses, count, &error) < 0)
		fail_msg("%s", error.text);
	fixture->is_in_watch = false;
}

/* Watches up to 16 addresses; a NULL ends the list. */
static inline void watch(struct fixture *fixture, const char *const *texts)
{
	struct address addresses[16];
	size_t count = 0;

	for (; texts[count]; count++)
		addresses[count] = address(texts[count]);
	watch_all(fixture, addresses, count);
}
#define WATCH(fixture, ...) watch(fixture, (const char *const[]){ __VA_ARGS__, NULL })

static inline void on_poll(void *owner)
{
	struct fixture *fixture = owner;

	fixture->is_met = fixture->condition && fixture->condition(fixture);
	if (fixture->is_met || loop_now_ms() >= fixture->deadline_ms)
		loop_stop(fixture->loop);
	else
		loop_timer_set(fixture->poll_timer, POLL_MS);
}

/* Runs the loop until condition is true; whether it became true in time. */
static inline bool run_loop(struct fixture *fixture, bool (*condition)(struct fixture *fixture),
			    uint64_t patience_ms)
{
	fixture->condition = condition;
	fixture->deadline_ms = loop_now_ms() + patience_ms;
	loop_timer_set(fixture->poll_timer, POLL_MS);
	assert_int_equal(loop_run(fixture->loop), 0);
	return fixture->is_met;
}

static inline bool is_as_wanted(struct fixture *fixture)
{
	struct next_hop hop;

	return net_next_hop(fixture->net, &fixture->wanted, &hop) == 0 &&
	       hop.state == fixture->wanted_state &&
	       (hop.state != NEXT_HOP_RESOLVED || hop.dst_mac[5] == fixture->wanted_mac);
}

static inline void wait_for_state(struct fixture *fixture, const char *text,
				  enum next_hop_state state, uint8_t mac)
{
	fixture->wanted = address(text);
	fixture->wanted_state = state;
	fixture->wanted_mac = mac;
	if (!run_loop(fixture, is_as_wanted, PATIENCE_MS)) {
		struct next_hop hop = next_hop_of(fixture, text);

		fail_msg("%s: state %d, MAC ..:%02x, wanted state %d, MAC ..:%02x", text, hop.state,
			 hop.dst_mac[5], state, mac);
	}
}

static inline void wait_for_mac(struct fixture *fixture, const char *text, uint8_t mac)
{
	wait_for_state(fixture, text, NEXT_HOP_RESOLVED, mac);
}

static inline void count_changed(const struct address *changed, const struct next_hop *hop,
				 void *context)
{
	struct fixture *fixture = context;
	struct next_hop now;

	assert_int_equal(net_next_hop(fixture->net, changed, &now), 0);
	assert_int_equal(now.state, hop->state);
	fixture->changed++;
}

static inline void on_next_hops_changed(void *owner)
{
	struct fixture *fixture = owner;

	assert_false(fixture->is_in_watch);
	fixture->next_hop_calls++;
	net_take_changed(fixture->net, count_changed, fixture);
}

static inline void on_addresses_changed(void *owner)
{
	((struct fixture *)owner)->address_calls++;
}

/* After the links of a test are made. */
static inline void start_net(struct fixture *fixture)
{
	const struct net_events events = {
		.on_next_hops_changed = on_next_hops_changed,
		.on_addresses_changed = on_addresses_changed,
		.owner = fixture,
	};
	struct error error = { 0 };

	if (net_create(fixture->loop, &events, &fixture->net, &error) < 0)
		fail_msg("%s", error.text);
}

static inline int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	if (!fixture || !enter_new_namespace())
		return -1;
	fixture->loop = loop_create();
	fixture->poll_timer =
		fixture->loop ? loop_add_timer(fixture->loop, on_poll, fixture) : NULL;
	return fixture->poll_timer && system("ip link set lo up; sysctl -qw "
					     "net.ipv6.conf.default.accept_dad=0 "
					     "net.ipv6.conf.all.accept_dad=0") == 0
		       ? 0
		       : -1;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;

	net_destroy(fixture->net);
	loop_remove(fixture->poll_timer);
	loop_destroy(fixture->loop);
	for (size_t i = 0; i < fixture->peer_count; i++) {
		(void)kill(fixture->peers[i], SIGKILL);
		(void)waitpid(fixture->peers[i], NULL, 0);
	}
	free(fixture);
	return 0;
}

/* Whether this process may make namespaces; tried in a child. */
static inline bool can_make_namespaces(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(enter_new_namespace() ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

#define RUN_NET_TESTS(tests)                                                                       \
	(can_make_namespaces()                                                                     \
		 ? cmocka_run_group_tests(tests, NULL, NULL)                                       \
		 : (puts("1..0 # SKIP may not make network namespaces: needs root"), 0))

#endif
