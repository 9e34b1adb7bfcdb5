/* SPDX-License-Identifier: MPL-2.0 */
/* Memory that is freed all at once: for things read once and kept together (a catalogue, a parsed file).
 * Allocation never returns NULL: it aborts when memory ran out, because these are start-up sized things.
 * Thread: the owner's. */
#ifndef PROTO_ARENA_H
#define PROTO_ARENA_H

#include "proto_buf.h"

typedef struct proto_arena {
    struct proto_arena_block *block; /* newest first */
} proto_arena_t;

/* Zeroed memory, aligned for any type. `size` may be 0. */
void *proto_arena_alloc(proto_arena_t *self, size_t size);
/* NUL-terminated copy of a text. */
char *proto_arena_text(proto_arena_t *self, proto_bytes_t text);
/* Copy of some bytes. */
proto_bytes_t proto_arena_bytes(proto_arena_t *self, proto_bytes_t bytes);
/* Frees everything that came from it. Twice is harmless. */
void proto_arena_free(proto_arena_t *self);

#endif
