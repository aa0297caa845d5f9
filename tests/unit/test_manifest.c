/* SPDX-License-Identifier: BSD-2-Clause */
/* test_manifest.c - files that come, change, break and go, and what is told of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/loop.h"
#include "model/object.h"
#include "source/manifest.h"

#define PATIENCE_MS 5000

static char directory[64];
static char told[16384]; /* one line for each event; a batch ends with "." */
static struct loop *loop;
static struct manifest_source *source;

static void add(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void add(const char *format, ...)
{
	size_t length = strlen(told);
	va_list args;

	va_start(args, format);
	vsnprintf(told + length, sizeof(told) - length, format, args);
	va_end(args);
}

/* A path or sentence without the temporary directory. */
static const char *short_of(const char *text)
{
	size_t length = strlen(directory);

	return strncmp(text, directory, length) == 0 ? text + length + 1 : text;
}

static void on_object(struct object *object, void *owner)
{
	(void)owner;
	add("+%s %s/%s", object_kind_name(object->kind), object->namespace, object->name);
	if (object->kind == OBJECT_SERVICE && object->service.port_count > 0)
		add(":%u", object->service.ports[0].port);
	add(" %s\n", short_of(object->origin));
	object_destroy(object);
}

static void on_removed(enum object_kind kind, const char *namespace, const char *name, void *owner)
{
	(void)owner;
	add("-%s %s/%s\n", object_kind_name(kind), namespace, name);
}

static void on_problem(const char *sentence, void *owner)
{
	(void)owner;
	add("!%s\n", short_of(sentence));
}

static void on_repaired(const char *path, void *owner)
{
	(void)owner;
	add("=%s\n", short_of(path));
}

static void on_skipped(const char *path, const char *kind, void *owner)
{
	(void)owner;
	add("~%s %s\n", short_of(path), kind);
}

static void on_batch_end(void *owner)
{
	(void)owner;
	add(".\n");
	if (loop)
		loop_stop(loop);
}

static const struct source_events events = {
	.on_object = on_object,
	.on_removed = on_removed,
	.on_problem = on_problem,
	.on_repaired = on_repaired,
	.on_skipped = on_skipped,
	.on_batch_end = on_batch_end,
};

static const char *path_of(const char *name)
{
	static char paths[4][256];
	static unsigned int turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static int set_up(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/guideway-manifest-XXXXXX");
	told[0] = '\0';
	loop = loop_create();
	return mkdtemp(directory) && loop ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status, (void)type, (void)place;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	manifest_source_destroy(source);
	source = NULL;
	loop_destroy(loop);
	loop = NULL;
	nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}

static void append_text(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "a");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Writes in place. */
static void write_text(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void move(const char *from, const char *to)
{
	assert_int_equal(rename(path_of(from), path_of(to)), 0);
}

/* Writes beside and renames over. */
static void replace_text(const char *name, const char *text)
{
	write_text(".new", text);
	move(".new", name);
}

static void link_to(const char *target, const char *name)
{
	assert_int_equal(symlink(target, path_of(name)), 0);
}

static const char *service(const char *name, int port)
{
	static char texts[4][256];
	static unsigned int turn;
	char *text = texts[turn++ % 4];

	snprintf(text, sizeof(texts[0]),
		 "apiVersion: v1\nkind: Service\nmetadata:\n  name: %s\nspec:\n  ports:\n"
		 "  - port: %d\n",
		 name, port);
	return text;
}

static const char *join(const char *first, const char *second)
{
	static char texts[4][1024];
	static unsigned int turn;
	char *text = texts[turn++ % 4];
	int length = snprintf(text, sizeof(texts[0]), "%s---\n%s", first, second);

	assert_in_range(length, 0, sizeof(texts[0]) - 1);
	return text;
}

static void assert_told(const char *expected)
{
	assert_string_equal(told, expected);
	told[0] = '\0';
}

static void start_at(const char *const *paths, size_t count)
{
	struct error error;

	if (manifest_source_create(loop, paths, count, &events, &source, &error) < 0)
		fail_msg("%s", error.text);
	assert_told("");
}

static void scan(void)
{
	struct error error;

	assert_int_equal(manifest_source_scan(source, &error), 0);
}

static void start(const char *expected)
{
	const char *path = directory;

	start_at(&path, 1);
	scan();
	assert_told(expected);
}

static void stop(void *owner)
{
	(void)owner;
	loop_stop(loop);
}

/* Runs the loop until the end of a batch, at most so long. */
static void run(uint64_t limit_ms)
{
	struct loop_watch *timer = loop_add_timer(loop, stop, NULL);

	assert_non_null(timer);
	loop_timer_set(timer, limit_ms);
	assert_int_equal(loop_run(loop), 0);
	loop_remove(timer);
}

/* Runs the loop until a batch ends, which must be this one. */
static void wait_told(const char *expected)
{
	run(PATIENCE_MS);
	assert_told(expected);
}

static void assert_quiet(uint64_t time_ms)
{
	run(time_ms);
	assert_told("");
}

static void the_first_scan_tells_everything(void **state)
{
	(void)state;
	write_text("b.yml", service("b", 80));
	write_text("a.yaml", join(service("a", 1), service("c", 2)));
	write_text("c.json", "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\"}");
	start("~c.json Deployment\n+Service default/a:1 a.yaml:1\n+Service default/c:2 a.yaml:9\n"
	      "+Service default/b:80 b.yml:1\n.\n");
	assert_true(manifest_source_is_complete(source));
}

static void other_files_and_directories_do_not_count(void **state)
{
	(void)state;
	write_text(".hidden.yaml", service("a", 80));
	write_text("notes.txt", service("b", 80));
	write_text("web.yaml~", service("c", 80));
	assert_int_equal(mkdir(path_of("sub.yaml"), 0755), 0);
	write_text("sub.yaml/d.yaml", service("d", 80));
	start("");
	assert_true(manifest_source_is_complete(source));
}

static void an_unchanged_file_is_not_told_again(void **state)
{
	(void)state;
	write_text("a.yaml", service("a", 80));
	start("+Service default/a:80 a.yaml:1\n.\n");
	scan();
	assert_told("");
	replace_text("a.yaml", service("a", 80));
	assert_quiet(50);
}

static void a_file_written_in_place_is_told(void **state)
{
	(void)state;
	write_text("a.yaml", service("a", 80));
	start("+Service default/a:80 a.yaml:1\n.\n");
	write_text("a.yaml", service("a", 81));
	wait_told("+Service default/a:81 a.yaml:1\n.\n");
}

static void a_file_renamed_over_is_told(void **state)
{
	(void)state;
	write_text("a.yaml", service("a", 80));
	start("+Service default/a:80 a.yaml:1\n.\n");
	replace_text("a.yaml", service("a", 81));
	wait_told("+Service default/a:81 a.yaml:1\n.\n");
}

static void a_new_file_is_told(void **state)
{
	(void)state;
	start("");
	write_text("a.yaml", service("a", 80));
	wait_told("+Service default/a:80 a.yaml:1\n.\n");
}

static void a_file_linked_into_the_directory_is_told(void **state)
{
	(void)state;
	write_text("a.txt", service("a", 80));
	write_text("b.txt", service("b", 80));
	start("");
	assert_int_equal(link(path_of("a.txt"), path_of("a.yaml")), 0);
	wait_told("+Service default/a:80 a.yaml:1\n.\n");
	link_to("b.txt", "b.yaml");
	wait_told("+Service default/b:80 b.yaml:1\n.\n");
}

static void a_deleted_file_removes_its_objects(void **state)
{
	(void)state;
	write_text("a.yaml", join(service("a", 80), service("b", 80)));
	start("+Service default/a:80 a.yaml:1\n+Service default/b:80 a.yaml:9\n.\n");
	assert_int_equal(unlink(path_of("a.yaml")), 0);
	wait_told("-Service default/a\n-Service default/b\n.\n");
}

static void only_what_changed_in_a_file_is_told(void **state)
{
	(void)state;
	write_text("a.yaml", join(service("a", 80), service("b", 80)));
	start("+Service default/a:80 a.yaml:1\n+Service default/b:80 a.yaml:9\n.\n");
	write_text(".new", "# All lines move down.\n---\n");
	append_text(".new", join(service("a", 80), service("b", 81)));
	move(".new", "a.yaml");
	wait_told("+Service default/b:81 a.yaml:11\n.\n");
}

static void only_the_changed_item_of_a_list_is_told(void **state)
{
	static const char item[] = "{apiVersion: v1, kind: Service, metadata: {name: %s}, "
				   "spec: {ports: [{port: %d}]}}";
	char first[160], second[160], text[512];

	(void)state;
	snprintf(first, sizeof(first), item, "a", 80);
	snprintf(second, sizeof(second), item, "b", 80);
	snprintf(text, sizeof(text), "{kind: List, apiVersion: v1, items: [%s,\n%s]}", first,
		 second);
	write_text("a.yaml", text);
	start("+Service default/a:80 a.yaml:1\n+Service default/b:80 a.yaml:2\n.\n");
	snprintf(second, sizeof(second), item, "b", 81);
	snprintf(text, sizeof(text), "{kind: List, apiVersion: v1, items: [%s,\n%s]}", first,
		 second);
	write_text("a.yaml", text);
	wait_told("+Service default/b:81 a.yaml:2\n.\n");
}

static void half_a_file_removes_nothing(void **state)
{
	int fd;

	(void)state;
	write_text("a.yaml", join(service("a", 80), service("b", 80)));
	start("+Service default/a:80 a.yaml:1\n+Service default/b:80 a.yaml:9\n.\n");
	fd = open(path_of("a.yaml"), O_WRONLY | O_TRUNC);
	assert_true(fd >= 0);
	assert_quiet(60);
	assert_true(write(fd, service("a", 81), strlen(service("a", 81))) > 0);
	/* Another file, and an explicit scan, do not make it complete. */
	write_text("c.yaml", service("c", 80));
	wait_told("+Service default/c:80 c.yaml:1\n.\n");
	scan();
	assert_told("");
	assert_true(write(fd, "---\n", 4) > 0);
	assert_true(write(fd, service("b", 81), strlen(service("b", 81))) > 0);
	assert_int_equal(close(fd), 0);
	wait_told("+Service default/a:81 a.yaml:1\n+Service default/b:81 a.yaml:9\n.\n");
}

static void a_file_nobody_closes_is_read_after_a_while(void **state)
{
	uint64_t start_ms;
	int fd;

	(void)state;
	start("");
	fd = open(path_of("a.yaml"), O_WRONLY | O_CREAT, 0644);
	assert_true(fd >= 0);
	assert_true(write(fd, service("a", 80), strlen(service("a", 80))) > 0);
	start_ms = loop_now_ms();
	wait_told("+Service default/a:80 a.yaml:1\n.\n");
	assert_true(loop_now_ms() - start_ms >= 900);
	close(fd);
}

static void an_editor_that_moves_the_old_file_away_removes_nothing(void **state)
{
	(void)state;
	write_text("a.yaml", service("a", 80));
	start("+Service default/a:80 a.yaml:1\n.\n");
	move("a.yaml", "a.yaml~");
	assert_quiet(25);
	write_text("a.yaml", service("a", 81));
	wait_told("+Service default/a:81 a.yaml:1\n.\n");
	assert_quiet(150);
}

static void a_config_map_swap_is_told(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path_of("..1"), 0755), 0);
	assert_int_equal(mkdir(path_of("..2"), 0755), 0);
	write_text("..1/a.yaml", service("a", 80));
	write_text("..2/a.yaml", service("a", 81));
	link_to("..1", "..data");
	link_to("..data/a.yaml", "a.yaml");
	start("+Service default/a:80 a.yaml:1\n.\n");
	link_to("..2", "..data_tmp");
	move("..data_tmp", "..data");
	wait_told("+Service default/a:81 a.yaml:1\n.\n");
}

static void a_config_map_named_as_a_file_follows_the_swap(void **state)
{
	const char *path = path_of("a.yaml");

	(void)state;
	assert_int_equal(mkdir(path_of("..1"), 0755), 0);
	assert_int_equal(mkdir(path_of("..2"), 0755), 0);
	write_text("..1/a.yaml", service("a", 80));
	write_text("..2/a.yaml", service("a", 81));
	link_to("..1", "..data");
	link_to("..data/a.yaml", "a.yaml");
	path = path_of("a.yaml");
	start_at(&path, 1);
	scan();
	assert_told("+Service default/a:80 a.yaml:1\n.\n");
	link_to("..2", "..data_tmp");
	move("..data_tmp", "..data");
	wait_told("+Service default/a:81 a.yaml:1\n.\n");
}

static void a_single_file_is_followed_whatever_its_name(void **state)
{
	const char *path;

	(void)state;
	write_text("services", service("a", 80));
	write_text("b.yaml", service("b", 80));
	path = path_of("services");
	start_at(&path, 1);
	scan();
	assert_told("+Service default/a:80 services:1\n.\n");
	write_text("b.yaml", service("b", 81));
	assert_quiet(50);
	replace_text("services", service("a", 81));
	wait_told("+Service default/a:81 services:1\n.\n");
	assert_int_equal(unlink(path_of("services")), 0);
	wait_told("-Service default/a\n.\n");
}

static void a_broken_file_keeps_its_objects_until_it_is_repaired(void **state)
{
	(void)state;
	write_text("a.yaml", join(service("a", 80), service("b", 80)));
	start("+Service default/a:80 a.yaml:1\n+Service default/b:80 a.yaml:9\n.\n");
	write_text("a.yaml", "a: [\n");
	wait_told("!a.yaml:2:1: no value, expected one\n.\n");
	scan();
	assert_told("");
	write_text("a.yaml", service("a", 80));
	wait_told("=a.yaml\n-Service default/b\n.\n");
}

/* As `kubectl get ... > a.yaml` leaves it when the API server does not answer. */
static void an_emptied_file_keeps_its_objects(void **state)
{
	(void)state;
	write_text("a.yaml", service("a", 80));
	start("+Service default/a:80 a.yaml:1\n.\n");
	write_text("a.yaml", "");
	wait_told("!a.yaml:1:1: empty, expected a document; to remove what it defined, remove the "
		  "file\n.\n");
	write_text("a.yaml", service("a", 81));
	wait_told("=a.yaml\n+Service default/a:81 a.yaml:1\n.\n");
	write_text("b.yaml", "");
	scan();
	assert_told("");
}

static void a_bad_document_does_not_stop_the_others(void **state)
{
	(void)state;
	write_text("a.yaml", join(service("a", 70000), service("b", 80)));
	start("!a.yaml:7:11: spec.ports[0].port: 70000, expected 1 to 65535\n"
	      "+Service default/b:80 a.yaml:9\n.\n");
	assert_false(manifest_source_is_complete(source));
	write_text("a.yaml", join(service("a", 70000), service("b", 81)));
	wait_told("+Service default/b:81 a.yaml:9\n.\n");
	write_text("a.yaml", join(service("a", 79), service("b", 81)));
	wait_told("=a.yaml\n+Service default/a:79 a.yaml:1\n.\n");
	assert_true(manifest_source_is_complete(source));
}

static void while_a_document_is_bad_vanished_objects_are_kept(void **state)
{
	(void)state;
	write_text("a.yaml", join(service("a", 80), service("b", 80)));
	start("+Service default/a:80 a.yaml:1\n+Service default/b:80 a.yaml:9\n.\n");
	write_text("a.yaml", join(service("b", 81), "kind: [\n"));
	wait_told("!a.yaml:10:1: no value, expected one\n+Service default/b:81 a.yaml:1\n.\n");
	/* Still bad, in another way; then good without the other. */
	write_text("a.yaml", join(service("b", 82), "kind: {\n"));
	run(PATIENCE_MS);
	assert_non_null(strstr(told, "+Service default/b:82 a.yaml:1\n.\n"));
	told[0] = '\0';
	write_text("a.yaml", service("b", 82));
	wait_told("=a.yaml\n-Service default/a\n.\n");
}

static void a_problem_is_told_once(void **state)
{
	(void)state;
	write_text("a.yaml", join(service("a", 0), service("b", 80)));
	start("!a.yaml:7:11: spec.ports[0].port: 0, expected 1 to 65535\n"
	      "+Service default/b:80 a.yaml:9\n.\n");
	append_text("a.yaml", "# comment\n");
	assert_quiet(60);
	write_text("a.yaml", join(service("c", 0), service("b", 80)));
	assert_quiet(60);
}

static void a_file_of_many_problems_is_cut_short(void **state)
{
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < 150; i++)
		append_text("a.yaml", "--- x\n");
	start_at((const char *const[]){ directory }, 1);
	scan();
	for (const char *c = told; *c; c++)
		lines += *c == '!';
	assert_int_equal(lines, 101);
	told[0] = '\0';
	write_text("a.yaml", service("a", 80));
	wait_told("=a.yaml\n+Service default/a:80 a.yaml:1\n.\n");
}

