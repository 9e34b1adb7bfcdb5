/* SPDX-License-Identifier: MPL-2.0 */
/* Entity tags and conditional requests: a strong tag is the hash of the bytes that are sent, and a client
 * that names it has them already (RFC 9110 sections 8.8.3 and 13.1.2). A core: no I/O, no allocation. Thread:
 * any.
 */
#ifndef GW_ETAG_H
#define GW_ETAG_H

#include "proto_buf.h"

enum { GW_ETAG_SIZE = 18 /* 16 hexadecimal digits in double quotes */ };

/* The hash that a tag is made of: 64 bits, 16 bytes a step. The same bytes give the same hash in every
 * gateway of this kind of machine. It is no defence against somebody who looks for two bodies with one hash.
 */
uint64_t gw_etag_hash(proto_bytes_t body);
/* Writes the tag of that hash, with its quotes, without a NUL. */
void gw_etag_write(uint64_t hash, char tag[GW_ETAG_SIZE]);
/* Whether an If-None-Match value (a list of tags, or a star) holds the tag. Weak comparison: W/"x" is "x".
 * What is malformed ends the list: nothing behind it counts, so that a doubtful field costs a body, never
 * gives a wrong 304. */
bool gw_etag_matches(proto_bytes_t if_none_match, const char tag[GW_ETAG_SIZE]);

#endif
