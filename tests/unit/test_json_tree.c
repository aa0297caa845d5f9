/* SPDX-License-Identifier: BSD-2-Clause */
/* test_json_tree.c - JSON read into trees: the same trees that the YAML parser makes of it. */
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
#include "lib/json_tree.h"
#include "model/object.h"
#include "source/decode.h"

/* From memory of exactly this length, so that valgrind sees a byte too many. */
static int parse_bytes(const char *text, size_t length, const struct node **ret)
{
	char *copy = malloc(length ? length : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, text, length);
	r = json_tree_parse(arena, copy, length, ret, &error);
	free(copy);
	return r;
}

static const struct node *parse(const char *text)
{
	const struct node *root = NULL;

	if (parse_bytes(text, strlen(text), &root) < 0)
		fail_msg("parse: %s", error.text);
	return root;
}

static void assert_refused(const char *text, const char *sentence)
{
	const struct node *root = NULL;

	assert_int_equal(parse_bytes(text, strlen(text), &root), -EINVAL);
	assert_null(root);
	assert_string_equal(error.text, sentence);
	assert_int_equal(error.code, -EINVAL);
}

/* Everything of a tree but places, in one line. */
static void write_tree(const struct node *node, FILE *to)
{
	size_t count = 0;

	if (node->key)
		fprintf(to, "%s:", node->key);
	if (node->type == NODE_NULL)
		fprintf(to, "null");
	if (node->type == NODE_SCALAR) {
		assert_int_equal(node->text[node->length], 0);
		fprintf(to, node->quoted ? "\"" : "");
		fwrite(node->text, 1, node->length, to);
		fprintf(to, node->quoted ? "\"" : "");
	}
	if (node->type < NODE_SEQUENCE)
		return;
	fputc(node->type == NODE_SEQUENCE ? '[' : '{', to);
	for (const struct node *child = node->first; child; child = child->next, count++) {
		write_tree(child, to);
		if (child->next)
			fputc(' ', to);
	}
	fputc(node->type == NODE_SEQUENCE ? ']' : '}', to);
	assert_int_equal(node->count, count);
}

static char *tree_text(const struct node *root)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	write_tree(root, to);
	fclose(to);
	return text;
}

static void assert_tree(const char *json, const char *expected)
{
	char *text = tree_text(parse(json));

	assert_string_equal(text, expected);
	free(text);
}

static void every_kind_of_value(void **state)
{
	(void)state;
	assert_tree("{\"a\": 1, \"b\": [true, false, null, \"x\"], \"c\": {}, \"d\": []}",
		    "{a:1 b:[true false null \"x\"] c:{} d:[]}");
	assert_tree(" \t\r\n1 \n", "1");
	assert_tree("\"\"", "\"\"");
	assert_tree("null", "null");
	assert_int_equal(parse("[null]")->first->type, NODE_NULL);
}

static void numbers_keep_their_text(void **state)
{
	(void)state;
	assert_tree("[0,-0,10,-5,1.50,1e3,1E+3,2.5e-10,123456789012345678901234567890]",
		    "[0 -0 10 -5 1.50 1e3 1E+3 2.5e-10 123456789012345678901234567890]");
}

static void scalars_are_what_the_decoders_expect(void **state)
{
	const struct node *root = parse("{\"port\":8080,\"name\":\"8080\",\"ready\":true,"
					"\"word\":\"true\",\"big\":1e3}");
	const char *name = NULL;
	int64_t number = 0;
	bool ready = false;

	(void)state;
	assert_int_equal(node_integer(node_get(root, "port"), "port", 1, 65535, &number, NULL), 0);
	assert_int_equal(number, 8080);
	assert_int_equal(node_string(node_get(root, "name"), "name", &name, NULL), 0);
	assert_string_equal(name, "8080");
	assert_int_equal(node_bool(node_get(root, "ready"), "ready", &ready, NULL), 0);
	assert_true(ready);
	assert_int_equal(node_bool(node_get(root, "word"), "word", &ready, NULL), -EINVAL);
	assert_int_equal(node_string(node_get(root, "port"), "port", &name, NULL), -EINVAL);
	assert_int_equal(node_integer(node_get(root, "big"), "big", 0, 5000, &number, NULL),
			 -EINVAL);
}

