/* SPDX-License-Identifier: MPL-2.0 */
/* Reading a published catalogue: everything in it came from a peer and is checked. Thread: any. */
#include "proto_catalogue.h"

enum { S_OPERATIONS = 10000, S_ITEMS = 1000 };

typedef struct s_decoder {
    proto_catalogue_t *catalogue;
    const char *wrong; /* what was wrong first; NULL: nothing yet */
} s_decoder_t;

static void s_wrong(s_decoder_t *self, const char *what)
{
    if (!self->wrong)
        self->wrong = what;
}

static const char *s_keep(s_decoder_t *self, proto_bytes_t text)
{
    if (text.size && memchr(text.data, '\0', text.size))
        s_wrong(self, "a text with NUL");
    return proto_arena_text(&self->catalogue->arena, text);
}

/* A text member; the fallback when it is missing. */
static const char *s_text(s_decoder_t *self, proto_bytes_t map, const char *key, const char *fallback)
{
    proto_bytes_t text = proto_value_get_str(map, key, "");
    return text.size ? s_keep(self, text) : fallback;
}

static const char *s_required_text(s_decoder_t *self, proto_bytes_t map, const char *key)
{
    const char *text = s_text(self, map, key, NULL);
    if (!text)
        s_wrong(self, "a name is missing");
    return text ? text : "";
}

/* Opens the array member `key`; 0 items when it is missing. */
static uint32_t s_list(s_decoder_t *self, proto_bytes_t map, const char *key, uint32_t most,
                       proto_reader_t *items)
{
    proto_bytes_t bytes;
    proto_value_t list;
    if (proto_value_get(map, key, &bytes) < 0)
        return 0;
    *items = proto_reader(bytes);
    if (proto_value_read(items, &list) < 0 || list.kind != PROTO_ARRAY || list.count > most) {
        s_wrong(self, "a list is none, or too long");
        return 0;
    }
    return list.count;
}

static proto_bytes_t s_item(s_decoder_t *self, proto_reader_t *items)
{
    proto_bytes_t item = {0};
    if (proto_value_skip(items, &item) < 0)
        s_wrong(self, "a list is cut short");
    return item;
}

/* The enumerator that a text names. */
static int s_enumerator(s_decoder_t *self, proto_bytes_t map, const char *key, int count,
                        const char *(*name)(int))
{
    proto_bytes_t text = proto_value_get_str(map, key, "");
    for (int i = 0; i < count; i++)
        if (proto_bytes_is(text, name(i)))
            return i;
    s_wrong(self, "an unknown enumerator");
    return 0;
}

static const char *s_source(int i)
{
    return proto_source_name((proto_source_t)i);
}

static const char *s_data(int i)
{
    return proto_data_name((proto_data_t)i);
}

static const char *s_tier(int i)
{
    return proto_tier_name((proto_tier_t)i);
}

static bool s_number(proto_bytes_t map, const char *key, double *number)
{
    proto_bytes_t bytes;
    proto_value_t value;
    if (proto_value_get(map, key, &bytes) < 0)
        return false;
    proto_reader_t reader = proto_reader(bytes);
    if (proto_value_read(&reader, &value) < 0)
        return false;
    if (value.kind == PROTO_FLOAT)
        *number = value.number;
    else if (value.kind == PROTO_INT)
        *number = (double)value.integer;
    else
        return false;
    return true;
}

static void s_values(s_decoder_t *self, proto_bytes_t map, proto_param_t *param)
{
    proto_reader_t items;
    uint32_t count = s_list(self, map, "values", S_ITEMS, &items);
    if (count == 0)
        return;
    const char **values = proto_arena_alloc(&self->catalogue->arena, count * sizeof *values);
    for (uint32_t i = 0; i < count; i++) {
        proto_bytes_t item = s_item(self, &items);
        proto_reader_t reader = proto_reader(item);
        proto_value_t value;
        values[i] = "";
        if (item.size && proto_value_read(&reader, &value) == 0 && value.kind == PROTO_STR)
            values[i] = s_keep(self, value.bytes);
        else
            s_wrong(self, "a listed value is no text");
    }
    param->values = values;
    param->value_count = count;
}

