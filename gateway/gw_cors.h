/* SPDX-License-Identifier: MPL-2.0 */
/* Which pages of other origins may read answers (the CORS protocol of the Fetch standard, section 3.3).
 * Credentials are never allowed: nothing here is told by a cookie, and a bearer token needs none. A core: no
 * I/O. Thread: any, once parsed. */
#ifndef GW_CORS_H
#define GW_CORS_H

#include "proto_catalogue.h"

/* What --dev stands for: front ends on this machine, at any port. */
#define GW_CORS_DEV "http://localhost:*,http://127.0.0.1:*"

enum {
    GW_CORS_ORIGINS = 32,
    GW_CORS_HEADERS = 1024 /* most bytes of header names that a preflight allows */
};

typedef struct gw_cors {
    bool any;   /* * */
    char *text; /* owned; the origins point into it */
    proto_bytes_t origins[GW_CORS_ORIGINS];
    uint32_t count;
} gw_cors_t;

/* Reads a comma list of origins (SCHEME://HOST or SCHEME://HOST:PORT, the port may be *), or *; "" and "none"
 * allow nobody. -1 with a sentence in `why`. The caller frees `self` in either case. */
PROTO_MUST_CHECK int gw_cors_parse(gw_cors_t *self, const char *text, proto_buf_t *why);
void gw_cors_free(gw_cors_t *self);
/* Whether a page of this origin, as its browser spells it, may read answers. */
bool gw_cors_allows(const gw_cors_t *self, proto_bytes_t origin);
/* Appends the header lines of any answer to a request from `origin` (empty: none was sent), Vary included. */
void gw_cors_answer(const gw_cors_t *self, proto_bytes_t origin, proto_buf_t *out);
/* Appends those of the answer to a preflight, in place of the above: `methods` is the path's Allow value,
 * `wanted` the Access-Control-Request-Headers, `operation` what the method asked for means there (NULL:
 * nothing, or the gateway's own). Of the wanted header fields those are allowed that the gateway knows and
 * those that are parameters of the operation. */
void gw_cors_preflight(const gw_cors_t *self, proto_bytes_t origin, const char *methods, proto_bytes_t wanted,
                       const proto_operation_t *operation, proto_buf_t *out);

#endif
