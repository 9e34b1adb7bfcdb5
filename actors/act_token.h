/* SPDX-License-Identifier: MPL-2.0 */
/* Making tokens: JSON Web Tokens (RFC 7519) in compact form, signed with HMAC-SHA256 (RFC 7518 section 3.2).
 * A core: no I/O; time and randomness are passed in. Thread: any. */
#ifndef ACT_TOKEN_H
#define ACT_TOKEN_H

#include "proto_buf.h"

typedef struct act_token {
    proto_bytes_t subject, email, role; /* claims sub, email, role; UTF-8 */
    int64_t issued, expires;            /* iat, exp: seconds since 1970 */
    uint64_t id[2];                     /* jti, random: no two tokens are alike, so each is revoked alone */
} act_token_t;

/* Appends the token. -1 when a text is no UTF-8, or the signature could not be made. */
PROTO_MUST_CHECK int act_token_write(const act_token_t *token, proto_bytes_t secret, proto_buf_t *out);

#endif
