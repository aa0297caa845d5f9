/* SPDX-License-Identifier: BSD-2-Clause */
/* The agent's settings: as flags, from a file, and both. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/settings.h"
#include "lib/error.h"

static int create(void **state)
{
	*state = agent_config_create();
	return *state ? 0 : -1;
}

static int destroy(void **state)
{
	agent_config_destroy(*state);
	return 0;
}

static void set(struct agent_config *config, const char *name, const char *value)
{
	struct error error = { 0 };

	if (agent_config_set_flag(config, name, value, &error) < 0)
		fail_msg("--%s %s: %s", name, value, error.text);
}

static void assert_refused(const char *name, const char *value, const char *sentence)
{
	struct agent_config *config = agent_config_create();
	struct error error = { 0 };

	assert_non_null(config);
	assert_int_equal(agent_config_set_flag(config, name, value, &error), -EINVAL);
	assert_string_equal(error.text, sentence);
	agent_config_destroy(config);
}

/* Reads text as a file; behind it error's sentence has "FILE" for the file's name. */
static int read_text(struct agent_config *config, const char *text, struct error *error)
{
	char path[] = "/tmp/guideway-test-XXXXXX";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
	r = agent_config_read_file(config, path, error);
	assert_int_equal(unlink(path), 0);
	if (r < 0) {
		assert_memory_equal(error->text, path, strlen(path));
		memmove(error->text + 4, error->text + strlen(path),
			strlen(error->text + strlen(path)) + 1);
		memcpy(error->text, "FILE", 4);
	}
	return r;
}

static void read_good(struct agent_config *config, const char *text)
{
	struct error error = { 0 };

	if (read_text(config, text, &error) < 0)
		fail_msg("%s", error.text);
}

/* The sentence may say more than its beginning. */
static void assert_file_refused(const char *text, const char *beginning)
{
	struct agent_config *config = agent_config_create();
	struct error error = { 0 };

	assert_non_null(config);
	assert_int_equal(read_text(config, text, &error), -EINVAL);
	if (strncmp(error.text, beginning, strlen(beginning)) != 0)
		fail_msg("'%s', expected '%s'", error.text, beginning);
	agent_config_destroy(config);
}

static void without_settings_everything_has_its_default(void **state)
{
	const struct agent_config *config = *state;

	assert_int_equal(config->interfaces.count, 0);
	assert_int_equal(config->manifests.count, 0);
	assert_int_equal(config->address_pool.count, 0);
	assert_int_equal(config->gateway_address_count, 0);
	assert_int_equal(config->encap_sources[0].length, 0);
	assert_int_equal(config->encap_sources[1].length, 0);
	assert_int_equal(config->forwarding_mode, FORWARDING_MODE_SNAT);
	assert_null(config->node_name);
	assert_null(config->zone);
	assert_null(config->hash_key_file);
	assert_string_equal(config->load_balancer_class, "guideway.dev/xdp");
	assert_int_equal(config->xdp_mode, XDP_MODE_AUTO);
	assert_int_equal(config->snat_port_first, 1024);
	assert_int_equal(config->snat_port_last, 32767);
	assert_true(config->answer_neighbours);
	assert_int_equal(config->local_policy, LOCAL_POLICY_AUTO);
	assert_string_equal(config->state_dir, "/var/lib/guideway");
	assert_string_equal(config->pin_dir, "/sys/fs/bpf/guideway");
	assert_string_equal(config->socket, "/run/guideway/agent.sock");
	assert_int_equal(config->log_level, LOG_LEVEL_INFO);
}

