/* SPDX-License-Identifier: GPL-2.0-only */
/* config.h - constants which the loader writes before load: to the verifier they are known values.
 */
#ifndef BPF_CONFIG_H
#define BPF_CONFIG_H

#include <bpf/bpf_helpers.h>

#include <guideway/abi.h>

const volatile struct gw_config config SEC(".rodata");

#endif
