// SPDX-License-Identifier: BSD-2-Clause
/* fragment.c - what the first piece of a datagram tells about the others. */
#include "reference/model.h"

enum { REMEMBERED_S = 30 };

static size_t units(size_t bytes)
{
	return (bytes + 7) / 8;
}

enum gw_verdict fragment_recall(struct model *model, struct packet *packet)
{
	const struct gw_fragment *said = map_find(model->state.fragments, &packet->fragment_key);

	if (!said || model->state.now_s - said->seen > REMEMBERED_S)
		return GW_FRAGMENT_EARLY;
	if (units(packet->fragment_from) < said->next_units)
		return GW_FRAGMENT_OVERLAP;
	packet->is_fragment_ahead = units(packet->fragment_from) > said->next_units;
	packet->flow.src_port = said->src_port;
	packet->flow.dst_port = said->dst_port;
	packet->flow.protocol = said->protocol;
	packet->backend = said->backend;
	return UNDECIDED;
}

/* Only of what was let through. */
void fragment_remember(struct model *model, const struct packet *packet, enum gw_verdict verdict)
{
	struct gw_fragment *said;
	struct gw_fragment first = { .src_port = packet->flow.src_port,
				     .dst_port = packet->flow.dst_port,
				     .backend = verdict == GW_FORWARDED ? packet->backend : GW_NONE,
				     .next_units = units(packet->fragment_bytes),
				     .protocol = packet->flow.protocol,
				     .seen = model->state.now_s };

	if (verdict != GW_FORWARDED && verdict != GW_REPLIED && verdict != GW_REPLY_PASSED)
		return;
	if (packet->is_first_fragment) {
		map_put(model->state.fragments, &packet->fragment_key, &first);
	} else if (packet->is_later_fragment && !packet->is_fragment_ahead) {
		said = map_find(model->state.fragments, &packet->fragment_key);
		if (said)
			said->next_units += units(packet->fragment_bytes);
	}
}
