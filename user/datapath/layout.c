/* SPDX-License-Identifier: BSD-2-Clause */
/* layout.c - compares two BTF types, and moves values from one to the other. */
#include "datapath/layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "datapath/internal.h"
#include "lib/error.h"

/* Where one type begins in a value. */
struct place {
	const struct btf *btf;
	uint32_t type, offset;
};

static int add_move(struct layout_plan *plan, struct layout_move move)
{
	struct layout_move *last = plan->count ? &plan->moves[plan->count - 1] : NULL;

	/* Neighbours that keep their distance are one. */
	if (last && last->from_size == last->to_size && move.from_size == move.to_size &&
	    last->from + last->from_size == move.from && last->to + last->to_size == move.to) {
		last->from_size += move.from_size;
		last->to_size += move.to_size;
		return 0;
	}
	if (array_reserve((void **)&plan->moves, &plan->room, plan->count + 1, sizeof(move)) < 0)
		return -ENOMEM;
	plan->moves[plan->count++] = move;
	return 0;
}

static bool is_number(const struct btf_type *type)
{
	return btf_is_int(type) || btf_is_any_enum(type);
}

static bool is_width(uint32_t size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

static int plan_number(struct layout_plan *plan, struct place from, uint32_t from_size,
		       struct place to, uint32_t to_size)
{
	if (from_size != to_size && (!is_width(from_size) || !is_width(to_size)))
		return -EPROTO;
	return add_move(plan, (struct layout_move){ from.offset, from_size, to.offset, to_size });
}

static int plan_type(struct layout_plan *plan, struct place from, struct place to,
		     struct error *error);

static int plan_array(struct layout_plan *plan, struct place from, const struct btf_array *old,
		      struct place to, const struct btf_array *new, struct error *error)
{
	int64_t from_size = btf__resolve_size(from.btf, old->type);
	int64_t to_size = btf__resolve_size(to.btf, new->type);
	int r = from_size < 0 || to_size < 0 || new->nelems < old->nelems ? -EPROTO : 0;

	for (uint32_t i = 0; r == 0 && i < old->nelems; i++)
		r = plan_type(plan,
			      (struct place){ from.btf, old->type,
					      from.offset + i * (uint32_t)from_size },
			      (struct place){ to.btf, new->type, to.offset + i *(uint32_t)to_size },
			      error);
	return r;
}

static const struct btf_member *find_member(const struct btf *btf, const struct btf_type *type,
					    const char *name, uint32_t *ret_index)
{
	const struct btf_member *members = btf_members(type);

	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		if (strcmp(btf__name_by_offset(btf, members[i].name_off), name) != 0)
			continue;
		*ret_index = i;
		return &members[i];
	}
	return NULL;
}

static bool is_bitfield(const struct btf_type *type, uint32_t index)
{
	return btf_member_bitfield_size(type, index) != 0 ||
	       btf_member_bit_offset(type, index) % 8 != 0;
}

static int plan_struct(struct layout_plan *plan, struct place from, const struct btf_type *old,
		       struct place to, const struct btf_type *new, struct error *error)
{
	const struct btf_member *members = btf_members(new);

	for (uint32_t i = 0; i < btf_vlen(new); i++) {
		const char *name = btf__name_by_offset(to.btf, members[i].name_off);
		uint32_t index;
		const struct btf_member *member = find_member(from.btf, old, name, &index);
		int r;

		if (!member)
			continue;
		if (is_bitfield(old, index) || is_bitfield(new, i))
			return error_set(error, -EPROTO, "field %s: bits cannot be moved", name);
		r = plan_type(plan,
			      (struct place){ from.btf, member->type,
					      from.offset + btf_member_bit_offset(old, index) / 8 },
			      (struct place){ to.btf, members[i].type,
					      to.offset + btf_member_bit_offset(new, i) / 8 },
			      error);
		if (r == -EPROTO && error && !error->text[0])
			(void)error_set(error, r, "field %s: it became something else", name);
		if (r < 0)
			return r;
	}
	return 0;
}