static void every_setting_is_read_from_its_flag(void **state)
{
	struct agent_config *config = *state;

	set(config, "interface", "eth0");
	set(config, "manifests", "/etc/guideway");
	set(config, "address-pool", "10.0.0.0/24");
	set(config, "forwarding-mode", "gue");
	set(config, "encap-source", "2001:db8::/96");
	set(config, "encap-source", "10.9.0.0/16");
	set(config, "gateway-address", "192.0.2.1");
	set(config, "snat-ports", "2000-2999");
	set(config, "table-slots", "70000");
	set(config, "answer-arp", "off");
	set(config, "external-traffic-policy-local", "any");
	set(config, "load-balancer-class", "example.org/lb");
	set(config, "node-name", "node-1");
	set(config, "zone", "a");
	set(config, "hash-key", "/etc/key");
	set(config, "xdp-mode", "generic");
	set(config, "state-dir", "/state");
	set(config, "pin-dir", "/pins");
	set(config, "socket", "/socket");
	set(config, "log-level", "debug");

	assert_string_equal(config->interfaces.items[0], "eth0");
	assert_string_equal(config->manifests.items[0], "/etc/guideway");
	assert_string_equal(config->address_pool.items[0], "10.0.0.0/24");
	assert_int_equal(config->forwarding_mode, FORWARDING_MODE_GUE);
	assert_int_equal(config->encap_sources[0].length, 96);
	assert_int_equal(config->encap_sources[1].length, 112);
	assert_int_equal(config->encap_sources[1].address.bytes[12], 10);
	assert_int_equal(config->gateway_addresses[0].bytes[15], 1);
	assert_int_equal(config->snat_port_first, 2000);
	assert_int_equal(config->snat_port_last, 2999);
	assert_int_equal(config->table_slots, 70000);
	assert_false(config->answer_neighbours);
	assert_int_equal(config->local_policy, LOCAL_POLICY_ANY);
	assert_string_equal(config->load_balancer_class, "example.org/lb");
	assert_string_equal(config->node_name, "node-1");
	assert_string_equal(config->zone, "a");
	assert_string_equal(config->hash_key_file, "/etc/key");
	assert_int_equal(config->xdp_mode, XDP_MODE_GENERIC);
	assert_string_equal(config->state_dir, "/state");
	assert_string_equal(config->pin_dir, "/pins");
	assert_string_equal(config->socket, "/socket");
	assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
}

static void every_setting_is_read_from_the_file(void **state)
{
	struct agent_config *config = *state;

	read_good(config, "interface: [eth0, eth1]\n"
			  "manifests:\n- /a\n- /b\n- /c\n"
			  "address-pool: 2001:db8::/64\n"
			  "forwarding-mode: l2\n"
			  "encap-source: [10.9.8.7/32]\n"
			  "gateway-address: [192.0.2.1, \"2001:db8::1\"]\n"
			  "snat-ports: 2000-2999\n"
			  "table-slots: 16777216\n"
			  "answer-arp: off\n"
			  "external-traffic-policy-local: node\n"
			  "load-balancer-class: example.org/lb\n"
			  "node-name: 17\n"
			  "zone: 'a'\n"
			  "hash-key: /etc/key\n"
			  "xdp-mode: native\n"
			  "state-dir: /state\n"
			  "pin-dir: /pins\n"
			  "socket: /socket\n"
			  "log-level: error\n");

	assert_int_equal(config->interfaces.count, 2);
	assert_string_equal(config->interfaces.items[1], "eth1");
	assert_int_equal(config->manifests.count, 3);
	assert_string_equal(config->manifests.items[2], "/c");
	assert_string_equal(config->address_pool.items[0], "2001:db8::/64");
	assert_int_equal(config->forwarding_mode, FORWARDING_MODE_L2);
	assert_int_equal(config->encap_sources[0].length, 0);
	assert_int_equal(config->encap_sources[1].length, 128);
	assert_int_equal(config->gateway_address_count, 2);
	assert_int_equal(config->snat_port_last, 2999);
	assert_false(config->answer_neighbours);
	assert_int_equal(config->local_policy, LOCAL_POLICY_NODE);
	assert_string_equal(config->load_balancer_class, "example.org/lb");
	assert_string_equal(config->node_name, "17");
	assert_string_equal(config->zone, "a");
	assert_string_equal(config->hash_key_file, "/etc/key");
	assert_int_equal(config->xdp_mode, XDP_MODE_NATIVE);
	assert_string_equal(config->state_dir, "/state");
	assert_string_equal(config->pin_dir, "/pins");
	assert_string_equal(config->socket, "/socket");
	assert_int_equal(config->log_level, LOG_LEVEL_ERROR);
}

static void a_flag_wins_over_the_file_also_for_lists(void **state)
{
	struct agent_config *config = *state;

	set(config, "interface", "eth7");
	set(config, "zone", "flag");
	read_good(config, "interface: [eth0, eth1]\nzone: file\nnode-name: file\n");
	assert_int_equal(config->interfaces.count, 1);
	assert_string_equal(config->interfaces.items[0], "eth7");
	assert_string_equal(config->zone, "flag");
	assert_string_equal(config->node_name, "file");
}

