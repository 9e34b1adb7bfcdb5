/* SPDX-License-Identifier: MPL-2.0 */
/* Composite arguments. Thread: the actor's. */
#include "act_composite.h"

#include "act_value.h"
#include "proto_param.h"

enum {
    S_DEPTH = 8,      /* records inside one another: each level doubles the quotes of the one below */
    S_DIMENSIONS = 6, /* PostgreSQL's MAXDIM */
    S_NAME = 63,      /* bytes of a field's name that is told */
    S_TEXT_BYTES = 64 << 20
};

typedef struct s_writer {
    const act_types_t *types;
    proto_buf_t path; /* of the value being written: "address.lines[2]" */
    proto_buf_t *detail;
} s_writer_t;

static int s_value(s_writer_t *self, const act_type_t *type, proto_bytes_t value, int depth, proto_buf_t *out,
                   bool *null);

static bool s_is_composite(const act_type_t *type)
{
    return type && type->kind == ACT_TYPE_COMPOSITE && type->attributes;
}

/* The type of an array's items when they are composites, or NULL. */
static const act_type_t *s_item_type(const act_types_t *types, const act_type_t *type)
{
    const act_type_t *item =
        type && type->kind == ACT_TYPE_ARRAY ? act_types_base(types, type->element) : NULL;
    return s_is_composite(item) ? item : NULL;
}

const act_type_t *act_composite_find(const act_types_t *types, uint32_t oid)
{
    const act_type_t *type = act_types_base(types, oid);
    return s_is_composite(type) || s_item_type(types, type) ? type : NULL;
}

static int s_refuse(s_writer_t *self, const char *what)
{
    proto_buf_printf(self->detail, "%s must be %s", proto_buf_text(&self->path), what);
    return -1;
}

/* Appends one part of a record or an array in quotes: always, which is allowed. */
static int s_part(s_writer_t *self, const act_type_t *type, proto_bytes_t value, int depth,
                  const char *missing, proto_buf_t *out)
{
    proto_buf_t text;
    bool null;
    proto_buf_init(&text, S_TEXT_BYTES);
    int rc = s_value(self, type, value, depth, &text, &null);
    if (rc == 0 && null)
        proto_buf_string(out, missing);
    else if (rc == 0)
        act_value_quote(proto_buf_bytes(&text), out);
    if (rc == 0 && (text.failed || out->failed))
        rc = s_refuse(self, "smaller");
    proto_buf_free(&text);
    return rc;
}

/* Each key of the map is a field, and there are no more of them than fields. */
static int s_check_keys(s_writer_t *self, const act_type_t *type, proto_bytes_t map)
{
    proto_reader_t reader = proto_reader(map);
    proto_value_t head, key;
    proto_bytes_t value;
    uint32_t fields = 0;
    if (proto_value_read(&reader, &head) < 0 || head.kind != PROTO_MAP)
        return s_refuse(self, "an object");
    for (const act_attribute_t *attribute = type->attributes; attribute; attribute = attribute->next)
        fields++;
    for (uint32_t i = 0; i < head.count; i++) {
        if (i == fields)
            return s_refuse(self, "an object with each field once");
        if (proto_value_read(&reader, &key) < 0 || key.kind != PROTO_STR ||
            proto_value_skip(&reader, &value) < 0)
            return s_refuse(self, "an object");
        const act_attribute_t *attribute = type->attributes;
        while (attribute && !proto_bytes_is(key.bytes, attribute->name))
            attribute = attribute->next;
        if (attribute)
            continue;
        bool shown = key.bytes.size <= S_NAME;
        proto_buf_printf(self->detail, "%s has no field %.*s", proto_buf_text(&self->path),
                         shown ? (int)key.bytes.size : 17,
                         shown ? (const char *)key.bytes.data : "of so long a name");
        return -1;
    }
    return 0;
}

