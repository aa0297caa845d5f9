/* SPDX-License-Identifier: BSD-2-Clause */
/* libbpf_message.c - owns libbpf's print callback. */
#include "datapath/libbpf_message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

static char message[256];

static int keep_first(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level != LIBBPF_WARN || message[0])
		return 0;
	(void)vsnprintf(message, sizeof(message), format, args);
	message[strcspn(message, "\n")] = '\0';
	return 0;
}

void libbpf_message_clear(void)
{
	message[0] = '\0';
	(void)libbpf_set_print(keep_first);
}

const char *libbpf_message(void)
{
	return message;
}
