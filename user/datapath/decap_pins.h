/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decap_pins.h - what guideway decap leaves in its pin directory: decap-link-IFINDEX and
 * decap-counters-IFINDEX. By index, as names may change or have a dot; and not as an agent
 * calls its own, which somebody might name by mistake.
 */
#ifndef DATAPATH_DECAP_PINS_H
#define DATAPATH_DECAP_PINS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

struct decap_pins {
	char link[PATH_MAX];
	char counters[PATH_MAX];
};

int decap_pins_paths(const char *pin_dir, uint32_t ifindex, struct decap_pins *ret,
		     struct error *error);

/*
 * Waits for its turn. With create, makes the directory where there is none; else -ENOENT.
 * decap_pins_unlock also removes a directory that is empty.
 */
int decap_pins_lock(const char *pin_dir, bool create, int *ret_fd, struct error *error);
void decap_pins_unlock(const char *pin_dir, int fd);

/* Removes what belongs to interfaces that are gone. */
void decap_pins_remove_dead(const char *pin_dir);

void decap_pins_remove(const struct decap_pins *pins);

/* The descriptor of the link that is on the interface, -1 when there is none, in *ret_fd. */
int decap_pins_open_link(const struct decap_pins *pins, uint32_t ifindex, int *ret_fd,
			 struct error *error);

/* The counters' descriptor; negative when there are none that this build understands. */
int decap_pins_open_counters(const struct decap_pins *pins);

/* The indexes that have a link, rising. *ret is the caller's to free. */
int decap_pins_list(const char *pin_dir, uint32_t **ret, size_t *ret_count, struct error *error);

#endif
