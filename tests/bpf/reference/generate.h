/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * generate.h - packets of every sort, right ones and mutated ones, to and from the services
 * of a world: the same numbers give the same packets.
 */
#ifndef TESTS_BPF_REFERENCE_GENERATE_H
#define TESTS_BPF_REFERENCE_GENERATE_H

#include "reference/build.h"
#include "reference/random.h"
#include "reference/world.h"

#define DATAGRAMS 24

/* On its way in fragments. */
struct datagram {
	struct spec spec; /* of all of it */
	size_t bytes;     /* of the segment; 0: none */
	size_t next;      /* where the pieces sent so far end */
};

struct generator {
	struct random random;
	const struct world *world;
	const struct model *model; /* whose flows get replies; borrowed */
	struct datagram datagrams[DATAGRAMS];
	uint32_t next_id;
};

void generate(struct generator *generator, struct frame *ret_frame, uint32_t *ret_ingress);

/* mutate.c: breaks the frame in one to three places. */
void mutate(struct random *random, struct frame *frame);

/* generate_flow.c: what flows exist between whom. */
struct spec flow_to_service(struct generator *generator);
struct spec flow_to_nobody(struct generator *generator);
/* A reply to a translated flow; false: there is none. */
bool flow_from_backend(struct generator *generator, struct spec *ret_spec);
/* A reply in mode dnat. */
struct spec flow_from_pod(struct generator *generator);
/* The same flow the other way, as the far end would answer what it got. */
struct spec flow_turned(const struct spec *spec);

/* generate_icmp.c */
void generate_error(struct generator *generator, struct frame *ret_frame);
void generate_echo(struct generator *generator, struct frame *ret_frame);
void generate_arp(struct generator *generator, struct frame *ret_frame);
void generate_solicitation(struct generator *generator, struct frame *ret_frame);

/* Dresses a flow: TTL, flags, options, payload, padding. */
void spec_dress(struct generator *generator, struct spec *spec);

#endif
