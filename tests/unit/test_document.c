/* SPDX-License-Identifier: BSD-2-Clause */
/* test_document.c - streams cut into documents, documents read into trees. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena_fixture.h"
#include "lib/document.h"

static const struct node *parse_bytes(const char *text, size_t length)
{
	const struct node *root = NULL;
	int r = document_parse(arena, text, length, 0, &root, &error);

	if (r < 0)
		fail_msg("parse: %s", error.text);
	return root;
}

static const struct node *parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

/* Parses text, which must fail with this sentence. */
static void assert_refused(const char *text, const char *sentence)
{
	const struct node *root = NULL;

	assert_int_equal(document_parse(arena, text, strlen(text), 0, &root, &error), -EINVAL);
	assert_null(root);
	assert_string_equal(error.text, sentence);
}

/* Every scalar, key and bracket of a tree in one line. */
static void write_tree(const struct node *node, FILE *to)
{
	if (node->key)
		fprintf(to, "%s:", node->key);
	if (node->type == NODE_NULL)
		fprintf(to, "null");
	if (node->type == NODE_SCALAR)
		fprintf(to, node->quoted ? "\"%s\"" : "%s", node->text);
	if (node->type < NODE_SEQUENCE)
		return;
	fputc(node->type == NODE_SEQUENCE ? '[' : '{', to);
	for (const struct node *child = node->first; child; child = child->next) {
		write_tree(child, to);
		if (child->next)
			fputc(' ', to);
	}
	fputc(node->type == NODE_SEQUENCE ? ']' : '}', to);
}

static void assert_tree(const char *text, const char *expected)
{
	char buffer[1024] = "";
	FILE *to = fmemopen(buffer, sizeof(buffer), "w");

	assert_non_null(to);
	write_tree(parse(text), to);
	fclose(to);
	assert_string_equal(buffer, expected);
}

static void a_block_document_becomes_a_tree(void **state)
{
	(void)state;
	assert_tree("a: 1\nb:\n- x\n- 'y'\nc: {d: \"e\", f: }\n",
		    "{a:1 b:[x \"y\"] c:{d:\"e\" f:null}}");
}

static void json_is_read_like_yaml(void **state)
{
	(void)state;
	assert_tree("{\n\t\"a\":1,\"b\":[true,null,\"x\\/y\\n\"],\n\t\"c\":{}}",
		    "{a:1 b:[true null \"x/y\n\"] c:{}}");
}

static void nothing_tilde_and_null_are_null(void **state)
{
	(void)state;
	assert_tree("[~, null, Null, NULL, '', 'null', nul]",
		    "[null null null null \"\" \"null\" nul]");
	assert_tree("a:\nb: # comment\n", "{a:null b:null}");
}

static void an_empty_document_is_null(void **state)
{
	(void)state;
	assert_int_equal(parse("")->type, NODE_NULL);
	assert_int_equal(parse("# comment\n")->type, NODE_NULL);
	assert_int_equal(parse("---\n...\n")->type, NODE_NULL);
}

static void a_string_tag_makes_a_string(void **state)
{
	(void)state;
	assert_tree("[!!str 80, !!int \"80\", ! 80, !!str ]", "[\"80\" 80 \"80\" \"\"]");
}

static void block_scalars_are_strings(void **state)
{
	(void)state;
	assert_tree("a: |\n  80\nb: >-\n  x\n  y\n", "{a:\"80\n\" b:\"x y\"}");
}

static void nodes_know_their_line_and_column(void **state)
{
	const struct node *root, *port;

	(void)state;
	assert_int_equal(document_parse(arena, "a:\n- b: 1\n  c: 2\n", 17, 10, &root, &error), 0);
	port = node_get(node_get(root, "a")->first, "c");
	assert_int_equal(port->line, 13);
	assert_int_equal(port->column, 6);
}

static void columns_count_characters(void **state)
{
	(void)state;
	assert_int_equal(parse("{\xc3\xa4\xc3\xb6: x}")->first->column, 6);
}

static void carriage_returns_end_lines(void **state)
{
	(void)state;
	assert_int_equal(node_get(parse("a: 1\r\nb: 2\r\n"), "b")->line, 2);
	assert_string_equal(node_get(parse("a: 1\r\nb: 2\r\n"), "b")->text, "2");
}

