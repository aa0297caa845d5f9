/* SPDX-License-Identifier: BSD-2-Clause */
/* devices.c - owns the maps devices and failovers, and asks the kernel what a device is. */
#include "datapath/internal.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "guideway.skel.h"
#include "lib/error.h"

/* One ioctl about an interface; request has room for the answer. */
static int ask(const char *interface, unsigned long what, struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r;

	(void)snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", interface);
	r = fd < 0 || ioctl(fd, what, request) < 0 ? -errno : 0;
	if (fd >= 0)
		(void)close(fd);
	return r;
}

bool devices_is_veth(uint32_t ifindex)
{
	char name[IF_NAMESIZE];
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (void *)&driver };

	return if_indextoname(ifindex, name) && ask(name, SIOCETHTOOL, &request) == 0 &&
	       strcmp(driver.driver, "veth") == 0;
}

void devices_forget(struct datapath *datapath, uint32_t ifindex)
{
	(void)bpf_map__delete_elem(datapath->skeleton->maps.devices, &ifindex, sizeof(ifindex), 0);
}

int devices_store(struct datapath *datapath, uint32_t ifindex, struct error *error)
{
	struct gw_device device = { 0 };
	struct ifreq request = { 0 };
	char name[IF_NAMESIZE];
	int r = if_indextoname(ifindex, name) ? ask(name, SIOCGIFHWADDR, &request) : -errno;

	if (r < 0)
		return error_set(error, r, "device %u: cannot read its MAC address: %s", ifindex,
				 strerror(-r));
	memcpy(device.mac, request.ifr_hwaddr.sa_data, sizeof(device.mac));
	r = bpf_map__update_elem(datapath->skeleton->maps.devices, &ifindex, sizeof(ifindex),
				 &device, sizeof(device), BPF_ANY);
	if (r < 0)
		return error_set(error, r, "map devices: cannot write device '%s': %s", name,
				 strerror(-r));
	return 0;
}

static int failover_read(const struct datapath *datapath, uint32_t cell, struct gw_failover *ret)
{
	return bpf_map__lookup_elem(datapath->skeleton->maps.failovers, &cell, sizeof(cell), ret,
				    sizeof(*ret), 0);
}

static int failover_write(const struct datapath *datapath, uint32_t cell,
			  const struct gw_failover *failover)
{
	return bpf_map__update_elem(datapath->skeleton->maps.failovers, &cell, sizeof(cell),
				    failover, sizeof(*failover), BPF_ANY);
}

int devices_fail_over(const struct datapath *datapath, uint32_t from, uint32_t to,
		      struct error *error)
{
	const struct gw_failover failover = { from, to };
	int r = failover_write(datapath, from % GW_DEVICE_MAX, &failover);

	if (r < 0)
		return error_set(error, r, "map failovers: cannot write device %u: %s", from,
				 strerror(-r));
	return 0;
}

int devices_fail_back(const struct datapath *datapath, uint32_t ifindex, struct error *error)
{
	const struct gw_failover empty = { 0 };
	struct gw_failover failover;
	int r = failover_read(datapath, ifindex % GW_DEVICE_MAX, &failover);

	if (r == 0 && failover.from == ifindex)
		r = failover_write(datapath, ifindex % GW_DEVICE_MAX, &empty);
	if (r < 0)
		return error_set(error, r, "map failovers: cannot clear device %u: %s", ifindex,
				 strerror(-r));
	return 0;
}
