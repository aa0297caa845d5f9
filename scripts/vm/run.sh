#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The first process of a virtual machine of scripts/vm.sh, from the root file system on: makes
# it a usual Linux, runs the command, and ends the machine.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C.UTF-8
# shellcheck source=/dev/null
. /run/vm-job
: "${command?} ${directory?} ${modules?} ${kernel?}"

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /run/netns
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
ln -sfn /proc/self/fd /dev/fd
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup /sys/fs/cgroup

# The kernel's modules, where modprobe looks for them, also when the kernel itself asks for one.
mkdir -p "/lib/modules/$(uname -r)"
mount --bind "$kernel/lib/modules/$(uname -r)" "/lib/modules/$(uname -r)"
for module in $modules; do
	modprobe "$module" || echo "vm: no module $module" >/dev/console
done
ip link set lo up

for port in /sys/class/virtio-ports/*; do
	declare "$(<"$port/name")=/dev/${port##*/}"
done
cd "$directory" || cd /
setsid "${command[@]}" </dev/null >"${output?}" 2>&1
echo $? >"${status?}"
busybox poweroff -f
