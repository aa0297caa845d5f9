/* SPDX-License-Identifier: BSD-2-Clause */
/* transfers.h - libcurl's transfers on the event loop. */
#ifndef KUBE_TRANSFERS_H
#define KUBE_TRANSFERS_H

#include <curl/curl.h>

struct error;
struct loop;
struct transfers;

/* on_over: the transfer of easy, which was removed before, ended with result. -ENOMEM. */
int transfers_create(struct loop *loop, void (*on_over)(CURL *easy, CURLcode result, void *owner),
		     void *owner, struct transfers **ret, struct error *error);
/* Every easy handle must have been removed. NULL is nothing. */
void transfers_destroy(struct transfers *transfers);

/* Not from within a callback of libcurl's. easy is borrowed until it is removed. -ENOMEM. */
int transfers_add(struct transfers *transfers, CURL *easy);
void transfers_remove(struct transfers *transfers, CURL *easy);

#endif