static void s_param(s_decoder_t *self, proto_bytes_t map, proto_param_t *param)
{
    proto_bytes_t value;
    param->name = s_required_text(self, map, "name");
    param->source = (proto_source_t)s_enumerator(self, map, "source", PROTO_SOURCE_COUNT, s_source);
    param->data = (proto_data_t)s_enumerator(self, map, "data", PROTO_DATA_COUNT, s_data);
    param->sql_type = s_text(self, map, "type", NULL);
    param->array = proto_value_get_int(map, "array", 0) != 0;
    param->required = proto_value_get_int(map, "required", 0) != 0;
    int64_t unit = proto_value_get_int(map, "unit", 0);
    if (unit < 0 || unit >= PROTO_UNIT_COUNT)
        s_wrong(self, "an unknown unit");
    else
        param->unit = (proto_unit_t)unit;
    param->has_min = s_number(map, "min", &param->min);
    param->has_max = s_number(map, "max", &param->max);
    if (proto_value_get(map, "default", &value) == 0)
        param->default_value = proto_arena_bytes(&self->catalogue->arena, value);
    s_values(self, map, param);
}

static void s_refusal(s_decoder_t *self, proto_bytes_t map, proto_refusal_t *refusal)
{
    int64_t status = proto_value_get_int(map, "status", 0);
    refusal->name = s_required_text(self, map, "name");
    refusal->text = s_text(self, map, "text", "");
    refusal->sqlstate = s_text(self, map, "sqlstate", NULL);
    refusal->constraint = s_text(self, map, "constraint", NULL);
    refusal->status = (int)status;
    if (status < 400 || status > 599)
        s_wrong(self, "the status of a refusal is none");
}

static void s_column(s_decoder_t *self, proto_bytes_t texts, proto_column_t *column)
{
    proto_reader_t reader = proto_reader(texts);
    proto_value_t head, name, type, step;
    if (texts.size == 0 || proto_value_read(&reader, &head) < 0 || head.kind != PROTO_ARRAY ||
        head.count != 3 || proto_value_read(&reader, &name) < 0 || name.kind != PROTO_STR ||
        proto_value_read(&reader, &type) < 0 || type.kind != PROTO_STR ||
        proto_value_read(&reader, &step) < 0 || step.kind != PROTO_STR) {
        s_wrong(self, "a column is not three texts");
        return;
    }
    column->name = s_keep(self, name.bytes);
    column->sql_type = s_keep(self, type.bytes);
    column->step = s_keep(self, step.bytes);
}

static void s_lists(s_decoder_t *self, proto_bytes_t map, proto_operation_t *operation)
{
    proto_arena_t *arena = &self->catalogue->arena;
    proto_reader_t items;
    operation->param_count = s_list(self, map, "params", S_ITEMS, &items);
    operation->params = proto_arena_alloc(arena, operation->param_count * sizeof *operation->params);
    for (uint32_t i = 0; i < operation->param_count; i++)
        s_param(self, s_item(self, &items), &operation->params[i]);
    operation->refusal_count = s_list(self, map, "refusals", S_ITEMS, &items);
    operation->refusals = proto_arena_alloc(arena, operation->refusal_count * sizeof *operation->refusals);
    for (uint32_t i = 0; i < operation->refusal_count; i++)
        s_refusal(self, s_item(self, &items), &operation->refusals[i]);
    operation->column_count = s_list(self, map, "columns", S_ITEMS * 2, &items);
    operation->columns = proto_arena_alloc(arena, operation->column_count * sizeof *operation->columns);
    for (uint32_t i = 0; i < operation->column_count; i++) {
        operation->columns[i] = (proto_column_t){"", "", ""};
        s_column(self, s_item(self, &items), &operation->columns[i]);
    }
}

