/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables for people: alignment, ages, counts, and the tables of `guideway get`. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "cmd/get.h"
#include "cmd/human.h"
#include "cmd/table_output.h"

#define MINUTES(n) ((n)*INT64_C(60))
#define HOURS(n) (MINUTES(60) * (n))
#define DAYS(n) (HOURS(24) * (n))
#define YEARS(n) (DAYS(365) * (n))

static const char *const headers[] = { "NAME", "VALUE" };

static void assert_prints(const struct table *table, const char *expected)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(table_print(table, out), 0);
	(void)fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
	struct table *table = table_create(headers, 2);

	(void)state;
	assert_non_null(table);
	table_add(table, "a-long-name");
	table_add(table, "%d", 1);
	table_add(table, "b");
	table_add(table, "%s", "two words");
	assert_prints(table, "NAME          VALUE\n"
			     "a-long-name   1\n"
			     "b             two words\n");
	table_destroy(table);
}

static void an_empty_cell_is_none(void **state)
{
	struct table *table = table_create(headers, 2);

	(void)state;
	assert_non_null(table);
	table_add(table, "%s", "");
	table_add(table, "%s", "");
	assert_prints(table, "NAME     VALUE\n<none>   <none>\n");
	table_destroy(table);
}

static void characters_are_counted_not_bytes(void **state)
{
	struct table *table = table_create(headers, 2);

	(void)state;
	assert_non_null(table);
	table_add(table, "z\xc3\xbcrich");
	table_add(table, "1");
	assert_prints(table, "NAME     VALUE\nz\xc3\xbcrich   1\n");
	table_destroy(table);
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
	struct table *table = table_create(headers, 2);

	(void)state;
	assert_non_null(table);
	table_add(table, "a\x1b[2Jb\n");
	table_add(table, "\xc2\x9b"
			 "c\x7f\xc2\xa0");
	assert_prints(table, "NAME      VALUE\na?[2Jb?   ?c?\xc2\xa0\n");
	table_destroy(table);
}

static void a_row_that_is_not_complete_is_not_printed(void **state)
{
	struct table *table = table_create(headers, 2);

	(void)state;
	assert_non_null(table);
	table_add(table, "half");
	assert_prints(table, "NAME   VALUE\n");
	table_destroy(table);
}

static void many_rows_are_kept(void **state)
{
	struct table *table = table_create(headers, 2);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(table);
	assert_non_null(out);
	for (int i = 0; i < 10000; i++) {
		table_add(table, "%06d", i);
		table_add(table, "%d", i % 10);
	}
	assert_int_equal(table_print(table, out), 0);
	(void)fclose(out);
	assert_int_equal(size, 10001 * 11 + 4);
	free(text);
	table_destroy(table);
}

static void ages_read_as_in_kubectl(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
		{ -2, "<invalid>" },
		{ -1, "0s" },
		{ 0, "0s" },
		{ 119, "119s" },
		{ 120, "2m" },
		{ MINUTES(5) + 30, "5m30s" },
		{ MINUTES(10) - 1, "9m59s" },
		{ MINUTES(10) + 59, "10m" },
		{ HOURS(3) - 1, "179m" },
		{ HOURS(3), "3h" },
		{ HOURS(3) + MINUTES(12) + 59, "3h12m" },
		{ HOURS(8) - 1, "7h59m" },
		{ HOURS(8) + MINUTES(30), "8h" },
		{ HOURS(48) - 1, "47h" },
		{ HOURS(48), "2d" },
		{ HOURS(49), "2d1h" },
		{ DAYS(8) - 1, "7d23h" },
		{ DAYS(8) + HOURS(5), "8d" },
		{ YEARS(2) - 1, "729d" },
		{ YEARS(2), "2y" },
		{ YEARS(2) + DAYS(8), "2y8d" },
		{ YEARS(8) - 1, "7y364d" },
		{ YEARS(8) + DAYS(100), "8y" },
		{ YEARS(56), "56y" },
	};
	char buffer[HUMAN_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(human_duration(cases[i].seconds, buffer), cases[i].text);
}