static void a_mistake_in_the_file_is_one_even_where_a_flag_wins(void **state)
{
	struct agent_config *config = *state;
	struct error error = { 0 };

	set(config, "log-level", "debug");
	assert_int_equal(read_text(config, "log-level: loud\n", &error), -EINVAL);
	assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
}

static void a_file_may_be_empty_or_a_comment(void **state)
{
	read_good(*state, "");
	read_good(*state, "# nothing\n");
	read_good(*state, "---\n# nothing\n");
}

static void bad_values_are_refused_with_what_was_expected(void **state)
{
	(void)state;
	assert_refused("xdp-mode", "fast", "'fast', expected auto, native or generic");
	assert_refused("answer-arp", "yes", "'yes', expected on or off");
	assert_refused("external-traffic-policy-local", "", "'', expected auto, node or any");
	assert_refused("log-level", "loud", "'loud', expected error, warning, info or debug");
	assert_refused("forwarding-mode", "default",
		       "'default', expected snat, dnat, l2, ipip or gue");
	assert_refused("table-slots", "65535",
		       "'65535', expected a number from 65536 to 268435456");
	assert_refused("table-slots", "x", "'x', expected a number from 65536 to 268435456");
	assert_refused("interface", "a/b", "'a/b', expected the name of an interface");
	assert_refused("interface", "sixteen-letters-",
		       "'sixteen-letters-', expected the name of "
		       "an interface");
	assert_refused("interface", "", "'', expected the name of an interface");
	assert_refused("node-name", "", "'', expected a text that is not empty");
}

static void snat_ports_are_two_ports_in_order(void **state)
{
	static const char *const bad[] = { "",          "1024",       "1024-",
					   "-1024",     "0-5",        "5-65536",
					   "2000-1000", "1024-2048x", "1024 -5",
					   "1024--5",   "+1-5",       "99999999999999999999-5",
					   "a-b",       "1024-0x800" };
	char sentence[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(sentence, sizeof(sentence),
			       "'%s', expected FIRST-LAST, two ports from 1 to 65535 in order",
			       bad[i]);
		assert_refused("snat-ports", bad[i], sentence);
	}
	set(*state, "snat-ports", "1-65535");
	set(*state, "snat-ports", "7-7");
	assert_int_equal(((struct agent_config *)*state)->snat_port_last, 7);
}

static void addresses_and_ranges_are_checked_where_they_are_read(void **state)
{
	static const char *const bad[][2] = {
		{ "gateway-address", "10.0.0" },       { "gateway-address", "10.0.0.1/24" },
		{ "gateway-address", "127.0.0.1" },    { "gateway-address", "::" },
		{ "address-pool", "10.0.0.0/33" },     { "address-pool", "10.0.0.9-10.0.0.1" },
		{ "address-pool", "10.0.0.1-2001::" }, { "address-pool", "web" },
	};
	struct error error = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		error.text[0] = '\0';
		assert_int_equal(agent_config_set_flag(*state, bad[i][0], bad[i][1], &error),
				 -EINVAL);
		assert_true(strlen(error.text) > 0);
	}
}

static void encapsulated_packets_have_one_prefix_of_each_family(void **state)
{
	struct error error = { 0 };

	assert_refused("encap-source", "2001:db8::/64",
		       "'2001:db8::/64', expected at most 32 bits behind the prefix");
	assert_refused("encap-source", "127.0.0.0/8",
		       "127.0.0.0 is a loopback address, expected a unicast address");
	assert_refused("encap-source", "10.0.0.1",
		       "\"10.0.0.1\" is not a prefix, expected ADDRESS/LENGTH");
	set(*state, "encap-source", "10.0.0.0/8");
	assert_int_equal(agent_config_set_flag(*state, "encap-source", "11.0.0.0/8", &error),
			 -EINVAL);
	assert_string_equal(error.text, "'11.0.0.0/8', expected one IPv4 prefix, and there is one");
	set(*state, "encap-source", "2001:db8::/96");
}

static void what_a_list_has_already_is_refused(void **state)
{
	struct error error = { 0 };

	set(*state, "interface", "eth0");
	set(*state, "gateway-address", "2001:db8::1");
	assert_int_equal(agent_config_set_flag(*state, "interface", "eth0", &error), -EINVAL);
	assert_string_equal(error.text, "'eth0' is given twice");
	assert_int_equal(agent_config_set_flag(*state, "gateway-address", "2001:DB8:0::1", &error),
			 -EINVAL);
	assert_string_equal(error.text, "'2001:DB8:0::1' is given twice");
}

