/* SPDX-License-Identifier: BSD-2-Clause */
/* refusal.c - answers that are no success. */
#include "kube/refusal.h"

#include <stdio.h>

#include "kube/answer.h"
#include "kube/http.h"
#include "lib/error.h"

const char *refusal_write(const struct kube_response *response, const struct answer_status *status,
			  const char *hint, char ret[static REFUSAL_TEXT_SIZE])
{
	bool is_hinted = hint && response->status == 403;

	if (response->status == 0)
		(void)snprintf(ret, REFUSAL_TEXT_SIZE, "%s",
			       response->error ? response->error->text : "no answer");
	else
		(void)snprintf(ret, REFUSAL_TEXT_SIZE, "HTTP status %d%s%s%s%s", response->status,
			       *status->message ? ": " : "", status->message, is_hinted ? "; " : "",
			       is_hinted ? hint : "");
	return ret;
}

const char *refusal_explain(const struct kube_response *response, const char *hint,
			    char ret[static REFUSAL_TEXT_SIZE])
{
	struct answer_status status;

	answer_read_status_text(response->body, response->body_length, &status);
	return refusal_write(response, &status, hint, ret);
}

uint64_t refusal_retry_after_ms(const struct kube_response *response)
{
	struct answer_status status = { .retry_after_s = -1 };

	if (response->status != 429 && response->status < 500)
		return 0;
	if (response->retry_after_s < 0)
		answer_read_status_text(response->body, response->body_length, &status);
	return answer_retry_after_ms(response->retry_after_s, &status);
}
