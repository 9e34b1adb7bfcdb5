/* SPDX-License-Identifier: MPL-2.0 */
/* Shapes: a small JSON reader that writes MessagePack and stops at the leaves. Thread: any. */
#include "act_shape.h"

#include <ctype.h>

#include "proto_json.h"

enum { S_DEPTH = 16, S_NODES = 64 };

typedef struct s_parser {
    proto_arena_t *arena;
    proto_bytes_t text;
    size_t at;
    proto_buf_t constant; /* bytes since the last leaf */
    act_shape_node_t nodes[S_NODES];
    uint32_t count;
    const char *why;
} s_parser_t;

static int s_refuse(s_parser_t *self, const char *why)
{
    if (!self->why)
        self->why = why;
    return -1;
}

static uint8_t s_next(s_parser_t *self)
{
    while (self->at < self->text.size && isspace(self->text.data[self->at]))
        self->at++;
    return self->at < self->text.size ? self->text.data[self->at] : 0;
}

static int s_add(s_parser_t *self, act_shape_kind_t kind, proto_bytes_t constant)
{
    if (self->count == S_NODES)
        return s_refuse(self, "the shape has too many leaves");
    self->nodes[self->count++] = (act_shape_node_t){.kind = kind, .constant = constant};
    return 0;
}

static int s_end_constant(s_parser_t *self)
{
    if (self->constant.size == 0)
        return 0;
    proto_bytes_t bytes = proto_arena_bytes(self->arena, proto_buf_bytes(&self->constant));
    proto_buf_reset(&self->constant);
    return s_add(self, ACT_SHAPE_CONSTANT, bytes);
}

static const struct {
    const char *word;
    act_shape_kind_t kind;
} s_words[] = {
    {"rows", ACT_SHAPE_ROWS}, {"row", ACT_SHAPE_ROW}, {"value", ACT_SHAPE_VALUE}, {"count", ACT_SHAPE_COUNT}};

/* word, step.word or step.column */
static int s_leaf(s_parser_t *self, proto_bytes_t leaf)
{
    const uint8_t *dot = memchr(leaf.data, '.', leaf.size);
    size_t first = dot ? (size_t)(dot - leaf.data) + 1 : 0;
    proto_bytes_t word = {leaf.data + first, leaf.size - first};
    act_shape_kind_t kind = ACT_SHAPE_CONSTANT;
    for (size_t i = 0; i < sizeof s_words / sizeof *s_words; i++)
        if (proto_bytes_is(word, s_words[i].word))
            kind = s_words[i].kind;
    if (kind == ACT_SHAPE_CONSTANT && !dot && proto_bytes_is(word, "next_cursor"))
        kind = ACT_SHAPE_NEXT_CURSOR;
    if (kind == ACT_SHAPE_CONSTANT && dot && first > 1 && word.size)
        kind = ACT_SHAPE_COLUMN;
    if (kind == ACT_SHAPE_CONSTANT || (dot && first == 1))
        return s_refuse(self,
                        "a leaf of the shape must be rows, row, value, count, next_cursor, one of them or a "
                        "column behind a step's name and a dot, or a JSON constant");
    if (s_end_constant(self) < 0 || s_add(self, kind, (proto_bytes_t){0}) < 0)
        return -1;
    act_shape_node_t *node = &self->nodes[self->count - 1];
    node->step = proto_arena_bytes(self->arena, (proto_bytes_t){leaf.data, dot ? first - 1 : 0});
    if (kind == ACT_SHAPE_COLUMN)
        node->name = proto_arena_text(self->arena, word);
    return 0;
}

/* A string, number, true, false or null, read by the JSON reader itself. */
static int s_scalar(s_parser_t *self)
{
    size_t from = self->at;
    const uint8_t *data = self->text.data;
    if (data[from] == '"') {
        for (self->at++; self->at < self->text.size && data[self->at] != '"'; self->at++)
            self->at += data[self->at] == '\\';
        self->at++;
    } else {
        while (self->at < self->text.size && (isalnum(data[self->at]) || strchr("+-._", data[self->at])))
            self->at++;
    }
    if (self->at > self->text.size || self->at == from)
        return s_refuse(self, "the shape is not JSON");
    proto_bytes_t token = {data + from, self->at - from};
    if (isalpha(data[from]) && !proto_bytes_is(token, "true") && !proto_bytes_is(token, "false") &&
        !proto_bytes_is(token, "null"))
        return s_leaf(self, token);
    proto_json_error_t error;
    if (proto_json_to_value(token, &(proto_json_options_t){0}, &self->constant, &error) < 0)
        return s_refuse(self, "the shape is not JSON");
    return 0;
}

static int s_value(s_parser_t *self, int depth);

static int s_member(s_parser_t *self, int depth)
{
    if (s_next(self) != '"' || s_scalar(self) < 0 || s_next(self) != ':')
        return s_refuse(self, "the shape is not JSON");
    self->at++;
    return s_value(self, depth);
}

/* How many items or members the container that begins here has: MessagePack wants to know before the first.
 */
static int s_count(const s_parser_t *parser, uint32_t *count)
{
    size_t at = parser->at + 1;
    int depth = 0;
    bool any = false;
    *count = 0;
    for (; at < parser->text.size; at++) {
        uint8_t c = parser->text.data[at];
        if (c == '"') {
            for (at++; at < parser->text.size && parser->text.data[at] != '"'; at++)
                at += parser->text.data[at] == '\\';
        } else if (depth == 0 && (c == '}' || c == ']')) {
            *count += any;
            return 0;
        }
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        *count += depth == 0 && c == ',';
        any = any || !isspace(c);
    }
    return -1;
}

static int s_container(s_parser_t *self, int depth)
{
    bool map = self->text.data[self->at] == '{';
    uint8_t close = map ? '}' : ']';
    uint32_t count;
    if (depth == S_DEPTH || s_count(self, &count) < 0)
        return s_refuse(self, depth == S_DEPTH ? "the shape is nested too deep" : "the shape is not JSON");
    if (map)
        proto_write_map(&self->constant, count);
    else
        proto_write_array(&self->constant, count);
    self->at++;
    for (uint32_t i = 0; i < count; i++) {
        if ((map ? s_member(self, depth + 1) : s_value(self, depth + 1)) < 0)
            return -1;
        if (i + 1 < count && (s_next(self) != ',' || !self->at++))
            return s_refuse(self, "the shape is not JSON");
    }
    if (s_next(self) != close)
        return s_refuse(self, "the shape is not JSON");
    self->at++;
    return 0;
}

static int s_value(s_parser_t *self, int depth)
{
    uint8_t c = s_next(self);
    if (c == '{' || c == '[')
        return s_container(self, depth);
    return c ? s_scalar(self) : s_refuse(self, "the shape is not JSON");
}

int act_shape_parse(proto_arena_t *arena, proto_bytes_t text, act_script_t *script, const char **why)
{
    s_parser_t parser = {.arena = arena, .text = text};
    int rc = 0;
    if (!proto_bytes_is(text, "none")) {
        rc = s_value(&parser, 0);
        if (rc == 0 && s_next(&parser))
            rc = s_refuse(&parser, "something follows the shape");
        if (rc == 0)
            rc = s_end_constant(&parser);
    }
    proto_buf_free(&parser.constant);
    *why = parser.why;
    if (rc < 0)
        return -1;
    act_shape_node_t *nodes = proto_arena_alloc(arena, parser.count * sizeof *nodes);
    memcpy(nodes, parser.nodes, parser.count * sizeof *nodes);
    script->shape = nodes;
    script->shape_count = parser.count;
    return 0;
}