static void surrogate_pairs_are_one_character(void **state)
{
	(void)state;
	assert_string_equal(node_get(parse("{\"a\":\"\\ud83d\\ude00!\"}"), "a")->text,
			    "\xf0\x9f\x98\x80!");
	assert_string_equal(node_get(parse("{\"a\":\"\\uD83D\\uDE00\"}"), "a")->text,
			    "\xf0\x9f\x98\x80");
}

static void lone_surrogates_are_replaced(void **state)
{
	(void)state;
	assert_string_equal(node_get(parse("{\"a\":\"\\ud83d-\\ude00\"}"), "a")->text,
			    "\xef\xbf\xbd-\xef\xbf\xbd");
}

static void an_escaped_backslash_is_no_surrogate(void **state)
{
	(void)state;
	assert_string_equal(node_get(parse("{\"a\":\"\\\\ud83d\\\\ude00\"}"), "a")->text,
			    "\\ud83d\\ude00");
}

static void aliases_are_copied(void **state)
{
	(void)state;
	assert_tree("a: &x {b: [1]}\nc: *x\nd: [*x, &x 2, *x]\n",
		    "{a:{b:[1]} c:{b:[1]} d:[{b:[1]} 2 2]}");
}

static void an_alias_of_nothing_is_refused(void **state)
{
	(void)state;
	assert_refused("a: *x\n", "1:4: *x, expected an anchor &x before it");
}

static void a_recursive_alias_is_refused(void **state)
{
	(void)state;
	assert_refused("a: &x\n  b: *x\n",
		       "2:6: *x inside of what &x names, expected it elsewhere");
}

static void aliases_cannot_expand_without_bound(void **state)
{
	(void)state;
	assert_refused("a: &a [x,x,x,x,x,x,x,x,x,x]\n"
		       "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
		       "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
		       "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
		       "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
		       "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
		       "5:29: aliases that stand for more than 100000 values, expected fewer");
}

static void aliases_cannot_nest_without_bound(void **state)
{
	char text[2048] = "- &a0 []\n";
	const struct node *root;

	(void)state;
	for (int i = 1; i < 100; i++)
		sprintf(text + strlen(text), "- &a%d [*a%d]\n", i, i - 1);
	assert_int_equal(document_parse(arena, text, strlen(text), 0, &root, &error), -EINVAL);
	assert_non_null(strstr(error.text, "nested deeper than 64 levels"));
}

static void deep_nesting_is_refused(void **state)
{
	char text[80];

	(void)state;
	memset(text, '[', 65);
	text[65] = '\0';
	assert_refused(text, "1:65: nested deeper than 64 levels, expected fewer");
}

static void merge_keys_are_applied(void **state)
{
	(void)state;
	assert_tree("a: &a {x: 1, y: 2}\nb: {y: 3, <<: *a, z: 4}\n",
		    "{a:{x:1 y:2} b:{y:3 x:1 z:4}}");
}

static void of_merged_mappings_the_first_wins(void **state)
{
	(void)state;
	assert_tree("- &a {x: 1}\n- &b {x: 2, y: 2}\n- {<<: [*a, *b]}\n- {<<: [*b, *a], y: 0}\n",
		    "[{x:1} {x:2 y:2} {x:1 y:2} {x:2 y:0}]");
}

static void a_merged_mapping_keeps_its_own_anchor(void **state)
{
	(void)state;
	assert_tree("a: {<<: &x {p: 1, q: 2}, p: 0, r: 3}\nb: *x\n",
		    "{a:{q:2 p:0 r:3} b:{p:1 q:2}}");
}

static void a_quoted_merge_key_is_a_key(void **state)
{
	(void)state;
	assert_tree("{'<<': {a: 1}}", "{<<:{a:1}}");
}

static void merging_what_is_no_mapping_is_refused(void **state)
{
	(void)state;
	assert_refused("<<: x\n",
		       "1:5: \"<<\" merges text, expected a mapping or a list of mappings");
}

