/* SPDX-License-Identifier: MPL-2.0 */
/* Things addressed by ids that are never used twice. Thread: the owner's. */
#include "proto_slab.h"

#include <stdlib.h>

/* An id is the slot's index below a number that counts: the index finds the slot, the number tells whether it
 * is still the same item. */
enum { S_INDEX_BITS = 24, S_FIRST = 64 };

struct proto_slab_slot {
    uint64_t id; /* 0: free */
    bool used;   /* was taken at least once */
    void *item;
};

void proto_slab_init(proto_slab_t *self, size_t item_size, uint32_t most)
{
    PROTO_ASSERT(most > 0 && most < PROTO_SLAB_MOST);
    *self = (proto_slab_t){.item_size = item_size, .most = most};
}

void proto_slab_free(proto_slab_t *self, void (*finish)(void *item))
{
    for (uint32_t i = 0; i < self->capacity; i++) {
        if (finish && self->slots[i].used)
            finish(self->slots[i].item);
        free(self->slots[i].item);
    }
    free(self->slots);
    free(self->free);
    proto_slab_init(self, self->item_size, self->most);
}

static void s_grow(proto_slab_t *self)
{
    uint32_t capacity = self->capacity ? self->capacity * 2 : S_FIRST;
    if (capacity > self->most)
        capacity = self->most;
    self->slots = realloc(self->slots, capacity * sizeof *self->slots);
    self->free = realloc(self->free, capacity * sizeof *self->free);
    PROTO_ASSERT(self->slots != NULL && self->free != NULL);
    for (uint32_t i = self->capacity; i < capacity; i++) {
        self->slots[i] = (struct proto_slab_slot){.item = calloc(1, self->item_size)};
        PROTO_ASSERT(self->slots[i].item != NULL);
        self->free[self->free_count++] = i;
    }
    self->capacity = capacity;
}

void *proto_slab_take(proto_slab_t *self, uint64_t *id)
{
    if (self->used == self->most)
        return NULL;
    if (self->free_count == 0)
        s_grow(self);
    uint32_t index = self->free[--self->free_count];
    self->slots[index].id = *id = ++self->sequence << S_INDEX_BITS | index;
    self->slots[index].used = true;
    self->used++;
    return self->slots[index].item;
}

static struct proto_slab_slot *s_slot(const proto_slab_t *self, uint64_t id)
{
    uint64_t index = id & (PROTO_SLAB_MOST - 1);
    if (id == 0 || index >= self->capacity || self->slots[index].id != id)
        return NULL;
    return &self->slots[index];
}

void *proto_slab_find(const proto_slab_t *self, uint64_t id)
{
    struct proto_slab_slot *slot = s_slot(self, id);
    return slot ? slot->item : NULL;
}

void proto_slab_release(proto_slab_t *self, uint64_t id)
{
    struct proto_slab_slot *slot = s_slot(self, id);
    PROTO_ASSERT(slot != NULL);
    slot->id = 0;
    self->free[self->free_count++] = (uint32_t)(slot - self->slots);
    self->used--;
}

void *proto_slab_next(const proto_slab_t *self, uint32_t *at)
{
    while (*at < self->capacity) {
        struct proto_slab_slot *slot = &self->slots[(*at)++];
        if (slot->id)
            return slot->item;
    }
    return NULL;
}
