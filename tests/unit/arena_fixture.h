/* SPDX-License-Identifier: BSD-2-Clause */
/* arena_fixture.h - an arena and an empty error for each test of a parser. After cmocka.h. */
#ifndef TESTS_UNIT_ARENA_FIXTURE_H
#define TESTS_UNIT_ARENA_FIXTURE_H

#include "lib/arena.h"
#include "lib/error.h"

static struct arena *arena;
static struct error error;

static int set_up(void **state)
{
	(void)state;
	arena = arena_create();
	error.text[0] = '\0';
	return arena ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	arena_destroy(arena);
	return 0;
}

#endif