static void escapes_are_decoded(void **state)
{
	(void)state;
	assert_tree("\"a\\\"b\\\\c\\/d\\b\\f\\n\\r\\te\"", "\"a\"b\\c/d\b\f\n\r\te\"");
	assert_tree("\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00.\"",
		    "\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80.\"");
	assert_tree("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\n\xc3\xa9\"",
		    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n\xc3\xa9\"");
	assert_tree("{\"k\\u0065y\":\"\\u0061\"}", "{key:\"a\"}");
}

static void lone_halves_of_surrogates_are_replaced(void **state)
{
	(void)state;
	assert_tree("\"\\ud83d\"", "\"\xef\xbf\xbd\"");
	assert_tree("\"\\ude00\\ud83d\"", "\"\xef\xbf\xbd\xef\xbf\xbd\"");
	assert_tree("\"\\ud83d\\u0041\"", "\"\xef\xbf\xbd"
					  "A\"");
	assert_tree("\"\\ud83d\\ud83d\\ude00\"", "\"\xef\xbf\xbd\xf0\x9f\x98\x80\"");
}

static void text_may_hold_a_nul(void **state)
{
	const struct node *root = parse("\"a\\u0000b\"");
	const char *text;

	(void)state;
	assert_int_equal(root->length, 3);
	assert_memory_equal(root->text, "a\0b", 4);
	assert_int_equal(node_string(root, "x", &text, NULL), -EINVAL);
}

static void of_a_key_given_twice_the_last_counts(void **state)
{
	char json[2048] = "{";

	(void)state;
	assert_tree("{\"a\":1,\"b\":2,\"a\":3}", "{b:2 a:3}");
	assert_tree("{\"a\":1,\"a\":2,\"a\":{\"x\":1,\"x\":null}}", "{a:{x:null}}");
	for (int i = 0; i < 100; i++)
		snprintf(json + strlen(json), sizeof(json) - strlen(json), "\"k%d\":%d,", i % 40,
			 i);
	strcat(json, "\"z\":0}");
	assert_int_equal(parse(json)->count, 41);
	assert_string_equal(node_get(parse(json), "k7")->text, "87");
	assert_string_equal(node_get(parse(json), "k39")->text, "79");
	assert_string_equal(node_get(parse(json), "z")->text, "0");
}

static void managed_fields_are_left_out(void **state)
{
	(void)state;
	assert_tree("{\"metadata\":{\"managedFields\":[{\"f\":{\"f:x\":[]}}],\"name\":\"a\"}}",
		    "{metadata:{name:\"a\"}}");
	assert_tree("{\"labels\":{\"managedFields\":\"yes\"}}", "{labels:{managedFields:\"yes\"}}");
	assert_refused("{\"managedFields\":[}", "1:19: '}', expected a value");
}

