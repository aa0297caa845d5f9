/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_snapshot.c - what a cluster told on disk, and told again to the next agent.
 * test_snapshot SERVICES: prints how long a file of so many Services of 20 endpoints takes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/snapshot.h"
#include "lib/error.h"
#include "lib/loop.h"
#include "object_equal.h"
#include "objects.h"
#include "source/manifest.h"

#define INTERVAL_MS 40

struct fixture {
	char directory[32];
	char path[64];
	struct pool *pool;
	struct model *model;
	struct loop *loop;
	struct loop_watch *stop;
	struct snapshot *snapshot;
};

static void on_stop(void *owner)
{
	loop_stop(owner);
}

static uint64_t settle_ms = 1;

static void create(struct fixture *fixture)
{
	const struct model_settings settings = { .serve_unclassed = true, .pool = fixture->pool };
	struct snapshot_settings own = {
		.state_dir = fixture->directory,
		.interval_ms = INTERVAL_MS,
		.settle_ms = settle_ms,
	};

	snapshot_destroy(fixture->snapshot);
	model_destroy(fixture->model);
	fixture->snapshot = NULL;
	fixture->model = model_create(&settings);
	own.model = fixture->model;
	assert_non_null(fixture->model);
	assert_int_equal(snapshot_create(fixture->loop, &own, &fixture->snapshot, NULL), 0);
}

static int setup(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){ .pool = pool_create(), .loop = loop_create() };
	(void)strcpy(fixture.directory, "/tmp/gw-snapshot-XXXXXX");
	assert_non_null(mkdtemp(fixture.directory));
	(void)snprintf(fixture.path, sizeof(fixture.path), "%s/snapshot.json", fixture.directory);
	fixture.stop = loop_add_timer(fixture.loop, on_stop, fixture.loop);
	create(&fixture);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	snapshot_destroy(fixture->snapshot);
	snapshot_destroy(NULL);
	model_destroy(fixture->model);
	pool_destroy(fixture->pool);
	loop_remove(fixture->stop);
	loop_destroy(fixture->loop);
	(void)unlink(fixture->path);
	return rmdir(fixture->directory); /* nothing else is in it */
}

static void run_for(struct fixture *fixture, uint64_t ms)
{
	loop_timer_set(fixture->stop, ms);
	assert_int_equal(loop_run(fixture->loop), 0);
}

/* As the agent does with what the cluster tells. */
static void tell(struct fixture *fixture, struct object *object)
{
	snapshot_note_set(fixture->snapshot, object);
	set(fixture->model, object);
}

static void tell_removed(enum object_kind kind, const char *namespace, const char *name,
			 void *owner)
{
	struct fixture *fixture = owner;

	snapshot_note_removed(fixture->snapshot, kind, namespace, name);
	model_remove_object(fixture->model, kind, namespace, name);
}

static void drop(enum object_kind kind, const char *namespace, const char *name, void *owner)
{
	struct fixture *fixture = owner;

	model_remove_object(fixture->model, kind, namespace, name);
}

static void confirm(struct fixture *fixture)
{
	snapshot_confirm(fixture->snapshot, drop, fixture);
}

static void load_object(struct object *object, void *owner)
{
	struct fixture *fixture = owner;

	set(fixture->model, object);
}

/* The next agent; the number of objects. */
static size_t restart(struct fixture *fixture)
{
	size_t count = 0;

	create(fixture);
	assert_int_equal(snapshot_load(fixture->snapshot, load_object, fixture, &count, NULL), 0);
	return count;
}

static struct object *labelled_slice(const char *name, const char *service, const char *text)
{
	struct object *slice = build_slice(name, service);

	add_label(slice, &slice->labels, "kubernetes.io/service-name", service);
	add_endpoint(slice, text);
	return slice;
}

static struct object *cluster_service(const char *name, const char *vip)
{
	struct object *service = simple_service(name, vip, 80);

	service->service.affinity_timeout_s = 10800;
	return service;
}

static bool has_object(const struct fixture *fixture, enum object_kind kind, const char *name)
{
	return model_find_object(fixture->model, kind, "default", name);
}

static bool has_file(const struct fixture *fixture)
{
	return access(fixture->path, F_OK) == 0;
}

