#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs a command under another kernel: in a virtual machine without KVM and without a network
# card, whose root is this machine's, read-only under a layer of memory.
set -u
scripts=$(cd "$(dirname "$0")" && pwd)

usage() {
	cat <<-END
		Usage: scripts/vm.sh [OPTION...] KERNEL_DIR COMMAND [ARGUMENT...]
		Runs COMMAND as root in the current directory, prints what it prints, and ends with
		its exit status; 124 at the time limit, 125 when the machine ended before COMMAND.
		  --timeout SECONDS   the time limit (1800)
		  --memory MIB        (1024)
		  --modules 'NAME...' kernel modules to load first
		  --writable DIR      what is written there stays; anything else is lost
		KERNEL_DIR is one that scripts/kernels.sh made.
	END
}

refuse() {
	echo "vm: $*" >&2
	exit 2
}

timeout_s=1800 memory_mib=1024 modules='' writable=''
while (($#)); do
	case $1 in
	--timeout) timeout_s=$2 && shift 2 ;;
	--memory) memory_mib=$2 && shift 2 ;;
	--modules) modules=$2 && shift 2 ;;
	--writable) writable=$(realpath "$2") && shift 2 ;;
	-h | --help) usage && exit 0 ;;
	-*) usage >&2 && exit 2 ;;
	*) break ;;
	esac
done
(($# >= 2)) || { usage >&2 && exit 2; }
kernel=$(realpath "$1")
shift
[[ -e $kernel/version ]] || refuse "$kernel is no kernel of scripts/kernels.sh"
((EUID == 0)) || refuse "needs root: run it with sudo"
virtiofsd=$(PATH=/usr/lib/qemu:/usr/libexec:$PATH command -v virtiofsd) || refuse "needs virtiofsd"

machine=() children=()
work=$(mktemp -d "${TMPDIR:-/tmp}/gwt-$$.vm.XXXXXX") || exit 2
end_all() {
	((${#children[@]} == 0)) || kill "${children[@]}" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$work"
}
trap end_all EXIT
trap 'exit 130' INT TERM HUP

#### The first root, in memory: what it takes to reach this machine's

# Those that are built in have no file.
copy_modules() {
	local name file
	for name in virtio_pci virtio_console virtiofs overlay; do
		PATH="$PATH:/usr/sbin:/sbin" modprobe -d "$kernel" -S "$(<"$kernel/version")" \
			--show-depends "$name" 2>/dev/null
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
		cp "$file" "$work/initrd/modules/"
		echo "${file##*/}" >>"$work/initrd/modules/order"
	done
}

# What scripts/vm/run.sh, the machine's first process, reads.
write_job() {
	local command=("$@") directory=$PWD
	declare -p command directory modules kernel >"$work/initrd/job"
}

pack_initrd() {
	mkdir -p "$work"/initrd/{bin,proc,modules,lower,memory,root}
	cp "$(command -v busybox)" "$work/initrd/bin/busybox"
	cp "$scripts/vm/init.sh" "$work/initrd/init"
	copy_modules
	write_job "$@"
	echo "$scripts/vm/run.sh" >"$work/initrd/runner"
	(cd "$work/initrd" && find . | busybox cpio -o -H newc >"$work/initrd.cpio" 2>/dev/null)
}

#### This machine's directories, as the other sees them

# share TAG DIRECTORY ro|rw: the one file system, without what is mounted in it. Read-only
# is enforced here, by a mount that only the server sees.
share() {
	local tag=$1 directory=$2 mode=$3 caching=always
	[[ $mode == ro ]] || caching=auto
	mkdir "$work/$tag"
	# shellcheck disable=SC2016
	unshare -m sh -c '
		mount --bind "$1" "$2" || exit 1
		[ "$3" = rw ] || mount -o remount,bind,ro "$2" || exit 1
		exec "$4" --socket-path="$5" -o source="$2" -o sandbox=chroot -o cache="$6" -f
	' sh "$directory" "$work/$tag" "$mode" "$virtiofsd" "$work/$tag.socket" "$caching" \
		>"$work/$tag.log" 2>&1 &
	children+=($!)
	for _ in {1..250}; do
		[[ -S $work/$tag.socket ]] && break
		sleep 0.02
	done
	[[ -S $work/$tag.socket ]] || refuse "no server for $directory: $(<"$work/$tag.log")"
	machine+=(-chardev "socket,id=$tag,path=$work/$tag.socket"
		-device "vhost-user-fs-pci,chardev=$tag,tag=$tag")
	echo "$tag $mode $directory" >>"$work/initrd/shares"
}

share_directories() {
	mkdir "$work/initrd"
	share root / ro
	[[ $(stat -c %m "$PWD") == / ]] || share here "$(stat -c %m "$PWD")" ro
	[[ -z $writable ]] || share writable "$writable" rw
}

#### The machine

# One processor: several are slower without KVM. A kernel that trips over itself stops.
run_machine() {
	local reader status
	mkfifo "$work/output"
	cat "$work/output" &
	reader=$!
	timeout -k 5 "$timeout_s" qemu-system-x86_64 -M pc -accel tcg,tb-size=256 -cpu max \
		-m "$memory_mib" -object "memory-backend-memfd,id=memory,size=${memory_mib}M,share=on" \
		-machine memory-backend=memory -nodefaults -no-user-config -display none -no-reboot \
		-nic none -serial "file:$work/console" -device virtio-serial-pci \
		-chardev "file,id=output,path=$work/output" \
		-device virtserialport,chardev=output,name=output \
		-chardev "file,id=status,path=$work/status" \
		-device virtserialport,chardev=status,name=status "${machine[@]}" \
		-kernel "$kernel/vmlinuz" -initrd "$work/initrd.cpio" \
		-append "console=ttyS0 quiet loglevel=4 panic=-1 oops=panic mitigations=off nokaslr \
			no_timer_check tsc=reliable random.trust_cpu=on" </dev/null 2>"$work/qemu.log" &
	children+=($! "$reader")
	wait $!
	status=$?
	: <>"$work/output" # wakes a reader for whom nobody wrote
	wait "$reader"
	return "$status"
}

# How the machine ended, when the command did not say how it ended itself.
explain_end() {
	local status=$1
	if ((status == 124 || status == 137)); then
		echo "vm: stopped at the time limit of $timeout_s s; the console's end:"
		status=124
	else
		cat "$work/qemu.log"
		echo "vm: the machine ended before the command; the console's end:"
		status=125
	fi
	tail -n 40 "$work/console"
	return "$status"
}

share_directories
pack_initrd "$@"
run_machine
status=$?
[[ ! -s $work/status ]] || exit "$(<"$work/status")"
explain_end "$status" >&2
exit
