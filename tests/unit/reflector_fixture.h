/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reflector_fixture.h - a reflector of Services in the world of kube_world.h, with a listener
 * that writes down what it is told: "+web=7 " set in version 7, "-web " removed, "!web " a
 * problem, "?web " none any more, ". " the end of a batch, "T " trouble, "R " none any more.
 */
#ifndef TESTS_REFLECTOR_FIXTURE_H
#define TESTS_REFLECTOR_FIXTURE_H

#include <errno.h>
#include <stdio.h>

#include "kube_world.h"
#include "kube/reflector.h"
#include "lib/document.h"

#define PATH "/api/v1/services"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define OBJECT(name, version)                                                                      \
	"{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" name               \
	"\",\"uid\":\"u-" name "\",\"resourceVersion\":\"" version "\"}}"
/* decode refuses it, or says that it is of no use. */
#define BAD_OBJECT(name, version)                                                                  \
	"{\"bad\":\"spec: no\",\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version \
	"\"}}"
#define USELESS_OBJECT(name, version)                                                              \
	"{\"useless\":\"1\",\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version    \
	"\"}}"
#define BOOKMARK(version)                                                                          \
	EVENT("BOOKMARK", "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":"              \
			  "{\"resourceVersion\":\"" version "\"}}")
#define LAST_BOOKMARK(version)                                                                     \
	EVENT("BOOKMARK", "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":"              \
			  "{\"resourceVersion\":\"" version                                        \
			  "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}")
#define LIST_HEAD_OF(version, token)                                                               \
	"{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":"       \
	"\"" version "\",\"continue\":\"" token "\"},\"items\":["
#define LIST(version, items) LIST_HEAD_OF(version, "") items "]}"
#define PAGE(version, token, items) LIST_HEAD_OF(version, token) items "]}"
#define STATUS(code, reason)                                                                       \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"" reason   \
	"\",\"message\":\"it is so\",\"code\":" code "}"

static char told[8192];
static char trouble[512];

static void tell(const char *format, const char *name)
{
	size_t length = strlen(told);

	(void)snprintf(told + length, sizeof(told) - length, format, name);
}

static const char *member(const struct node *node, const char *key)
{
	const struct node *found = node_get(node, key);

	return found ? found->text : "";
}

static int fake_decode(const struct node *node, void **ret, struct error *error, void *owner)
{
	const struct node *metadata = node_get(node, "metadata");
	char *item;

	(void)owner;
	if (node_get(node, "bad"))
		return error_set(error, -EINVAL, "%s", member(node, "bad"));
	if (node_get(node, "useless"))
		return 0;
	assert_true(asprintf(&item, "%s=%s", member(metadata, "name"),
			     member(metadata, "resourceVersion")) > 0);
	*ret = item;
	return 0;
}

static void on_set(void *item, void *owner)
{
	(void)owner;
	tell("+%s ", item);
	free(item);
}

static void on_removed(const char *namespace, const char *name, void *owner)
{
	(void)namespace, (void)owner;
	tell("-%s ", name);
}

static void on_problem(const char *namespace, const char *name, const char *sentence, void *owner)
{
	(void)namespace, (void)owner;
	assert_string_equal(sentence, "spec: no");
	tell("!%s ", name);
}

static void on_repaired(const char *namespace, const char *name, void *owner)
{
	(void)namespace, (void)owner;
	tell("?%s ", name);
}

static void on_batch_end(void *owner)
{
	(void)owner;
	tell(". ", "");
}

static void on_trouble(const char *sentence, void *owner)
{
	(void)owner;
	(void)snprintf(trouble, sizeof(trouble), "%s", sentence);
	tell("T ", "");
}

static void on_recovered(void *owner)
{
	(void)owner;
	tell("R ", "");
}

static const struct reflector_events fake_events = {
	.listener = {
		.decode = fake_decode,
		.destroy = free,
		.on_set = on_set,
		.on_removed = on_removed,
		.on_problem = on_problem,
		.on_repaired = on_repaired,
	},
	.on_batch_end = on_batch_end,
	.on_trouble = on_trouble,
	.on_recovered = on_recovered,
};

static const struct reflector_settings plain = {
	.resource = "services",
	.path = PATH,
	.api_version = "v1",
	.kind = "Service",
};

/* A parameter of the call that is under way; NULL when it has none of that name. */
static inline const char *parameter(const char *name)
{
	const struct kube_call *call = world_call(PATH);
	static char value[512];
	char wanted[64];
	const char *found;

	assert_non_null(call);
	(void)snprintf(wanted, sizeof(wanted), "%s=", name);
	found = strchr(call->path, '?');
	while (found && strncmp(found + 1, wanted, strlen(wanted)) != 0)
		found = strchr(found + 1, '&');
	if (!found)
		return NULL;
	found += 1 + strlen(wanted);
	(void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(found, "&"), found);
	return value;
}

static inline void expect_parameter(const char *name, const char *expected)
{
	const char *value = parameter(name);

	if (!expected) {
		assert_null(value);
		return;
	}
	assert_non_null(value);
	assert_string_equal(value, expected);
}

static struct reflector *reflector_began(const struct reflector_settings *settings)
{
	struct reflector *reflector = NULL;
	struct error error;

	(void)world_began();
	told[0] = trouble[0] = '\0';
	assert_int_equal(reflector_create(NULL, NULL, settings, &fake_events, &reflector, &error),
			 0);
	assert_int_equal(world.started, 0);
	world_pass(0);
	return reflector;
}

/* One that listed a and b in version 5, and watches. */
static inline struct reflector *reflector_watching(void)
{
	struct reflector *reflector = reflector_began(&plain);

	world_answer(PATH, LIST("5", OBJECT("a", "1") "," OBJECT("b", "2")));
	expect_told("+a=1 +b=2 . ");
	world_pass(0);
	expect_parameter("watch", "1");
	expect_parameter("resourceVersion", "5");
	return reflector;
}

/* It lists again at once, and that says the same. */
static inline void expect_relist(const char *resource_version)
{
	world_pass(0);
	expect_parameter("watch", NULL);
	expect_parameter("resourceVersion", resource_version);
}

/* The watch that is under way ends by a 410 after a while. */
static inline void expire(void)
{
	world.now_ms += 60000;
	world_end(PATH, 410, STATUS("410", "Expired"), true);
}

/* One that watched, and asks for a list since. */
static inline struct reflector *reflector_relisting(void)
{
	struct reflector *reflector = reflector_watching();

	expire();
	expect_relist("5");
	return reflector;
}

static inline void expect_wait(uint64_t low_ms, uint64_t high_ms)
{
	uint64_t waited_ms = world_wait();

	assert_in_range(waited_ms, low_ms, high_ms);
}

#endif
