/* SPDX-License-Identifier: BSD-2-Clause */
/* drains.c - the drains of the control socket: requests, and what they come to. */
#include "agent/drains.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "agent/drain_deadlines.h"
#include "agent/state.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "model/drain.h"
#include "model/model.h"
#include "model/service.h"

#define WARNINGS_MAX 20

struct drains {
	const char *state_dir;
	struct model *model;
	struct drain_list list; /* by command */
	struct drain_deadlines *deadlines;
	struct loop_watch *timer; /* for the next deadline */
};

static int load(struct drains *drains, struct error *error)
{
	int r = state_load_drains(drains->state_dir, &drains->list, error);

	if (r < 0)
		return r;
	if (model_set_drains(drains->model, &drains->list) < 0)
		return error_set(error, -ENOMEM, "no memory for the drains");
	if (drains->list.count)
		log_info("%zu addresses are drained by command (guideway drain lists them)",
			 drains->list.count);
	return 0;
}

int drains_create(struct loop *loop, const char *state_dir, struct model *model,
		  void (*on_due)(void *owner), void *owner, struct drains **ret_drains,
		  struct error *error)
{
	struct drains *drains = calloc(1, sizeof(*drains));
	int r;

	if (!drains)
		return error_set(error, -ENOMEM, "no memory for the drains");
	drains->state_dir = state_dir;
	drains->model = model;
	drains->deadlines = drain_deadlines_create();
	drains->timer = loop_add_timer(loop, on_due, owner);
	r = drains->deadlines && drains->timer
		    ? load(drains, error)
		    : error_set(error, -ENOMEM, "no memory for the drains");
	if (r < 0)
		drains_destroy(drains);
	else
		*ret_drains = drains;
	return r;
}

void drains_destroy(struct drains *drains)
{
	if (!drains)
		return;
	loop_remove(drains->timer);
	drain_deadlines_destroy(drains->deadlines);
	drain_list_finish(&drains->list);
	free(drains);
}

static int undo(struct drain_list *drains, const struct drain *drain, struct error *error)
{
	char text[DRAIN_TEXT_SIZE], whole[ADDRESS_TEXT_SIZE];

	if (drain_list_remove(drains, drain))
		return 0;
	(void)drain_format(drain, text);
	if (drain_list_covers(drains, &drain->address, drain->port))
		return error_set(error, -ENOENT, "%s is drained with its whole address: undo %s",
				 text, address_format(&drain->address, whole));
	return error_set(error, -ENOENT, "%s is not drained", text);
}

static int change(struct drain_list *drains, const struct drain *drain, bool is_undo,
		  struct error *error)
{
	int r;

	if (is_undo)
		return undo(drains, drain, error);
	r = drain_list_add(drains, drain);
	if (r == -ENOSPC)
		return error_set(error, r, "%d addresses are drained already: undo some first",
				 DRAIN_MAX);
	return r < 0 ? error_set(error, r, "no memory for a drain") : 0;
}

/* On disk first: who was told that it is drained finds it so after a restart. */
static int put_in_force(const struct drains *drains, const struct drain_list *list,
			struct error *error)
{
	int r = state_save_drains(drains->state_dir, list, error);

	if (r < 0)
		return r;
	r = model_set_drains(drains->model, list);
	return r < 0 ? error_set(error, r, "no memory for the drains") : 0;
}

int drains_request(struct drains *drains, const json_t *request, bool *ret_changed,
		   struct error *error)
{
	const json_t *backend = json_object_get(request, "backend");
	struct drain_list changed = { 0 };
	struct drain drain;
	int r;

	*ret_changed = false;
	if (!backend)
		return 0;
	if (!json_is_string(backend))
		return error_set(error, -EINVAL, "backend: expected a string");
	r = drain_parse(json_string_value(backend), &drain, error);
	if (r < 0)
		return r;
	drain.since_s = time(NULL);
	if (drain_list_copy(&changed, &drains->list) < 0)
		return error_set(error, -ENOMEM, "no memory for the drains");
	r = change(&changed, &drain, json_is_true(json_object_get(request, "undo")), error);
	if (r == 0)
		r = put_in_force(drains, &changed, error);
	if (r < 0) {
		drain_list_finish(&changed);
		return r;
	}
	drain_list_finish(&drains->list);
	drains->list = changed;
	*ret_changed = true;
	return 0;
}

int drains_follow(struct drains *drains, bool *ret_changed, struct error *error)
{
	bool any_over, changed = false;
	uint64_t wait_ms;
	int r;

	loop_timer_clear(drains->timer);
	r = drain_deadlines_follow(drains->deadlines, drains->model, loop_now_ms(), &any_over,
				   &wait_ms, error);
	if (r == 0 && any_over)
		r = model_update(drains->model, &changed, error);
	*ret_changed |= changed;
	if (r == 0 && wait_ms)
		loop_timer_set(drains->timer, wait_ms);
	return r;
}

static json_int_t count_backends(const struct model *model, const struct drain *drain)
{
	size_t service_count;
	struct service *const *services = model_services(model, &service_count);
	json_int_t count = 0;

	for (size_t i = 0; i < service_count; i++)
		for (size_t j = 0; j < services[i]->backend_count; j++)
			count += drain_covers(drain, &services[i]->backends[j].address,
					      services[i]->backends[j].port);
	return count;
}

static json_t *list(const struct drains *drains)
{
	json_t *array = json_array();
	char text[DRAIN_TEXT_SIZE];

	for (size_t i = 0; i < drains->list.count; i++) {
		const struct drain *drain = &drains->list.items[i];

		(void)json_array_append_new(array, json_pack("{s:s, s:I, s:I}", "backend",
							     drain_format(drain, text), "since",
							     (json_int_t)drain->since_s, "backends",
							     count_backends(drains->model, drain)));
	}
	return array;
}

/* Drained until nobody is left: new flows have nowhere to go. */
static bool is_drained_dry(const struct service *service)
{
	bool any_drained = false;

	for (size_t i = 0; i < service->backend_count; i++) {
		if (service->backends[i].weight > 0)
			return false;
		any_drained |= service->backends[i].state == BACKEND_DRAINED;
	}
	return any_drained;
}

static json_t *warnings(const struct model *model)
{
	size_t count, dry = 0;
	struct service *const *services = model_services(model, &count);
	json_t *array = json_array();
	char key[SERVICE_KEY_TEXT_SIZE];

	for (size_t i = 0; i < count; i++) {
		const struct service *service = services[i];

		if (!is_drained_dry(service) || ++dry > WARNINGS_MAX)
			continue;
		(void)json_array_append_new(
			array, json_sprintf("service '%s/%s' %s: every backend is drained, new "
					    "flows are refused",
					    service->namespace, service->name,
					    service_key_format(&service->key, key)));
	}
	if (dry > WARNINGS_MAX)
		(void)json_array_append_new(
			array, json_sprintf("%zu more services: the same", dry - WARNINGS_MAX));
	return array;
}

json_t *drains_answer(const struct drains *drains, struct error *error)
{
	json_t *answer = json_pack("{s:o, s:o}", "drains", list(drains), "warnings",
				   warnings(drains->model));

	if (!answer)
		(void)error_set(error, -ENOMEM, "no memory for the answer");
	return answer;
}
