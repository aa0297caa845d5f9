/* SPDX-License-Identifier: BSD-2-Clause */
/* refusal.c - answers that are no success. */
#include "kube/refusal.h"

#include <stdio.h>

#include "kube/answer.h"
#include "kube/http.h"
#include "lib/error.h"

#define RETRY_AFTER_MAX_S 300

const char *refusal_explain(const struct kube_response *response, const char *hint,
			    char ret[static REFUSAL_TEXT_SIZE])
{
	struct answer_status status;

	if (!response->status) {
		(void)snprintf(ret, REFUSAL_TEXT_SIZE, "%s",
			       response->error ? response->error->text : "no answer");
		return ret;
	}
	answer_read_status_text(response->body, response->body_length, &status);
	(void)snprintf(ret, REFUSAL_TEXT_SIZE, "HTTP status %d%s%s%s%s", response->status,
		       *status.message ? ": " : "", status.message,
		       hint && response->status == 403 ? "; " : "",
		       hint && response->status == 403 ? hint : "");
	return ret;
}

uint64_t refusal_retry_after_ms(const struct kube_response *response)
{
	int64_t said_s = response->retry_after_s;
	struct answer_status status;

	if (response->status != 429 && response->status < 500)
		return 0;
	if (said_s < 0) {
		answer_read_status_text(response->body, response->body_length, &status);
		said_s = status.retry_after_s;
	}
	if (said_s > RETRY_AFTER_MAX_S)
		said_s = RETRY_AFTER_MAX_S;
	return said_s > 0 ? 1000 * (uint64_t)said_s : 0;
}
