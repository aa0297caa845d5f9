/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reflector_failure.c - what a failure means for the next call.
 *
 * A server that cannot be reached or is busy is asked the same again, later. One that no longer
 * knows the version from which to go on is asked for a list. What somebody must change is
 * asked again slowly.
 */
#include <stdlib.h>

#include "kube/reflector_internal.h"

/* Who is refused asks again after one to two of these. */
#define REFUSED_MS 30000
/* A server that has just started may not have read its roles yet, and refuses what it allowed. */
#define ROLES_UNREAD_MAX_MS 30000
/* So often one page is asked for. */
#define PAGE_TRIES_MAX 10
/* A watch that a server refuses for so long without saying why is given up for a list. */
#define WATCH_REFUSED_MAX_MS 300000
/* A second list for an expired version comes at once only so long after the first. */
#define RELIST_PAUSE_MS 1000

enum reflector_step reflector_first_step(const struct reflector *reflector)
{
	if (reflector->settings.try_watch_list && !reflector->no_watch_list)
		return REFLECTOR_WATCH_LIST;
	return REFLECTOR_LIST;
}

static struct reflector_decision at_once(enum reflector_step step)
{
	return (struct reflector_decision){ .step = step };
}

/* When the server says, else longer each time. */
static struct reflector_decision later(struct reflector *reflector, enum reflector_step step,
				       const struct reflector_failure *failure, uint64_t now_ms)
{
	uint64_t wait_ms = answer_retry_after_ms(failure->retry_after_s, &failure->status);

	if (wait_ms > 0)
		wait_ms += backoff_random(0, BACKOFF_FIRST_MS);
	else
		wait_ms = backoff_next_ms(&reflector->backoff, now_ms);
	return (struct reflector_decision){ .step = step, .wait_ms = wait_ms };
}

/* Whether the request named a version that is known. */
static bool named_version(const struct reflector *reflector)
{
	return reflector->step != REFLECTOR_PAGE && reflector->resource_version &&
	       !reflector->from_newest;
}

/* The version, or a continue token, is too old, or not known to this server yet. */
static struct reflector_decision
start_anew(struct reflector *reflector, const struct reflector_failure *failure, uint64_t now_ms)
{
	bool was_page = reflector->step == REFLECTOR_PAGE;
	bool can_help = was_page || named_version(reflector);

	/* A token lives for minutes: a list that takes longer is asked for in one piece. */
	reflector->is_unpaged |= was_page && failure->status.is_expired;
	reflector->from_newest = true;
	if (can_help)
		return at_once(reflector_first_step(reflector));
	return later(reflector, reflector_first_step(reflector), failure, now_ms);
}

static struct reflector_decision busy(struct reflector *reflector,
				      const struct reflector_failure *failure, uint64_t now_ms)
{
	if (reflector->step == REFLECTOR_PAGE && ++reflector->page_tries < PAGE_TRIES_MAX)
		return later(reflector, REFLECTOR_PAGE, failure, now_ms);
	return later(reflector, reflector_first_step(reflector), failure, now_ms);
}

static bool is_client_error(int code)
{
	return code >= 400 && code < 500 && code != 401 && code != 429;
}

/* Whether what the account could do until now is refused, and not for long yet. */
static bool may_be_allowed_soon(struct reflector *reflector, int code, uint64_t now_ms)
{
	if (code != 403 || !reflector->is_synced)
		return false;
	if (reflector->forbidden_since_ms == 0)
		reflector->forbidden_since_ms = now_ms;
	return now_ms - reflector->forbidden_since_ms <= ROLES_UNREAD_MAX_MS;
}

