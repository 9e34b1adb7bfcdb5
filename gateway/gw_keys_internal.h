/* SPDX-License-Identifier: MPL-2.0 */
/* A set of keys from inside: shared by gw_keys.c and gw_jwks.c. Thread: any, once made. */
#ifndef GW_KEYS_INTERNAL_H
#define GW_KEYS_INTERNAL_H

#include <openssl/evp.h>
#include <stdatomic.h>

#include "gw_keys.h"

typedef struct gw_key {
    gw_alg_t alg;
    proto_buf_t kid; /* its name; size 0: none */
    proto_buf_t secret;
    EVP_PKEY *public_key; /* NULL for HS256 */
} gw_key_t;

struct gw_keys {
    atomic_uint holders;
    uint32_t count;
    gw_key_t list[GW_KEYS];
};

/* A new key at the end of the set; NULL with a sentence in `why` when it is full. */
gw_key_t *gw_keys_extend(gw_keys_t *self, gw_alg_t alg, proto_buf_t *why);

#endif
