/* SPDX-License-Identifier: BSD-2-Clause */
/* publish_internal.h - what the files publish*.c share. */
#ifndef AGENT_PUBLISH_INTERNAL_H
#define AGENT_PUBLISH_INTERNAL_H

#include "agent/publish.h"
#include "agent/publish_held.h"
#include "kube/lease.h"
#include "kube/limiter.h"

struct kube_response;
struct object;
struct service_status;
struct writer_request;

#define PUBLISH_KEY_SIZE 512

struct publish {
	struct loop *loop;
	struct publish_settings settings;
	char identity[LEASE_IDENTITY_SIZE];
	struct limiter limiter;
	struct lease *lease;
	struct writer *writer;
	struct recorder *recorder;
	struct sweep *sweep; /* NULL while another gateway writes */
	struct loop_watch *look;
	struct held_list held;
	uint64_t pass;
	bool is_current; /* model and datapath follow the objects */
	bool look_is_due;
};

/* "namespace/name" */
void publish_write_key(const struct object *service, char ret[static PUBLISH_KEY_SIZE]);
/* Ours, and its status is not written by somebody else. */
bool publish_is_ours(const struct service_status *status);

/* For the writer; see there. owner is the publish. */
bool publish_make_request(const char *key, struct writer_request *ret, void *owner);
bool publish_request_done(const char *key, const struct kube_response *response, void *owner);

/* Events: of a write that worked, and of the last one. */
void publish_tell_written(struct publish *publish, const struct held *held);
void publish_tell_let_go(struct publish *publish, const struct held *held);

#endif
