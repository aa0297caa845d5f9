// SPDX-License-Identifier: BSD-2-Clause
/* network.c - one end of a cable each, made by ip(8) in one batch. */
#include "reference/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#define MAC "%02x:%02x:%02x:%02x:%02x:%02x"
#define MAC_BYTES(mac) (mac)[0], (mac)[1], (mac)[2], (mac)[3], (mac)[4], (mac)[5]

static bool is_ip4(const struct gw_addr *address)
{
	return !address->word[0] && !address->word[1] && address->word[2] == htonl(0xffff);
}

static const char *text_of(const struct gw_addr *address)
{
	static char text[INET6_ADDRSTRLEN];

	if (is_ip4(address))
		return inet_ntop(AF_INET, &address->word[3], text, sizeof(text));
	return inet_ntop(AF_INET6, address, text, sizeof(text));
}

static void write_device(FILE *ip, const struct device_row *row)
{
	fprintf(ip,
		"link add name gw%u index %u mtu 65535 address " MAC " type veth peer name far%u\n",
		row->ifindex, row->ifindex, MAC_BYTES(row->address), row->ifindex);
	fprintf(ip, "link set gw%u addrgenmode none\n", row->ifindex);
	fprintf(ip, "link set far%u addrgenmode none up\n", row->ifindex);
	fprintf(ip, "link set gw%u up\n", row->ifindex);
}

static void write_route(FILE *ip, const struct route_row *row)
{
	uint32_t bits = is_ip4(&row->prefix) ? row->bits - 96 : row->bits;

	if (row->kind == ROUTE_REFUSED) {
		fprintf(ip, "route add %s %s/%u\n", row->word, text_of(&row->prefix), bits);
		return;
	}
	fprintf(ip, "route add %s/%u dev gw%u", text_of(&row->prefix), bits, row->ifindex);
	if (row->mtu)
		fprintf(ip, " mtu lock %u", row->mtu);
	fputc('\n', ip);
}

static int run_ip(const struct tables *tables)
{
	FILE *ip = popen("ip -batch -", "w");

	if (!ip)
		return -errno;
	for (uint32_t i = 0; i < tables->device_count; i++)
		write_device(ip, &tables->devices[i]);
	for (uint32_t i = 0; i < tables->route_count; i++)
		write_route(ip, &tables->routes[i]);
	for (uint32_t i = 0; i < tables->neighbour_count; i++) {
		const struct neighbour_row *row = &tables->neighbours[i];

		fprintf(ip, "neigh add %s lladdr " MAC " dev gw%u nud permanent\n",
			text_of(&row->address), MAC_BYTES(row->mac), row->ifindex);
	}
	return pclose(ip) == 0 ? 0 : -EINVAL;
}

static int set_forwarding(const char *family, const char *device, bool is_on)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/forwarding", family, device);
	file = fopen(path, "w");
	if (!file) {
		fprintf(stderr, "reference: %s: %s\n", path, strerror(errno));
		return -errno;
	}
	fputc(is_on ? '1' : '0', file);
	return fclose(file) ? -errno : 0;
}

/* What is set for all is set again for each. */
static int set_all_forwarding(const struct tables *tables)
{
	static const char *const families[] = { "ipv4", "ipv6" };
	int r = 0;

	for (int i = 0; i < 2 && !r; i++) {
		r = set_forwarding(families[i], "all", true);
		for (uint32_t j = 0; j < tables->device_count && !r; j++) {
			char device[16];

			snprintf(device, sizeof(device), "gw%u", tables->devices[j].ifindex);
			if (!tables->devices[j].forwards)
				r = set_forwarding(families[i], device, false);
		}
	}
	return r;
}

int network_make(const struct tables *tables)
{
	int r;

	if (unshare(CLONE_NEWNET))
		return -errno;
	r = run_ip(tables);
	return r ? r : set_all_forwarding(tables);
}
