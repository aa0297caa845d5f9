/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lease.c - taking, renewing and giving back a Lease.
 *
 * One call at a time. Who does not hold it reads it again and again; who does writes it, and reads
 * it only when that was in vain. Every write names the version it was made from, so of two only
 * one works.
 */
#include "kube/lease.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "kube/backoff.h"
#include "kube/http.h"
#include "kube/lease_record.h"
#include "kube/refusal.h"
#include "lib/error.h"
#include "lib/loop.h"

#define CALL_MS (LEASE_RENEW_MS / 2)
/* Who is refused asks again after one to two of these. */
#define REFUSED_MS 30000
#define HINT                                                                                       \
	"the account may not: a Role in the Lease's namespace must allow create, get and update "  \
	"of leases"

enum lease_step {
	LEASE_READ,
	LEASE_CREATE,
	LEASE_UPDATE,
	LEASE_GIVE_BACK,
};

struct lease {
	struct loop_watch *retry;
	struct loop_watch *deadline; /* of holding it, or of giving it back */
	struct kube_http *http;
	struct lease_events events;
	char *namespace, *name, *identity;
	char *collection, *path;

	struct kube_call *call; /* NULL: none is under way */
	enum lease_step step;   /* of call */
	uint64_t began_ms;      /* call */

	json_t *object;       /* as last read or written; NULL: not known */
	uint64_t observed_ms; /* when it was last seen to be another */
	uint64_t renewed_ms;  /* when our last write that worked began */
	bool is_leader;       /* as told */
	bool is_releasing;
	bool was_beaten; /* a write of ours met another version, and none has worked since */
	int told_status; /* of the trouble that was told */
	char trouble[REFUSAL_TEXT_SIZE + 128];
};

static void send(struct lease *lease, enum lease_step step);

void lease_make_identity(char ret[static LEASE_IDENTITY_SIZE])
{
	char host[64] = "";
	unsigned char id[16] = { 0 };

	(void)gethostname(host, sizeof(host) - 1);
	/* Of an early boot the bytes are as good as any: only others must be others. */
	(void)getrandom(id, sizeof(id), 0);
	id[6] = (unsigned char)((id[6] & 0x0f) | 0x40);
	id[8] = (unsigned char)((id[8] & 0x3f) | 0x80);
	(void)snprintf(ret, LEASE_IDENTITY_SIZE,
		       "%s_%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		       host, id[0], id[1], id[2], id[3], id[4], id[5], id[6], id[7], id[8], id[9],
		       id[10], id[11], id[12], id[13], id[14], id[15]);
}

bool lease_is_leader(const struct lease *lease)
{
	return lease->is_leader && loop_now_ms() - lease->renewed_ms < LEASE_RENEW_MS;
}

static void set_leader(struct lease *lease, bool is_leader)
{
	if (lease->is_leader == is_leader)
		return;
	lease->is_leader = is_leader;
	lease->events.on_leader(is_leader, lease->events.owner);
}

static void tell_trouble(struct lease *lease, const struct kube_response *response)
{
	char reason[REFUSAL_TEXT_SIZE];
	bool is_told = *lease->trouble && lease->told_status == response->status;

	lease->told_status = response->status;
	(void)snprintf(lease->trouble, sizeof(lease->trouble), "Lease '%s/%s': %s",
		       lease->namespace, lease->name, refusal_explain(response, HINT, reason));
	if (!is_told)
		lease->events.on_trouble(lease->trouble, lease->events.owner);
}

static void tell_recovered(struct lease *lease)
{
	if (!*lease->trouble)
		return;
	lease->trouble[0] = '\0';
	lease->events.on_recovered(lease->events.owner);
}

static void retry_in(struct lease *lease, uint64_t wait_ms)
{
	loop_timer_set(lease->retry, wait_ms);
}

/* Never longer than LEASE_RETRY_MS: so long at most a free Lease stays free. */
static uint64_t usual_wait_ms(void)
{
	return backoff_random(LEASE_RETRY_MS * 10 / 12, LEASE_RETRY_MS + 1);
}

static void keep_object(struct lease *lease, json_t *object)
{
	if (!lease_record_equal(lease->object, object))
		lease->observed_ms = loop_now_ms();
	json_decref(lease->object);
	lease->object = object;
}

