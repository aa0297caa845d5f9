# SPDX-License-Identifier: BSD-2-Clause
# Everything built goes under $(B); "make V=1" shows the commands, "make SAN=1 B=build/san"
# builds with the address and undefined-behaviour sanitizers.
comma := ,
B       ?= build
CC      ?= cc
CLANG   ?= clang
BPFTOOL ?= $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v bpftool)
PREFIX  ?= /usr/local
ARCH    := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
TRIPLE  := $(shell $(CC) -dumpmachine)
VERSION := 0.1.0

CFLAGS     ?= -O2 -g
SAN_CFLAGS := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
GW_CFLAGS  := -std=c11 -D_GNU_SOURCE -DGUIDEWAY_VERSION='"$(VERSION)"' -Wall -Wextra -Wshadow \
              -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror -MMD -MP \
              -Iuser -Iinclude -I$(B) $(SAN_CFLAGS)
BPF_CFLAGS := -O2 -g -std=gnu11 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -Wall -Wextra -Werror \
              -MMD -MP -Iinclude -idirafter /usr/include/$(TRIPLE)
LDLIBS     := -lbpf -lelf -lz -lyaml -ljansson -levent -lmnl -lnettle -lcurl

Q   = $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

user_sources  := $(wildcard user/*.c user/*/*.c)
user_objects  := $(patsubst %.c,$(B)/%.o,$(filter-out user/main.c,$(user_sources)))
bpf_objects   := $(patsubst bpf/%.bpf.c,$(B)/%.bpf.o,$(wildcard bpf/*.bpf.c))
skeletons     := $(bpf_objects:.bpf.o=.skel.h)
unit_tests    := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
bpf_tests     := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/bpf/test_*.c))
reference     := $(patsubst %.c,$(B)/%.o,$(wildcard tests/bpf/reference/*.c))
test_tools    := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/netns/*.c))
fuzz_targets  := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/fuzz/fuzz_*.c))
bench_tools   := $(patsubst tests/%.c,$(B)/tests/%,$(filter-out %.bpf.c,$(wildcard tests/bench/bench_*.c)))
bench_skels   := $(patsubst %.bpf.c,$(B)/%.skel.h,$(wildcard tests/bench/*.bpf.c))
network_bench := $(B)/tests/bench/network

.PHONY: all test-programs unit-tests install demo test test-kernels test-kubernetes bench bench-kubernetes consistency other-layout lint format clean fuzz help
.DELETE_ON_ERROR:
.SECONDARY:

all: $(B)/guideway

test-programs: $(unit_tests) $(bpf_tests) $(test_tools)
unit-tests: $(unit_tests)

$(B)/guideway: $(B)/user/main.o $(B)/libguideway.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(B)/libguideway.a: $(user_objects)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -MF $(@:.o=.d) -c $< -o $@

$(B)/tests/%.bpf.o: tests/%.bpf.c
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -MF $(@:.o=.d) -c $< -o $@

$(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(notdir $*)_bpf >$@

$(patsubst %.c,$(B)/%.o,$(wildcard user/datapath/*.c)): $(skeletons)

$(B)/user/%.o: user/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(GW_CFLAGS) $(CFLAGS) -c $< -o $@

$(B)/tests/unit/%: tests/unit/%.c $(B)/libguideway.a
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(GW_CFLAGS) $(CFLAGS) $< $(B)/libguideway.a $(LDLIBS) -lcmocka -o $@

# Runs the program's own code, and the agent's on maps that are arrays.
track_tests := $(B)/tests/unit/test_transition $(B)/tests/unit/test_telling
$(track_tests): bpf/track.h bpf/affinity.h bpf/tracked.h include/guideway/flow_table.h tests/unit/track_world.h $(skeletons)
$(track_tests): GW_CFLAGS += -std=gnu11 -Wno-unused-function -Wno-unknown-pragmas \
	-Wno-enum-conversion -Wno-enum-compare -Wno-missing-prototypes

$(B)/tests/bpf/%: tests/bpf/%.c $(skeletons) $(B)/libguideway.a $(wildcard tests/bpf/*.h)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(GW_CFLAGS) -Itests/bpf $(CFLAGS) $< $(filter %.o,$^) $(B)/libguideway.a $(LDLIBS) -lcmocka -o $@

$(B)/tests/bpf/test_reference: $(reference)

$(B)/tests/bpf/reference/%.o: tests/bpf/reference/%.c $(skeletons)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(GW_CFLAGS) -Itests/bpf $(CFLAGS) -c $< -o $@

$(B)/tests/netns/%: tests/netns/%.c
	$(call say,TOOL,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(GW_CFLAGS) $(CFLAGS) $< -lpthread -o $@

$(B)/tests/bench/%: tests/bench/%.c $(skeletons) $(bench_skels) $(B)/libguideway.a $(wildcard tests/bench/*.h)
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(GW_CFLAGS) $(CFLAGS) $< $(B)/libguideway.a $(LDLIBS) -lpthread -o $@

$(network_bench)/frames: $(network_bench)/frames.skel.h tests/bench/network/frames.h

# Fuzz targets are built with clang's libFuzzer from the sources themselves.
$(B)/tests/fuzz/%: tests/fuzz/%.c $(wildcard user/lib/*.c user/model/*.c user/source/*.c user/peer/*.c)
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) $(filter-out -MMD -MP -Werror,$(GW_CFLAGS)) -g -O1 -fsanitize=fuzzer,address,undefined $(filter-out $(fuzz_without),$^) -lyaml -ljansson -levent -lnettle -o $@

# Its clock is its own.
$(B)/tests/fuzz/fuzz_reflector: fuzz_without := user/lib/loop.c
$(B)/tests/fuzz/fuzz_reflector: $(wildcard user/kube/reflector*.c) $(addprefix user/kube/,answer.c backoff.c frame.c refusal.c)

fuzz: $(fuzz_targets)

install: $(B)/guideway
	install -D -m 0755 $(B)/guideway $(DESTDIR)$(PREFIX)/sbin/guideway
	install -D -m 0644 user/man/guideway.8 $(DESTDIR)$(PREFIX)/share/man/man8/guideway.8
	sed 's|@PREFIX@|$(PREFIX)|' scripts/deploy/systemd/guideway.service >$(B)/guideway.service
	install -D -m 0644 $(B)/guideway.service $(DESTDIR)$(PREFIX)/lib/systemd/system/guideway.service

demo:
	scripts/demo.sh

test:
	scripts/test.sh

test-kernels:
	KERNELS="$(KERNELS)" scripts/test.sh kernels

test-kubernetes:
	scripts/test.sh kubernetes

# Status 77: skipped, with the reason said.
bench: $(bench_tools) $(B)/guideway $(B)/tests/netns/traffic $(network_bench)/frames
	$(Q)rm -f $(B)/bench.json
	$(Q)status=0; for bench in $(bench_tools); do \
		$$bench --json $(B)/bench.json || [ $$? -eq 77 ] || status=1; done; \
	GUIDEWAY=$(abspath $(B)/guideway) TRAFFIC=$(abspath $(B)/tests/netns/traffic) \
		FRAMES=$(abspath $(network_bench)/frames) tests/bench/network/network.sh \
		--json $(B)/bench.json || [ $$? -eq 77 ] || status=1; exit $$status

bench-kubernetes: $(B)/guideway $(B)/tests/netns/traffic
	$(Q)GUIDEWAY=$(abspath $(B)/guideway) TRAFFIC=$(abspath $(B)/tests/netns/traffic) \
		tests/bench/kubernetes/kubernetes.sh --json $(abspath $(B))/bench.json || [ $$? -eq 77 ]

# The tests of upgrades: guideway with other layouts of its maps.
other_layout := $(B)/other-layout/build/guideway
other-layout: $(other_layout)
$(other_layout): $(B)/guideway tests/netns/other_layout.sh
	$(call say,OTHER,$@)
	$(Q)tests/netns/other_layout.sh $(B)/other-layout >/dev/null && touch $@

consistency: $(B)/guideway $(B)/tests/netns/traffic $(other_layout)
	GUIDEWAY=$(abspath $(B)/guideway) TRAFFIC=$(abspath $(B)/tests/netns/traffic) \
		GUIDEWAY_OTHER_LAYOUT=$(abspath $(other_layout)) \
		tests/netns/consistency_full.sh $(B)/consistency.json

lint:
	scripts/lint.sh

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf $(B)

help:
	@echo "make            the binary, $(B)/guideway"
	@echo "make install    DESTDIR= PREFIX=$(PREFIX)"
	@echo "make demo       a Service in network namespaces, end to end (root)"
	@echo "make test       every test (root for most)"
	@echo "make test-kernels  under other kernels, in virtual machines (root); KERNELS='6.1 6.12 newest'"
	@echo "make test-kubernetes  with a control plane of Kubernetes, built the first time (root)"
	@echo "make bench      figures, no assertions (root for those through namespaces)"
	@echo "make bench-kubernetes  a cluster of 5,000 Services: from list and from change to slots (root)"
	@echo "make consistency  backends, agents and gateways change, and no connection breaks (root)"
	@echo "make fuzz       the fuzz targets, $(B)/tests/fuzz/*"
	@echo "make lint       format, shell scripts, layers, static analysis"
	@echo "make format     clang-format in place"
	@echo "make clean"

-include $(shell find $(B) -name '*.d' 2>/dev/null)