static void a_file_that_cannot_be_read_keeps_its_objects(void **state)
{
	(void)state;
	write_text("target", service("a", 80));
	link_to("target", "a.yaml");
	start("+Service default/a:80 a.yaml:1\n.\n");
	move("target", "elsewhere");
	scan();
	assert_told("!a.yaml:1:1: cannot be read: No such file or directory, expected a readable "
		    "file\n.\n");
	scan();
	assert_told("");
	move("elsewhere", "target");
	scan();
	assert_told("=a.yaml\n.\n");
}

static void what_is_no_regular_file_is_a_problem(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path_of("a.yaml"), 0600), 0);
	start("!a.yaml:1:1: no regular file, expected one\n.\n");
	assert_false(manifest_source_is_complete(source));
	assert_int_equal(unlink(path_of("a.yaml")), 0);
	scan();
	assert_told("=a.yaml\n.\n");
	assert_true(manifest_source_is_complete(source));
}

static void a_file_of_more_than_64_megabytes_is_refused(void **state)
{
	(void)state;
	write_text("a.yaml", "");
	assert_int_equal(truncate(path_of("a.yaml"), (64 << 20) + 1), 0);
	start("!a.yaml:1:1: a file of more than 64 MB, expected a smaller one\n.\n");
}

/* The sentence names both files by their whole path. */
static const char *clash(const char *again, const char *first)
{
	static char sentence[512];

	snprintf(sentence, sizeof(sentence),
		 "!%s: Service default/web defined again, expected once: %s/%s counts\n", again,
		 directory, first);
	return sentence;
}

