/* SPDX-License-Identifier: BSD-2-Clause */
/* kubeconfig_exec.c - the program that has the user's credentials. */
#include "kube/kubeconfig_entry.h"

#include <errno.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/error.h"

enum { MODE_NOT_SAID, MODE_NEVER, MODE_IF_AVAILABLE, MODE_ALWAYS };

static int read_version(const struct field *exec, const char **ret, bool *ret_is_v1,
			struct error *error)
{
	static const char v1[] = "client.authentication.k8s.io/v1";
	static const char v1beta1[] = "client.authentication.k8s.io/v1beta1";
	struct field field = field_at(exec, "apiVersion");
	const char *text = "";
	int r = field_string(exec, "apiVersion", &text, error);

	if (r < 0)
		return r;
	*ret_is_v1 = strcmp(text, v1) == 0;
	if (!*ret_is_v1 && strcmp(text, v1beta1) != 0)
		return field_error(&field, error, "\"%.60s\", expected \"%s\" or \"%s\"", text, v1,
				   v1beta1);
	*ret = *ret_is_v1 ? v1 : v1beta1;
	return 0;
}

/* We have no terminal. */
static int read_mode(const struct field *exec, bool is_v1, struct error *error)
{
	static const struct choice modes[] = {
		{ "Never", MODE_NEVER },
		{ "IfAvailable", MODE_IF_AVAILABLE },
		{ "Always", MODE_ALWAYS },
		{ NULL, 0 },
	};
	struct field field = field_at(exec, "interactiveMode");
	int mode = MODE_NOT_SAID;
	int r = field_choice(exec, "interactiveMode", modes, &mode, error);

	if (r < 0)
		return r;
	if (mode == MODE_ALWAYS)
		return field_error(&field, error, "Always, expected a program that asks nothing");
	if (mode == MODE_NOT_SAID && is_v1)
		return field_error(&field, error, "nothing, expected Never or IfAvailable");
	return 0;
}

static int read_variable(const struct field *item, struct plugin_variable *ret, struct error *error)
{
	struct field name = field_at(item, "name");
	int r = field_string(item, "name", &ret->name, error);

	ret->value = "";
	if (r == 0)
		r = field_string(item, "value", &ret->value, error);
	if (r == 0 && (!ret->name || !*ret->name || strchr(ret->name, '=')))
		r = field_error(&name, error, "expected the name of a variable");
	return r;
}

static int read_variables(const struct kubeconfig_entry *entry, const struct field *exec,
			  struct plugin_settings *plugin, struct error *error)
{
	struct plugin_variable *variables;
	struct field list;
	size_t count = 0;
	int r = field_list(exec, "env", &list, error);

	if (r < 0 || !list.node)
		return r;
	variables = arena_alloc_array(entry->arena, list.node->count, sizeof(*variables));
	if (!variables)
		return error_set(error, -ENOMEM, "1:1: no memory left to read it");
	for (const struct node *child = list.node->first; child; child = child->next, count++) {
		struct field item = field_item(&list, count, child);

		r = read_variable(&item, &variables[count], error);
		if (r < 0)
			return r;
	}
	plugin->variables = variables;
	plugin->variable_count = count;
	return 0;
}

static int read_command(const struct kubeconfig_entry *entry, const struct field *exec,
			const char **ret, struct error *error)
{
	struct field field = field_at(exec, "command");
	int r = kubeconfig_string(exec, "command", ret, error);

	if (r < 0)
		return r;
	if (!*ret)
		return field_error(&field, error, "nothing, expected a program");
	if (!strchr(*ret, '/'))
		return 0;
	*ret = kubeconfig_beside(entry, *ret);
	return *ret ? 0 : error_set(error, -ENOMEM, "1:1: no memory left to read it");
}

int kubeconfig_read_exec(const struct kubeconfig_entry *entry, const struct field *exec,
			 const struct plugin_settings **ret, struct error *error)
{
	struct plugin_settings *plugin = arena_alloc(entry->arena, sizeof(*plugin));
	bool is_v1;
	int r;

	if (!plugin)
		return error_set(error, -ENOMEM, "1:1: no memory left to read it");
	r = read_version(exec, &plugin->api_version, &is_v1, error);
	if (r == 0)
		r = read_command(entry, exec, &plugin->command, error);
	if (r == 0)
		r = kubeconfig_strings(entry, exec, "args", &plugin->arguments,
				       &plugin->argument_count, error);
	if (r == 0)
		r = read_variables(entry, exec, plugin, error);
	if (r == 0)
		r = read_mode(exec, is_v1, error);
	if (r == 0)
		r = kubeconfig_string(exec, "installHint", &plugin->install_hint, error);
	if (r == 0)
		r = field_bool(exec, "provideClusterInfo", &plugin->provide_cluster_info, error);
	if (r == 0)
		*ret = plugin;
	return r;
}