static uint64_t s_unsigned(proto_bytes_t map, const char *key)
{
    proto_bytes_t bytes;
    proto_value_t value;
    if (proto_value_get(map, key, &bytes) < 0)
        return 0;
    proto_reader_t reader = proto_reader(bytes);
    if (proto_value_read(&reader, &value) < 0)
        return 0;
    if (value.kind == PROTO_UINT)
        return value.unsigned_integer;
    return value.kind == PROTO_INT && value.integer > 0 ? (uint64_t)value.integer : 0;
}

static void s_auth(s_decoder_t *self, proto_bytes_t map, proto_operation_t *operation)
{
    proto_bytes_t role;
    if (proto_auth_parse(proto_value_get_str(map, "auth", ""), &operation->auth, &role) < 0)
        s_wrong(self, "an unknown enumerator");
    else if (role.size)
        operation->role = proto_arena_text(&self->catalogue->arena, role);
}

static void s_operation(s_decoder_t *self, proto_bytes_t map, proto_operation_t *operation)
{
    operation->hash = s_unsigned(map, "hash");
    operation->name = s_required_text(self, map, "name");
    operation->service = s_required_text(self, map, "service");
    operation->summary = s_text(self, map, "summary", "");
    operation->returns = s_text(self, map, "returns", "none");
    operation->method = s_text(self, map, "method", NULL);
    operation->path = s_text(self, map, "path", NULL);
    operation->location = s_text(self, map, "location", NULL);
    operation->tier = (proto_tier_t)s_enumerator(self, map, "tier", PROTO_TIER_COUNT, s_tier);
    s_auth(self, map, operation);
    int64_t flags = proto_value_get_int(map, "flags", 0) | proto_value_get_int(map, "deprecated", 0);
    int64_t status = proto_value_get_int(map, "status", 200);
    int64_t timeout = proto_value_get_int(map, "timeout_ms", 0);
    operation->flags = (uint32_t)flags & PROTO_OP_ALL;
    operation->status = (int)status;
    operation->timeout_ms = (uint32_t)timeout;
    if (operation->hash == 0)
        s_wrong(self, "an operation has no hash");
    if (status < 200 || status > 299)
        s_wrong(self, "the status of an operation is none of success");
    if (timeout < 1 || timeout > 86400000)
        s_wrong(self, "a timeout lies outside 1 ms to a day");
    if (!operation->method != !operation->path || (operation->path && operation->path[0] != '/'))
        s_wrong(self, "an endpoint is not a method with a path");
    s_lists(self, map, operation);
}

int proto_catalogue_decode(proto_bytes_t map, proto_catalogue_t **self_pointer, proto_buf_t *why)
{
    s_decoder_t decoder = {.catalogue = proto_catalogue_new()};
    proto_catalogue_t *self = decoder.catalogue;
    proto_bytes_t operations = {0};
    proto_reader_t items;
    if (proto_value_check(map) < 0 || proto_value_get(map, "operations", &operations) < 0) {
        s_wrong(&decoder, "it is no map with operations");
    } else {
        self->generation = s_unsigned(map, "generation");
        self->hash = proto_hash(PROTO_HASH_SEED, operations.data, operations.size);
        self->operation_count = s_list(&decoder, map, "operations", S_OPERATIONS, &items);
        self->operations = proto_arena_alloc(&self->arena, self->operation_count * sizeof *self->operations);
        for (uint32_t i = 0; i < self->operation_count && !decoder.wrong; i++)
            s_operation(&decoder, s_item(&decoder, &items), &self->operations[i]);
    }
    if (decoder.wrong) {
        if (why)
            proto_buf_printf(why, "the catalogue is malformed: %s", decoder.wrong);
        proto_catalogue_free(&self);
    }
    *self_pointer = self;
    return self ? 0 : -1;
}