static void what_is_no_json_is_refused(void **state)
{
	(void)state;
	assert_refused("", "1:1: the end of the JSON, expected a value");
	assert_refused("  \n ", "2:2: the end of the JSON, expected a value");
	assert_refused("{", "1:2: the end of the JSON, expected a key in quotes");
	assert_refused("{a:1}", "1:2: 'a', expected a key in quotes");
	assert_refused("{\"a\" 1}", "1:6: '1', expected a colon behind the key");
	assert_refused("{\"a\":1 \"b\"}", "1:8: '\"', expected a comma or the mapping's end");
	assert_refused("{\"a\":1,}", "1:8: '}', expected a key in quotes");
	assert_refused("{\"a\\u0000\":1}", "1:11: ':', expected a key without a NUL in it");
	assert_refused("[1,\n 2", "2:3: the end of the JSON, expected a comma or the list's end");
	assert_refused("[1,]", "1:4: ']', expected a value");
	assert_refused("[tru]", "1:2: 't', expected a value");
	assert_refused("nul", "1:1: 'n', expected a value");
	assert_refused("1 2", "1:3: '2', expected nothing behind the value");
	assert_refused("01", "1:2: '1', expected nothing behind the value");
	assert_refused("-", "1:2: the end of the JSON, expected a digit");
	assert_refused("-x", "1:2: 'x', expected a digit");
	assert_refused("1.", "1:3: the end of the JSON, expected a digit");
	assert_refused("1e+", "1:4: the end of the JSON, expected a digit");
	assert_refused("+1", "1:1: '+', expected a value");
	assert_refused("\x01", "1:1: byte 0x01, expected a value");
	assert_refused("'a'", "1:1: ''', expected a value");
}

static void bad_strings_are_refused(void **state)
{
	(void)state;
	assert_refused("\"abc",
		       "1:5: the end of the JSON, expected a quote at the end of the string");
	assert_refused("\"a\nb\"",
		       "1:3: byte 0x0a, expected control characters of a string as \\u escapes");
	assert_refused("\"\\x\"",
		       "1:2: '\\', expected one of \" \\ / b f n r t u behind a backslash");
	assert_refused("\"\\", "1:2: '\\', expected one of \" \\ / b f n r t u behind a backslash");
	assert_refused("\"\\u12g4\"", "1:2: '\\', expected four hexadecimal digits behind \\u");
	assert_refused("\"\\u12", "1:2: '\\', expected four hexadecimal digits behind \\u");
	assert_refused("\"\xff\"", "1:2: byte 0xff, expected UTF-8");
	assert_refused("\"\xc3\"", "1:2: byte 0xc3, expected UTF-8");
	assert_refused("\"\xc0\x80\"", "1:2: byte 0xc0, expected UTF-8");
	assert_refused("\"\xe0\x80\x80\"", "1:2: byte 0xe0, expected UTF-8");
	assert_refused("\"\xed\xa0\x80\"", "1:2: byte 0xed, expected UTF-8");
	assert_refused("\"\xf4\x90\x80\x80\"", "1:2: byte 0xf4, expected UTF-8");
	assert_refused("\"ok \xe2\x82", "1:5: byte 0xe2, expected UTF-8");
}

/* Behind what was decoded shorter, places are still those of the text. */
static void places_are_those_of_the_text(void **state)
{
	(void)state;
	assert_refused("{\"a\":\"\\n\\u0041\\u0041\",\n\"b\":?}", "2:5: '?', expected a value");
}

static void depth_is_limited(void **state)
{
	const struct node *root;
	char json[200];

	(void)state;
	for (int depth = 64; depth <= 65; depth++) {
		memset(json, '[', (size_t)depth);
		memset(json + depth, ']', (size_t)depth);
		if (depth == 64)
			assert_int_equal(parse_bytes(json, 128, &root), 0);
		else
			assert_int_equal(parse_bytes(json, 130, &root), -EINVAL);
	}
	assert_string_equal(error.text, "1:65: nested deeper than 64 levels, expected fewer");
}

static void every_prefix_is_refused(void **state)
{
	static const char json[] = "{\"a\":[1.5e3,\"\\ud83d\\ude00\xc3\xa9\",true,null],\"b\":{}}";
	const struct node *root;

	(void)state;
	for (size_t length = 0; length < sizeof(json) - 1; length++)
		assert_int_equal(parse_bytes(json, length, &root), -EINVAL);
	assert_int_equal(parse_bytes(json, sizeof(json) - 1, &root), 0);
}

