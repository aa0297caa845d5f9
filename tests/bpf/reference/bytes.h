/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bytes.h - numbers in network order and Internet checksums, byte by byte (RFC 1071).
 *
 * A sum is taken modulo 65,535, which is what ones' complement counts in. A checksum that
 * was wrong must stay wrong by as much when a header is changed: that is its residue.
 */
#ifndef TESTS_BPF_REFERENCE_BYTES_H
#define TESTS_BPF_REFERENCE_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline uint16_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static inline uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static inline void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static inline void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

/* An odd byte is the upper one of the last word. */
static inline uint64_t sum_bytes(const uint8_t *bytes, size_t size)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	return sum;
}

/* 0 for bytes with a right checksum in them. */
static inline uint32_t sum_residue(uint64_t sum)
{
	return sum % 0xffff;
}

/* The checksum for bytes that sum up to sum while it is 0, so that they get the residue. */
static inline uint16_t sum_checksum(uint64_t sum, uint32_t residue)
{
	return (residue + 0xffff - sum % 0xffff) % 0xffff;
}

#endif