static void of_two_files_the_first_by_path_counts(void **state)
{
	char expected[1024];

	(void)state;
	write_text("b.yaml", service("web", 81));
	write_text("a.yaml", service("web", 80));
	snprintf(expected, sizeof(expected), "+Service default/web:80 a.yaml:1\n%s.\n",
		 clash("b.yaml:1:1", "a.yaml:1:1"));
	start(expected);
	assert_true(manifest_source_is_complete(source));
	write_text("b.yaml", service("web", 82));
	assert_quiet(60);
}

static void when_the_first_file_goes_the_other_counts(void **state)
{
	(void)state;
	write_text("b.yaml", service("web", 81));
	write_text("a.yaml", service("web", 80));
	start_at((const char *const[]){ directory }, 1);
	scan();
	told[0] = '\0';
	assert_int_equal(unlink(path_of("a.yaml")), 0);
	wait_told("+Service default/web:81 b.yaml:1\n.\n");
}

static void a_file_that_lost_to_a_new_one_counts_again_later(void **state)
{
	char expected[1024];

	(void)state;
	write_text("b.yaml", service("web", 81));
	start("+Service default/web:81 b.yaml:1\n.\n");
	write_text("a.yaml", service("web", 80));
	snprintf(expected, sizeof(expected), "+Service default/web:80 a.yaml:1\n%s.\n",
		 clash("b.yaml:1:1", "a.yaml:1:1"));
	wait_told(expected);
	/* The object of b.yaml is not at hand any more. */
	assert_int_equal(unlink(path_of("a.yaml")), 0);
	wait_told("+Service default/web:81 b.yaml:1\n.\n");
	/* They clash a second time. */
	write_text("a.yaml", service("web", 80));
	wait_told(expected);
}