static void a_key_given_twice_is_refused(void **state)
{
	(void)state;
	assert_refused("b: 1\na: 2\nc: 3\na:\n  d: 1\n",
		       "4:1: the key \"a\" a second time, expected it once: it stands on line 2 "
		       "already");
	assert_refused("{\"a\": 1, \"a\": 1}", "1:10: the key \"a\" a second time, expected it "
					       "once: it stands on line 1 already");
}

static void keys_that_are_no_text_are_refused(void **state)
{
	(void)state;
	assert_refused("? [a]\n: b\n", "1:3: a key that is no text, expected \"key: value\"");
	assert_refused("{~: b}", "1:2: an empty key, expected \"key: value\"");
	assert_refused("{\"a\\0\": b}", "1:2: a key with a NUL in it, expected text");
}

static void a_tab_in_the_indentation_is_named(void **state)
{
	(void)state;
	assert_refused("a:\n\tb: 1\n", "2:1: a tab, expected spaces");
}

static void bytes_that_are_no_text_are_named(void **state)
{
	(void)state;
	assert_refused("a: 1\nb: \xff\n", "2:4: a byte that is no text, expected UTF-8");
	assert_refused("a: \x01\n",
		       "1:4: a control character, expected an escape in double quotes");
	assert_refused("\xfe\xff", "1:1: a byte that is no text, expected UTF-8");
}

static void mistakes_of_form_are_told_with_their_place(void **state)
{
	(void)state;
	assert_refused("a: b: c\n", "1:5: a \":\" that opens no value here, expected quotes around "
				    "the text or less indentation");
	assert_refused("a: 1\nb\n", "3:1: a line without \":\", expected \"key: value\"");
	assert_refused("a: @b\n", "1:4: a value that starts with \"@\", expected quotes around it");
	assert_refused("a: \"b\n", "2:1: the document ends, expected a closing quote");
	assert_refused("a: [b\nc: d\n", "2:2: a list in brackets goes on, expected \",\" or \"]\"");
	assert_refused("a: 1\n b: 2\n", "2:3: a \":\" that opens no value here, expected quotes "
					"around the text or less indentation");
	assert_refused("a:\n  b: 1\n c: 2\n", "3:2: something at this indentation that is no key, "
					      "expected \"key: value\" as above");
}

static void strings_are_text(void **state)
{
	const struct node *root =
		parse("[x, '80', \"true\", 10.0.0.1, 1.2.3, 12ab, 2024-05-01T10:00:00Z]");
	const char *text;

	(void)state;
	for (const struct node *node = root->first; node; node = node->next)
		assert_int_equal(node_string(node, "f", &text, &error), 0);
}

static void plain_numbers_and_booleans_are_no_strings(void **state)
{
	const struct node *root =
		parse("[80, -1, 1.5, .5, 1e3, 0x1f, 0o7, 1_000, .inf, -.INF, true, no, On, y]");
	const char *text = NULL;

	(void)state;
	for (const struct node *node = root->first; node; node = node->next)
		assert_int_equal(node_string(node, "f", &text, NULL), -EINVAL);
	assert_null(text);
	assert_int_equal(node_string(root->first, "metadata.name", &text, &error), -EINVAL);
	assert_string_equal(error.text, "1:2: metadata.name: the number 80, expected text: "
					"put it in quotes");
	assert_int_equal(node_string(root, "a", &text, &error), -EINVAL);
	assert_string_equal(error.text, "1:1: a: a list, expected text");
}

static void text_with_a_nul_is_no_string(void **state)
{
	const char *text;

	(void)state;
	assert_int_equal(node_string(parse("\"a\\0b\""), "f", &text, &error), -EINVAL);
	assert_string_equal(error.text, "1:1: f: text with a NUL in it, expected text");
}

static void booleans_are_those_of_kubectl(void **state)
{
	const struct node *yes = parse("[true, True, TRUE, yes, Yes, YES, on, On, ON, y, Y]");
	const struct node *no = parse("[false, False, FALSE, no, No, NO, off, Off, OFF, n, N]");
	const struct node *neither = parse("['true', tRUE, 1, 0, nope]");
	bool value;

	(void)state;
	for (const struct node *node = yes->first; node; node = node->next) {
		value = false;
		assert_int_equal(node_bool(node, "f", &value, &error), 0);
		assert_true(value);
	}
	for (const struct node *node = no->first; node; node = node->next) {
		value = true;
		assert_int_equal(node_bool(node, "f", &value, &error), 0);
		assert_false(value);
	}
	for (const struct node *node = neither->first; node; node = node->next)
		assert_int_equal(node_bool(node, "f", &value, &error), -EINVAL);
	assert_int_equal(node_bool(neither->first, "f", &value, &error), -EINVAL);
	assert_string_equal(error.text, "1:2: f: the text \"true\", expected true or false");
}

