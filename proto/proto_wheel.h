/* SPDX-License-Identifier: MPL-2.0 */
/* A timer wheel: many deadlines, most of which never come true. Adding and removing take constant time; a
 * node fires at most PROTO_WHEEL_SLOT_MS late and never early. Nodes are part of their owner and must not
 * move while on a wheel. A core: `now` is passed in. Thread: the owner's. */
#ifndef PROTO_WHEEL_H
#define PROTO_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto_assert.h"

enum {
    PROTO_WHEEL_SLOTS = 1024, /* a power of two */
    PROTO_WHEEL_SLOT_MS = 16
};

/* Zeroed: on no wheel. */
typedef struct proto_wheel_node {
    struct proto_wheel_node *next, *prev;
    int64_t deadline; /* ms */
} proto_wheel_node_t;

typedef struct proto_wheel {
    proto_wheel_node_t
        slots[PROTO_WHEEL_SLOTS]; /* heads of rings; a deadline beyond one turn stays for another */
    uint64_t filled[PROTO_WHEEL_SLOTS / 64]; /* one bit per slot that has nodes */
    int64_t tick;                            /* first slot number (deadline / slot) not gone through yet */
    uint64_t count;
} proto_wheel_t;

/* An empty wheel that begins at `now` (ms). */
void proto_wheel_init(proto_wheel_t *self, int64_t now);
/* Puts a node on the wheel; one in the past fires at the next proto_wheel_expire. The node must be off. */
void proto_wheel_add(proto_wheel_t *self, proto_wheel_node_t *node, int64_t deadline);
/* Takes a node off; harmless when it is off already. */
void proto_wheel_remove(proto_wheel_t *self, proto_wheel_node_t *node);
/* Takes off and returns a node whose deadline is at or before `now`, in the order of slots; NULL when there
 * is none left. Call until NULL. */
proto_wheel_node_t *proto_wheel_expire(proto_wheel_t *self, int64_t now);
/* When proto_wheel_expire is worth calling next (ms): not after the earliest deadline's slot has passed,
 * though maybe earlier; INT64_MAX when the wheel is empty. */
int64_t proto_wheel_next(const proto_wheel_t *self);
/* Asserts that rings, bits and count agree. */
void proto_wheel_check(const proto_wheel_t *self);

static inline bool proto_wheel_on(const proto_wheel_node_t *node)
{
    return node->next != NULL;
}

#endif