static void an_object_moved_to_another_file_is_no_clash(void **state)
{
	(void)state;
	write_text("a.yaml", service("web", 80));
	start("+Service default/web:80 a.yaml:1\n.\n");
	move("a.yaml", "b.yaml");
	wait_told("+Service default/web:80 b.yaml:1\n.\n");
	assert_quiet(150);
}

static void of_two_documents_the_first_counts(void **state)
{
	char expected[1024];

	(void)state;
	write_text("a.yaml", join(service("web", 80), service("web", 81)));
	start_at((const char *const[]){ directory }, 1);
	scan();
	snprintf(expected, sizeof(expected), "+Service default/web:80 a.yaml:1\n%s.\n",
		 clash("a.yaml:9:1", "a.yaml:1:1"));
	assert_told(expected);
	write_text("a.yaml", join(service("web", 81), service("web", 80)));
	wait_told("+Service default/web:81 a.yaml:1\n.\n");
}

static void kinds_and_namespaces_tell_objects_apart(void **state)
{
	(void)state;
	write_text("a.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n---\n"
			     "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: b}\n"
			     "---\napiVersion: v1\nkind: Pod\nmetadata: {name: web}\n");
	start("+Service default/web a.yaml:1\n+Service b/web a.yaml:5\n"
	      "+Pod default/web a.yaml:9\n.\n");
}

