/* SPDX-License-Identifier: MPL-2.0 */
/* What the gateway knows of the catalogues at one moment, with the router over them. Never changed, only
 * replaced: requests under way hold on to the one they were matched in. Thread: the gateway thread that owns
 * it. */
#ifndef GW_GENERATION_H
#define GW_GENERATION_H

#include "gw_endpoint.h"

enum { GW_CATALOGUES = 16 /* most services with a catalogue */ };

typedef struct gw_generation {
    uint32_t references;
    gw_router_t *router;
    proto_bytes_t bodies[GW_CATALOGUES]; /* as published, owned; one per service */
    proto_catalogue_t *catalogues[GW_CATALOGUES];
    char *services[GW_CATALOGUES];
    size_t count;
    proto_buf_t openapi;  /* the API's description; empty until somebody asks for it (gw_docs.c) */
    uint64_t openapi_tag; /* its hash */
} gw_generation_t;

/* One without catalogues: only the gateway's own endpoints. The caller holds its only reference. */
gw_generation_t *gw_generation_new(void);
/* A further reference / one less; the last one frees it and the pointer is nulled. */
gw_generation_t *gw_generation_hold(gw_generation_t *self);
void gw_generation_drop(gw_generation_t **self);
/* The next generation: `self` with the published catalogue of `service` in place of the one it had, unless
 * that is newer. NULL with a sentence in `why` when the body is none, or nothing changes (then `why` stays
 * empty). */
gw_generation_t *gw_generation_learn(const gw_generation_t *self, proto_bytes_t service, proto_bytes_t body,
                                     proto_buf_t *why);
/* The operation of that name in any catalogue, or NULL. */
const proto_operation_t *gw_generation_find(const gw_generation_t *self, const char *name);

#endif