static int s_composite(s_writer_t *self, const act_type_t *type, proto_bytes_t map, int depth,
                       proto_buf_t *out)
{
    size_t here = self->path.size;
    if (depth == S_DEPTH)
        return s_refuse(self, "nested at most 8 deep");
    if (s_check_keys(self, type, map) < 0)
        return -1;
    proto_buf_byte(out, '(');
    for (const act_attribute_t *field = type->attributes; field; field = field->next) {
        proto_bytes_t value;
        proto_buf_printf(&self->path, ".%s", field->name);
        if (proto_value_get(map, field->name, &value) == 0 &&
            s_part(self, act_types_base(self->types, field->oid), value, depth + 1, "", out) < 0)
            return -1;
        self->path.size = here;
        proto_buf_byte(out, field->next ? ',' : ')');
    }
    return 0;
}

/* An array of composites, or a further dimension of one. */
static int s_array(s_writer_t *self, const act_type_t *item, proto_bytes_t array, int dimension, int depth,
                   proto_buf_t *out)
{
    size_t here = self->path.size;
    proto_reader_t reader = proto_reader(array);
    proto_value_t head, first;
    if (proto_value_read(&reader, &head) < 0 || head.kind != PROTO_ARRAY)
        return s_refuse(self, "an array");
    if (dimension > S_DIMENSIONS)
        return s_refuse(self, "an array of at most six dimensions");
    proto_buf_byte(out, '{');
    for (uint32_t i = 0; i < head.count; i++) {
        proto_bytes_t value;
        proto_reader_t ahead = reader;
        if (proto_value_read(&ahead, &first) < 0 || proto_value_skip(&reader, &value) < 0)
            return s_refuse(self, "an array");
        proto_buf_string(out, i ? "," : "");
        proto_buf_printf(&self->path, "[%u]", i);
        int rc = first.kind == PROTO_ARRAY ? s_array(self, item, value, dimension + 1, depth, out)
                                           : s_part(self, item, value, depth, "NULL", out);
        if (rc < 0)
            return -1;
        self->path.size = here;
    }
    proto_buf_byte(out, '}');
    return 0;
}

/* A value of any other type is judged and written as a parameter of that type is. */
static int s_plain(s_writer_t *self, const act_type_t *type, proto_bytes_t value, proto_buf_t *out,
                   bool *null)
{
    bool array = type && type->kind == ACT_TYPE_ARRAY;
    const act_type_t *item = array ? act_types_base(self->types, type->element) : type;
    const proto_param_t param = {
        .name = proto_buf_text(&self->path),
        .array = array,
        .sql_type = type ? type->name : NULL,
        .data = item ? item->data : PROTO_DATA_OTHER,
        .values = item ? item->labels : NULL,
        .value_count = item ? item->label_count : 0,
    };
    if (proto_param_check(&param, value, self->detail) < 0)
        return -1;
    return act_value_to_text(&param, value, out, null) < 0 ? s_refuse(self, "of a form that its type takes")
                                                           : 0;
}

static int s_value(s_writer_t *self, const act_type_t *type, proto_bytes_t value, int depth, proto_buf_t *out,
                   bool *null)
{
    proto_reader_t reader = proto_reader(value);
    proto_value_t head;
    const act_type_t *item = s_item_type(self->types, type);
    *null = value.size == 0;
    if (*null)
        return 0;
    if (proto_value_read(&reader, &head) < 0)
        return s_refuse(self, "a value");
    *null = head.kind == PROTO_NIL;
    if (*null)
        return 0;
    if (item)
        return s_array(self, item, value, 1, depth, out);
    return s_is_composite(type) ? s_composite(self, type, value, depth, out)
                                : s_plain(self, type, value, out, null);
}

int act_composite_to_text(const act_types_t *types, const act_type_t *type, const char *name,
                          proto_bytes_t value, proto_buf_t *out, bool *null, proto_buf_t *detail)
{
    s_writer_t writer = {.types = types, .detail = detail};
    proto_buf_t text;
    proto_buf_init(&text, S_TEXT_BYTES);
    proto_buf_string(&writer.path, name);
    int rc = s_value(&writer, type, value, 0, &text, null);
    if (rc == 0 && text.failed)
        rc = s_refuse(&writer, "smaller");
    if (rc == 0)
        proto_buf_append(out, text.data, text.size);
    proto_buf_free(&writer.path);
    proto_buf_free(&text);
    return rc;
}
