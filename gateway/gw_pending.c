/* SPDX-License-Identifier: MPL-2.0 */
/* The table of unanswered requests. Thread: the gateway thread that owns it. */
#include "gw_pending.h"

#include <stdlib.h>

/* An id is the slot's index below a number that counts requests: the index finds the slot, the number tells
 * whether it is still the same request. */
enum { S_INDEX_BITS = 24 };

void gw_pending_init(gw_pending_t *self, uint32_t most)
{
    PROTO_ASSERT(most > 0 && most < (1u << S_INDEX_BITS));
    *self = (gw_pending_t){.most = most};
}

void gw_pending_free(gw_pending_t *self)
{
    for (uint32_t i = 0; i < self->capacity; i++) {
        proto_buf_free(&self->requests[i]->line);
        proto_buf_free(&self->requests[i]->arguments);
        free(self->requests[i]);
    }
    free(self->requests);
    free(self->free);
    *self = (gw_pending_t){.most = self->most};
}

static void s_grow(gw_pending_t *self)
{
    uint32_t capacity = self->capacity ? self->capacity * 2 : 64;
    if (capacity > self->most)
        capacity = self->most;
    self->requests = realloc(self->requests, capacity * sizeof *self->requests);
    self->free = realloc(self->free, capacity * sizeof *self->free);
    PROTO_ASSERT(self->requests != NULL && self->free != NULL);
    for (uint32_t i = self->capacity; i < capacity; i++) {
        self->requests[i] = calloc(1, sizeof **self->requests);
        PROTO_ASSERT(self->requests[i] != NULL);
        self->free[self->free_count++] = i;
    }
    self->capacity = capacity;
}

gw_request_t *gw_pending_add(gw_pending_t *self)
{
    if (self->used == self->most)
        return NULL;
    if (self->free_count == 0)
        s_grow(self);
    uint32_t index = self->free[--self->free_count];
    gw_request_t *request = self->requests[index];
    proto_buf_t line = request->line, arguments = request->arguments;
    proto_buf_reset(&line);
    proto_buf_reset(&arguments);
    *request = (gw_request_t){
        .id = ++self->sequence << S_INDEX_BITS | index,
        .line = line,
        .arguments = arguments,
    };
    self->used++;
    return request;
}

gw_request_t *gw_pending_find(const gw_pending_t *self, uint64_t id)
{
    uint64_t index = id & ((1u << S_INDEX_BITS) - 1);
    if (id == 0 || index >= self->capacity)
        return NULL;
    gw_request_t *request = self->requests[index];
    return request->id == id ? request : NULL;
}

void gw_pending_remove(gw_pending_t *self, gw_request_t *request)
{
    PROTO_ASSERT(request->id != 0);
    uint32_t index = (uint32_t)(request->id & ((1u << S_INDEX_BITS) - 1));
    request->id = 0;
    self->free[self->free_count++] = index;
    self->used--;
}
