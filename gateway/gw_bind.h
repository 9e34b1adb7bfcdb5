/* SPDX-License-Identifier: MPL-2.0 */
/* From a request to arguments: path, query, header fields and the body, JSON or a form, become one
 * MessagePack map, each value of the type the catalogue names and within its bounds, so that what is wrong is
 * told (422) before any message leaves. A core: no I/O. Thread: the gateway thread that owns the binder. */
#ifndef GW_BIND_H
#define GW_BIND_H

#include "gw_endpoint.h"
#include "gw_form.h"
#include "gw_http.h"
#include "proto_error.h"
#include "proto_param.h"

enum {
    GW_PARAMS = 128,      /* most parameters of one operation that are bound */
    GW_FORM_FIELDS = 1000 /* most fields of a form in application/x-www-form-urlencoded */
};

/* A value of a form that belongs to a parameter; borrowed from the body or the form. */
typedef struct gw_form_value {
    const proto_param_t *param;
    proto_bytes_t bytes;
    gw_form_kind_t kind;
} gw_form_value_t;

/* Buffers kept from request to request, so that binding allocates nothing once they are warm. */
typedef struct gw_binder {
    proto_buf_t arguments; /* the result: a MessagePack map of the operation's arguments */
    proto_buf_t detail;    /* of a refusal: a sentence without full stop */
    proto_buf_t text, body;
    gw_form_value_t form[GW_FORM_FIELDS];
    uint32_t form_count;
} gw_binder_t;

/* The parts of a request that arguments come from; all borrowed. */
typedef struct gw_input {
    const proto_bytes_t *path_values; /* in the order of the template, percent-encoded */
    proto_bytes_t query;              /* behind '?', percent-encoded */
    proto_bytes_t content_type;       /* empty: none was sent */
    proto_bytes_t content_encoding;   /* the same */
    size_t length;                    /* bytes of the body, SIZE_MAX: not known yet */
    proto_bytes_t body;
    gw_form_t *form;                 /* the body, when it came in pieces: complete; else NULL */
    const gw_http_header_t *headers; /* all of them, names in lower case */
    uint32_t header_count;
} gw_input_t;

void gw_binder_init(gw_binder_t *self);
void gw_binder_free(gw_binder_t *self);
/* Judges what the header fields say of the body, before it comes: PROTO_ERROR_none and whether it is to be
 * taken in pieces, by a gw_form_t; or unsupported_media_type with a sentence in self->detail. */
PROTO_MUST_CHECK proto_error_t gw_bind_media(gw_binder_t *self, const proto_operation_t *operation,
                                             const gw_input_t *input, bool *pieces);
/* Fills self->arguments, or those of the form where there is one. PROTO_ERROR_none, or what to answer
 * (malformed 400, unsupported_media_type 415, invalid 422) with a sentence in self->detail. Unknown query
 * parameters, members and fields are ignored; a parameter given twice is refused (a header field as
 * malformed, else as invalid) unless it is an array, whose items are then the values in order. Forms are
 * application/x-www-form-urlencoded (WHATWG URL, section 5.1, but a malformed escape is refused) or
 * multipart/form-data (gw_form.h). A file's part without content and with filename="" is no file: browsers
 * send it where none was chosen. @form NAME_filename and NAME_content_type beside a @file NAME come from that
 * part's own header fields, never from a field of that name. */
proto_error_t gw_bind(gw_binder_t *self, const gw_route_t *route, const gw_input_t *input);

#endif
