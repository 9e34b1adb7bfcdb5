/* SPDX-License-Identifier: MPL-2.0 */
/* A form in multipart/form-data on its way into arguments while it arrives: the bytes of a file go straight
 * into the MessagePack that the database actor will get, fields into a buffer beside it until they are bound.
 * Nothing is kept twice. A core: no I/O. Thread: the gateway thread that owns it. */
#ifndef GW_FORM_H
#define GW_FORM_H

#include "gw_multipart.h"
#include "proto_catalogue.h"
#include "proto_error.h"

enum { GW_FORM_VALUES = 3 * GW_MULTIPART_PARTS /* a part has its content, filename and type */ };

/* How the bytes of a form's value are to be read. */
typedef enum {
    GW_FORM_NULL,     /* none: the file came without it */
    GW_FORM_ENCODED,  /* percent-encoded, + for a blank */
    GW_FORM_PLAIN,    /* the text itself */
    GW_FORM_FILENAME, /* with the escapes of a filename */
    GW_FORM_FILE      /* content of a file */
} gw_form_kind_t;

/* A value that waits to be bound: so many bytes of `text`. */
typedef struct gw_form_part {
    const proto_param_t *param;
    size_t at, size;
    gw_form_kind_t kind;
} gw_form_part_t;

/* Files of one parameter that are next to each other in `arguments`. */
typedef struct gw_form_run {
    const proto_param_t *param;
    size_t at;
    bool first;     /* of its parameter: begins with its name */
    size_t place;   /* of the array, if it is one */
    uint32_t count; /* of all files of the parameter */
} gw_form_run_t;

/* What becomes of the part under way. */
typedef enum { GW_FORM_IGNORED, GW_FORM_KEPT, GW_FORM_WRITTEN } gw_form_sink_t;

typedef struct gw_form {
    const proto_operation_t *operation; /* borrowed */
    gw_multipart_t multipart;
    size_t limit;          /* most bytes of the body that are no content of a file with a bound of its own */
    size_t taken, bounded; /* bytes so far; of these, such content */
    proto_buf_t
        arguments; /* a MessagePack map that is open yet: its pairs are the files of type bytea or text */
    uint32_t pairs;
    gw_form_run_t runs[GW_MULTIPART_PARTS];
    uint32_t run_count;
    proto_buf_t text; /* everything else */
    gw_form_part_t values[GW_FORM_VALUES];
    uint32_t value_count;
    gw_form_sink_t sink;
    const proto_param_t *param; /* that the part under way is for */
    size_t from, item;          /* where in its buffer it begins; where the file's own value does */
    bool opened, again;         /* it has begun a run; its parameter takes one value and has it */
    proto_buf_t detail;         /* of a refusal: a sentence without full stop */
} gw_form_t;

/* An empty one for an operation; free it with gw_form_free, which nulls the pointer. */
gw_form_t *gw_form_new(const proto_operation_t *operation, size_t limit);
void gw_form_free(gw_form_t **self);
/* Begins, takes what has arrived, and ends: PROTO_ERROR_none, or what to answer with a sentence in
 * self->detail (malformed 400; too_large 413, which names the file whose bound is passed; invalid 422). After
 * an error nothing more may be given. After gw_form_end gw_bind makes it the arguments. */
PROTO_MUST_CHECK proto_error_t gw_form_begin(gw_form_t *self, proto_bytes_t content_type);
PROTO_MUST_CHECK proto_error_t gw_form_take(gw_form_t *self, proto_bytes_t piece);
PROTO_MUST_CHECK proto_error_t gw_form_end(gw_form_t *self);
/* Bytes that it keeps. */
size_t gw_form_bytes(const gw_form_t *self);
/* The longest body that an operation takes as a form: `body` bytes, and what the bounds of its files let pass
 * besides, up to `upload` bytes. */
size_t gw_form_most(const proto_operation_t *operation, size_t body, size_t upload);

/* The parameter of that source which is called `name` and `suffix`; NULL: there is none. */
const proto_param_t *gw_form_find(const proto_operation_t *operation, proto_source_t source,
                                  proto_bytes_t name, const char *suffix);
/* The @form parameter that a field of this name fills, not one that tells of a file; NULL: nobody asked for
 * it. */
const proto_param_t *gw_form_find_field(const proto_operation_t *operation, proto_bytes_t name);

#endif