static void a_directory_moved_away_keeps_everything(void **state)
{
	const char *path;
	char expected[256];

	(void)state;
	assert_int_equal(mkdir(path_of("d"), 0755), 0);
	write_text("d/a.yaml", service("a", 80));
	write_text("d/b.yaml", service("b", 80));
	path = path_of("d");
	start_at(&path, 1);
	scan();
	assert_told("+Service default/a:80 d/a.yaml:1\n+Service default/b:80 d/b.yaml:1\n.\n");
	move("d", "e");
	wait_told("!d: No such file or directory, expected the directory: what it defined is "
		  "kept\n.\n");
	assert_quiet(600);
	assert_true(manifest_source_is_complete(source));
	/* Made anew, and filled in time: what is the same is not told, what is gone is. */
	assert_int_equal(mkdir(path_of("d"), 0755), 0);
	wait_told("=d\n.\n");
	write_text("d/a.yaml", service("a", 80));
	snprintf(expected, sizeof(expected), "-Service default/b\n.\n");
	wait_told(expected);
	write_text("d/a.yaml", service("a", 81));
	wait_told("+Service default/a:81 d/a.yaml:1\n.\n");
}

static void two_directories_are_one_source(void **state)
{
	char first[256], second[256];

	(void)state;
	assert_int_equal(mkdir(path_of("d"), 0755), 0);
	assert_int_equal(mkdir(path_of("e"), 0755), 0);
	write_text("d/a.yaml", service("a", 80));
	write_text("e/a.yaml", service("b", 80));
	strcpy(first, path_of("d/"));
	strcpy(second, path_of("e"));
	start_at((const char *const[]){ second, first, second }, 3);
	scan();
	assert_told("+Service default/b:80 e/a.yaml:1\n+Service default/a:80 d/a.yaml:1\n.\n");
	write_text("e/a.yaml", service("b", 81));
	wait_told("+Service default/b:81 e/a.yaml:1\n.\n");
}

