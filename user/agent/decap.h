/* SPDX-License-Identifier: BSD-2-Clause */
/* decap.h - guideway decap, which needs no running agent: what it does, logs and shows. */
#ifndef AGENT_DECAP_H
#define AGENT_DECAP_H

#include <jansson.h>

#include "datapath/decap.h"

#define DECAP_PIN_DIR_DEFAULT "/sys/fs/bpf/guideway-decap"

struct error;

/*
 * Attaches, or exchanges what is attached; warns when everybody may send tunnel packets,
 * and when the program is slow. Says in *ret how it is attached.
 */
int agent_decap_attach(const struct decap_settings *settings, struct attachment *ret,
		       struct error *error);

/* -ENOENT when nothing is attached there. */
int agent_decap_detach(const char *pin_dir, const char *interface, struct error *error);

/*
 * {"pinDir", "interfaces": [{"name", "mode", "verdicts"}]}, of the one interface or of all
 * (NULL); a new reference, NULL with a sentence.
 */
json_t *agent_decap_status(const char *pin_dir, const char *interface, struct error *error);

#endif
