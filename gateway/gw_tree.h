/* SPDX-License-Identifier: MPL-2.0 */
/* A JSON document under construction: members and items are appended, containers opened and ended, and
 * whatever texts it holds, what comes out is well-formed. For documents that are made once and kept. A core:
 * no I/O. Thread: the owner's. */
#ifndef GW_TREE_H
#define GW_TREE_H

#include "proto_value.h"

enum { GW_TREE_DEPTH = PROTO_VALUE_DEPTH };

typedef struct gw_tree {
    proto_buf_t value; /* MessagePack so far */
    int depth;         /* open containers */
    struct {
        size_t place;
        uint32_t count;
    } open[GW_TREE_DEPTH];
} gw_tree_t;

/* An empty document; a zeroed one is the same. */
void gw_tree_init(gw_tree_t *self);
void gw_tree_free(gw_tree_t *self);
/* Each appends one value to the container that is open: as the member `key` of an object, with a NULL key as
 * an item of an array or as the whole document. Keys and texts are copied. What is deeper than GW_TREE_DEPTH
 * is a mistake of the caller. */
void gw_tree_object(gw_tree_t *self, const char *key);
void gw_tree_array(gw_tree_t *self, const char *key);
/* Ends the object or array opened last. */
void gw_tree_end(gw_tree_t *self);
void gw_tree_text(gw_tree_t *self, const char *key, const char *text);
void gw_tree_bytes(gw_tree_t *self, const char *key, proto_bytes_t text);
void gw_tree_bool(gw_tree_t *self, const char *key, bool value);
void gw_tree_null(gw_tree_t *self, const char *key);
void gw_tree_int(gw_tree_t *self, const char *key, int64_t value);
/* A whole number below 2^53 is written without a fraction. */
void gw_tree_number(gw_tree_t *self, const char *key, double value);
/* One MessagePack value as it is. */
void gw_tree_value(gw_tree_t *self, const char *key, proto_bytes_t value);
/* Appends the JSON text once everything is ended. -1 when some text was not UTF-8 or memory ran out; what was
 * appended is then to be discarded. */
PROTO_MUST_CHECK int gw_tree_json(const gw_tree_t *self, proto_buf_t *out);

#endif
