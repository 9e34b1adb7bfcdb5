/* SPDX-License-Identifier: MPL-2.0 */
/* Schemas of whole answers: reads the shape's text, JSON whose leaves are bare words (rows, row, value,
 * count, the same behind the name of a step, or a step's column), and writes a schema or an example in its
 * place. Thread: any. */
#include "gw_schema.h"

#include <ctype.h>

#include "proto_json.h"

enum { S_DEPTH = 16 };

typedef struct s_reader {
    gw_tree_t *tree;
    const proto_operation_t *operation;
    const char *at;
    bool example; /* an example is wanted, not a schema */
} s_reader_t;

/* The step whose columns a leaf without step means: the one without a name, else the last. */
static proto_bytes_t s_main_step(const proto_operation_t *operation)
{
    const char *step = "";
    for (uint32_t i = 0; i < operation->column_count; i++) {
        step = operation->columns[i].step ? operation->columns[i].step : "";
        if (*step == '\0')
            break;
    }
    return proto_bytes_of(step);
}

/* The next column of the step from *at on, NULL behind the last. */
static const proto_column_t *s_next_column(const proto_operation_t *operation, proto_bytes_t step,
                                           uint32_t *at)
{
    while (*at < operation->column_count) {
        const proto_column_t *column = &operation->columns[(*at)++];
        if (proto_bytes_is(step, column->step ? column->step : ""))
            return column;
    }
    return NULL;
}

/* A doubled column is a doubled key, which no JSON object in a schema can have. */
static bool s_seen(const proto_operation_t *operation, proto_bytes_t step, const proto_column_t *column)
{
    uint32_t at = 0;
    const proto_column_t *other;
    while ((other = s_next_column(operation, step, &at)) && other != column)
        if (strcmp(other->name, column->name) == 0)
            return true;
    return false;
}

static void s_columns(s_reader_t *self, proto_bytes_t step, bool names)
{
    uint32_t at = 0;
    const proto_column_t *column;
    while ((column = s_next_column(self->operation, step, &at))) {
        if (s_seen(self->operation, step, column))
            continue;
        if (names)
            gw_tree_text(self->tree, NULL, column->name);
        else if (self->example)
            gw_schema_column_example(self->tree, column->name, column->sql_type);
        else
            gw_schema_column(self->tree, column->name, column->sql_type);
    }
}

/* One row. A worker of its own making (chat) names no columns: then members are not known. */
static void s_row(s_reader_t *self, const char *key, proto_bytes_t step, bool nullable)
{
    gw_tree_t *tree = self->tree;
    uint32_t at = 0;
    bool known = s_next_column(self->operation, step, &at) != NULL;
    gw_tree_object(tree, key);
    if (self->example) {
        s_columns(self, step, false);
        gw_tree_end(tree);
        return;
    }
    gw_tree_array(tree, "type");
    gw_tree_text(tree, NULL, "object");
    if (nullable)
        gw_tree_text(tree, NULL, "null");
    gw_tree_end(tree);
    if (known) {
        gw_tree_object(tree, "properties");
        s_columns(self, step, false);
        gw_tree_end(tree);
        gw_tree_array(tree, "required");
        s_columns(self, step, true);
        gw_tree_end(tree);
    }
    gw_tree_end(tree);
}

static void s_rows(s_reader_t *self, const char *key, proto_bytes_t step)
{
    if (self->example) {
        gw_tree_array(self->tree, key);
        s_row(self, NULL, step, false);
        gw_tree_end(self->tree);
        return;
    }
    gw_tree_object(self->tree, key);
    gw_tree_text(self->tree, "type", "array");
    s_row(self, "items", step, false);
    gw_tree_end(self->tree);
}

static void s_count(s_reader_t *self, const char *key)
{
    if (self->example) {
        gw_tree_int(self->tree, key, 1);
        return;
    }
    gw_tree_object(self->tree, key);
    gw_tree_text(self->tree, "type", "integer");
    gw_tree_int(self->tree, "minimum", 0);
    gw_tree_end(self->tree);
}

/* The column of that name, or the first one when `name` is empty; any value when there is none. */
static void s_column(s_reader_t *self, const char *key, proto_bytes_t step, proto_bytes_t name)
{
    uint32_t at = 0;
    const proto_column_t *column;
    while ((column = s_next_column(self->operation, step, &at)))
        if (name.size == 0 || proto_bytes_is(name, column->name))
            break;
    if (self->example)
        gw_schema_column_example(self->tree, key, column ? column->sql_type : NULL);
    else
        gw_schema_column(self->tree, key, column ? column->sql_type : NULL);
}

static void s_leaf(s_reader_t *self, const char *key, proto_bytes_t word)
{
    const uint8_t *dot = memchr(word.data, '.', word.size);
    proto_bytes_t step = s_main_step(self->operation);
    if (dot) {
        step = (proto_bytes_t){word.data, (size_t)(dot - word.data)};
        word = (proto_bytes_t){dot + 1, word.size - step.size - 1};
    }
    if (proto_bytes_is(word, "row"))
        s_row(self, key, step, true);
    else if (proto_bytes_is(word, "rows"))
        s_rows(self, key, step);
    else if (proto_bytes_is(word, "count"))
        s_count(self, key);
    else
        s_column(self, key, step, proto_bytes_is(word, "value") ? (proto_bytes_t){0} : word);
}

static char s_peek(s_reader_t *self)
{
    while (isspace((unsigned char)*self->at))
        self->at++;
    return *self->at;
}

