/* SPDX-License-Identifier: MPL-2.0 */
/* Which operation a method and path mean: a tree over path segments, built from catalogues and the gateway's
 * own endpoints. Literal segments win over parameters; a parameter never matches an empty segment. A core: no
 * I/O. Thread: the gateway thread that built it. */
#ifndef GW_ENDPOINT_H
#define GW_ENDPOINT_H

#include "proto_catalogue.h"
#include "proto_metrics.h"

enum {
    GW_PATH_SEGMENTS = 32, /* most segments of a path that can match */
    GW_PATH_PARAMS = 8,    /* most parameters of a template */
    GW_METHODS_TEXT = 64   /* room for an Allow header's value */
};

/* What the gateway answers itself. */
typedef enum {
    GW_BUILTIN_NONE,
    GW_BUILTIN_HEALTH,
    GW_BUILTIN_LIVE,
    GW_BUILTIN_READY,
    GW_BUILTIN_CHECKS,
    GW_BUILTIN_SYSTEM,
    GW_BUILTIN_OPENAPI, /* from here on: gw_docs.c */
    GW_BUILTIN_DOCS,
    GW_BUILTIN_DOCS_SCRIPT,
    GW_BUILTIN_DOCS_STYLE
} gw_builtin_t;

typedef struct gw_route {
    struct gw_route *next;              /* of all */
    proto_metrics_group_t *figures;     /* of its operation, among all requests; see gw_figures.h */
    const proto_operation_t *operation; /* NULL for a builtin; borrowed from the catalogue */
    gw_builtin_t builtin;
    uint64_t identity; /* of method and template: the same in every gateway and generation */
    uint32_t
        path_params[GW_PATH_PARAMS]; /* the template's i-th parameter is operation->params[path_params[i]] */
    uint32_t path_param_count;
} gw_route_t;

typedef enum {
    GW_MATCH_FOUND,
    GW_MATCH_NOT_FOUND,
    GW_MATCH_METHOD,  /* the path exists, not with this method: 405 with `allow` */
    GW_MATCH_OPTIONS, /* OPTIONS of an existing path: 204 with `allow` */
    GW_MATCH_SLASH    /* the path exists without its trailing slash: 307 */
} gw_match_kind_t;

typedef struct gw_match {
    const gw_route_t *route;
    proto_bytes_t values[GW_PATH_PARAMS]; /* still percent-encoded; borrowed from the path */
    char allow[GW_METHODS_TEXT];
} gw_match_t;

typedef struct gw_router gw_router_t;

/* Builds a router over the gateway's own endpoints and those of the catalogues, which must outlive it. On a
 * conflict the operation of the later catalogue wins: pass them by rising generation. Routes with more
 * parameters or segments than the limits above are left out and told in the log. */
gw_router_t *gw_router_new(const proto_catalogue_t *const *catalogues, size_t count);
void gw_router_free(gw_router_t **self);
/* Finds the endpoint. `path` is the request's, percent-encoded, and begins with '/'. HEAD finds what GET
 * finds. */
gw_match_kind_t gw_router_match(const gw_router_t *self, proto_bytes_t method, proto_bytes_t path,
                                gw_match_t *match);

/* All its routes, by their `next`. */
gw_route_t *gw_router_first(const gw_router_t *self);

/* Appends `text` with percent-escapes decoded ('+' as a blank when `form`). -1 on a malformed escape. */
PROTO_MUST_CHECK int gw_percent_decode(proto_bytes_t text, bool form, proto_buf_t *out);
/* Appends `text` so that it can stand in a path segment: everything but RFC 3986's unreserved characters is
 * escaped. */
void gw_percent_encode(proto_bytes_t text, proto_buf_t *out);

#endif
