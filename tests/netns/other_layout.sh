#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Builds guideway in DIRECTORY/build from sources whose maps have another layout: fields stand
# elsewhere, are wider, or are new, in every map that has a struct. For the tests of upgrades.
set -eu
(($# == 1)) || { echo "Usage: tests/netns/other_layout.sh DIRECTORY" >&2; exit 2; }
source=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1/source"
# Only what changed, so that make builds no more than that.
for part in Makefile bpf user include; do
	cp -r -u "$source/$part" "$1/source/"
done
python3 - "$source/include/guideway/abi.h" "$1/source/include/guideway/abi.h" <<'END'
import re
import sys

text = open(sys.argv[1]).read()
fields = r"struct %s \{\n(.*?)\n\};"


def body(struct):
    found = re.search(fields % struct, text, re.S)
    assert found, struct
    return found


def rewrite(struct, change):
    global text
    found = body(struct)
    changed = change(found.group(1))
    assert changed != found.group(1), struct
    text = text[: found.start(1)] + changed + text[found.end(1) :]


def replace(old, new):
    def change(lines):
        assert old in lines, old
        return lines.replace(old, new)

    return change


def size(struct, new):
    global text
    text, count = re.subn(
        r"sizeof\(struct %s\) == \d+" % struct, "sizeof(struct %s) == %d" % (struct, new), text
    )
    assert count == 1, struct


version = int(re.search(r"#define GW_ABI_VERSION (\d+)", text).group(1))
text = text.replace(f"#define GW_ABI_VERSION {version}", f"#define GW_ABI_VERSION {version + 1}")

rewrite("gw_service", lambda lines: "\t__u32 unused;\n" + lines)
size("gw_service", 40)
rewrite("gw_backend", replace("__u32 reserved;", "__u32 other;"))
rewrite("gw_backend", lambda lines: "\t__u32 moved;\n\t__u32 away;\n" + lines)
size("gw_backend", 40)
rewrite("gw_nat4", replace("__be32 client;\n\t__be32 vip;\n\t__u32 zero[4];", "__u32 zero[4];\n\t__be32 vip;\n\t__be32 client;"))
rewrite("gw_nat6", replace("struct gw_addr client;\n\tstruct gw_addr vip;", "struct gw_addr vip;\n\tstruct gw_addr client;"))
rewrite("gw_flow_bucket", lambda lines: lines + "\n\t__u64 unused[GW_FLOW_WAYS];")
size("gw_flow_bucket", 128)
rewrite("gw_affinity", lambda lines: lines + "\n\t__u64 unused;")
size("gw_affinity", 16)
rewrite("gw_device", lambda lines: "\t__u64 unused;\n" + lines)
size("gw_device", 16)
rewrite("gw_traffic", lambda lines: "\t__u64 unused;\n" + lines)
size("gw_traffic", 48)
open(sys.argv[2], "w").write(text)
END
# Its time is that of what it comes from, or make would build everything each time.
newest=$source/include/guideway/abi.h
[[ ! $0 -nt $newest ]] || newest=$0
touch -r "$newest" "$1/source/include/guideway/abi.h"
make -s -C "$1/source" B=../build -j "$(nproc)" all
