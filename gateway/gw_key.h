/* SPDX-License-Identifier: MPL-2.0 */
/* The header field Idempotency-Key (draft-ietf-httpapi-idempotency-key-header). A core: no I/O. Thread: the
 * gateway's. */
#ifndef GW_KEY_H
#define GW_KEY_H

#include "gw_http.h"
#include "proto_catalogue.h"
#include "proto_error.h"

enum { GW_KEY_MOST = 255 /* longest key, characters */ };

/* Whether requests may bear a key: writes, except for an operation that declares a parameter of that name. */
bool gw_key_may(const proto_operation_t *operation);
/* Appends the key of a write to `out`: the content of a string (RFC 8941 section 3.3.3), or what stands there
 * without quotes, 1..255 characters. Nothing without the field and where there may be none: an
 * operation with a parameter of that name does with it what it likes. PROTO_ERROR_none, or malformed with
 * a sentence in `detail`. */
PROTO_MUST_CHECK proto_error_t gw_key_take(const proto_operation_t *operation,
                                           const gw_http_header_t *headers, uint32_t header_count,
                                           proto_buf_t *out, proto_buf_t *detail);

#endif