static void forget_object(struct lease *lease)
{
	json_decref(lease->object);
	lease->object = NULL;
}

/* How long nobody else may take it yet; 0 when anybody may. */
static uint64_t remaining_ms(const struct lease *lease, const struct lease_record *record)
{
	uint64_t passed_ms = loop_now_ms() - lease->observed_ms;
	uint64_t duration_ms = record->duration_ms ? record->duration_ms : 1000 * LEASE_DURATION_S;

	if (!*record->holder || strcmp(record->holder, lease->identity) == 0)
		return 0;
	return passed_ms < duration_ms ? duration_ms - passed_ms : 0;
}

static void on_read(struct lease *lease, const struct kube_response *response)
{
	json_t *object = lease_record_parse(response->body, response->body_length);
	struct lease_record record;
	uint64_t remaining, wait_ms = usual_wait_ms();

	if (!object) {
		retry_in(lease, wait_ms);
		return;
	}
	keep_object(lease, object);
	lease_record_read(object, &record);
	remaining = remaining_ms(lease, &record);
	if (remaining == 0) {
		send(lease, LEASE_UPDATE);
		return;
	}
	tell_recovered(lease);
	retry_in(lease, remaining < wait_ms ? remaining : wait_ms);
	set_leader(lease, false);
}

static void on_written(struct lease *lease, const struct kube_response *response)
{
	uint64_t passed_ms = loop_now_ms() - lease->began_ms;

	/* What cannot be read is read again before the next write. */
	keep_object(lease, lease_record_parse(response->body, response->body_length));
	lease->renewed_ms = lease->began_ms;
	lease->was_beaten = false;
	retry_in(lease, usual_wait_ms());
	tell_recovered(lease);
	/* Who was held up for so long has not got it. */
	if (passed_ms >= LEASE_RENEW_MS)
		return;
	loop_timer_set(lease->deadline, LEASE_RENEW_MS - passed_ms);
	set_leader(lease, true);
}

static void on_refused(struct lease *lease, const struct kube_response *response)
{
	uint64_t wait_ms = refusal_retry_after_ms(response);

	/* Somebody was faster, or one of our own writes worked unnoticed. */
	if (response->status == 409) {
		forget_object(lease);
		if (lease->is_leader && !lease->was_beaten)
			send(lease, LEASE_READ);
		else
			retry_in(lease, usual_wait_ms());
		lease->was_beaten = true;
		return;
	}
	if (response->status == 404)
		forget_object(lease);
	if (wait_ms == 0)
		wait_ms = usual_wait_ms();
	if (response->status == 403 && !lease->is_leader)
		wait_ms = backoff_random(REFUSED_MS, 2 * REFUSED_MS);
	retry_in(lease, wait_ms);
	tell_trouble(lease, response);
}

static void finish_release(struct lease *lease)
{
	kube_http_cancel(lease->call);
	lease->call = NULL;
	loop_timer_clear(lease->retry);
	loop_timer_clear(lease->deadline);
	lease->events.on_released(lease->events.owner);
}

static void on_done(const struct kube_response *response, void *owner)
{
	struct lease *lease = owner;
	bool is_good = kube_status_is_good(response->status);

	lease->call = NULL;
	if (lease->is_releasing && lease->step == LEASE_GIVE_BACK) {
		finish_release(lease);
	} else if (lease->is_releasing) {
		/* A renewal was under way: what it made of the Lease is given back. */
		if (is_good)
			keep_object(lease,
				    lease_record_parse(response->body, response->body_length));
		send(lease, LEASE_GIVE_BACK);
	} else if (is_good && lease->step == LEASE_READ) {
		on_read(lease, response);
	} else if (is_good) {
		on_written(lease, response);
	} else if (lease->step == LEASE_READ && response->status == 404) {
		send(lease, LEASE_CREATE);
	} else {
		on_refused(lease, response);
	}
}

static char *write_body(const struct lease *lease, enum lease_step step)
{
	bool gives_back = step == LEASE_GIVE_BACK;

	return lease_record_write(step == LEASE_CREATE ? NULL : lease->object, lease->namespace,
				  lease->name, gives_back ? "" : lease->identity,
				  gives_back ? 1 : LEASE_DURATION_S);
}