static void integers_are_plain_decimals_within_bounds(void **state)
{
	const struct node *good = parse("[0, 7, 65535, -3]");
	const struct node *bad = parse("['80', 010, +1, 1.0, 0x10, 1e3, x, true, --1, -]");
	int64_t value = 0;

	(void)state;
	for (const struct node *node = good->first; node; node = node->next)
		assert_int_equal(node_integer(node, "f", -3, 65535, &value, &error), 0);
	assert_int_equal(value, -3);
	for (const struct node *node = bad->first; node; node = node->next)
		assert_int_equal(node_integer(node, "f", INT64_MIN, INT64_MAX, &value, NULL),
				 -EINVAL);
	assert_int_equal(node_integer(bad->first, "f", 1, 9, &value, &error), -EINVAL);
	assert_string_equal(error.text,
			    "1:2: f: the text \"80\", expected a whole number from 1 to 9");
}

static void integers_out_of_bounds_are_refused(void **state)
{
	int64_t value = 5;

	(void)state;
	assert_int_equal(
		node_integer(parse("70000"), "spec.ports[0].port", 1, 65535, &value, &error),
		-EINVAL);
	assert_string_equal(error.text, "1:1: spec.ports[0].port: 70000, expected 1 to 65535");
	assert_int_equal(node_integer(parse("99999999999999999999"), "f", INT64_MIN, INT64_MAX,
				      &value, NULL),
			 -EINVAL);
	assert_int_equal(value, 5);
}

static void sentences_cannot_steer_a_terminal(void **state)
{
	bool value;

	(void)state;
	assert_int_equal(node_bool(parse("\"\\e[31m\\nx\""), "f", &value, &error), -EINVAL);
	assert_string_equal(error.text, "1:1: f: the text \"?[31m?x\", expected true or false");
}

static void node_get_finds_only_what_is_there(void **state)
{
	const struct node *root = parse("{a: 1, b: null, c: [x]}");

	(void)state;
	assert_non_null(node_get(root, "a"));
	assert_null(node_get(root, "b"));
	assert_null(node_get(root, "d"));
	assert_null(node_get(node_get(root, "c"), "x"));
	assert_null(node_get(NULL, "a"));
}

/* Splits text; each document as "<lines before>|<text>" with "~" for a line break. */
static void assert_split(const char *text, const char *const *expected)
{
	size_t length = strlen(text), at = 0, found_length;
	uint32_t line = 0, found_line;
	const char *found;
	char shown[256];

	while (document_split(text, length, &at, &line, &found, &found_length, &found_line)) {
		snprintf(shown, sizeof(shown), "%u|%.*s", found_line, (int)found_length, found);
		for (char *c = shown; *c; c++)
			if (*c == '\n')
				*c = '~';
		assert_non_null(*expected);
		assert_string_equal(shown, *expected++);
	}
	assert_null(*expected);
	assert_int_equal(at, length);
}

static void documents_are_cut_at_their_markers(void **state)
{
	(void)state;
	assert_split("a: 1\n---\nb: 2\n...\nc: 3",
		     (const char *const[]){ "0|a: 1~", "1|---~b: 2~", "4|c: 3", NULL });
}

static void documents_without_content_are_skipped(void **state)
{
	(void)state;
	assert_split("", (const char *const[]){ NULL });
	assert_split("---\n# x\n--- # comment\n\n---\na: 1\n---\n...\n...\n",
		     (const char *const[]){ "4|---~a: 1~", NULL });
}

static void comments_and_directives_go_with_the_document_they_open(void **state)
{
	(void)state;
	assert_split("# x\n%YAML 1.1\n---\na: 1\n...\n%TAG ! !x\n---\nb: 1\n",
		     (const char *const[]){ "0|# x~%YAML 1.1~---~a: 1~", "5|%TAG ! !x~---~b: 1~",
					    NULL });
}

