/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kube_calls.h - calls through the real client, and what is heard of them. Include after
 * cmocka.h.
 */
#ifndef TESTS_UNIT_KUBE_CALLS_H
#define TESTS_UNIT_KUBE_CALLS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "kube/access.h"
#include "kube/http.h"
#include "lib/error.h"
#include "lib/loop.h"
#include "kube_fixture.h"

/* What was heard of one call. */
struct heard {
	struct kube_call *call;
	unsigned int done, pieces;
	int status;
	int64_t retry_after_s;
	bool is_complete;
	size_t body_length, data_length;
	char body[4096], data[4096], error[sizeof(((struct error *)0)->text)];
	void (*on_piece)(struct heard *heard);
	void (*on_end)(struct heard *heard);
};

static struct loop *loop;
static struct kube_access *access_;
static struct kube_http *http;
static struct loop_watch *guard;
static struct error error;
static unsigned int under_way;

static inline void on_stuck(void *owner)
{
	(void)owner;
	fail_msg("nothing more happened for 60 s");
}

static inline int start_loop(void)
{
	error = (struct error){ 0 };
	under_way = 0;
	loop = loop_create();
	assert_non_null(loop);
	guard = loop_add_timer(loop, on_stuck, NULL);
	return guard ? 0 : -1;
}

static inline void stop_loop(void)
{
	kube_http_destroy(http);
	kube_access_destroy(access_);
	http = NULL;
	access_ = NULL;
	loop_remove(guard);
	loop_destroy(loop);
}

static inline void open_with(const char *cluster, const char *user)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
		 "clusters: [{name: k, cluster: {%s}}]\nusers: [{name: u, user: {%s}}]\n",
		 cluster, user);
	put("config", text);
	if (kube_access_open_kubeconfig(at("config"), true, &access_, &error) < 0 ||
	    kube_http_create(loop, access_, &http, &error) < 0)
		fail_msg("open: %s", error.text);
}

static inline void on_data(const char *data, size_t length, void *owner)
{
	struct heard *heard = owner;
	size_t room = sizeof(heard->data) - 1 - heard->data_length;

	assert_int_equal(heard->done, 0);
	heard->pieces++;
	memcpy(heard->data + heard->data_length, data, length < room ? length : room);
	heard->data_length += length < room ? length : room;
	if (heard->on_piece)
		heard->on_piece(heard);
}

static inline void on_done(const struct kube_response *response, void *owner)
{
	struct heard *heard = owner;

	heard->done++;
	heard->status = response->status;
	heard->retry_after_s = response->retry_after_s;
	heard->is_complete = response->is_complete;
	heard->body_length = response->body_length;
	assert_int_equal(response->body[response->body_length], 0);
	snprintf(heard->body, sizeof(heard->body), "%.4095s", response->body);
	assert_true(!response->error == response->is_complete);
	if (response->error)
		snprintf(heard->error, sizeof(heard->error), "%s", response->error->text);
	if (heard->on_end)
		heard->on_end(heard);
	if (--under_way == 0)
		loop_stop(loop);
}

static inline void start(struct heard *heard, const struct kube_request *request, bool in_pieces)
{
	const struct kube_events events = {
		.on_data = in_pieces ? on_data : NULL,
		.on_done = on_done,
		.owner = heard,
	};

	under_way++;
	if (kube_http_start(http, request, &events, &heard->call, &error) < 0)
		fail_msg("start: %s", error.text);
	assert_int_equal(heard->done, 0);
}

/* Until every call is over. */
static inline void run(void)
{
	loop_timer_set(guard, 60000);
	assert_int_equal(loop_run(loop), 0);
	loop_timer_clear(guard);
}

static const struct kube_request get = { .method = "GET", .path = "/api?limit=5" };

static inline struct heard call(const struct kube_request *request, bool in_pieces)
{
	struct heard heard = { 0 };

	start(&heard, request, in_pieces);
	run();
	assert_int_equal(heard.done, 1);
	return heard;
}

#endif
