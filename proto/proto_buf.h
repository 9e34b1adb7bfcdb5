/* SPDX-License-Identifier: MPL-2.0 */
/* A growable byte buffer with sticky failure: write as often as you like, look at `failed` once at the end.
 * Reused buffers keep their memory, so a hot path that resets instead of freeing allocates nothing.
 * Thread: the owner's; nothing here is shared. */
#ifndef PROTO_BUF_H
#define PROTO_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "proto_assert.h"

/* Invariants: size <= capacity <= limit (when limit > 0); data is NULL only while capacity is 0. */
typedef struct proto_buf {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t limit; /* most bytes it may hold; 0: no limit */
    bool failed;  /* a write did not fit or memory ran out; later writes are ignored */
} proto_buf_t;

/* A borrowed run of bytes; not NUL-terminated, may hold NUL. */
typedef struct proto_bytes {
    const uint8_t *data;
    size_t size;
} proto_bytes_t;

#define PROTO_BUF_INIT                                                                                       \
    (proto_buf_t)                                                                                            \
    {                                                                                                        \
        0                                                                                                    \
    }

/* Starts an empty buffer that may hold at most `limit` bytes (0: no limit). Allocates nothing yet. */
void proto_buf_init(proto_buf_t *self, size_t limit);
/* Frees the memory and leaves an empty, usable buffer with the same limit. Twice is harmless. */
void proto_buf_free(proto_buf_t *self);
/* Makes room for `more` further bytes. -1 (and `failed`) when that would pass the limit or memory ran out. */
PROTO_MUST_CHECK int proto_buf_reserve(proto_buf_t *self, size_t more);
/* Appends formatted text, without its NUL. */
void proto_buf_printf(proto_buf_t *self, const char *format, ...) PROTO_PRINTF(2, 3);
/* Drops the first `size` bytes (<= self->size). */
void proto_buf_consume(proto_buf_t *self, size_t size);
/* Takes the content out: who gets it frees it. What stays is empty, with room for as much again but at most
 * `keep` bytes (none when there is no memory now: the next write will see). */
proto_buf_t proto_buf_take(proto_buf_t *self, size_t keep);
/* Makes the content a C string: puts a NUL behind the last byte that size does not count. Returns the text,
 * or "" when the buffer failed. Valid until the next write. */
const char *proto_buf_text(proto_buf_t *self);

/* Forgets the content and a failure; keeps the memory. */
static inline void proto_buf_reset(proto_buf_t *self)
{
    self->size = 0;
    self->failed = false;
}

/* Appends and returns `size` uninitialised bytes to be filled in by the caller; NULL when it failed. */
static inline uint8_t *proto_buf_extend(proto_buf_t *self, size_t size)
{
    if ((size > self->capacity - self->size || self->failed) && proto_buf_reserve(self, size) < 0)
        return NULL;
    uint8_t *at = self->data + self->size;
    self->size += size;
    return at;
}

static inline void proto_buf_append(proto_buf_t *self, const void *bytes, size_t size)
{
    if (size == 0)
        return;
    uint8_t *to = proto_buf_extend(self, size);
    if (to)
        memcpy(to, bytes, size);
}

static inline void proto_buf_byte(proto_buf_t *self, uint8_t byte)
{
    if (self->size < self->capacity && !self->failed)
        self->data[self->size++] = byte;
    else
        proto_buf_append(self, &byte, 1);
}

static inline void proto_buf_string(proto_buf_t *self, const char *text)
{
    proto_buf_append(self, text, strlen(text));
}

static inline proto_bytes_t proto_buf_bytes(const proto_buf_t *self)
{
    return (proto_bytes_t){self->data, self->size};
}

static inline proto_bytes_t proto_bytes_of(const char *text)
{
    return (proto_bytes_t){(const uint8_t *)text, strlen(text)};
}

static inline bool proto_bytes_equal(proto_bytes_t a, proto_bytes_t b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool proto_bytes_is(proto_bytes_t bytes, const char *text)
{
    return proto_bytes_equal(bytes, proto_bytes_of(text));
}

#endif
