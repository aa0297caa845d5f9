/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * setting_value.h - how texts become values, for settings that have much in common. Each returns
 * 0, or -EINVAL with a sentence that begins with the text; -ENOMEM.
 */
#ifndef AGENT_SETTING_VALUE_H
#define AGENT_SETTING_VALUE_H

#include <stdbool.h>
#include <stdint.h>

struct agent_config;
struct agent_config_texts;
struct error;

#define SETTING_PORT_MAX 65535

/* A copy of the text, which must not be empty. */
int setting_copy(struct agent_config *config, const char **member, const char *value,
		 struct error *error);
/* One more copy; each text once, and no more of them than AGENT_CONFIG_LIST_MAX. */
int setting_add(struct agent_config *config, struct agent_config_texts *texts, const char *value,
		struct error *error);
/* The position of value in names (ended by NULL), or -EINVAL with all of them. */
int setting_choose(const char *value, const char *const *names, struct error *error);
/* yes or no, true or false. */
int setting_bool(bool *member, const char *value, struct error *error);
/* on or off. */
int setting_switch(bool *member, const char *value, struct error *error);
/* min is not 0. */
int setting_number(const char *value, uint32_t min, uint32_t max, uint32_t *ret,
		   struct error *error);
/* A decimal port that ends at the character end; 0 when it is none. */
unsigned long setting_port(const char *text, char end, const char **ret_behind);

#endif
