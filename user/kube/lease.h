/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lease.h - one of several gateways holds a Lease: it is the one that writes.
 *
 * The holder renews every LEASE_RETRY_MS, and stops being the holder LEASE_RENEW_MS after the
 * last time that worked, well before anybody else may take the Lease: that is when somebody has
 * seen no change of it for its whole duration, by a clock of his own. Times in the Lease are for
 * people and never compared. Nothing that forwards packets depends on it.
 */
#ifndef KUBE_LEASE_H
#define KUBE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

struct error;
struct kube_http;
struct lease;
struct loop;

#define LEASE_NAME_DEFAULT "guideway"
#define LEASE_DURATION_S 15
#define LEASE_RENEW_MS 10000
/* At most; at the least divided by the jitter, 1.2. */
#define LEASE_RETRY_MS 2000
#define LEASE_RELEASE_MS 1000
#define LEASE_IDENTITY_SIZE 128

struct lease_settings {
	const char *namespace, *name;
	const char *identity; /* of nobody else: see lease_make_identity */
};

struct lease_events {
	/* Also false right before a release. */
	void (*on_leader)(bool is_leader, void *owner);
	/* Once as long as it is the same. */
	void (*on_trouble)(const char *sentence, void *owner);
	void (*on_recovered)(void *owner);
	/* After lease_release said so: it is given back, or cannot be in time. */
	void (*on_released)(void *owner);
	void *owner;
};

struct lease_status {
	bool is_leader;
	const char *holder; /* as last seen; "" for none. Borrowed until something is heard. */
	uint64_t transitions;
	const char *trouble; /* that still holds; "" for none */
};

/* "hostname_uuid", another one each time. */
void lease_make_identity(char ret[static LEASE_IDENTITY_SIZE]);

/* Starts at once. loop and http are borrowed; settings are copied. -ENOMEM. */
int lease_create(struct loop *loop, struct kube_http *http, const struct lease_settings *settings,
		 const struct lease_events *events, struct lease **ret, struct error *error);
void lease_destroy(struct lease *lease); /* gives nothing back. NULL is nothing. */

/*
 * By the clock, also when the loop was late to tell: whoever writes asks first.
 */
bool lease_is_leader(const struct lease *lease);
void lease_read_status(const struct lease *lease, struct lease_status *ret);

/*
 * For an orderly stop: the next one need not wait. False: there is nothing to give back;
 * else on_released follows, at the latest after LEASE_RELEASE_MS. Nothing else is done afterwards.
 */
bool lease_release(struct lease *lease);

#endif
