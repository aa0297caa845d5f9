/* SPDX-License-Identifier: BSD-2-Clause */
/* test_error.c - a failure as a value. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "lib/error.h"

static void setting_an_error_gives_back_its_code(void **state)
{
	struct error error = { 0 };

	(void)state;
	assert_int_equal(error_set(&error, -EINVAL, "port: %d is above %d", 70000, 65535), -EINVAL);
	assert_int_equal(error.code, -EINVAL);
	assert_string_equal(error.text, "port: 70000 is above 65535");
}

static void nobody_has_to_want_the_sentence(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, -ENOMEM, "no memory for %s", "it"), -ENOMEM);
	assert_int_equal(error_prefix(NULL, "web.yaml"), 0);
}

static void a_prefix_goes_in_front_and_keeps_the_code(void **state)
{
	struct error error = { 0 };

	(void)state;
	(void)error_set(&error, -ENOENT, "no such file");
	assert_int_equal(error_prefix(&error, "%s:%d", "web.yaml", 3), -ENOENT);
	assert_string_equal(error.text, "web.yaml:3: no such file");
	assert_int_equal(error_prefix(&error, "manifests"), -ENOENT);
	assert_string_equal(error.text, "manifests: web.yaml:3: no such file");
}

static void what_does_not_fit_is_cut_off(void **state)
{
	struct error error = { 0 };
	char text[2 * sizeof(error.text)];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(error_set(&error, -EINVAL, "%s", text), -EINVAL);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
	assert_int_equal(error_prefix(&error, "y"), -EINVAL);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
	assert_memory_equal(error.text, "y: xxx", 6);
	assert_int_equal(error_prefix(&error, "%s", text), -EINVAL);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
	assert_memory_equal(error.text, "xxx", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setting_an_error_gives_back_its_code),
		cmocka_unit_test(nobody_has_to_want_the_sentence),
		cmocka_unit_test(a_prefix_goes_in_front_and_keeps_the_code),
		cmocka_unit_test(what_does_not_fit_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