static void a_path_that_is_not_there_is_refused(void **state)
{
	const char *path = "/nonexistent/manifests";
	struct error error;

	(void)state;
	assert_int_equal(manifest_source_create(loop, &path, 1, &events, &source, &error), -ENOENT);
	assert_string_equal(error.text, "/nonexistent/manifests: No such file or directory, "
					"expected a directory or a file");
}

static void many_files_written_at_once_are_all_told(void **state)
{
	size_t count = 0;

	(void)state;
	start("");
	for (int i = 0; i < 60; i++) {
		char name[32];

		snprintf(name, sizeof(name), "a%02d", i);
		write_text("new.yaml", service(name, i + 1));
		strcat(name, ".yaml");
		move("new.yaml", name);
	}
	run(PATIENCE_MS);
	for (const char *c = told; *c; c++)
		count += *c == '+';
	assert_int_equal(count, 60);
	told[0] = '\0';
	assert_quiet(60);
}

static void validation_tells_everything_and_counts_problems(void **state)
{
	struct error error;

	(void)state;
	write_text("a.yaml", join(service("a", 80), service("b", 0)));
	write_text("b.yaml", "kind: Service\n");
	assert_int_equal(manifest_read(directory, &events, &error), 2);
	assert_told("!a.yaml:15:11: spec.ports[0].port: 0, expected 1 to 65535\n"
		    "!b.yaml:1:1: apiVersion: missing, expected a version such as v1\n"
		    "+Service default/a:80 a.yaml:1\n.\n");
	assert_int_equal(manifest_read(path_of("b.yaml"), &events, &error), 1);
	told[0] = '\0';
	assert_int_equal(manifest_read(path_of("c.yaml"), &events, &error), -ENOENT);
}

