/* SPDX-License-Identifier: BSD-2-Clause */
/* address_port.h - "10.0.0.1", "10.0.0.1:80", "2001:db8::1" or "[2001:db8::1]:80". */
#ifndef MODEL_ADDRESS_PORT_H
#define MODEL_ADDRESS_PORT_H

#include <stdint.h>

#include "model/address.h"

struct error;

/* Port 0 when there is none. -EINVAL with a sentence. */
int address_port_parse(const char *text, struct address *ret_address, uint16_t *ret_port,
		       struct error *error);

#endif
