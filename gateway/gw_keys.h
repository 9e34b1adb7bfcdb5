/* SPDX-License-Identifier: MPL-2.0 */
/* The keys that a token may be signed with. A set is made once, then only read, so all gateway threads share
 * it; a reload makes another one. A key is for one algorithm alone: none can be used as another kind of key
 * (RFC 8725 section 3.1). A core: no I/O. Thread: any, once made. */
#ifndef GW_KEYS_H
#define GW_KEYS_H

#include "proto_buf.h"

enum {
    GW_KEYS = 32,              /* most keys of a set */
    GW_SECRET_LEAST = 32,      /* bytes of a secret: RFC 7518 section 3.2 */
    GW_JWKS_BYTES = 256 * 1024 /* longest key file */
};

typedef enum { GW_ALG_HS256, GW_ALG_RS256, GW_ALG_ES256, GW_ALG_COUNT } gw_alg_t;

typedef struct gw_keys gw_keys_t;

/* An empty set, held once. */
gw_keys_t *gw_keys_new(void);
gw_keys_t *gw_keys_hold(gw_keys_t *self);
/* Lets go and nulls the pointer; secrets are wiped with the last holder. Twice is harmless. */
void gw_keys_drop(gw_keys_t **self);
/* Adds a secret for HS256, without a name. -1 with a sentence in `why`. */
PROTO_MUST_CHECK int gw_keys_add_secret(gw_keys_t *self, proto_bytes_t secret, proto_buf_t *why);
/* Adds the keys of a JWK set (RFC 7517): RSA for RS256, EC on P-256 for ES256, oct for HS256. Keys for other
 * uses, algorithms and curves are passed over; a weak or broken one, a private one, or no key that is left is
 * -1 with a sentence in `why`. gw_jwks.c */
PROTO_MUST_CHECK int gw_keys_add_jwks(gw_keys_t *self, proto_bytes_t json, proto_buf_t *why);
uint32_t gw_keys_count(const gw_keys_t *self);
/* Whether one of the keys for `alg` has signed `input`. `kid` names one (keys without a name always count);
 * data NULL for none: all are tried. */
bool gw_keys_verify(const gw_keys_t *self, gw_alg_t alg, proto_bytes_t kid, proto_bytes_t input,
                    proto_bytes_t signature);
/* The algorithm of that name ("HS256"), GW_ALG_COUNT for any other. */
gw_alg_t gw_alg_parse(proto_bytes_t name);

#endif