static void a_list_has_a_limit(void **state)
{
	struct error error = { 0 };
	char name[16];

	for (int i = 0; i < AGENT_CONFIG_LIST_MAX; i++) {
		(void)snprintf(name, sizeof(name), "eth%d", i);
		set(*state, "interface", name);
	}
	assert_int_equal(agent_config_set_flag(*state, "interface", "lo", &error), -E2BIG);
	assert_string_equal(error.text, "'lo', expected at most 256 of these");
}

static void mistakes_in_the_file_are_told_with_line_and_column(void **state)
{
	(void)state;
	assert_file_refused("zone: a\nxdp-mode: fast\n",
			    "FILE:2:11: xdp-mode: 'fast', expected auto, native or generic");
	assert_file_refused("interface:\n  - eth0\n  - a/b\n",
			    "FILE:3:5: interface: 'a/b', expected the name of an interface");
	assert_file_refused("interface: [eth0, eth0]\n",
			    "FILE:1:19: interface: 'eth0' is given twice");
	assert_file_refused("zone: [a]\n", "FILE:1:7: zone: expected ZONE");
	assert_file_refused("interface: {a: b}\n",
			    "FILE:1:12: interface: expected NAME, or a list of these");
	assert_file_refused("- eth0\n", "FILE:1:1: expected settings, as in \"interface: eth0\"");
	assert_file_refused("zone: a\n---\nzone: b\n", "FILE:3:1: a second document, expected one");
	assert_file_refused("zone: \"a\\0b\"\n", "FILE:1:7: zone: expected ZONE");
}

static void an_unknown_key_is_refused_with_the_known_ones(void **state)
{
	struct agent_config *config = *state;
	struct error error = { 0 };
	size_t count;
	const struct setting *settings = settings_all(&count);

	assert_int_equal(read_text(config, "interfaces: eth0\n", &error), -EINVAL);
	assert_non_null(
		strstr(error.text, ": 'interfaces', expected one of interface, manifests, "));
	for (size_t i = 0; i < count; i++)
		assert_non_null(strstr(error.text, settings[i].name));
	assert_file_refused("config: other.yaml\n", "FILE:1:");
}

static void broken_yaml_and_missing_files_are_told(void **state)
{
	struct error error = { 0 };

	assert_int_equal(read_text(*state, "zone: [\n", &error), -EINVAL);
	assert_int_equal(agent_config_read_file(*state, "/nowhere.yaml", &error), -ENOENT);
	assert_string_equal(error.text, "/nowhere.yaml: No such file or directory");
	assert_int_equal(agent_config_read_file(*state, "/tmp", &error), -EISDIR);
}

static void assert_check_refuses(const struct agent_config *config, const char *beginning)
{
	struct error error = { 0 };

	assert_int_equal(agent_config_check(config, &error), -EINVAL);
	assert_memory_equal(error.text, beginning, strlen(beginning));
}

static void a_cluster_stands_for_manifests(void **state)
{
	struct agent_config *config = *state;

	assert_false(agent_config_has_cluster(config));
	set(config, "interface", "eth0");
	set(config, "kubeconfig", "/etc/kubeconfig");
	set(config, "kubeconfig-allow-exec", NULL);
	set(config, "watch-list", NULL);
	assert_int_equal(agent_config_check(config, NULL), 0);
	assert_true(agent_config_has_cluster(config));
	assert_true(config->kubeconfig_allow_exec && config->watch_list && !config->in_cluster);
	assert_string_equal(config->kubeconfig, "/etc/kubeconfig");
	set(config, "manifests", "/etc/guideway");
	assert_check_refuses(config, "--manifests beside --kubeconfig: ");
	set(config, "in-cluster", NULL);
	assert_check_refuses(config, "--in-cluster and --kubeconfig: ");
}

static void flags_without_a_value_are_yes_or_no_in_the_file(void **state)
{
	struct agent_config *config = *state;

	read_good(config, "in-cluster: yes\nkubeconfig-allow-exec: false\nwatch-list: true\n");
	assert_true(config->in_cluster && config->watch_list && !config->kubeconfig_allow_exec);
	assert_true(agent_config_has_cluster(config));
	assert_refused("in-cluster", "maybe", "'maybe', expected yes, no, true or false");
	assert_file_refused("in-cluster: [yes]\n", "FILE:1:13: in-cluster: expected yes or no");
}

