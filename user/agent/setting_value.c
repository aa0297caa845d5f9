/* SPDX-License-Identifier: BSD-2-Clause */
/* setting_value.c - texts of several settings, and the sentences of those that do not fit. */
#include "agent/setting_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config.h"
#include "lib/arena.h"
#include "lib/error.h"

int setting_copy(struct agent_config *config, const char **member, const char *value,
		 struct error *error)
{
	const char *copy;

	if (!*value)
		return error_set(error, -EINVAL, "'', expected a text that is not empty");
	copy = arena_strdup(config->arena, value);
	if (!copy)
		return error_set(error, -ENOMEM, "out of memory");
	*member = copy;
	return 0;
}

int setting_add(struct agent_config *config, struct agent_config_texts *texts, const char *value,
		struct error *error)
{
	int r;

	for (size_t i = 0; i < texts->count; i++)
		if (strcmp(texts->items[i], value) == 0)
			return error_set(error, -EINVAL, "'%s' is given twice", value);
	if (texts->count == AGENT_CONFIG_LIST_MAX)
		return error_set(error, -E2BIG, "'%s', expected at most %d of these", value,
				 AGENT_CONFIG_LIST_MAX);
	if (!texts->items) {
		texts->items = arena_alloc_array(config->arena, AGENT_CONFIG_LIST_MAX,
						 sizeof(*texts->items));
		if (!texts->items)
			return error_set(error, -ENOMEM, "out of memory");
	}
	r = setting_copy(config, &texts->items[texts->count], value, error);
	if (r == 0)
		texts->count++;
	return r;
}

int setting_choose(const char *value, const char *const *names, struct error *error)
{
	char expected[128] = "";
	int i;

	for (i = 0; names[i]; i++)
		if (strcmp(value, names[i]) == 0)
			return i;
	for (i = 0; names[i]; i++) {
		if (i > 0)
			(void)strcat(expected, names[i + 1] ? ", " : " or ");
		(void)strcat(expected, names[i]);
	}
	return error_set(error, -EINVAL, "'%s', expected %s", value, expected);
}

int setting_bool(bool *member, const char *value, struct error *error)
{
	static const char *const names[] = { "yes", "no", "true", "false", NULL };
	int choice = setting_choose(value, names, error);

	if (choice >= 0)
		*member = choice % 2 == 0;
	return choice < 0 ? choice : 0;
}

int setting_switch(bool *member, const char *value, struct error *error)
{
	static const char *const names[] = { "on", "off", NULL };
	int choice = setting_choose(value, names, error);

	if (choice >= 0)
		*member = choice == 0;
	return choice < 0 ? choice : 0;
}

int setting_number(const char *value, uint32_t min, uint32_t max, uint32_t *ret,
		   struct error *error)
{
	char *behind;
	unsigned long number = isdigit((unsigned char)*value) ? strtoul(value, &behind, 10) : 0;

	if (number < min || number > max || *behind)
		return error_set(error, -EINVAL, "'%s', expected a number from %u to %u", value,
				 min, max);
	*ret = (uint32_t)number;
	return 0;
}

unsigned long setting_port(const char *text, char end, const char **ret_behind)
{
	unsigned long port;
	char *behind;

	if (!isdigit((unsigned char)*text))
		return 0;
	port = strtoul(text, &behind, 10);
	*ret_behind = behind + 1;
	return *behind == end && port <= SETTING_PORT_MAX ? port : 0;
}
