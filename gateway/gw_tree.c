/* SPDX-License-Identifier: MPL-2.0 */
/* Documents under construction. Thread: the owner's. */
#include "gw_tree.h"

#include <math.h>

#include "proto_json.h"

void gw_tree_init(gw_tree_t *self)
{
    *self = (gw_tree_t){0};
}

void gw_tree_free(gw_tree_t *self)
{
    proto_buf_free(&self->value);
    gw_tree_init(self);
}

/* Counts the value that follows, and names it. */
static void s_begin(gw_tree_t *self, const char *key)
{
    if (self->depth)
        self->open[self->depth - 1].count++;
    if (key)
        proto_write_text(&self->value, key);
}

static void s_push(gw_tree_t *self, size_t place)
{
    PROTO_ASSERT(self->depth < GW_TREE_DEPTH);
    self->open[self->depth].place = place;
    self->open[self->depth++].count = 0;
}

void gw_tree_object(gw_tree_t *self, const char *key)
{
    s_begin(self, key);
    s_push(self, proto_write_map_open(&self->value));
}

void gw_tree_array(gw_tree_t *self, const char *key)
{
    s_begin(self, key);
    s_push(self, proto_write_array_open(&self->value));
}

void gw_tree_end(gw_tree_t *self)
{
    PROTO_ASSERT(self->depth > 0);
    self->depth--;
    proto_write_close(&self->value, self->open[self->depth].place, self->open[self->depth].count);
}

void gw_tree_text(gw_tree_t *self, const char *key, const char *text)
{
    gw_tree_bytes(self, key, proto_bytes_of(text));
}

void gw_tree_bytes(gw_tree_t *self, const char *key, proto_bytes_t text)
{
    s_begin(self, key);
    proto_write_str(&self->value, text);
}

void gw_tree_bool(gw_tree_t *self, const char *key, bool value)
{
    s_begin(self, key);
    proto_write_bool(&self->value, value);
}

void gw_tree_null(gw_tree_t *self, const char *key)
{
    s_begin(self, key);
    proto_write_nil(&self->value);
}

void gw_tree_int(gw_tree_t *self, const char *key, int64_t value)
{
    s_begin(self, key);
    proto_write_int(&self->value, value);
}

void gw_tree_number(gw_tree_t *self, const char *key, double value)
{
    if (fabs(value) < 9007199254740992.0 && value == floor(value)) {
        gw_tree_int(self, key, (int64_t)value);
        return;
    }
    s_begin(self, key);
    proto_write_float(&self->value, value);
}

void gw_tree_value(gw_tree_t *self, const char *key, proto_bytes_t value)
{
    s_begin(self, key);
    proto_buf_append(&self->value, value.data, value.size);
}

int gw_tree_json(const gw_tree_t *self, proto_buf_t *out)
{
    PROTO_ASSERT(self->depth == 0);
    if (self->value.failed || proto_value_check(proto_buf_bytes(&self->value)) < 0)
        return -1;
    return proto_json_from_value(proto_buf_bytes(&self->value), out);
}
