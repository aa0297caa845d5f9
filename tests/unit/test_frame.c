/* SPDX-License-Identifier: BSD-2-Clause */
/* test_frame.c - streams and lists cut into objects, whatever the pieces. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/frame.h"
#include "lib/error.h"

/* The objects one behind the other, each ended by a bar; or the sentence of the failure. */
static char *cut(enum frame_shape shape, const char *text, size_t piece, const char **ret_envelope)
{
	struct frame *frame = frame_create(shape);
	size_t size = strlen(text), envelope_length = 0;
	char *all = calloc(1, 2 * size + sizeof(struct error));
	static char envelope[256];
	int r = 0;

	for (size_t at = 0; r >= 0 && at < size; at += piece) {
		const char *data = text + at, *object;
		size_t length = size - at < piece ? size - at : piece, object_length;
		struct error error;

		while ((r = frame_next(frame, &data, &length, &object, &object_length, &error)) >
		       0) {
			strncat(all, object, object_length);
			strcat(all, "|");
		}
		if (r < 0)
			strcpy(all, error.text);
		else
			assert_int_equal(length, 0);
	}
	if (ret_envelope) {
		const char *around = frame_envelope(frame, &envelope_length);

		(void)snprintf(envelope, sizeof(envelope), "%.*s", (int)envelope_length,
			       around ? around : "");
		*ret_envelope = around ? envelope : NULL;
	}
	frame_destroy(frame);
	return all;
}

static void expect_cut(enum frame_shape shape, const char *text, const char *expected)
{
	for (size_t piece = 1; piece <= strlen(text); piece++) {
		char *all = cut(shape, text, piece, NULL);

		assert_string_equal(all, expected);
		free(all);
	}
}

static void a_stream_is_cut_whatever_the_pieces(void **state)
{
	(void)state;
	expect_cut(FRAME_STREAM, "{\"a\":1}\n{\"b\":[{},{}]}{\"c\":{}}  \r\n",
		   "{\"a\":1}|{\"b\":[{},{}]}|{\"c\":{}}|");
	expect_cut(FRAME_STREAM, "{\"a\":\"}{\\\"}\\\\\"}{\"]\":\"[\"}",
		   "{\"a\":\"}{\\\"}\\\\\"}|{\"]\":\"[\"}|");
	expect_cut(FRAME_STREAM, "  ", "");
	expect_cut(FRAME_STREAM, "{\"a\":1}{\"b\":", "{\"a\":1}|");
}

static void what_is_no_json_is_refused(void **state)
{
	(void)state;
	expect_cut(FRAME_STREAM, "<html>", "not JSON: byte 0x3c, expected an object");
	expect_cut(FRAME_STREAM, "{\"a\":[}", "not JSON: byte 0x7d, expected ]");
	expect_cut(FRAME_LIST, "{\"items\":[1]}", "not JSON: byte 0x31, expected an object");
	expect_cut(FRAME_LIST, "{\"items\":[]}x", "not JSON: byte 0x78, expected nothing more");
	expect_cut(FRAME_LIST, "[]", "not JSON: byte 0x5b, expected an object");
}

static void the_items_of_a_list_are_cut_out_of_it(void **state)
{
	const char *text =
		"{\"kind\":\"L\",\"items\" : [ {\"items\":[{\"x\":1}]}, {\"s\":\"]}\"} ],"
		"\"metadata\":{\"items\":[{}],\"v\":\"items\"}}\n";

	(void)state;
	expect_cut(FRAME_LIST, text, "{\"items\":[{\"x\":1}]}|{\"s\":\"]}\"}|");
	for (size_t piece = 1; piece <= strlen(text); piece++) {
		const char *envelope;

		free(cut(FRAME_LIST, text, piece, &envelope));
		assert_string_equal(envelope,
				    "{\"kind\":\"L\",\"items\" : [],\"metadata\":{\"items\":[{}],"
				    "\"v\":\"items\"}}");
	}
}

static void items_may_be_none_and_a_list_that_is_not_whole_has_no_envelope(void **state)
{
	const char *envelope;

	(void)state;
	free(cut(FRAME_LIST, "{\"items\":[],\"x\":\"items\"}", 3, &envelope));
	assert_string_equal(envelope, "{\"items\":[],\"x\":\"items\"}");
	free(cut(FRAME_LIST, "{\"items\":null}", 3, &envelope));
	assert_string_equal(envelope, "{\"items\":null}");
	free(cut(FRAME_LIST, "{\"a\":\"items\",\"b\":[{}]}", 3, &envelope));
	assert_string_equal(envelope, "{\"a\":\"items\",\"b\":[{}]}");
	free(cut(FRAME_LIST, "{\"items\":[{\"a\":1}]", 3, &envelope));
	assert_null(envelope);
	free(cut(FRAME_LIST, "", 3, &envelope));
	assert_null(envelope);
}

static void an_object_has_a_largest_size_and_depth(void **state)
{
	struct frame *frame = frame_create(FRAME_STREAM);
	size_t size = 1024 * 1024, object_length;
	char *piece = malloc(size);
	const char *object;
	struct error error;
	int r = 0;

	(void)state;
	memset(piece, ' ', size);
	piece[0] = '{';
	for (size_t i = 0; r == 0 && i < 17; i++) {
		const char *data = piece;
		size_t length = size;

		r = frame_next(frame, &data, &length, &object, &object_length, &error);
		piece[0] = ' ';
		assert_int_equal(r, i < 16 ? 0 : -EFBIG);
	}
	frame_destroy(frame);
	memset(piece, '{', 129);
	piece[129] = '\0';
	expect_cut(FRAME_STREAM, piece, "JSON of more than 128 levels");
	free(piece);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_is_cut_whatever_the_pieces),
		cmocka_unit_test(what_is_no_json_is_refused),
		cmocka_unit_test(the_items_of_a_list_are_cut_out_of_it),
		cmocka_unit_test(items_may_be_none_and_a_list_that_is_not_whole_has_no_envelope),
		cmocka_unit_test(an_object_has_a_largest_size_and_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
