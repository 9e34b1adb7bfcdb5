/* SPDX-License-Identifier: MPL-2.0 */
/* The timer wheel. Thread: the owner's. */
#include "proto_wheel.h"

#include <stddef.h>

static uint32_t s_index(int64_t tick)
{
    return (uint32_t)((uint64_t)tick & (PROTO_WHEEL_SLOTS - 1));
}

void proto_wheel_init(proto_wheel_t *self, int64_t now)
{
    *self = (proto_wheel_t){.tick = now / PROTO_WHEEL_SLOT_MS};
    for (int i = 0; i < PROTO_WHEEL_SLOTS; i++)
        self->slots[i].next = self->slots[i].prev = &self->slots[i];
}

/* What is past already goes to the slot that the next proto_wheel_expire begins with. */
static int64_t s_tick_of(const proto_wheel_t *self, int64_t deadline)
{
    int64_t tick = deadline / PROTO_WHEEL_SLOT_MS;
    return tick < self->tick ? self->tick : tick;
}

void proto_wheel_add(proto_wheel_t *self, proto_wheel_node_t *node, int64_t deadline)
{
    PROTO_ASSERT(!proto_wheel_on(node));
    uint32_t index = s_index(s_tick_of(self, deadline));
    proto_wheel_node_t *head = &self->slots[index];
    node->deadline = deadline;
    node->next = head;
    node->prev = head->prev;
    head->prev->next = node;
    head->prev = node;
    self->filled[index / 64] |= UINT64_C(1) << index % 64;
    self->count++;
}

void proto_wheel_remove(proto_wheel_t *self, proto_wheel_node_t *node)
{
    if (!proto_wheel_on(node))
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    if (node->next == node->prev) { /* only the head may be left: it is its own neighbour then */
        ptrdiff_t index = node->next - self->slots;
        if (index >= 0 && index < PROTO_WHEEL_SLOTS && node->next->next == node->next)
            self->filled[index / 64] &= ~(UINT64_C(1) << index % 64);
    }
    node->next = node->prev = NULL;
    self->count--;
}

/* A due node of the slot whose turn it is. */
static proto_wheel_node_t *s_due(proto_wheel_t *self, int64_t now)
{
    uint32_t index = s_index(self->tick);
    proto_wheel_node_t *head = &self->slots[index];
    if (!(self->filled[index / 64] & UINT64_C(1) << index % 64))
        return NULL;
    for (proto_wheel_node_t *node = head->next; node != head; node = node->next)
        if (node->deadline <= now)
            return node;
    return NULL;
}

proto_wheel_node_t *proto_wheel_expire(proto_wheel_t *self, int64_t now)
{
    int64_t last = now / PROTO_WHEEL_SLOT_MS;
    if (self->count == 0 || last - self->tick >= PROTO_WHEEL_SLOTS) {
        /* Nothing to find, or a whole turn behind: going once around sees every slot. */
        int64_t tick = self->count == 0 ? last : last - PROTO_WHEEL_SLOTS + 1;
        if (tick > self->tick)
            self->tick = tick;
    }
    for (;; self->tick++) {
        proto_wheel_node_t *node = s_due(self, now);
        if (node)
            proto_wheel_remove(self, node);
        if (node || self->tick >= last) /* the present slot is not over: its turn comes again */
            return node;
    }
}

int64_t proto_wheel_next(const proto_wheel_t *self)
{
    if (self->count == 0)
        return INT64_MAX;
    for (int64_t tick = self->tick; tick < self->tick + PROTO_WHEEL_SLOTS;) {
        uint32_t index = s_index(tick);
        uint64_t bits = self->filled[index / 64] >> index % 64;
        if (bits)
            return (tick + __builtin_ctzll(bits) + 1) * PROTO_WHEEL_SLOT_MS;
        tick += 64 - index % 64;
    }
    return (self->tick + PROTO_WHEEL_SLOTS) * PROTO_WHEEL_SLOT_MS;
}

void proto_wheel_check(const proto_wheel_t *self)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < PROTO_WHEEL_SLOTS; i++) {
        const proto_wheel_node_t *head = &self->slots[i];
        for (const proto_wheel_node_t *node = head->next; node != head; node = node->next) {
            PROTO_ASSERT(node->next->prev == node && node->prev->next == node);
            count++;
        }
        bool filled = self->filled[i / 64] & UINT64_C(1) << i % 64;
        PROTO_ASSERT(filled == (head->next != head));
    }
    PROTO_ASSERT(count == self->count);
}