/* The text of one string, number or word. */
static proto_bytes_t s_token(s_reader_t *self)
{
    const char *from = self->at;
    if (*from == '"') {
        for (self->at++; *self->at && *self->at != '"'; self->at++)
            if (*self->at == '\\' && self->at[1])
                self->at++;
        self->at += *self->at == '"';
    } else {
        while (isalnum((unsigned char)*self->at) || (*self->at && strchr("+-._", *self->at)))
            self->at++;
    }
    return (proto_bytes_t){(const uint8_t *)from, (size_t)(self->at - from)};
}

static int s_scalar(s_reader_t *self, const char *key)
{
    proto_bytes_t token = s_token(self);
    if (token.size == 0)
        return -1;
    if (isalpha(token.data[0]) && !proto_bytes_is(token, "true") && !proto_bytes_is(token, "false") &&
        !proto_bytes_is(token, "null")) {
        s_leaf(self, key, token);
        return 0;
    }
    proto_buf_t constant = PROTO_BUF_INIT;
    proto_json_error_t why;
    int rc = proto_json_to_value(token, &(proto_json_options_t){0}, &constant, &why);
    if (rc == 0 && self->example) {
        gw_tree_value(self->tree, key, proto_buf_bytes(&constant));
    } else if (rc == 0) {
        gw_tree_object(self->tree, key);
        gw_tree_value(self->tree, "const", proto_buf_bytes(&constant));
        gw_tree_end(self->tree);
    }
    proto_buf_free(&constant);
    return rc;
}

static int s_value(s_reader_t *self, const char *key, int depth);

/* A member's name as text, up to the colon. */
static int s_name(s_reader_t *self, proto_buf_t *name)
{
    proto_buf_t value = PROTO_BUF_INIT;
    proto_json_error_t why;
    proto_value_t text;
    int rc = s_peek(self) == '"' ? 0 : -1;
    if (rc == 0)
        rc = proto_json_to_value(s_token(self), &(proto_json_options_t){.refuse_nul = true}, &value, &why);
    proto_reader_t reader = proto_reader(proto_buf_bytes(&value));
    if (rc == 0)
        rc = proto_value_read(&reader, &text);
    if (rc == 0)
        proto_buf_append(name, text.bytes.data, text.bytes.size);
    proto_buf_free(&value);
    if (rc < 0 || s_peek(self) != ':')
        return -1;
    self->at++;
    return 0;
}

/* The names of an object's members, as MessagePack texts. */
typedef struct s_names {
    proto_buf_t names;
    uint32_t count;
} s_names_t;

/* Members or items up to the closing bracket. */
static int s_parts(s_reader_t *self, int depth, bool object, s_names_t *names)
{
    char close = object ? '}' : ']';
    if (s_peek(self) == close)
        return self->at++, 0;
    for (;;) {
        proto_buf_t name = PROTO_BUF_INIT;
        int rc = object ? s_name(self, &name) : 0;
        if (rc == 0)
            rc = s_value(self, object ? proto_buf_text(&name) : NULL, depth);
        if (object && rc == 0) {
            proto_write_str(&names->names, proto_buf_bytes(&name));
            names->count++;
        }
        proto_buf_free(&name);
        if (rc < 0)
            return -1;
        char next = s_peek(self);
        if (next != ',' && next != close)
            return -1;
        self->at++;
        if (next == close)
            return 0;
    }
}

static int s_container_example(s_reader_t *self, const char *key, int depth, bool object)
{
    s_names_t names = {0};
    (object ? gw_tree_object : gw_tree_array)(self->tree, key);
    int rc = s_parts(self, depth + 1, object, &names);
    gw_tree_end(self->tree);
    proto_buf_free(&names.names);
    return rc;
}

/* All members are always there. */
static void s_required(gw_tree_t *tree, const s_names_t *names)
{
    proto_buf_t list = PROTO_BUF_INIT;
    proto_write_array(&list, names->count);
    proto_buf_append(&list, names->names.data, names->names.size);
    gw_tree_value(tree, "required", proto_buf_bytes(&list));
    proto_buf_free(&list);
}

static int s_container(s_reader_t *self, const char *key, int depth)
{
    bool object = *self->at++ == '{';
    gw_tree_t *tree = self->tree;
    if (depth == S_DEPTH)
        return -1;
    if (self->example)
        return s_container_example(self, key, depth, object);
    s_names_t names = {0};
    gw_tree_object(tree, key);
    gw_tree_text(tree, "type", object ? "object" : "array");
    (object ? gw_tree_object : gw_tree_array)(tree, object ? "properties" : "prefixItems");
    int rc = s_parts(self, depth + 1, object, &names);
    gw_tree_end(tree);
    if (object && rc == 0)
        s_required(tree, &names);
    gw_tree_end(tree);
    proto_buf_free(&names.names);
    return rc;
}

static int s_value(s_reader_t *self, const char *key, int depth)
{
    char c = s_peek(self);
    if (c == '{' || c == '[')
        return s_container(self, key, depth);
    return c ? s_scalar(self, key) : -1;
}

/* A shape that is not understood leaves its part empty, which allows anything: the document stays
 * well-formed. */
static void s_write(gw_tree_t *tree, const char *key, const proto_operation_t *operation, bool example)
{
    s_reader_t reader = {.tree = tree, .operation = operation, .at = operation->returns, .example = example};
    gw_tree_t before = *tree;
    size_t size = tree->value.size;
    if (s_value(&reader, key, 0) == 0 && s_peek(&reader) == '\0')
        return;
    proto_buf_t value = tree->value;
    value.size = size;
    *tree = before;
    tree->value = value;
    gw_tree_object(tree, key);
    gw_tree_end(tree);
}

void gw_shape_schema(gw_tree_t *tree, const char *key, const proto_operation_t *operation)
{
    s_write(tree, key, operation, false);
}

void gw_shape_example(gw_tree_t *tree, const char *key, const proto_operation_t *operation)
{
    s_write(tree, key, operation, true);
}