static const struct btf_type *resolve(const struct btf *btf, uint32_t type)
{
	int id = btf__resolve_type(btf, type);

	return id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);
}

static int plan_type(struct layout_plan *plan, struct place from, struct place to,
		     struct error *error)
{
	const struct btf_type *old = resolve(from.btf, from.type);
	const struct btf_type *new = resolve(to.btf, to.type);

	if (!old || !new)
		return -EPROTO;
	if (is_number(old) && is_number(new))
		return plan_number(plan, from, old->size, to, new->size);
	if (btf_is_array(old) && btf_is_array(new))
		return plan_array(plan, from, btf_array(old), to, btf_array(new), error);
	if (btf_is_struct(old) && btf_is_struct(new))
		return plan_struct(plan, from, old, to, new, error);
	return -EPROTO;
}

int layout_plan_make(struct layout from, struct layout to, struct layout_plan *ret,
		     struct error *error)
{
	int64_t from_size = btf__resolve_size(from.btf, from.type);
	int64_t to_size = btf__resolve_size(to.btf, to.type);
	struct error why = { 0 };
	int r;

	*ret = (struct layout_plan){ 0 };
	if (from_size < 0 || to_size < 0)
		return error_set(error, -EPROTO, "its BTF is damaged");
	ret->from_size = (uint32_t)from_size;
	ret->to_size = (uint32_t)to_size;
	r = plan_type(ret, (struct place){ from.btf, from.type, 0 },
		      (struct place){ to.btf, to.type, 0 }, &why);
	if (r < 0)
		return error_set(error, r, "%s",
				 why.text[0]    ? why.text
				 : r == -ENOMEM ? "no memory"
						: "its values became something else");
	return 0;
}

void layout_plan_free(struct layout_plan *plan)
{
	free(plan->moves);
	*plan = (struct layout_plan){ 0 };
}

bool layout_plan_is_copy(const struct layout_plan *plan)
{
	const struct layout_move *only = plan->moves;

	return plan->count == 1 && plan->from_size == plan->to_size && only->from == 0 &&
	       only->to == 0 && only->from_size == plan->from_size &&
	       only->to_size == plan->to_size;
}

static uint64_t read_number(const char *at, uint32_t size)
{
	uint16_t two;
	uint32_t four;
	uint64_t eight;

	switch (size) {
	case 1:
		return (uint8_t)*at;
	case 2:
		memcpy(&two, at, sizeof(two));
		return two;
	case 4:
		memcpy(&four, at, sizeof(four));
		return four;
	default:
		memcpy(&eight, at, sizeof(eight));
		return eight;
	}
}

static void write_number(char *at, uint32_t size, uint64_t number)
{
	uint8_t one = (uint8_t)number;
	uint16_t two = (uint16_t)number;
	uint32_t four = (uint32_t)number;

	switch (size) {
	case 1:
		memcpy(at, &one, sizeof(one));
		break;
	case 2:
		memcpy(at, &two, sizeof(two));
		break;
	case 4:
		memcpy(at, &four, sizeof(four));
		break;
	default:
		memcpy(at, &number, sizeof(number));
	}
}

int layout_convert(const struct layout_plan *plan, const void *old, void *value)
{
	memset(value, 0, plan->to_size);
	for (size_t i = 0; i < plan->count; i++) {
		const struct layout_move *move = &plan->moves[i];
		const char *from = (const char *)old + move->from;
		char *to = (char *)value + move->to;
		uint64_t number;

		if (move->from_size == move->to_size) {
			memcpy(to, from, move->to_size);
			continue;
		}
		number = read_number(from, move->from_size);
		if (move->to_size < sizeof(number) && number >> (8 * move->to_size))
			return -ERANGE;
		write_number(to, move->to_size, number);
	}
	return 0;
}
