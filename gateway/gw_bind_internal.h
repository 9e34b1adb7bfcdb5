/* SPDX-License-Identifier: MPL-2.0 */
/* What the files of the binder share. Private to gateway/. A core: no I/O. Thread: the gateway thread that
 * owns the binder. */
#ifndef GW_BIND_INTERNAL_H
#define GW_BIND_INTERNAL_H

#include "gw_bind.h"

/* The values of one parameter on their way into the arguments. Begin with {0}. */
typedef struct gw_bind_items {
    uint32_t count;
    size_t place; /* of the array that is open */
} gw_bind_items_t;

/* gw_bind.c */
/* Puts `sentence` into the detail and returns `error`. */
proto_error_t gw_bind_refuse(gw_binder_t *self, proto_error_t error, const char *sentence);
/* Decodes `encoded` into self->text, + as a blank when `form`: malformed, in the words of `where`, for a bad
 * escape and for what is no UTF-8. */
proto_error_t gw_bind_decode(gw_binder_t *self, proto_bytes_t encoded, bool form, const char *where);
/* Makes room for the parameter's next value, which the caller appends to self->arguments: its name before the
 * first, an array around them when it is one. `doubled` with a sentence when it takes one value only. */
proto_error_t gw_bind_item(gw_binder_t *self, const proto_param_t *param, gw_bind_items_t *items,
                           proto_error_t doubled);
/* Appends the value that `text` stands for: invalid when it has not the type's form. */
proto_error_t gw_bind_text(gw_binder_t *self, const proto_param_t *param, proto_bytes_t text);
/* No further values. */
void gw_bind_items_end(gw_binder_t *self, const proto_param_t *param, const gw_bind_items_t *items,
                       uint32_t *pairs);
/* Cuts "name=value" off the front of `query`, both still encoded; false at the end. */
bool gw_bind_next_pair(proto_bytes_t *query, proto_bytes_t *name, proto_bytes_t *value);
/* RFC 9110 section 8.4.1: whether a Content-Encoding leaves the body as it is. */
bool gw_bind_is_plain(proto_bytes_t coding);

/* gw_bind_form.c: whether the body is a form, and one that comes in pieces; else unsupported_media_type. */
proto_error_t gw_bind_form_media(gw_binder_t *self, const gw_input_t *input, bool *pieces);
/* Binds @form and @file from the body of an operation that has them. */
proto_error_t gw_bind_form(gw_binder_t *self, const proto_operation_t *operation, const gw_input_t *input,
                           uint32_t *pairs);

#endif
