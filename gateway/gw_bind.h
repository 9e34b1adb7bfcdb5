/* SPDX-License-Identifier: MPL-2.0 */
/* From a request to arguments: path, query, header fields and the body, JSON or a form, become one
 * MessagePack map, each value of the type the catalogue names and within its bounds, so that what is wrong is
 * told (422) before any message leaves. A core: no I/O. Thread: the gateway thread that owns the binder. */
#ifndef GW_BIND_H
#define GW_BIND_H

#include "gw_endpoint.h"
#include "gw_http.h"
#include "gw_multipart.h"
#include "proto_error.h"
#include "proto_param.h"

enum {
    GW_PARAMS = 128,      /* most parameters of one operation that are bound */
    GW_FORM_FIELDS = 1000 /* most fields of a form in application/x-www-form-urlencoded */
};

/* How the bytes of a form's value are to be read. */
typedef enum {
    GW_FORM_NULL,     /* none: the file came without it */
    GW_FORM_ENCODED,  /* percent-encoded, + for a blank */
    GW_FORM_PLAIN,    /* the text itself */
    GW_FORM_FILENAME, /* with the escapes of a filename */
    GW_FORM_FILE      /* content of a file */
} gw_form_kind_t;

/* A value of a form that belongs to a parameter; borrowed from the body. */
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
    gw_multipart_t multipart;
    gw_form_value_t form[GW_FORM_FIELDS];
    uint32_t form_count;
} gw_binder_t;

/* The parts of a request that arguments come from; all borrowed. */
typedef struct gw_input {
    const proto_bytes_t *path_values; /* in the order of the template, percent-encoded */
    proto_bytes_t query;              /* behind '?', percent-encoded */
    proto_bytes_t content_type;       /* empty: none was sent */
    proto_bytes_t content_encoding;   /* the same */
    proto_bytes_t body;
    const gw_http_header_t *headers; /* all of them, names in lower case */
    uint32_t header_count;
} gw_input_t;

void gw_binder_init(gw_binder_t *self);
void gw_binder_free(gw_binder_t *self);
/* Fills self->arguments. PROTO_ERROR_none, or what to answer (malformed 400, unsupported_media_type 415,
 * invalid 422) with a sentence in self->detail. Unknown query parameters, members and fields are ignored; a
 * parameter given twice is refused (a header field as malformed, else as invalid) unless it is an array,
 * whose items are then the values in order. Forms are application/x-www-form-urlencoded (WHATWG URL,
 * section 5.1, but a malformed escape is refused) or multipart/form-data (gw_multipart.h). A file's part
 * without content and with filename="" is no file: browsers send it where none was chosen. @form
 * NAME_filename and NAME_content_type beside a @file NAME come from that part's own header fields, never from
 * a field of that name. */
proto_error_t gw_bind(gw_binder_t *self, const gw_route_t *route, const gw_input_t *input);

#endif
