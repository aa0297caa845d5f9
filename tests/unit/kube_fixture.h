/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kube_fixture.h - a directory with the files of a kubeconfig or of a pod's account. Include
 * after cmocka.h.
 */
#ifndef TESTS_UNIT_KUBE_FIXTURE_H
#define TESTS_UNIT_KUBE_FIXTURE_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
#define OTHER_PEM "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n"
#define KEY "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"

static char directory[64];

/* The path of a file in it; valid for the next few calls. */
static inline const char *at(const char *name)
{
	static char paths[8][512];
	static unsigned int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

/* Another file under the same name, as what rotates is written. */
static inline void put(const char *name, const char *text)
{
	FILE *file = fopen(at("new"), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(rename(at("new"), at(name)), 0);
}

static inline int make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/gwt-%d.kube.XXXXXX", (int)getpid());
	return mkdtemp(directory) ? 0 : -1;
}

static inline int remove_directory(void **state)
{
	DIR *listing = opendir(directory);
	struct dirent *entry;

	(void)state;
	if (!listing)
		return -1;
	while ((entry = readdir(listing)))
		if (entry->d_name[0] != '.' && unlink(at(entry->d_name)) < 0)
			(void)rmdir(at(entry->d_name));
	closedir(listing);
	return rmdir(directory);
}

#endif
