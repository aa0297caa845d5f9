/* SPDX-License-Identifier: BSD-2-Clause */
/* slice_change.c - a slice as it was and as it is. */
#include "model/slice_change.h"

static bool has_endpoint(const struct endpoint_group *group, const struct address *address,
			 size_t hint)
{
	for (size_t i = 0; i < group->endpoint_count; i++) {
		size_t at = (hint + i) % group->endpoint_count;

		if (address_compare(&group->endpoints[at].address, address) == 0)
			return true;
	}
	return false;
}

static size_t count_ready(const struct endpoint_group *group)
{
	size_t count = 0;

	for (size_t i = 0; i < group->endpoint_count; i++)
		count += group->endpoints[i].ready;
	return count;
}

bool slice_shrinks(const struct object *before, const struct object *after)
{
	static const struct endpoint_group none;
	const struct endpoint_group *old = before->endpoints.groups;
	const struct endpoint_group *new =
		after && after->endpoints.group_count ? after->endpoints.groups : &none;

	if (before->kind != OBJECT_ENDPOINT_SLICE || before->endpoints.group_count == 0 ||
	    count_ready(new) >= count_ready(old))
		return false;
	for (size_t i = 0; i < old->endpoint_count; i++)
		if (old->endpoints[i].ready && !has_endpoint(new, &old->endpoints[i].address, i))
			return true;
	return false;
}