static void validation_reads_standard_input(void **state)
{
	int saved = dup(STDIN_FILENO), fd;
	struct error error;

	(void)state;
	write_text("a.yaml", join(service("a", 80), service("b", 0)));
	fd = open(path_of("a.yaml"), O_RDONLY);
	assert_true(fd >= 0 && saved >= 0);
	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(manifest_read("-", &events, &error), 1);
	assert_told("!stdin:15:11: spec.ports[0].port: 0, expected 1 to 65535\n"
		    "+Service default/a:80 stdin:1\n.\n");
	assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
	close(saved);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_scan_tells_everything),
		TEST(other_files_and_directories_do_not_count),
		TEST(an_unchanged_file_is_not_told_again),
		TEST(a_file_written_in_place_is_told),
		TEST(a_file_renamed_over_is_told),
		TEST(a_new_file_is_told),
		TEST(a_file_linked_into_the_directory_is_told),
		TEST(a_deleted_file_removes_its_objects),
		TEST(only_what_changed_in_a_file_is_told),
		TEST(only_the_changed_item_of_a_list_is_told),
		TEST(half_a_file_removes_nothing),
		TEST(a_file_nobody_closes_is_read_after_a_while),
		TEST(an_editor_that_moves_the_old_file_away_removes_nothing),
		TEST(a_config_map_swap_is_told),
		TEST(a_config_map_named_as_a_file_follows_the_swap),
		TEST(a_single_file_is_followed_whatever_its_name),
		TEST(a_broken_file_keeps_its_objects_until_it_is_repaired),
		TEST(an_emptied_file_keeps_its_objects),
		TEST(a_bad_document_does_not_stop_the_others),
		TEST(while_a_document_is_bad_vanished_objects_are_kept),
		TEST(a_problem_is_told_once),
		TEST(a_file_of_many_problems_is_cut_short),
		TEST(a_file_that_cannot_be_read_keeps_its_objects),
		TEST(what_is_no_regular_file_is_a_problem),
		TEST(a_file_of_more_than_64_megabytes_is_refused),
		TEST(of_two_files_the_first_by_path_counts),
		TEST(when_the_first_file_goes_the_other_counts),
		TEST(a_file_that_lost_to_a_new_one_counts_again_later),
		TEST(an_object_moved_to_another_file_is_no_clash),
		TEST(of_two_documents_the_first_counts),
		TEST(kinds_and_namespaces_tell_objects_apart),
		TEST(a_directory_moved_away_keeps_everything),
		TEST(two_directories_are_one_source),
		TEST(a_path_that_is_not_there_is_refused),
		TEST(many_files_written_at_once_are_all_told),
		TEST(validation_tells_everything_and_counts_problems),
		TEST(validation_reads_standard_input),
	};

	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
