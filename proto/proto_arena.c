/* SPDX-License-Identifier: MPL-2.0 */
/* Memory that is freed all at once. Thread: the owner's. */
#include "proto_arena.h"

#include <stdalign.h>
#include <stdlib.h>

struct proto_arena_block {
    struct proto_arena_block *next;
    size_t used, size;
    alignas(max_align_t) uint8_t data[];
};

enum { S_BLOCK = 16384 };

void *proto_arena_alloc(proto_arena_t *self, size_t size)
{
    PROTO_ASSERT(size <= SIZE_MAX / 2);
    size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct proto_arena_block *block = self->block;
    if (!block || block->size - block->used < rounded) {
        size_t room = rounded > S_BLOCK ? rounded : S_BLOCK;
        block = calloc(1, sizeof *block + room);
        PROTO_ASSERT(block != NULL);
        block->size = room;
        block->next = self->block;
        self->block = block;
    }
    void *at = block->data + block->used;
    block->used += rounded;
    return at;
}

char *proto_arena_text(proto_arena_t *self, proto_bytes_t text)
{
    char *copy = proto_arena_alloc(self, text.size + 1);
    if (text.size)
        memcpy(copy, text.data, text.size);
    return copy;
}

proto_bytes_t proto_arena_bytes(proto_arena_t *self, proto_bytes_t bytes)
{
    return (proto_bytes_t){(uint8_t *)proto_arena_text(self, bytes), bytes.size};
}

void proto_arena_free(proto_arena_t *self)
{
    while (self->block) {
        struct proto_arena_block *next = self->block->next;
        free(self->block);
        self->block = next;
    }
}
