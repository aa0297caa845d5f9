/* SPDX-License-Identifier: BSD-2-Clause */
/* encode_agent_configuration.c - an AgentConfiguration as JSON. */
#include "source/encode_part.h"

static void encode_ranges(struct encoding *encoding, json_t *item, const struct address_pool *pool)
{
	json_t *list = encode_list(encoding, item, "addresses");
	char text[ADDRESS_RANGE_TEXT_SIZE];

	for (size_t i = 0; i < pool->range_count; i++)
		encode_append(encoding, list,
			      json_string(address_range_format(&pool->ranges[i], text)));
}

static void encode_pool(struct encoding *encoding, json_t *list, const struct address_pool *pool)
{
	json_t *item = encode_item(encoding, list), *namespaces;

	encode_text(encoding, item, "name", pool->name);
	encode_ranges(encoding, item, pool);
	if (pool->namespace_count > 0) {
		namespaces = encode_list(encoding, item, "namespaces");
		for (size_t i = 0; i < pool->namespace_count; i++)
			encode_append(encoding, namespaces, json_string(pool->namespaces[i]));
	}
	if (pool->selector.count > 0)
		encode_labels(encoding, encode_mapping(encoding, item, "serviceSelector"),
			      "matchLabels", &pool->selector);
	if (!pool->auto_assign)
		encode_set(encoding, item, "autoAssign", json_false());
	if (pool->avoids_buggy)
		encode_set(encoding, item, "avoidBuggyIPs", json_true());
}

void encode_agent_configuration(struct encoding *encoding,
				const struct agent_configuration *configuration)
{
	json_t *spec = encode_mapping(encoding, encoding->top, "spec");
	json_t *list = encode_list(encoding, spec, "addressPools");

	for (size_t i = 0; i < configuration->pool_count; i++)
		encode_pool(encoding, list, &configuration->pools[i]);
}
