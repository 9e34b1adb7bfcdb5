/* SPDX-License-Identifier: MPL-2.0 */
/* SipHash-1-3 (Aumasson and Bernstein): a hash with a key, for tables whose keys strangers choose. Who does
 * not know the key cannot aim at one place of the table. No proof of anything: for that there is HMAC.
 * A core: no I/O. Thread: any. */
#ifndef PROTO_SIPHASH_H
#define PROTO_SIPHASH_H

#include "proto_buf.h"

uint64_t proto_siphash(const uint64_t key[2], proto_bytes_t bytes);

#endif
