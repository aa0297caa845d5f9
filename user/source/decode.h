/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode.h - from the tree of a document to objects, with the API server's defaults
 * and its validation. Used for manifest files, and for the API server's JSON.
 */
#ifndef SOURCE_DECODE_H
#define SOURCE_DECODE_H

#include <stdbool.h>

struct node;
struct object;
struct error;

struct decode_sink {
	/* Takes object; node, what it was decoded from, is borrowed. */
	void (*on_object)(struct object *object, const struct node *node, void *owner);
	/*
	 * A bad object: error's sentence starts with "line:column: ", without these where the
	 * node has none.
	 */
	void (*on_error)(const struct error *error, void *owner);
	/*
	 * A kind that is known but not used, or not known; also a slice that nobody can
	 * use, with the reason in brackets behind its kind. May be NULL.
	 */
	void (*on_skipped)(const char *api_version, const char *kind, void *owner);
	/*
	 * The objects passed an API server: IPv4 addresses with leading zeros, which older ones
	 * let pass, are the decimals that everybody there takes them for, and no error.
	 */
	bool from_api_server;
	void *owner;
};

/*
 * Decodes one document: a Service, EndpointSlice, Endpoints, Pod, AgentConfiguration, or a list of
 * them (List, ServiceList, ...), of which each item stands or falls alone. origin names the file;
 * ":line" is added. An empty document is nothing. Fields that are not used are not checked.
 */
void decode_document(const struct node *root, const char *origin, const struct decode_sink *sink);

/*
 * One object that passed an API server, and may say nothing of its type where it stands, as the
 * items of a list of the API do: then it is of this one. *ret is NULL when nobody can use it.
 * -EINVAL and -ENOMEM with a sentence.
 */
int decode_item(const struct node *root, const char *api_version, const char *kind,
		const char *origin, struct object **ret, struct error *error);

#endif
