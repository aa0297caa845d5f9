/* SPDX-License-Identifier: BSD-2-Clause */
/* decap_view.c - what became of the packets on the interfaces that unwrap. */
#include "datapath/decap.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <guideway/decap_abi.h>

#include "datapath/decap_pins.h"
#include "datapath/xdp_link.h"
#include "lib/error.h"

/* Sums over the CPUs. */
static int read_counters(int fd, struct verdict_count *counts)
{
	size_t cpu_count = (size_t)libbpf_num_possible_cpus();
	struct gw_counter *per_cpu = calloc(cpu_count, sizeof(*per_cpu));
	int r = per_cpu ? 0 : -ENOMEM;

	for (uint32_t verdict = 0; r == 0 && verdict < GW_DECAP_VERDICT_COUNT; verdict++) {
		r = bpf_map_lookup_elem(fd, &verdict, per_cpu);
		for (size_t cpu = 0; r == 0 && cpu < cpu_count; cpu++) {
			counts[verdict].packets += per_cpu[cpu].packets;
			counts[verdict].bytes += per_cpu[cpu].bytes;
		}
	}
	free(per_cpu);
	return r;
}

static int read_verdicts(const struct decap_pins *pins, struct verdict_count *counts,
			 struct error *error)
{
	int fd = decap_pins_open_counters(pins);
	int r = fd < 0 ? fd : read_counters(fd, counts);

	if (fd >= 0)
		(void)close(fd);
	if (r == -EPROTO)
		return error_set(error, r,
				 "%s: of another version; run guideway decap --interface again",
				 pins->counters);
	if (r < 0)
		return error_set(error, r, "%s: cannot read it: %s", pins->counters, strerror(-r));
	return 0;
}

/* False for what is in another network namespace, or gone. */
static bool is_here(const struct decap_pins *pins, uint32_t ifindex)
{
	int fd;

	if (decap_pins_open_link(pins, ifindex, &fd, NULL) < 0 || fd < 0)
		return false;
	(void)close(fd);
	return true;
}

struct visit {
	const char *interface; /* NULL: all */
	void (*on_view)(const struct decap_view *view, void *owner);
	void *owner;
};

static int visit_one(const struct visit *visit, const struct decap_pins *pins, uint32_t ifindex,
		     struct error *error)
{
	struct verdict_count verdicts[] = {
#define PASS "pass"
#define DROP "drop"
#define X(id, text, what, sentence) { .name = text, .action = what, .help = sentence },
		GW_DECAP_VERDICTS(X)
#undef X
#undef PASS
#undef DROP
	};
	char name[IF_NAMESIZE];
	const struct decap_view view = {
		.interface = name,
		.native = xdp_is_native(ifindex),
		.verdicts = verdicts,
		.verdict_count = GW_DECAP_VERDICT_COUNT,
	};
	int r;

	if (!is_here(pins, ifindex) || !if_indextoname(ifindex, name) ||
	    (visit->interface && strcmp(visit->interface, name) != 0))
		return 0;
	r = read_verdicts(pins, verdicts, error);
	if (r == 0)
		visit->on_view(&view, visit->owner);
	return r;
}

int decap_for_each(const char *pin_dir, const char *interface,
		   void (*on_view)(const struct decap_view *view, void *owner), void *owner,
		   struct error *error)
{
	const struct visit visit = { .interface = interface, .on_view = on_view, .owner = owner };
	uint32_t *indexes;
	size_t count;
	int r = decap_pins_list(pin_dir, &indexes, &count, error);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct decap_pins pins;

		r = decap_pins_paths(pin_dir, indexes[i], &pins, error);
		if (r == 0)
			r = visit_one(&visit, &pins, indexes[i], error);
	}
	free(indexes);
	return r;
}
