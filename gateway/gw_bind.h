/* SPDX-License-Identifier: MPL-2.0 */
/* From a request to arguments: path, query and JSON body become one MessagePack map, each value of the type
 * the catalogue names and within its bounds, so that what is wrong is told (422) before any message leaves.
 * A core: no I/O. Thread: the gateway thread that owns the binder. */
#ifndef GW_BIND_H
#define GW_BIND_H

#include "gw_endpoint.h"
#include "proto_error.h"
#include "proto_param.h"

enum { GW_PARAMS = 128 /* most parameters of one operation that are bound */ };

/* Buffers kept from request to request, so that binding allocates nothing once they are warm. */
typedef struct gw_binder {
    proto_buf_t arguments; /* the result: a MessagePack map of the operation's arguments */
    proto_buf_t detail;    /* of a refusal: a sentence without full stop */
    proto_buf_t text, body, query;
} gw_binder_t;

/* The parts of a request that arguments come from; all borrowed. */
typedef struct gw_input {
    const proto_bytes_t *path_values; /* in the order of the template, percent-encoded */
    proto_bytes_t query;              /* behind '?', percent-encoded */
    proto_bytes_t content_type;       /* empty: none was sent */
    proto_bytes_t content_encoding;   /* the same */
    proto_bytes_t body;
} gw_input_t;

void gw_binder_init(gw_binder_t *self);
void gw_binder_free(gw_binder_t *self);
/* Fills self->arguments. PROTO_ERROR_none, or what to answer (malformed 400, unsupported_media_type 415,
 * invalid 422) with a sentence in self->detail. Unknown query parameters and body members are ignored; a
 * parameter given twice is refused unless it is an array, whose items are then the values in order. */
proto_error_t gw_bind(gw_binder_t *self, const gw_route_t *route, const gw_input_t *input);

#endif