static int start_call(struct lease *lease, enum lease_step step, struct error *error)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PUT" };
	const struct kube_events events = { .on_done = on_done, .owner = lease };
	char *body = step == LEASE_READ ? NULL : write_body(lease, step);
	const struct kube_request request = {
		.method = methods[step],
		.path = step == LEASE_CREATE ? lease->collection : lease->path,
		.content_type = body ? "application/json" : NULL,
		.body = body,
		.body_length = body ? strlen(body) : 0,
		.timeout_ms = CALL_MS,
	};
	int r = -ENOMEM;

	if (body || step == LEASE_READ)
		r = kube_http_start(lease->http, &request, &events, &lease->call, error);
	else
		(void)error_set(error, r, "no memory to write it");
	free(body);
	return r;
}

static void send(struct lease *lease, enum lease_step step)
{
	struct error error = { 0 };
	const struct kube_response none = { .retry_after_s = -1, .body = "", .error = &error };

	/* There is nothing that could be given back. */
	if (step == LEASE_GIVE_BACK && !lease->object) {
		finish_release(lease);
		return;
	}
	lease->step = step;
	lease->began_ms = loop_now_ms();
	if (start_call(lease, step, &error) == 0)
		return;
	lease->call = NULL;
	if (step == LEASE_GIVE_BACK) {
		finish_release(lease);
		return;
	}
	tell_trouble(lease, &none);
	retry_in(lease, usual_wait_ms());
}

static void on_retry(void *owner)
{
	struct lease *lease = owner;

	if (!lease->call && !lease->is_releasing)
		send(lease, lease->is_leader && lease->object ? LEASE_UPDATE : LEASE_READ);
}

static void on_deadline(void *owner)
{
	struct lease *lease = owner;

	if (lease->is_releasing)
		finish_release(lease);
	else
		set_leader(lease, false);
}

static bool copy_settings(struct lease *lease, const struct lease_settings *settings)
{
	lease->namespace = strdup(settings->namespace);
	lease->name = strdup(settings->name);
	lease->identity = strdup(settings->identity);
	if (asprintf(&lease->collection, "/apis/coordination.k8s.io/v1/namespaces/%s/leases",
		     settings->namespace) < 0)
		lease->collection = NULL;
	if (!lease->collection ||
	    asprintf(&lease->path, "%s/%s", lease->collection, settings->name) < 0)
		lease->path = NULL;
	return lease->namespace && lease->name && lease->identity && lease->path;
}

int lease_create(struct loop *loop, struct kube_http *http, const struct lease_settings *settings,
		 const struct lease_events *events, struct lease **ret, struct error *error)
{
	struct lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return error_set(error, -ENOMEM, "no memory for a Lease");
	lease->http = http;
	lease->events = *events;
	lease->retry = loop_add_timer(loop, on_retry, lease);
	lease->deadline = loop_add_timer(loop, on_deadline, lease);
	if (!lease->retry || !lease->deadline || !copy_settings(lease, settings)) {
		lease_destroy(lease);
		return error_set(error, -ENOMEM, "no memory for a Lease");
	}
	retry_in(lease, 0);
	*ret = lease;
	return 0;
}

void lease_destroy(struct lease *lease)
{
	if (!lease)
		return;
	kube_http_cancel(lease->call);
	loop_remove(lease->retry);
	loop_remove(lease->deadline);
	json_decref(lease->object);
	free(lease->namespace);
	free(lease->name);
	free(lease->identity);
	free(lease->collection);
	free(lease->path);
	free(lease);
}

void lease_read_status(const struct lease *lease, struct lease_status *ret)
{
	struct lease_record record;

	lease_record_read(lease->object, &record);
	*ret = (struct lease_status){
		.is_leader = lease_is_leader(lease),
		.holder = record.holder,
		.transitions = record.transitions,
		.trouble = lease->trouble,
	};
}

bool lease_release(struct lease *lease)
{
	bool was_leader = lease->is_leader;

	if (lease->is_releasing)
		return true;
	loop_timer_clear(lease->retry);
	loop_timer_clear(lease->deadline);
	lease->is_releasing = true;
	set_leader(lease, false);
	if (!was_leader) {
		kube_http_cancel(lease->call);
		lease->call = NULL;
		return false;
	}
	loop_timer_set(lease->deadline, LEASE_RELEASE_MS);
	if (!lease->call)
		send(lease, LEASE_GIVE_BACK);
	return true;
}
