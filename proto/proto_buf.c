/* SPDX-License-Identifier: MPL-2.0 */
/* The growable byte buffer. Thread: the owner's. */
#include "proto_buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { S_SMALLEST = 256 };

void proto_buf_init(proto_buf_t *self, size_t limit)
{
    *self = (proto_buf_t){.limit = limit};
}

void proto_buf_free(proto_buf_t *self)
{
    free(self->data);
    *self = (proto_buf_t){.limit = self->limit};
}

static size_t s_grown(const proto_buf_t *self, size_t needed)
{
    size_t capacity = self->capacity ? self->capacity : S_SMALLEST;
    while (capacity < needed)
        capacity *= 2;
    return self->limit && capacity > self->limit ? self->limit : capacity;
}

int proto_buf_reserve(proto_buf_t *self, size_t more)
{
    if (self->failed)
        return -1;
    if (more <= self->capacity - self->size)
        return 0;
    size_t most = self->limit && self->limit < SIZE_MAX / 4 ? self->limit : SIZE_MAX / 4;
    if (self->size > most || more > most - self->size) {
        self->failed = true;
        return -1;
    }
    size_t capacity = s_grown(self, self->size + more);
    uint8_t *data = realloc(self->data, capacity);
    if (!data) {
        self->failed = true;
        return -1;
    }
    self->data = data;
    self->capacity = capacity;
    return 0;
}

proto_buf_t proto_buf_take(proto_buf_t *self, size_t keep)
{
    proto_buf_t taken = *self;
    *self = (proto_buf_t){.limit = taken.limit};
    if (proto_buf_reserve(self, taken.size < keep ? taken.size : keep) < 0)
        proto_buf_reset(self);
    return taken;
}

void proto_buf_printf(proto_buf_t *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    PROTO_ASSERT(length >= 0);
    size_t size = (size_t)length;
    if (self->limit &&
        self->size + size == self->limit) { /* no room for vsnprintf's NUL: it goes elsewhere */
        char *text = malloc(size + 1);
        PROTO_ASSERT(text != NULL);
        (void)vsnprintf(text, size + 1, format, again);
        proto_buf_append(self, text, size);
        free(text);
    } else if (proto_buf_reserve(self, size + 1) == 0) {
        (void)vsnprintf((char *)self->data + self->size, size + 1, format, again);
        self->size += size;
    }
    va_end(again);
}

void proto_buf_consume(proto_buf_t *self, size_t size)
{
    PROTO_ASSERT(size <= self->size);
    self->size -= size;
    if (self->size)
        memmove(self->data, self->data + size, self->size);
}

const char *proto_buf_text(proto_buf_t *self)
{
    if (proto_buf_reserve(self, 1) < 0)
        return "";
    self->data[self->size] = '\0';
    return (const char *)self->data;
}