static void the_next_agent_serves_what_the_last_one_did(void **state)
{
	static const char expected[] = "10.0.0.1:80/TCP default/api 10.1.0.2:8080\n"
				       "10.0.0.2:80/TCP default/web 10.1.0.1:8080\n";
	struct fixture *fixture = *state;
	struct error error = { 0 };

	tell(fixture, cluster_service("web", "10.0.0.2"));
	tell(fixture, labelled_slice("web-1", "web", "10.1.0.1"));
	tell(fixture, cluster_service("api", "10.0.0.1"));
	tell(fixture, labelled_slice("api-1", "api", "10.1.0.2"));
	confirm(fixture);
	assert_services(fixture->model, expected);
	assert_int_equal(snapshot_write(fixture->snapshot, &error), 0);
	assert_int_equal(restart(fixture), 4);
	assert_services(fixture->model, expected);
}

static size_t validated;
static char problems[1024];

static void count_object(struct object *object, void *owner)
{
	(void)owner;
	validated++;
	object_destroy(object);
}

static void keep_problem(const char *sentence, void *owner)
{
	(void)owner;
	(void)snprintf(problems, sizeof(problems), "%s", sentence);
}

static void no_removal(enum object_kind kind, const char *namespace, const char *name, void *owner)
{
	(void)kind, (void)namespace, (void)name, (void)owner;
	fail();
}

static void no_text(const char *text, void *owner)
{
	(void)text, (void)owner;
}

static void no_batch(void *owner)
{
	(void)owner;
}

/* As guideway validate -f reads it. */
static void assert_validates(const struct fixture *fixture, size_t count)
{
	const struct source_events events = {
		.on_object = count_object,
		.on_removed = no_removal,
		.on_problem = keep_problem,
		.on_repaired = no_text,
		.on_batch_end = no_batch,
	};
	struct error error = { 0 };

	validated = 0;
	problems[0] = '\0';
	assert_int_equal(manifest_read(fixture->path, &events, &error), 0);
	assert_string_equal(problems, "");
	assert_int_equal(validated, count);
}

