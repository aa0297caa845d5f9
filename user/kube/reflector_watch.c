/* SPDX-License-Identifier: BSD-2-Clause */
/* reflector_watch.c - the events of a watch, and how it ends. */
#include <errno.h>
#include <string.h>

#include "kube/http.h"
#include "kube/reflector_internal.h"
#include "lib/document.h"
#include "lib/error.h"
#include "lib/loop.h"

void reflector_watch_done(struct reflector *reflector, const struct kube_response *response)
{
	uint64_t lasted_ms = loop_now_ms() - reflector->call_started_ms;
	bool was_list = reflector->step == REFLECTOR_WATCH_LIST;
	struct error error;

	(void)error_set(&error, -EIO, "%s%s%s",
			response->is_complete ? "ended too soon" : "broke off",
			response->error ? ": " : "", response->error ? response->error->text : "");
	reflector_forget_call(reflector);
	if (was_list || (reflector->call_events == 0 && lasted_ms < REFLECTOR_SHORT_WATCH_MS)) {
		reflector_fail_answer(reflector, &error);
		return;
	}
	if (!response->is_complete)
		reflector_note_trouble(reflector, 0, error.text, NULL, false);
	reflector_schedule(reflector, REFLECTOR_WATCH, 0);
}

/* An ERROR is the last that a watch says. */
static int take_error(struct reflector *reflector, const struct node *object)
{
	struct reflector_failure failure = { .retry_after_s = -1, .is_in_stream = true };
	struct error error;

	answer_read_status(object, &failure.status);
	(void)error_set(&error, -EIO, "error %d in the stream%s%s", failure.status.code,
			*failure.status.message ? ": " : "", failure.status.message);
	failure.sentence = error.text;
	reflector_cancel_call(reflector);
	reflector_fail(reflector, &failure);
	return REFLECTOR_CALL_IS_OVER;
}

static int take_bookmark(struct reflector *reflector, const struct answer_event *event,
			 const struct reflector_identity *identity, struct error *error)
{
	if (reflector->step == REFLECTOR_WATCH)
		return reflector_set_text(&reflector->resource_version, identity->resource_version);
	/* Before that one the versions of a list that comes as events are in no order. */
	if (!event->is_initial_end)
		return 0;
	reflector->lists++;
	if (reflector_must_confirm(reflector)) {
		reflector_cancel_call(reflector);
		reflector_schedule(reflector, REFLECTOR_LIST, 0);
		return REFLECTOR_CALL_IS_OVER;
	}
	loop_timer_clear(reflector->timer);
	reflector->step = REFLECTOR_WATCH;
	return reflector_tell_list(reflector, identity->resource_version, error);
}

static int take_change(struct reflector *reflector, const struct answer_event *event,
		       const struct reflector_identity *identity, struct error *error)
{
	struct reflector_store *store = &reflector->store;
	bool is_initial = reflector->step == REFLECTOR_WATCH_LIST;
	int r = 0;

	if (event->type == ANSWER_EVENT_DELETED && is_initial)
		reflector_store_unstage(store, identity->namespace, identity->name);
	else if (event->type == ANSWER_EVENT_DELETED)
		reflector_store_remove(store, identity->namespace, identity->name);
	else if (is_initial)
		r = reflector_store_stage(store, identity, event->object, error);
	else
		r = reflector_store_set(store, identity, event->object, error);
	if (r == 0 && !is_initial &&
	    reflector_set_text(&reflector->resource_version, identity->resource_version) < 0)
		r = error_set(error, -ENOMEM, "no memory for a resource version");
	return r;
}

int reflector_take_event(struct reflector *reflector, struct arena *arena, const char *text,
			 size_t length, struct error *error)
{
	const struct reflector_settings *settings = &reflector->settings;
	struct reflector_identity identity;
	struct answer_event event;
	int r = answer_read_event(arena, text, length, &event, error);

	if (r < 0)
		return r;
	reflector->call_events++;
	if (event.type == ANSWER_EVENT_ERROR)
		return take_error(reflector, event.object);
	reflector->failing_since_ms = 0;
	/* What nobody asked for, a Table say, is passed over. */
	if (event.type == ANSWER_EVENT_UNKNOWN ||
	    !answer_is_kind(event.object, settings->api_version, settings->kind))
		return 0;
	r = reflector_identity_read(event.object, event.type != ANSWER_EVENT_BOOKMARK, &identity,
				    error);
	if (r < 0)
		return r;
	if (reflector->step == REFLECTOR_WATCH)
		reflector_note_success(reflector);
	if (event.type == ANSWER_EVENT_BOOKMARK)
		return take_bookmark(reflector, &event, &identity, error);
	return take_change(reflector, &event, &identity, error);
}
