/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_stack.c - the stack that the programs take, as Linux 6.1 counts it: each frame of a
 * chain of calls in multiples of 32 bytes, all of them together at most 512. Newer kernels
 * count in multiples of 16 and load what 6.1 refuses.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "world.h"

enum {
	STACK_MAX = 512,
	STACK_UNIT = 32,
	FUNCTION_MAX = 64,
	LOG_STATISTICS = 4, /* of the verifier's log levels */
	LOG_BYTES = 1 << 16,
};

/* In the order of their instructions, which is the verifier's. */
struct functions {
	size_t count;
	size_t start[FUNCTION_MAX];
	uint32_t stack_bytes[FUNCTION_MAX];
};

static bool is_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL;
}

static size_t function_at(const struct functions *functions, size_t start)
{
	size_t i = 0;

	while (i < functions->count && functions->start[i] < start)
		i++;
	return i;
}

static void add_function(struct functions *functions, size_t start)
{
	size_t at = function_at(functions, start);

	if (at < functions->count && functions->start[at] == start)
		return;
	assert_true(functions->count < FUNCTION_MAX);
	memmove(&functions->start[at + 1], &functions->start[at],
		(functions->count - at) * sizeof(functions->start[0]));
	functions->start[at] = start;
	functions->count++;
}

static void find_functions(const struct bpf_program *program, struct functions *functions)
{
	const struct bpf_insn *insns = bpf_program__insns(program);

	add_function(functions, 0);
	for (size_t i = 0; i < bpf_program__insn_cnt(program); i++)
		if (is_call(&insns[i]))
			add_function(functions, i + 1 + insns[i].imm);
}

/* "stack depth 376+64+8": one number a function. */
static void read_stack(const struct bpf_program *program, struct functions *functions)
{
	size_t log_bytes, count = 0;
	const char *at = strstr(bpf_program__log_buf(program, &log_bytes), "stack depth ");

	assert_non_null(at);
	at += strlen("stack depth ") - 1;
	do {
		char *end;

		assert_true(count < FUNCTION_MAX);
		functions->stack_bytes[count++] = strtoul(at + 1, &end, 10);
		at = end;
	} while (*at == '+');
	assert_int_equal(count, functions->count);
}

/* Of the longest chain of calls from this function on. There is no recursion in BPF. */
static uint32_t deepest(const struct bpf_program *program, const struct functions *functions,
			size_t function)
{
	const struct bpf_insn *insns = bpf_program__insns(program);
	size_t end = function + 1 < functions->count ? functions->start[function + 1]
						     : bpf_program__insn_cnt(program);
	uint32_t own = functions->stack_bytes[function], below = 0;

	for (size_t i = functions->start[function]; i < end; i++) {
		uint32_t callee;

		if (!is_call(&insns[i]))
			continue;
		callee = deepest(program, functions, function_at(functions, i + 1 + insns[i].imm));
		below = callee > below ? callee : below;
	}
	own = own ? own : 1;
	return (own + STACK_UNIT - 1) / STACK_UNIT * STACK_UNIT + below;
}

static uint32_t stack_of(const struct bpf_program *program)
{
	struct functions functions = {};

	find_functions(program, &functions);
	read_stack(program, &functions);
	return deepest(program, &functions, 0);
}

static void load_with_logs(void)
{
	struct gw_config config = world_config();
	struct bpf_program *program;
	static char logs[FUNCTION_MAX][LOG_BYTES];
	size_t i = 0;

	world = guideway_bpf__open();
	assert_non_null(world);
	world_shrink_maps(LRU_ENTRIES);
	/* With all that can be configured. */
	config.tells_flows = 1;
	memcpy((void *)&world->rodata->config, &config, sizeof(config));
	bpf_object__for_each_program(program, world->obj)
	{
		assert_true(i < FUNCTION_MAX);
		bpf_program__set_log_level(program, LOG_STATISTICS);
		bpf_program__set_log_buf(program, logs[i++], LOG_BYTES);
	}
	assert_int_equal(guideway_bpf__load(world), 0);
}

static void every_program_fits_the_stack_of_linux_6_1(void **state)
{
	const struct bpf_program *program = NULL;
	bool fits = true;

	(void)state;
	if (geteuid() != 0) {
		print_message("# needs root, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN\n");
		skip();
	}
	load_with_logs();
	while ((program = bpf_object__next_program(world->obj, (void *)program))) {
		uint32_t bytes = stack_of(program);

		if (bytes <= STACK_MAX)
			continue;
		print_error("%s: %u bytes\n", bpf_program__name(program), bytes);
		fits = false;
	}
	assert_true(fits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_program_fits_the_stack_of_linux_6_1),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}
