/* SPDX-License-Identifier: BSD-2-Clause */
/* decap.c - between the command guideway decap and its part of the datapath. */
#include "agent/decap.h"

#include <errno.h>

#include "agent/attachment.h"
#include "agent/views.h"
#include "lib/error.h"
#include "lib/log.h"

int agent_decap_attach(const struct decap_settings *settings, struct attachment *ret,
		       struct error *error)
{
	int r = decap_attach(settings, ret, error);

	if (r < 0)
		return r;
	if (!ret->native)
		attachment_log(settings->interface, "", ret);
	if (settings->source_count == 0)
		log_warning("interface '%s': without --from anybody can send packets with any "
			    "source through here: give the gateways' addresses",
			    settings->interface);
	return 0;
}

int agent_decap_detach(const char *pin_dir, const char *interface, struct error *error)
{
	return decap_detach(pin_dir, interface, error);
}

static void on_view(const struct decap_view *view, void *owner)
{
	json_t *verdicts = json_array();

	for (size_t i = 0; i < view->verdict_count; i++)
		views_append_verdict(&view->verdicts[i], verdicts);
	(void)json_array_append_new(owner, json_pack("{s:s, s:s, s:o}", "name", view->interface,
						     "mode", view->native ? "native" : "generic",
						     "verdicts", verdicts));
}

json_t *agent_decap_status(const char *pin_dir, const char *interface, struct error *error)
{
	json_t *interfaces = json_array();
	json_t *status;

	if (decap_for_each(pin_dir, interface, on_view, interfaces, error) < 0) {
		json_decref(interfaces);
		return NULL;
	}
	status = json_pack("{s:s, s:o}", "pinDir", pin_dir, "interfaces", interfaces);
	if (!status)
		(void)error_set(error, -ENOMEM, "no memory for the status");
	return status;
}