#define LIST                                                                                       \
	"{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":["                                     \
	"{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\","              \
	"\"namespace\":\"shop\",\"uid\":\"u-1\",\"labels\":{\"app\":\"w\\u00e9b\",\"n\":\"8\"},"   \
	"\"creationTimestamp\":\"2024-01-01T00:00:00Z\"},"                                         \
	"\"spec\":{\"type\":\"LoadBalancer\",\"ports\":[{\"name\":\"http\",\"port\":80,"           \
	"\"targetPort\":8080,\"protocol\":\"TCP\"}],\"selector\":null}},"                          \
	"{\"kind\":\"EndpointSlice\",\"apiVersion\":\"discovery.k8s.io/v1\",\"metadata\":"         \
	"{\"name\":\"web-1\",\"namespace\":\"shop\",\"labels\":{\"kubernetes.io/service-name\":"   \
	"\"web\"}},\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.0.0.1\"],"         \
	"\"conditions\":{\"ready\":true,\"serving\":null}}],"                                      \
	"\"ports\":[{\"name\":\"http\",\"port\":8080}]}]}"

static void describe(struct object *object, const struct node *node, void *owner)
{
	FILE *to = owner;

	(void)node;
	fprintf(to, "%d %s/%s uid=%s created=%lld", (int)object->kind, object->namespace,
		object->name, object->uid, (long long)object->creation_time_s);
	for (size_t i = 0; i < object->labels.count; i++)
		fprintf(to, " %s=%s", object->labels.items[i].key, object->labels.items[i].value);
	if (object->kind == OBJECT_SERVICE)
		for (size_t i = 0; i < object->service.port_count; i++)
			fprintf(to, " %s:%u>%u", object->service.ports[i].name,
				object->service.ports[i].port,
				object->service.ports[i].target_port);
	else
		fprintf(to, " %s %zu endpoints, ready=%d port=%u", object->endpoints.service_name,
			object->endpoints.groups[0].endpoint_count,
			object->endpoints.groups[0].endpoints[0].ready,
			object->endpoints.groups[0].ports[0].port);
	fputc('\n', to);
	object_destroy(object);
}

static void complain(const struct error *problem, void *owner)
{
	fprintf(owner, "problem: %s\n", problem->text);
}

static char *decoded(const struct node *root)
{
	struct decode_sink sink = { .on_object = describe, .on_error = complain };
	char *text = NULL;
	size_t size;

	sink.owner = open_memstream(&text, &size);
	assert_non_null(sink.owner);
	decode_document(root, "test", &sink);
	fclose(sink.owner);
	return text;
}

static void both_parsers_give_the_same_objects(void **state)
{
	const struct node *json = parse(LIST), *yaml = NULL;
	char *one, *other;

	(void)state;
	assert_int_equal(document_parse(arena, LIST, strlen(LIST), 0, &yaml, &error), 0);
	one = tree_text(json), other = tree_text(yaml);
	assert_string_equal(one, other);
	free(one), free(other);
	one = decoded(json), other = decoded(yaml);
	assert_string_equal(one, other);
	assert_string_equal(one, "0 shop/web uid=u-1 created=1704067200 app=w\xc3\xa9"
				 "b n=8 http:80>8080\n"
				 "1 shop/web-1 uid= created=9223372036854775807 "
				 "kubernetes.io/service-name=web web 1 endpoints, ready=1 "
				 "port=8080\n");
	free(one), free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_kind_of_value),
		TEST(numbers_keep_their_text),
		TEST(scalars_are_what_the_decoders_expect),
		TEST(escapes_are_decoded),
		TEST(lone_halves_of_surrogates_are_replaced),
		TEST(text_may_hold_a_nul),
		TEST(of_a_key_given_twice_the_last_counts),
		TEST(managed_fields_are_left_out),
		TEST(what_is_no_json_is_refused),
		TEST(bad_strings_are_refused),
		TEST(places_are_those_of_the_text),
		TEST(depth_is_limited),
		TEST(every_prefix_is_refused),
		TEST(both_parsers_give_the_same_objects),
	};

	return cmocka_run_group_tests_name("json_tree", tests, NULL, NULL);
}