static void the_file_is_a_manifest(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;

	confirm(fixture);
	assert_int_equal(snapshot_write(fixture->snapshot, NULL), 0);
	assert_validates(fixture, 0);
	tell(fixture, cluster_service("web", "10.0.0.2"));
	tell(fixture, labelled_slice("web-1", "web", "10.1.0.1"));
	assert_int_equal(snapshot_write(fixture->snapshot, NULL), 0);
	assert_validates(fixture, 2);
	assert_int_equal(stat(fixture->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void what_the_cluster_does_not_tell_again_is_gone(void **state)
{
	struct fixture *fixture = *state;

	tell(fixture, cluster_service("web", "10.0.0.2"));
	tell(fixture, cluster_service("old", "10.0.0.3"));
	confirm(fixture);
	assert_int_equal(snapshot_write(fixture->snapshot, NULL), 0);
	assert_int_equal(restart(fixture), 2);
	/* Half of the list is here: nothing is removed, and nothing written. */
	tell(fixture, cluster_service("web", "10.0.0.2"));
	assert_true(has_object(fixture, OBJECT_SERVICE, "old"));
	assert_int_equal(snapshot_write(fixture->snapshot, NULL), 0);
	assert_validates(fixture, 2);
	confirm(fixture);
	assert_false(has_object(fixture, OBJECT_SERVICE, "old"));
	assert_true(has_object(fixture, OBJECT_SERVICE, "web"));
	assert_int_equal(snapshot_write(fixture->snapshot, NULL), 0);
	assert_validates(fixture, 1);
	/* Only the first time. */
	set(fixture->model, cluster_service("more", "10.0.0.4"));
	confirm(fixture);
	assert_true(has_object(fixture, OBJECT_SERVICE, "more"));
}

static void an_agent_that_never_reached_the_cluster_keeps_the_file(void **state)
{
	struct fixture *fixture = *state;

	tell(fixture, cluster_service("web", "10.0.0.2"));
	confirm(fixture);
	assert_int_equal(snapshot_write(fixture->snapshot, NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(restart(fixture), 1);
		run_for(fixture, 3 * INTERVAL_MS);
		assert_int_equal(snapshot_write(fixture->snapshot, NULL), 0);
	}
}

static void changes_are_written_after_a_while_and_only_changes(void **state)
{
	struct fixture *fixture = *state;
	struct timespec before;
	struct stat status;

	tell(fixture, cluster_service("web", "10.0.0.2"));
	run_for(fixture, 3 * INTERVAL_MS);
	assert_false(has_file(fixture)); /* not confirmed */
	confirm(fixture);
	run_for(fixture, 5 * INTERVAL_MS);
	assert_validates(fixture, 1);
	assert_int_equal(stat(fixture->path, &status), 0);
	before = status.st_mtim;
	run_for(fixture, 3 * INTERVAL_MS);
	assert_int_equal(stat(fixture->path, &status), 0);
	assert_memory_equal(&status.st_mtim, &before, sizeof(before));
	tell(fixture, labelled_slice("web-1", "web", "10.1.0.1"));
	run_for(fixture, 5 * INTERVAL_MS);
	assert_validates(fixture, 2);
	tell_removed(OBJECT_ENDPOINT_SLICE, "default", "web-1", fixture);
	run_for(fixture, 5 * INTERVAL_MS);
	assert_validates(fixture, 1);
}

static void objects_may_come_and_go_while_a_file_is_written(void **state)
{
	struct fixture *fixture = *state;
	char name[32];

	/* So many that one slice is not enough. */
	for (size_t i = 0; i < 1500; i++) {
		(void)snprintf(name, sizeof(name), "slice-%zu", i);
		tell(fixture, labelled_slice(name, "web", "10.1.0.1"));
	}
	confirm(fixture);
	for (size_t i = 0; i < 1500; i += 2) {
		if (i % 100 == 0)
			run_for(fixture, 3);
		(void)snprintf(name, sizeof(name), "slice-%zu", i);
		tell_removed(OBJECT_ENDPOINT_SLICE, "default", name, fixture);
		(void)snprintf(name, sizeof(name), "new-%zu", i);
		tell(fixture, labelled_slice(name, "web", "10.1.0.2"));
	}
	run_for(fixture, 10 * INTERVAL_MS);
	assert_int_equal(snapshot_write(fixture->snapshot, NULL), 0);
	assert_int_equal(restart(fixture), 1500);
	assert_true(has_object(fixture, OBJECT_ENDPOINT_SLICE, "slice-1"));
	assert_false(has_object(fixture, OBJECT_ENDPOINT_SLICE, "slice-2"));
	assert_true(has_object(fixture, OBJECT_ENDPOINT_SLICE, "new-2"));
}

static void write_text(const struct fixture *fixture, const char *text)
{
	FILE *file = fopen(fixture->path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void a_file_that_is_not_whole_is_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "", "not a whole snapshot" },
		{ "{}\n", "not a whole snapshot" },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n",
		  "not a whole snapshot" },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n{\"a\":\n]}\n",
		  ":2: 1:6: the end of the JSON, expected a value" },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n{\"apiVersion\":\"v1\","
		  "\"kind\":\"Secret\"}\n]}\n",
		  ":2: kind 'Secret' of v1, expected one that is served" },
	};
	struct fixture *fixture = *state;
	size_t count = 77;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error error = { 0 };

		write_text(fixture, cases[i][0]);
		assert_int_equal(
			snapshot_load(fixture->snapshot, load_object, fixture, &count, &error),
			-EINVAL);
		if (!strstr(error.text, cases[i][1]))
			fail_msg("%s, expected %s", error.text, cases[i][1]);
		assert_non_null(strstr(error.text, "snapshot.json"));
	}
	assert_int_equal(count, 77);
	(void)unlink(fixture->path);
	assert_int_equal(snapshot_load(fixture->snapshot, load_object, fixture, &count, NULL), 0);
	assert_int_equal(count, 0);
}

static void a_file_that_cannot_be_written_leaves_the_old_one(void **state)
{
	struct fixture *fixture = *state;
	char temporary[80];
	struct error error = { 0 };

	tell(fixture, cluster_service("web", "10.0.0.2"));
	confirm(fixture);
	assert_int_equal(snapshot_write(fixture->snapshot, NULL), 0);
	/* A directory stands where the new one is to be. */
	(void)snprintf(temporary, sizeof(temporary), "%s.new", fixture->path);
	assert_int_equal(mkdir(temporary, 0700), 0);
	tell(fixture, cluster_service("api", "10.0.0.1"));
	assert_int_equal(snapshot_write(fixture->snapshot, &error), -EISDIR);
	assert_non_null(strstr(error.text, "snapshot.json.new: cannot write it: "));
	run_for(fixture, 3 * INTERVAL_MS);
	assert_validates(fixture, 1);
	assert_int_equal(rmdir(temporary), 0);
	run_for(fixture, 5 * INTERVAL_MS); /* is tried again */
	assert_validates(fixture, 2);
}

static double passed_of(clockid_t clock, const struct timespec *since)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (double)(now.tv_sec - since->tv_sec) * 1e3 +
	       (double)(now.tv_nsec - since->tv_nsec) / 1e6;
}

