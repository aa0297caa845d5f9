/* SPDX-License-Identifier: BSD-2-Clause */
/* refusal.h - why a call was in vain, for people, and when one that writes may be tried again. */
#ifndef KUBE_REFUSAL_H
#define KUBE_REFUSAL_H

#include <stddef.h>
#include <stdint.h>

struct answer_status;
struct kube_response;

#define REFUSAL_TEXT_SIZE 800

/* "HTTP status 403: no rule; hint", or how the call broke off. hint is for 403; NULL: none. */
const char *refusal_explain(const struct kube_response *response, const char *hint,
			    char ret[static REFUSAL_TEXT_SIZE]);

/* The same, when what the body says was read already. */
const char *refusal_write(const struct kube_response *response, const struct answer_status *status,
			  const char *hint, char ret[static REFUSAL_TEXT_SIZE]);

/* What the server says in header or body, of 429 and 5xx; 0: nothing. At most 5 minutes. */
uint64_t refusal_retry_after_ms(const struct kube_response *response);

#endif
