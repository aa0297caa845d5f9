/* SPDX-License-Identifier: BSD-2-Clause */
/* yaml_problem.h - libyaml's complaints as sentences for the operator. */
#ifndef LIB_YAML_PROBLEM_H
#define LIB_YAML_PROBLEM_H

#include <stddef.h>
#include <stdint.h>

#include <yaml.h>

struct error;

/*
 * Says why parser stopped in text, with line_offset lines before it, as
 * "line:column: what, what was expected". Returns -EINVAL or -ENOMEM.
 */
int yaml_problem_explain(const yaml_parser_t *parser, const char *text, size_t length,
			 uint32_t line_offset, struct error *error);

#endif
