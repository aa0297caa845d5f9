/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * addressing.h - the addresses of all Services whose objects changed. Inside model/ only.
 */
#ifndef MODEL_ADDRESSING_H
#define MODEL_ADDRESSING_H

#include "model/vips.h"

struct entry_list;
struct model_settings;

/*
 * Decides for the entries whose object changed which VIPs they have, and finds what is wrong
 * with them; others whose addresses are touched by that are marked as changed. -ENOMEM: what
 * was changed stays so.
 */
int addressing_decide(struct entry_list *entries, struct vip_ledger *ledger,
		      const struct model_settings *settings);

#endif