static double passed_ms(const struct timespec *since)
{
	return passed_of(CLOCK_MONOTONIC, since);
}

struct beat {
	struct loop_watch *timer;
	struct timespec last, last_cpu;
	double longest_ms, longest_cpu_ms;
};

/* Every millisecond, unless something holds the loop. */
static void on_beat(void *owner)
{
	struct beat *beat = owner;
	double ms = passed_ms(&beat->last);
	double cpu_ms = passed_of(CLOCK_PROCESS_CPUTIME_ID, &beat->last_cpu);

	if (ms > beat->longest_ms)
		beat->longest_ms = ms;
	if (cpu_ms > beat->longest_cpu_ms)
		beat->longest_cpu_ms = cpu_ms;
	(void)clock_gettime(CLOCK_MONOTONIC, &beat->last);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &beat->last_cpu);
	loop_timer_set(beat->timer, 1);
}

static void measure(size_t services)
{
	void *state;
	struct fixture *fixture;
	struct beat beat = { 0 };
	struct timespec start;
	struct stat status;

	settle_ms = SNAPSHOT_SETTLE_MS;
	(void)setup(&state);
	fixture = state;
	for (size_t i = 0; i < services; i++) {
		char name[32], text[32];
		struct object *slice;

		(void)snprintf(name, sizeof(name), "service-%zu", i);
		tell(fixture, cluster_service(name, NULL));
		slice = labelled_slice(name, name, "10.1.0.1");
		for (size_t e = 1; e < 20; e++) {
			struct endpoint *endpoint;

			(void)snprintf(text, sizeof(text), "10.%zu.%zu.%zu", 1 + i % 200, e,
				       1 + i / 200);
			endpoint = add_endpoint(slice, text);
			endpoint->node_name = "node-17.example.com";
			endpoint->target_uid = "6f9a1d6e-5f0a-4c55-9d0b-0a5f3f7c1b11";
		}
		tell(fixture, slice);
	}
	beat.timer = loop_add_timer(fixture->loop, on_beat, &beat);
	(void)clock_gettime(CLOCK_MONOTONIC, &beat.last);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &beat.last_cpu);
	start = beat.last;
	loop_timer_set(beat.timer, 1);
	confirm(fixture);
	while (!has_file(fixture))
		run_for(fixture, 10);
	(void)stat(fixture->path, &status);
	printf("# written: %.0f MB in %.0f ms, the loop held for at most %.1f ms, %.1f of its "
	       "own\n",
	       (double)status.st_size / 1e6, passed_ms(&start), beat.longest_ms,
	       beat.longest_cpu_ms);
	loop_remove(beat.timer);
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	printf("# read: %zu objects", restart(fixture));
	printf(" in %.0f ms\n", passed_ms(&start));
	(void)teardown(&state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(the_next_agent_serves_what_the_last_one_did),
		TEST(the_file_is_a_manifest),
		TEST(what_the_cluster_does_not_tell_again_is_gone),
		TEST(an_agent_that_never_reached_the_cluster_keeps_the_file),
		TEST(changes_are_written_after_a_while_and_only_changes),
		TEST(objects_may_come_and_go_while_a_file_is_written),
		TEST(a_file_that_is_not_whole_is_refused),
		TEST(a_file_that_cannot_be_written_leaves_the_old_one),
	};

	if (argc > 1) {
		measure(strtoul(argv[1], NULL, 0));
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
