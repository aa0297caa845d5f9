/* SPDX-License-Identifier: BSD-2-Clause */
/* follow.h - what the old program wrote since its maps were copied, brought after. */
#ifndef DATAPATH_FOLLOW_H
#define DATAPATH_FOLLOW_H

struct bpf_map;
struct datapath;
struct map_copy;

/*
 * Of a map in which the datapath keeps flows: to, which the new program uses already, gets
 * what it does not have, and what the old one wrote later. 0 or a negative errno; then a flow
 * is as if it was lost.
 */
int follow_map(const struct datapath *datapath, const struct map_copy *copy, struct bpf_map *to);

#endif
