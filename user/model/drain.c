/* SPDX-License-Identifier: BSD-2-Clause */
/* drain.c - how a drain is written, and whom it covers. */
#include "model/drain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/address_port.h"

int drain_parse(const char *text, struct drain *ret, struct error *error)
{
	struct drain drain = { 0 };
	int r = address_port_parse(text, &drain.address, &drain.port, error);

	if (r == 0)
		r = address_check_usable(&drain.address, error);
	if (r == 0)
		*ret = drain;
	return r;
}

const char *drain_format(const struct drain *drain, char buffer[static DRAIN_TEXT_SIZE])
{
	const char *format = address_is_ipv4(&drain->address) ? "%s:%u" : "[%s]:%u";
	char address[ADDRESS_TEXT_SIZE];

	(void)address_format(&drain->address, address);
	if (drain->port == 0)
		(void)stpcpy(buffer, address);
	else
		(void)snprintf(buffer, DRAIN_TEXT_SIZE, format, address, drain->port);
	return buffer;
}

int drain_compare(const struct drain *a, const struct drain *b)
{
	int order = address_compare(&a->address, &b->address);

	return order != 0 ? order : (a->port > b->port) - (a->port < b->port);
}

bool drain_covers(const struct drain *drain, const struct address *address, uint16_t port)
{
	return address_compare(&drain->address, address) == 0 &&
	       (drain->port == 0 || drain->port == port);
}

static int compare(const void *a, const void *b)
{
	return drain_compare(a, b);
}

const struct drain *drain_list_find(const struct drain_list *list, const struct drain *drain)
{
	return list->count ? bsearch(drain, list->items, list->count, sizeof(*drain), compare)
			   : NULL;
}

bool drain_list_covers(const struct drain_list *list, const struct address *address, uint16_t port)
{
	struct drain drain = { .address = *address };

	if (drain_list_find(list, &drain))
		return true;
	drain.port = port;
	return drain_list_find(list, &drain);
}

int drain_list_copy(struct drain_list *list, const struct drain_list *other)
{
	struct drain *items = calloc(other->count + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < other->count; i++)
		items[i] = other->items[i];
	free(list->items);
	*list = (struct drain_list){ items, other->count };
	return 0;
}

int drain_list_add(struct drain_list *list, const struct drain *drain)
{
	struct drain *grown;
	size_t index = list->count;

	if (drain_list_find(list, drain))
		return 0;
	if (list->count == DRAIN_MAX)
		return -ENOSPC;
	grown = realloc(list->items, (list->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	for (; index > 0 && drain_compare(&grown[index - 1], drain) > 0; index--)
		grown[index] = grown[index - 1];
	grown[index] = *drain;
	list->items = grown;
	list->count++;
	return 0;
}

size_t drain_list_remove(struct drain_list *list, const struct drain *drain)
{
	size_t before = list->count;

	list->count = 0;
	for (size_t i = 0; i < before; i++)
		if (!drain_covers(drain, &list->items[i].address, list->items[i].port))
			list->items[list->count++] = list->items[i];
	return before - list->count;
}

void drain_list_finish(struct drain_list *list)
{
	free(list->items);
	*list = (struct drain_list){ 0 };
}