static struct reflector_decision cannot_be(struct reflector *reflector,
					   const struct reflector_failure *failure, int code,
					   uint64_t now_ms)
{
	const char *hint = NULL;

	if (may_be_allowed_soon(reflector, code, now_ms))
		return later(reflector, reflector->step, failure, now_ms);

	if (code == 403)
		hint = "the account may not: its ClusterRole must allow get, list and watch of "
		       "the resource";
	if (code == 404)
		hint = "the server does not have the resource in this version";
	return (struct reflector_decision){
		.step = reflector_first_step(reflector),
		.wait_ms = backoff_random(REFUSED_MS, 2 * REFUSED_MS),
		.hint = hint,
	};
}

/* 400 and 422: something in the request is not known to this server. */
static struct reflector_decision without_extras(struct reflector *reflector,
						const struct reflector_failure *failure,
						uint64_t now_ms)
{
	bool uses_selector = reflector->settings.field_selector &&
			     reflector->settings.field_selector_is_optional &&
			     !reflector->no_field_selector;

	if (reflector->step == REFLECTOR_WATCH_LIST) {
		reflector->no_watch_list = true;
		return at_once(REFLECTOR_LIST);
	}
	if (uses_selector) {
		reflector->no_field_selector = true;
		return at_once(reflector_first_step(reflector));
	}
	/* Then it may be the version or the token, which nobody but the server understands. */
	reflector->from_newest = true;
	return later(reflector, reflector_first_step(reflector), failure, now_ms);
}

static struct reflector_decision decide_list(struct reflector *reflector,
					     const struct reflector_failure *failure, int code,
					     uint64_t now_ms)
{
	if (failure->status.is_expired || code == 410 || failure->status.is_too_large)
		return start_anew(reflector, failure, now_ms);
	if (code == 400 || code == 422)
		return without_extras(reflector, failure, now_ms);
	if (is_client_error(code))
		return cannot_be(reflector, failure, code, now_ms);
	return busy(reflector, failure, now_ms);
}

static struct reflector_decision relist(struct reflector *reflector,
					const struct reflector_failure *failure, uint64_t now_ms)
{
	/* The list names the version that was seen last: it will not be older. */
	if (now_ms - reflector->listed_ms > RELIST_PAUSE_MS)
		return at_once(reflector_first_step(reflector));
	return later(reflector, reflector_first_step(reflector), failure, now_ms);
}

/* Asks again for what comes behind the same version, but not for ever. */
static struct reflector_decision watch_again(struct reflector *reflector,
					     const struct reflector_failure *failure, int code,
					     uint64_t now_ms)
{
	enum reflector_step step = REFLECTOR_WATCH;

	if (code < 500)
		reflector->failing_since_ms = 0;
	else if (reflector->failing_since_ms == 0)
		reflector->failing_since_ms = now_ms;
	else if (now_ms - reflector->failing_since_ms > WATCH_REFUSED_MAX_MS)
		step = reflector_first_step(reflector);
	if (step != REFLECTOR_WATCH)
		reflector->failing_since_ms = 0;
	return later(reflector, step, failure, now_ms);
}

static struct reflector_decision decide_watch(struct reflector *reflector,
					      const struct reflector_failure *failure, int code,
					      uint64_t now_ms)
{
	if (failure->status.is_expired || code == 410)
		return relist(reflector, failure, now_ms);
	if (failure->is_in_stream && code != 429 && code < 500)
		return later(reflector, reflector_first_step(reflector), failure, now_ms);
	if (code == 400 || code == 422) {
		reflector->from_newest = true;
		return later(reflector, reflector_first_step(reflector), failure, now_ms);
	}
	if (is_client_error(code))
		return cannot_be(reflector, failure, code, now_ms);
	return watch_again(reflector, failure, code, now_ms);
}

struct reflector_decision reflector_decide(struct reflector *reflector,
					   const struct reflector_failure *failure, uint64_t now_ms)
{
	int code = failure->http_status;

	if (failure->is_in_stream)
		code = failure->status.code;
	if (reflector_is_list(reflector) || reflector->step == REFLECTOR_WATCH_LIST)
		return decide_list(reflector, failure, code, now_ms);
	return decide_watch(reflector, failure, code, now_ms);
}