static void large_counts_are_shortened(void **state)
{
	char buffer[HUMAN_TEXT_SIZE];

	(void)state;
	assert_string_equal(human_count(0, buffer), "0");
	assert_string_equal(human_count(9999, buffer), "9999");
	assert_string_equal(human_count(10000, buffer), "10.0k");
	assert_string_equal(human_count(99949, buffer), "99.9k");
	assert_string_equal(human_count(99950, buffer), "100k");
	assert_string_equal(human_count(999499, buffer), "999k");
	assert_string_equal(human_count(999500, buffer), "1.0M");
	assert_string_equal(human_count(UINT64_MAX, buffer), "18.4E");
}

static void bytes_are_shortened_by_1024(void **state)
{
	char buffer[HUMAN_TEXT_SIZE];

	(void)state;
	assert_string_equal(human_bytes(0, buffer), "0B");
	assert_string_equal(human_bytes(1023, buffer), "1023B");
	assert_string_equal(human_bytes(1536, buffer), "1.5KiB");
	assert_string_equal(human_bytes(UINT64_C(1023) * 1024, buffer), "1023KiB");
	assert_string_equal(human_bytes(UINT64_C(1024) * 1024 - 1, buffer), "1.0MiB");
	assert_string_equal(human_bytes(UINT64_MAX, buffer), "16.0EiB");
}

static const char services[] =
	"[{\"namespace\":\"default\",\"name\":\"dns\",\"type\":\"LoadBalancer\",\"clusterIP\":\"\","
	"\"externalIPs\":[],\"ports\":[{\"port\":53,\"nodePort\":0,\"protocol\":\"UDP\"}],"
	"\"ready\":0,\"endpoints\":2,\"mode\":\"snat\",\"selector\":{},\"created\":null,"
	"\"problem\":\"no address\",\"traffic\":{\"packets\":0,\"bytes\":0,\"flows\":0}},"
	"{\"namespace\":\"shop\",\"name\":\"web\",\"type\":\"LoadBalancer\","
	"\"clusterIP\":\"10.96.0.10\",\"externalIPs\":[\"203.0.113.1\",\"2001:db8::1\"],\"ports\":["
	"{\"port\":80,\"nodePort\":31234,\"protocol\":\"TCP\"},"
	"{\"port\":443,\"nodePort\":null,\"protocol\":\"TCP\"}],\"ready\":3,\"endpoints\":3,"
	"\"mode\":\"snat\",\"selector\":{\"app\":\"web\",\"tier\":\"front\"},\"created\":1000,"
	"\"problem\":null,\"traffic\":{\"packets\":12345,\"bytes\":2048,\"flows\":7,"
	"\"replyPackets\":5,\"replyBytes\":3072,\"drops\":9},"
	"\"digest\":\"0123456789abcdef\"}]";

static const char backends[] =
	"[{\"namespace\":\"shop\",\"service\":\"web\",\"vip\":\"203.0.113.1\",\"port\":80,"
	"\"protocol\":\"TCP\",\"address\":\"10.1.0.5\",\"backendPort\":8080,\"state\":\"ready\","
	"\"weight\":2,"
	"\"share\":0.6667,\"nextHop\":{\"state\":\"resolved\",\"interface\":\"eth1\","
	"\"mac\":\"02:00:00:00:00:05\"},\"traffic\":{\"packets\":1,\"bytes\":60,\"flows\":1,"
	"\"replyPackets\":2,\"replyBytes\":120}},"
	"{\"namespace\":\"shop\",\"service\":\"web\",\"vip\":\"2001:db8::1\",\"port\":80,"
	"\"protocol\":\"TCP\",\"address\":\"2001:db8:1::5\",\"backendPort\":8080,\"state\":"
	"\"draining\",\"weight\":0,"
	"\"share\":1,\"nextHop\":{\"state\":\"unreachable\",\"interface\":null,\"mac\":null},"
	"\"remaining\":{\"flows\":12,\"idleSeconds\":8,\"emptyInSeconds\":90}}]";

static void assert_shows(get_print *print, const char *json, bool wide, const char *expected)
{
	json_t *items = json_loads(json, 0, NULL);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(items);
	assert_non_null(out);
	assert_int_equal(print(items, wide, 1300, out), 0);
	(void)fclose(out);
	assert_string_equal(text, expected);
	free(text);
	json_decref(items);
}

