/* SPDX-License-Identifier: BSD-2-Clause */
/* change.h - small errors in tables: a comparison that is worth something finds each. */
#ifndef TESTS_BPF_REFERENCE_CHANGE_H
#define TESTS_BPF_REFERENCE_CHANGE_H

#include "reference/tables.h"

struct change {
	const char *what;
	void (*make)(struct tables *tables);
};

extern const struct change changes[];
extern const size_t change_count;

#endif
