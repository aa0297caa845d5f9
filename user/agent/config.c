/* SPDX-License-Identifier: BSD-2-Clause */
/* config.c - the settings put together: defaults, then the file, then the flags. */
#include "agent/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/settings.h"
#include "lib/arena.h"
#include "lib/document.h"
#include "lib/error.h"

#define FILE_BYTES_MAX (1024 * 1024)

struct agent_config *agent_config_create(void)
{
	struct agent_config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	config->arena = arena_create();
	if (!config->arena) {
		free(config);
		return NULL;
	}
	config->forwarding_mode = FORWARDING_MODE_SNAT;
	config->load_balancer_class = AGENT_CLASS_DEFAULT;
	config->xdp_mode = XDP_MODE_AUTO;
	config->table_slots = AGENT_TABLE_SLOTS_DEFAULT;
	config->flow_table_entries = AGENT_FLOW_TABLE_DEFAULT;
	config->tcp_idle_s = AGENT_TCP_IDLE_DEFAULT_S;
	config->udp_idle_s = AGENT_UDP_IDLE_DEFAULT_S;
	config->snat_port_first = 1024;
	config->snat_port_last = 32767;
	config->answer_neighbours = true;
	config->publish = true;
	config->local_policy = LOCAL_POLICY_AUTO;
	config->peer_listen.port = AGENT_PEER_PORT;
	config->peer_interval_ms = AGENT_PEER_INTERVAL_DEFAULT_MS;
	config->state_dir = AGENT_STATE_DIR_DEFAULT;
	config->pin_dir = AGENT_PIN_DIR_DEFAULT;
	config->socket = AGENT_SOCKET_DEFAULT;
	config->log_level = LOG_LEVEL_INFO;
	return config;
}

void agent_config_destroy(struct agent_config *config)
{
	if (!config)
		return;
	arena_destroy(config->arena);
	free(config);
}

static uint64_t bit_of(const struct setting *setting)
{
	size_t count;

	return UINT64_C(1) << (setting - settings_all(&count));
}

int agent_config_set_flag(struct agent_config *config, const char *name, const char *value,
			  struct error *error)
{
	const struct setting *setting = settings_find(name);

	if (!setting)
		return error_set(error, -ENOENT, "no such setting");
	config->flags_given |= bit_of(setting);
	return setting->set(config, value ? value : "yes", error);
}

static int unknown_key(const struct node *node, struct error *error)
{
	char names[640] = "";
	size_t count, length = 0;
	const struct setting *settings = settings_all(&count);

	for (size_t i = 0; i < count && length < sizeof(names); i++)
		length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s",
					   i ? ", " : "", settings[i].name);
	return node_error(node, error, "'%s', expected one of %s", node->key, names);
}

static int set_from_scalar(struct agent_config *config, const struct setting *setting,
			   const struct node *node, struct error *error)
{
	struct error reason = { 0 };

	if (node->type != NODE_SCALAR || strlen(node->text) != node->length)
		return node_error(node, error, "%s: expected %s%s", setting->name,
				  setting->argument ? setting->argument : "yes or no",
				  setting->repeats ? ", or a list of these" : "");
	if (setting->set(config, node->text, &reason) < 0)
		return node_error(node, error, "%s: %s", setting->name, reason.text);
	return 0;
}

static int set_from_node(struct agent_config *config, const struct setting *setting,
			 const struct node *node, struct error *error)
{
	int r = 0;

	if (node->type != NODE_SEQUENCE || !setting->repeats)
		return set_from_scalar(config, setting, node, error);
	for (const struct node *item = node->first; item && r == 0; item = item->next)
		r = set_from_scalar(config, setting, item, error);
	return r;
}

/* What a flag has set is read all the same, into ignored: a mistake there is still one. */
static int set_all(struct agent_config *config, const struct node *root, struct error *error)
{
	struct agent_config *ignored;
	int r = 0;

	if (root->type == NODE_NULL)
		return 0;
	if (root->type != NODE_MAPPING)
		return node_error(root, error, "expected settings, as in \"interface: eth0\"");
	ignored = agent_config_create();
	if (!ignored)
		return error_set(error, -ENOMEM, "out of memory");
	for (const struct node *node = root->first; node && r == 0; node = node->next) {
		const struct setting *setting = settings_find(node->key);

		if (!setting)
			r = unknown_key(node, error);
		else
			r = set_from_node(config->flags_given & bit_of(setting) ? ignored : config,
					  setting, node, error);
	}
	agent_config_destroy(ignored);
	return r;
}

