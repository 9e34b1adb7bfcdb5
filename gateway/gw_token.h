/* SPDX-License-Identifier: MPL-2.0 */
/* One bearer token: a JWT (RFC 7519) in the compact form of JWS (RFC 7515), judged as RFC 8725 wants it. What
 * is not exactly right is refused; nothing in a token's header is believed but the name of the algorithm and
 * of the key, and these only among the keys that we have. A core: no I/O, no clock. Thread: the gateway
 * thread that owns the token. */
#ifndef GW_TOKEN_H
#define GW_TOKEN_H

#include "gw_keys.h"

enum {
    GW_TOKEN_BYTES = 8192,    /* longest token, and longest map of claims */
    GW_TOKEN_KEY = 16,        /* bytes of gw_token_t.key */
    GW_TOKEN_EARLY_MS = 1000, /* `nbf` may be so far ahead: clocks differ */
    GW_TOKEN_SKEW_MS = 60000  /* and `iat` so far */
};

/* A claim that the gateway adds, and no token may hold: what revocation knows it by. */
#define GW_TOKEN_KEY_CLAIM "muster:key"

/* What is asked of tokens; empty or NULL: nothing. Borrowed. */
typedef struct gw_token_rules {
    const char *audience; /* one of `aud`. Where none is set, tokens for somebody are refused: RFC 7519
                             section 4.1.3 */
    const char *issuer;   /* `iss` */
} gw_token_rules_t;

/* A token that was found good, with the identity in it. */
typedef struct gw_token {
    uint32_t holders;
    uint64_t hash; /* of its text, in the table that keeps it */
    int64_t expires_ms;
    size_t size; /* of all of this, bytes */
    uint8_t key[GW_TOKEN_KEY];
    proto_bytes_t text;    /* as it came; it and the following live as long as the token */
    proto_bytes_t subject; /* `sub`: plain text of 1..255 bytes */
    proto_bytes_t role;    /* `role`, or "user" */
    proto_bytes_t claims;  /* the whole payload as a MessagePack map, and GW_TOKEN_KEY_CLAIM: `key` */
} gw_token_t;

/* Judges a token's text at `now_ms` (since 1970). NULL and the token, held once, in *token; else a static
 * English sentence of why it is refused. */
PROTO_MUST_CHECK const char *gw_token_verify(proto_bytes_t text, const gw_keys_t *keys,
                                             const gw_token_rules_t *rules, int64_t now_ms,
                                             gw_token_t **token);
gw_token_t *gw_token_hold(gw_token_t *self);
/* Lets go and nulls the pointer. Twice is harmless. */
void gw_token_drop(gw_token_t **self);
/* What revocation knows a token by: the first bytes of SHA-256 over its text up to the last dot. The
 * signature does not count, for one of ES256 can be turned into another good one by anybody. */
void gw_token_key(proto_bytes_t text, uint8_t key[GW_TOKEN_KEY]);

#endif
