/* SPDX-License-Identifier: MPL-2.0 */
/* Things addressed by 64-bit ids that are never used twice, so that whoever comes late with an id finds
 * nobody. Items never move and keep their memory when they are given back, so buffers inside them stay warm.
 * A core: no I/O. Thread: the owner's. */
#ifndef PROTO_SLAB_H
#define PROTO_SLAB_H

#include "proto_buf.h"

enum { PROTO_SLAB_MOST = 1 << 24 };

typedef struct proto_slab {
    struct proto_slab_slot *slots;
    uint32_t *free; /* indices of free slots, last in first out */
    uint32_t free_count, capacity, used;
    uint32_t most;
    size_t item_size;
    uint64_t sequence;
} proto_slab_t;

/* At most `most` (1..PROTO_SLAB_MOST - 1) items of `item_size` bytes. Allocates nothing yet. */
void proto_slab_init(proto_slab_t *self, size_t item_size, uint32_t most);
/* Frees all items; `finish`, when given, is called on each that was ever taken, for what it owns. */
void proto_slab_free(proto_slab_t *self, void (*finish)(void *item));
/* A free item and its id (never 0): zeroed the first time, as it was left afterwards. NULL when `most` are
 * taken. */
void *proto_slab_take(proto_slab_t *self, uint64_t *id);
/* The item of that id, or NULL when it was given back or never was. */
void *proto_slab_find(const proto_slab_t *self, uint64_t id);
/* Gives an item back; its id must be a taken one. */
void proto_slab_release(proto_slab_t *self, uint64_t id);
/* The taken item at or after position *at, which moves behind it; NULL at the end. Start with 0. */
void *proto_slab_next(const proto_slab_t *self, uint32_t *at);

#endif