static void services_look_as_in_kubectl_with_their_problems_below(void **state)
{
	(void)state;
	assert_shows(get_print_services, services, false,
		     "NAMESPACE   NAME   TYPE           CLUSTER-IP   EXTERNAL-IP               "
		     "PORT(S)                ENDPOINTS   AGE\n"
		     "default     dns    LoadBalancer   <none>       <pending>                 "
		     "53/UDP                 0/2         <unknown>\n"
		     "shop        web    LoadBalancer   10.96.0.10   203.0.113.1,2001:db8::1   "
		     "80:31234/TCP,443/TCP   3/3         5m\n"
		     "Note: default/dns: no address\n");
}

static void wide_services_add_mode_selector_traffic_and_problem(void **state)
{
	(void)state;
	assert_shows(get_print_services, services, true,
		     "NAMESPACE   NAME   TYPE           CLUSTER-IP   EXTERNAL-IP               "
		     "PORT(S)                ENDPOINTS   AGE         MODE   SELECTOR             "
		     "PACKETS   BYTES    FLOWS   REPLY-PACKETS   REPLY-BYTES   DROPS   "
		     "DIGEST             PROBLEM\n"
		     "default     dns    LoadBalancer   <none>       <pending>                 "
		     "53/UDP                 0/2         <unknown>   snat   <none>               "
		     "0         0B       0       0               0B            0       "
		     "<none>             no address\n"
		     "shop        web    LoadBalancer   10.96.0.10   203.0.113.1,2001:db8::1   "
		     "80:31234/TCP,443/TCP   3/3         5m          snat   app=web,tier=front   "
		     "12.3k     2.0KiB   7       5               3.0KiB        9       "
		     "0123456789abcdef   <none>\n");
}

static void backends_show_their_share_and_next_hop(void **state)
{
	(void)state;
	assert_shows(get_print_backends, backends, false,
		     "NAMESPACE   SERVICE   VIP           PORT/PROTO   BACKEND                "
		     "STATE      WEIGHT   SHARE    NEXT-HOP\n"
		     "shop        web       203.0.113.1   80/TCP       10.1.0.5:8080          "
		     "ready      2        66.7%    resolved\n"
		     "shop        web       2001:db8::1   80/TCP       [2001:db8:1::5]:8080   "
		     "draining   0        100.0%   unreachable\n");
}

static void wide_backends_add_mac_interface_and_traffic(void **state)
{
	(void)state;
	assert_shows(get_print_backends, backends, true,
		     "NAMESPACE   SERVICE   VIP           PORT/PROTO   BACKEND                "
		     "STATE      WEIGHT   SHARE    NEXT-HOP      MAC                 INTERFACE   "
		     "PACKETS   "
		     "BYTES   FLOWS   REPLY-PACKETS   REPLY-BYTES   REMAINING   IDLE   EMPTY-IN\n"
		     "shop        web       203.0.113.1   80/TCP       10.1.0.5:8080          "
		     "ready      2        66.7%    resolved      02:00:00:00:00:05   eth1        1 "
		     "        "
		     "60B     1       2               120B          -           -      -\n"
		     "shop        web       2001:db8::1   80/TCP       [2001:db8:1::5]:8080   "
		     "draining   0        100.0%   unreachable   <none>              <none>      0 "
		     "        "
		     "0B      0       0               0B            12          8s     90s\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
		cmocka_unit_test(an_empty_cell_is_none),
		cmocka_unit_test(characters_are_counted_not_bytes),
		cmocka_unit_test(control_characters_do_not_reach_the_terminal),
		cmocka_unit_test(a_row_that_is_not_complete_is_not_printed),
		cmocka_unit_test(many_rows_are_kept),
		cmocka_unit_test(ages_read_as_in_kubectl),
		cmocka_unit_test(large_counts_are_shortened),
		cmocka_unit_test(bytes_are_shortened_by_1024),
		cmocka_unit_test(services_look_as_in_kubectl_with_their_problems_below),
		cmocka_unit_test(wide_services_add_mode_selector_traffic_and_problem),
		cmocka_unit_test(backends_show_their_share_and_next_hop),
		cmocka_unit_test(wide_backends_add_mac_interface_and_traffic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