static void a_marker_may_carry_content_or_a_comment(void **state)
{
	(void)state;
	assert_split("--- {a: 1}\n--- # x\nb: 1\n---\tc\n---d\n",
		     (const char *const[]){ "0|--- {a: 1}~", "1|--- # x~b: 1~", "3|---\tc~---d~",
					    NULL });
}

static void markers_may_end_in_a_carriage_return(void **state)
{
	(void)state;
	assert_split("a: 1\r\n---\r\nb: 2\r\n...\r\n",
		     (const char *const[]){ "0|a: 1\r~", "1|---\r~b: 2\r~", NULL });
}

static void a_byte_order_mark_is_left_out(void **state)
{
	(void)state;
	assert_split("\xef\xbb\xbf"
		     "---\na: 1\n",
		     (const char *const[]){ "0|---~a: 1~", NULL });
}

static void a_marker_within_a_line_or_indented_is_text(void **state)
{
	(void)state;
	assert_split("a: |\n  ---\n  ...\nb: ---\n",
		     (const char *const[]){ "0|a: |~  ---~  ...~b: ---~", NULL });
}

static void every_piece_of_a_directive_stream_parses(void **state)
{
	const char *text = "%YAML 1.1\n---\na: 1\n...\n%YAML 1.2\n--- {b: 2}\n";
	size_t at = 0, length;
	uint32_t line = 0, before;
	const char *piece;
	int count = 0;

	(void)state;
	while (document_split(text, strlen(text), &at, &line, &piece, &length, &before))
		count += parse_bytes(piece, length)->type == NODE_MAPPING;
	assert_int_equal(count, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_block_document_becomes_a_tree),
		TEST(json_is_read_like_yaml),
		TEST(nothing_tilde_and_null_are_null),
		TEST(an_empty_document_is_null),
		TEST(a_string_tag_makes_a_string),
		TEST(block_scalars_are_strings),
		TEST(nodes_know_their_line_and_column),
		TEST(columns_count_characters),
		TEST(carriage_returns_end_lines),
		TEST(surrogate_pairs_are_one_character),
		TEST(lone_surrogates_are_replaced),
		TEST(an_escaped_backslash_is_no_surrogate),
		TEST(aliases_are_copied),
		TEST(an_alias_of_nothing_is_refused),
		TEST(a_recursive_alias_is_refused),
		TEST(aliases_cannot_expand_without_bound),
		TEST(aliases_cannot_nest_without_bound),
		TEST(deep_nesting_is_refused),
		TEST(merge_keys_are_applied),
		TEST(of_merged_mappings_the_first_wins),
		TEST(a_merged_mapping_keeps_its_own_anchor),
		TEST(a_quoted_merge_key_is_a_key),
		TEST(merging_what_is_no_mapping_is_refused),
		TEST(a_key_given_twice_is_refused),
		TEST(keys_that_are_no_text_are_refused),
		TEST(a_tab_in_the_indentation_is_named),
		TEST(bytes_that_are_no_text_are_named),
		TEST(mistakes_of_form_are_told_with_their_place),
		TEST(strings_are_text),
		TEST(plain_numbers_and_booleans_are_no_strings),
		TEST(text_with_a_nul_is_no_string),
		TEST(booleans_are_those_of_kubectl),
		TEST(integers_are_plain_decimals_within_bounds),
		TEST(integers_out_of_bounds_are_refused),
		TEST(sentences_cannot_steer_a_terminal),
		TEST(node_get_finds_only_what_is_there),
		TEST(documents_are_cut_at_their_markers),
		TEST(documents_without_content_are_skipped),
		TEST(comments_and_directives_go_with_the_document_they_open),
		TEST(a_marker_may_carry_content_or_a_comment),
		TEST(markers_may_end_in_a_carriage_return),
		TEST(a_byte_order_mark_is_left_out),
		TEST(a_marker_within_a_line_or_indented_is_text),
		TEST(every_piece_of_a_directive_stream_parses),
	};

	return cmocka_run_group_tests_name("document", tests, NULL, NULL);
}