static void who_writes_to_a_cluster_can_be_said(void **state)
{
	struct agent_config *config = *state;

	assert_false(agent_config_publishes(config));
	set(config, "in-cluster", NULL);
	assert_true(agent_config_publishes(config));
	assert_null(config->lease_name);
	set(config, "lease", "guideway-system/writers");
	assert_string_equal(config->lease_namespace, "guideway-system");
	assert_string_equal(config->lease_name, "writers");
	set(config, "publish", "off");
	assert_false(agent_config_publishes(config));
	assert_refused("publish", "yes", "'yes', expected on or off");
	assert_refused("lease", "writers",
		       "'writers', expected a namespace and a name: guideway-system/guideway");
	assert_refused("lease", "a/b/c",
		       "'a/b/c', expected a namespace and a name: guideway-system/guideway");
	assert_refused("lease", "/b",
		       "'/b', expected a namespace and a name: guideway-system/guideway");
	assert_refused("lease", "a/?b",
		       "'a/?b', expected a namespace and a name: guideway-system/guideway");
}

static void services_without_a_class_are_a_matter_of_three_ways(void **state)
{
	struct agent_config *config = *state;

	assert_int_equal(config->serve_unclassed, AGENT_UNCLASSED_DEFAULT);
	set(config, "serve-unclassed", "yes");
	assert_int_equal(config->serve_unclassed, AGENT_UNCLASSED_YES);
	set(config, "serve-unclassed", "no");
	assert_int_equal(config->serve_unclassed, AGENT_UNCLASSED_NO);
}

static void an_interface_and_services_are_needed(void **state)
{
	struct agent_config *config = *state;

	assert_check_refuses(config, "no interface: ");
	set(config, "interface", "eth0");
	assert_check_refuses(config, "no Services: ");
	set(config, "manifests", "/etc/guideway");
	assert_int_equal(agent_config_check(config, NULL), 0);
}

static void the_defaults_that_the_help_tells_are_the_defaults(void **state)
{
	const struct agent_config *config = *state;
	char ports[32];

	(void)snprintf(ports, sizeof(ports), "%d-%d", config->snat_port_first,
		       config->snat_port_last);
	assert_string_equal(settings_find("snat-ports")->default_text, ports);
	assert_int_equal(strtoul(settings_find("table-slots")->default_text, NULL, 10),
			 config->table_slots);
	assert_string_equal(settings_find("socket")->default_text, config->socket);
	assert_string_equal(settings_find("state-dir")->default_text, config->state_dir);
	assert_string_equal(settings_find("pin-dir")->default_text, config->pin_dir);
	assert_string_equal(settings_find("load-balancer-class")->default_text,
			    config->load_balancer_class);
	assert_string_equal(settings_find("forwarding-mode")->default_text,
			    forwarding_mode_name(config->forwarding_mode));
}

#define on_config(test) cmocka_unit_test_setup_teardown(test, create, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_config(without_settings_everything_has_its_default),
		on_config(every_setting_is_read_from_its_flag),
		on_config(every_setting_is_read_from_the_file),
		on_config(a_flag_wins_over_the_file_also_for_lists),
		on_config(a_mistake_in_the_file_is_one_even_where_a_flag_wins),
		on_config(a_file_may_be_empty_or_a_comment),
		on_config(bad_values_are_refused_with_what_was_expected),
		on_config(snat_ports_are_two_ports_in_order),
		on_config(addresses_and_ranges_are_checked_where_they_are_read),
		on_config(encapsulated_packets_have_one_prefix_of_each_family),
		on_config(what_a_list_has_already_is_refused),
		on_config(a_list_has_a_limit),
		on_config(mistakes_in_the_file_are_told_with_line_and_column),
		on_config(an_unknown_key_is_refused_with_the_known_ones),
		on_config(broken_yaml_and_missing_files_are_told),
		on_config(an_interface_and_services_are_needed),
		on_config(a_cluster_stands_for_manifests),
		on_config(flags_without_a_value_are_yes_or_no_in_the_file),
		on_config(who_writes_to_a_cluster_can_be_said),
		on_config(services_without_a_class_are_a_matter_of_three_ways),
		on_config(the_defaults_that_the_help_tells_are_the_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
