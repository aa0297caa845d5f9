/* SPDX-License-Identifier: BSD-2-Clause */
/* secret_file.c - the newest usable text of a file. */
#include "kube/secret_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "source/manifest_text.h"

struct secret_file {
	char *path;
	enum secret_kind kind;
	struct manifest_identity identity; /* of the file that was looked at last */
	struct error problem;              /* of that file; code 0: none */
	char *text;                        /* as it was read; secret lies in it */
	size_t length;
	struct kube_secret secret;
};

static bool contains(const struct kube_secret *secret, const char *text)
{
	return memmem(secret->text, secret->length, text, strlen(text));
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim(struct kube_secret *secret)
{
	while (secret->length && is_space(secret->text[secret->length - 1]))
		secret->length--;
	while (secret->length && is_space(*secret->text)) {
		secret->text++;
		secret->length--;
	}
}

/* A token becomes a line of a request: nothing in it may end that line. */
static bool is_visible(const struct kube_secret *secret)
{
	for (size_t i = 0; i < secret->length; i++)
		if (secret->text[i] <= ' ' || secret->text[i] > '~')
			return false;
	return true;
}

const char *secret_check(enum secret_kind kind, struct kube_secret *secret)
{
	if (kind == SECRET_TOKEN)
		trim(secret);
	if (secret->length == 0)
		return kind == SECRET_TOKEN ? "a token, but it is empty" : "PEM, but it is empty";
	if (kind == SECRET_TOKEN)
		return is_visible(secret) ? NULL : "a token: visible characters without spaces";
	/* The end too: a file that is being written may not be whole. */
	if (kind == SECRET_CERTIFICATE && (!contains(secret, "-----BEGIN CERTIFICATE-----") ||
					   !contains(secret, "-----END CERTIFICATE-----")))
		return "a certificate in PEM (-----BEGIN CERTIFICATE-----)";
	if (kind == SECRET_KEY &&
	    (!contains(secret, "PRIVATE KEY-----") || !contains(secret, "-----END ")))
		return "a private key in PEM (-----BEGIN PRIVATE KEY-----)";
	return NULL;
}

static void forget(char *text, size_t length)
{
	if (text)
		explicit_bzero(text, length);
	free(text);
}

static int read_usable(struct secret_file *file, char **ret_text, size_t *ret_length,
		       struct kube_secret *ret, struct error *error)
{
	struct manifest_identity identity;
	const char *expected;
	int r = manifest_text_read(file->path, ret_text, ret_length, &identity, error);

	if (r < 0)
		return r;
	file->identity = identity;
	*ret = (struct kube_secret){ *ret_text, *ret_length };
	expected = secret_check(file->kind, ret);
	if (!expected)
		return 0;
	forget(*ret_text, *ret_length);
	return error_set(error, -EINVAL, "%s: expected %s", file->path, expected);
}

static int read_again(struct secret_file *file, bool *ret_changed, struct error *error)
{
	struct kube_secret secret;
	char *text;
	size_t length;
	int r = read_usable(file, &text, &length, &secret, error);

	if (r < 0)
		return r;
	*ret_changed = secret.length != file->secret.length ||
		       memcmp(secret.text, file->secret.text, secret.length) != 0;
	forget(file->text, file->length);
	file->text = text;
	file->length = length;
	file->secret = secret;
	return 0;
}

static bool seems_unchanged(const struct secret_file *file)
{
	struct manifest_identity identity;
	struct stat status;

	if (stat(file->path, &status) < 0)
		return false;
	identity = manifest_identity_of(&status);
	return manifest_identity_equal(&identity, &file->identity);
}

int secret_file_refresh(struct secret_file *file, bool anyway, bool *ret_changed,
			struct error *error)
{
	*ret_changed = false;
	if (anyway || !seems_unchanged(file)) {
		file->problem = (struct error){ 0 };
		(void)read_again(file, ret_changed, &file->problem);
	}
	if (file->problem.code < 0 && error)
		*error = file->problem;
	return file->problem.code;
}

int secret_file_open(const char *path, enum secret_kind kind, struct secret_file **ret,
		     struct error *error)
{
	struct secret_file *file = calloc(1, sizeof(*file));
	bool changed;
	int r;

	if (file) {
		file->kind = kind;
		file->path = strdup(path);
	}
	if (!file || !file->path)
		r = error_set(error, -ENOMEM, "%s: no memory left to read it", path);
	else
		r = secret_file_refresh(file, true, &changed, error);
	if (r < 0) {
		secret_file_destroy(file);
		return r;
	}
	*ret = file;
	return 0;
}

void secret_file_destroy(struct secret_file *file)
{
	if (!file)
		return;
	forget(file->text, file->length);
	free(file->path);
	free(file);
}

struct kube_secret secret_file_secret(const struct secret_file *file)
{
	return file->secret;
}
