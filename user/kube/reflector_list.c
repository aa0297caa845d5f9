/* SPDX-License-Identifier: BSD-2-Clause */
/* reflector_list.c - the pages of a list, and when it is believed. */
#include <errno.h>
#include <string.h>

#include "kube/http.h"
#include "kube/reflector_internal.h"
#include "lib/arena.h"
#include "lib/error.h"
#include "lib/json_tree.h"
#include "lib/loop.h"

/* What is staged is all there is at this version. */
int reflector_tell_list(struct reflector *reflector, const char *resource_version,
			struct error *error)
{
	if (reflector_set_text(&reflector->resource_version, resource_version) < 0)
		return error_set(error, -ENOMEM, "no memory for a resource version");
	reflector_store_commit(&reflector->store);
	reflector->store.any_told = false;
	reflector->from_newest = false;
	reflector->is_unpaged = false;
	reflector->empty_is_sure = false;
	reflector->is_synced = true;
	reflector->is_refused = false;
	reflector->failing_since_ms = 0;
	reflector->listed_ms = loop_now_ms();
	reflector_note_success(reflector);
	reflector->events.on_batch_end(reflector->events.owner);
	return 0;
}

/* A server that lost its objects, or has not got them yet, is asked twice. */
bool reflector_must_confirm(struct reflector *reflector)
{
	if (reflector->store.staged_count > 0 || reflector->store.count == 0 ||
	    reflector->empty_is_sure)
		return false;
	reflector->empty_is_sure = true;
	reflector->from_newest = true;
	return true;
}

static void end_list(struct reflector *reflector, const char *resource_version)
{
	struct error error;

	reflector->lists++;
	if (reflector_must_confirm(reflector))
		reflector_schedule(reflector, REFLECTOR_LIST, 0);
	else if (reflector_tell_list(reflector, resource_version, &error) < 0)
		reflector_fail_answer(reflector, &error);
	else
		reflector_schedule(reflector, REFLECTOR_WATCH, 0);
}

/* Time runs backwards: an API server that has not caught up, or whose storage is an old one's. */
static bool is_stale(const struct reflector *reflector, const char *resource_version)
{
	return reflector->resource_version && !reflector->from_newest &&
	       answer_is_older_version(resource_version, reflector->resource_version);
}

static void end_page(struct reflector *reflector, const struct answer_list *list)
{
	if (is_stale(reflector, list->resource_version)) {
		const struct reflector_failure failure = {
			.status = { .is_too_large = true, .retry_after_s = -1 },
			.retry_after_s = -1,
			.sentence = "older than what the server said before",
		};

		reflector_fail(reflector, &failure);
		return;
	}
	reflector->page_tries = 0;
	if (!*list->continue_token) {
		end_list(reflector, list->resource_version);
	} else if (reflector_set_text(&reflector->continue_token, list->continue_token) < 0) {
		const struct error error = { .text = "no memory for a continue token" };

		reflector_fail_answer(reflector, &error);
	} else {
		reflector_schedule(reflector, REFLECTOR_PAGE, 0);
	}
}

static int read_page(const struct reflector *reflector, const struct kube_response *response,
		     struct arena *arena, struct answer_list *ret, struct error *error)
{
	size_t length = 0;
	const char *envelope = frame_envelope(reflector->frame, &length);

	if (!response->is_complete)
		return error_set(error, -EIO, "the answer broke off: %s",
				 response->error ? response->error->text : "no reason known");
	if (!envelope)
		return error_set(error, -EINVAL, "the answer is no whole JSON object");
	if (!arena)
		return error_set(error, -ENOMEM, "no memory for a list");
	return answer_read_list(arena, envelope, length, reflector->settings.api_version,
				reflector->settings.kind, ret, error);
}

void reflector_page_done(struct reflector *reflector, const struct kube_response *response)
{
	struct arena *arena = arena_create();
	struct answer_list list;
	struct error error;
	int r = read_page(reflector, response, arena, &list, &error);

	reflector_forget_call(reflector);
	if (r < 0)
		reflector_fail_answer(reflector, &error);
	else
		end_page(reflector, &list);
	arena_destroy(arena);
}

int reflector_take_item(struct reflector *reflector, struct arena *arena, const char *text,
			size_t length, struct error *error)
{
	const struct reflector_settings *settings = &reflector->settings;
	struct reflector_identity identity;
	const struct node *object;
	int r = json_tree_parse(arena, text, length, &object, error);

	if (r == 0 && !answer_is_kind(object, settings->api_version, settings->kind))
		return 0;
	if (r == 0)
		r = reflector_identity_read(object, true, &identity, error);
	return r < 0 ? r : reflector_store_stage(&reflector->store, &identity, object, error);
}
