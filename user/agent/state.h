/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * state.h - what the agent keeps in its state directory: the hash key, which Service has
 * which address of the pool, and which backends are drained by command.
 */
#ifndef AGENT_STATE_H
#define AGENT_STATE_H

#include <stddef.h>
#include <stdint.h>

struct drain_list;
struct error;
struct pool;

/* Creates the directory, with its parents, for root only. */
int state_prepare(const char *state_dir, struct error *error);

/*
 * Reads the key from path: 64 hexadecimal digits. With path NULL from
 * state_dir/hash-key, which is made with random bytes when it is not there.
 */
int state_read_hash_key(const char *state_dir, const char *path, uint8_t *ret_key, size_t size,
			struct error *error);

/* The same from path, which must be there; what the key is, for a sentence: "peer key". */
int state_read_key(const char *what, const char *path, uint8_t *ret_key, size_t size,
		   struct error *error);

/* Gives the pool the assignments in state_dir/addresses.json; no such file is no error. */
int state_load_addresses(const char *state_dir, struct pool *pool, struct error *error);
/* Writes them, atomically, when they differ from what the file says. */
int state_save_addresses(const char *state_dir, const struct pool *pool, struct error *error);

/* The same for state_dir/drains.json. */
int state_load_drains(const char *state_dir, struct drain_list *drains, struct error *error);
int state_save_drains(const char *state_dir, const struct drain_list *drains, struct error *error);

#endif