static int read_documents(struct agent_config *config, const char *text, size_t length,
			  struct error *error)
{
	struct arena *arena = arena_create();
	size_t at = 0, document_length, count = 0;
	uint32_t line = 0, first_line;
	const struct node *root;
	const char *document;
	int r = 0;

	if (!arena)
		return error_set(error, -ENOMEM, "out of memory");
	while (r == 0 &&
	       document_split(text, length, &at, &line, &document, &document_length, &first_line)) {
		r = document_parse(arena, document, document_length, first_line, &root, error);
		if (r == 0 && count++ > 0)
			r = node_error(root, error, "a second document, expected one");
		if (r == 0)
			r = set_all(config, root, error);
	}
	arena_destroy(arena);
	return r;
}

static int read_text(const char *path, char **ret_text, size_t *ret_length, struct error *error)
{
	FILE *file = fopen(path, "re");
	char *text;
	size_t length;
	int r = 0;

	if (!file)
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	text = malloc(FILE_BYTES_MAX + 1);
	errno = 0;
	length = text ? fread(text, 1, FILE_BYTES_MAX + 1, file) : 0;
	if (!text)
		r = error_set(error, -ENOMEM, "%s: out of memory", path);
	else if (ferror(file))
		r = error_set(error, errno ? -errno : -EIO, "%s: %s", path, strerror(errno));
	else if (length > FILE_BYTES_MAX)
		r = error_set(error, -EFBIG, "%s: larger than 1 MiB", path);
	(void)fclose(file);
	if (r < 0) {
		free(text);
		return r;
	}
	*ret_text = text;
	*ret_length = length;
	return 0;
}

int agent_config_read_file(struct agent_config *config, const char *path, struct error *error)
{
	struct error reason = { 0 };
	size_t length = 0;
	char *text = NULL;
	int r;

	r = read_text(path, &text, &length, error);
	if (r < 0)
		return r;
	r = read_documents(config, text, length, &reason);
	free(text);
	if (r == -ENOMEM)
		return error_set(error, r, "%s: out of memory", path);
	return r < 0 ? error_set(error, r, "%s:%s", path, reason.text) : 0;
}

bool agent_config_has_cluster(const struct agent_config *config)
{
	return config->in_cluster || config->kubeconfig;
}

bool agent_config_publishes(const struct agent_config *config)
{
	return config->publish && agent_config_has_cluster(config);
}

/* Where the Services come from. */
static int check_source(const struct agent_config *config, struct error *error)
{
	if (config->in_cluster && config->kubeconfig)
		return error_set(error, -EINVAL,
				 "--in-cluster and --kubeconfig: expected one of them");
	if (agent_config_has_cluster(config) && config->manifests.count)
		return error_set(error, -EINVAL,
				 "--manifests beside %s: Services come from files or from a "
				 "cluster, expected one of them",
				 config->in_cluster ? "--in-cluster" : "--kubeconfig");
	if (!agent_config_has_cluster(config) && config->manifests.count == 0)
		return error_set(error, -EINVAL,
				 "no Services: expected --manifests PATH, --kubeconfig FILE or "
				 "--in-cluster, or the same in the --config file");
	return 0;
}

int agent_config_check(const struct agent_config *config, struct error *error)
{
	if (config->interfaces.count == 0)
		return error_set(error, -EINVAL,
				 "no interface: expected --interface NAME, or interface: NAME in "
				 "the --config file");
	if (check_source(config, error) < 0)
		return -EINVAL;
	if (config->peer_count && !config->peer_key_file)
		return error_set(error, -EINVAL,
				 "--peer without --peer-key FILE: what gateways tell each other is "
				 "sealed with a key that they share");
	return 0;
}
