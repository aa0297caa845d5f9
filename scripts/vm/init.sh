#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: BSD-2-Clause
# The first process of a virtual machine of scripts/vm.sh: joins the file systems of the
# machine outside to one root, which it leaves to run.sh.
PATH=/bin
busybox mount -t proc proc /proc
busybox --install -s /bin

give_up() {
	mount -t devtmpfs dev /root
	echo "vm: $*" >/root/console
	poweroff -f
}

while read -r module; do
	insmod "/modules/$module" || give_up "no module $module"
done </modules/order

mount -t virtiofs -o ro root /lower || give_up "no root"
mount -t tmpfs -o size=75%,mode=755 memory /memory
mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/lower,upperdir=/memory/upper,workdir=/memory/work overlay /root ||
	give_up "no layer above the root"
while read -r tag mode directory; do
	[ "$tag" = root ] || mount -t virtiofs -o "$mode" "$tag" "/root$directory" ||
		give_up "no $directory"
done </shares

mount -t tmpfs -o mode=755 run /root/run
cp /job /root/run/vm-job
umount /proc
exec switch_root /root /bin/bash "$(cat /runner)"
