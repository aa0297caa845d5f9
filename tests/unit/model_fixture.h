/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model_fixture.h - a model with a pool for each test: create_model and create_model_of make it
 * anew with other settings. Include after cmocka.h.
 */
#ifndef TESTS_UNIT_MODEL_FIXTURE_H
#define TESTS_UNIT_MODEL_FIXTURE_H

#include "objects.h"

#define VIP "10.0.0.1"
#define VIP6 "2001:db8::1"

struct fixture {
	struct pool *pool;
	struct model *model;
};

/* Its pool is the fixture's. */
static inline void create_model_of(struct fixture *fixture, struct model_settings settings)
{
	settings.pool = fixture->pool;
	model_destroy(fixture->model);
	fixture->model = model_create(&settings);
	assert_non_null(fixture->model);
}

static inline void create_model(struct fixture *fixture, const char *class, bool serve_unclassed)
{
	create_model_of(fixture, (struct model_settings){ .load_balancer_class = class,
							  .serve_unclassed = serve_unclassed });
}

static inline int setup(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){ .pool = pool_create() };
	assert_non_null(fixture.pool);
	create_model(&fixture, "guideway.dev/xdp", true);
	*state = &fixture;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *fixture = *state;

	model_destroy(fixture->model);
	pool_destroy(fixture->pool);
	return 0;
}

#endif
