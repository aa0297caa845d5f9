/* SPDX-License-Identifier: BSD-2-Clause */
/* trial.h - the same packets through the kernel's program and the model, one after the other. */
#ifndef TESTS_BPF_REFERENCE_TRIAL_H
#define TESTS_BPF_REFERENCE_TRIAL_H

#include "reference/agent.h"
#include "reference/generate.h"
#include "reference/kernel.h"

struct trial {
	uint64_t seed;
	const struct world *world;
	const struct tables *made; /* the model's, at the start; borrowed */
	struct tables tables;      /* and as they are now */
	struct kernel *kernel;     /* borrowed */
	struct model model;
	struct generator generator;
	struct random epochs, acts; /* acts: the agent's */
	uint64_t packets, epoch_end;
	uint64_t verdicts[GW_VERDICT_COUNT];
	uint64_t unsure; /* packets that met the turn of a second, which are not compared */
	bool is_quiet;   /* a mismatch is what is wanted: it is not told */
};

/* tables: the model's, which are the world's as a rule. */
void trial_begin(struct trial *trial, const struct world *world, const struct tables *tables,
		 struct kernel *kernel, uint64_t seed);
/* Runs so many packets; false when the model and the kernel disagreed, which is then told. */
bool trial_run(struct trial *trial, uint64_t packets);
void trial_end(struct trial *trial);

const char *verdict_name(enum gw_verdict verdict);

#endif
