/* SPDX-License-Identifier: MPL-2.0 */
/* Schemas of parameters and columns. Thread: any. */
#include "gw_schema.h"

#include <math.h>

#include "proto_param.h"

/* What a type looks like in JSON. */
typedef struct s_look {
    const char *type;     /* NULL: any value */
    const char *format;   /* NULL: none */
    const char *encoding; /* contentEncoding; NULL: none */
    const char *example;  /* of strings */
} s_look_t;

static const s_look_t s_any = {0};
static const s_look_t s_text = {.type = "string", .example = "string"};
static const s_look_t s_bytes = {.type = "string", .encoding = "base64", .example = "AP8Q"};
static const s_look_t s_timestamptz = {
    .type = "string", .format = "date-time", .example = "2026-01-31T12:00:00Z"};
static const s_look_t s_timestamp = {.type = "string", .example = "2026-01-31 12:00:00"};
static const s_look_t s_date = {.type = "string", .format = "date", .example = "2026-01-31"};
static const s_look_t s_time = {.type = "string", .example = "12:00:00"};
static const s_look_t s_uuid = {
    .type = "string", .format = "uuid", .example = "3fa85f64-5717-4562-b3fc-2c963f66afa6"};
static const s_look_t s_bool = {.type = "boolean"};
static const s_look_t s_int32 = {.type = "integer", .format = "int32"};
static const s_look_t s_int64 = {.type = "integer", .format = "int64"};
static const s_look_t s_float = {.type = "number", .format = "float"};
static const s_look_t s_double = {.type = "number", .format = "double"};
static const s_look_t s_object = {.type = "object"};
static const s_look_t s_number = {.type = "number"};

static const s_look_t *s_look_of_data(proto_data_t data)
{
    static const s_look_t *const looks[PROTO_DATA_COUNT] = {
        [PROTO_DATA_OTHER] = &s_text,
        [PROTO_DATA_BOOL] = &s_bool,
        [PROTO_DATA_INT2] = &s_int32,
        [PROTO_DATA_INT4] = &s_int32,
        [PROTO_DATA_INT8] = &s_int64,
        [PROTO_DATA_FLOAT4] = &s_float,
        [PROTO_DATA_FLOAT8] = &s_double,
        [PROTO_DATA_NUMERIC] = &s_number,
        [PROTO_DATA_TEXT] = &s_text,
        [PROTO_DATA_JSON] = &s_any,
        [PROTO_DATA_TIMESTAMPTZ] = &s_timestamptz,
        [PROTO_DATA_TIMESTAMP] = &s_timestamp,
        [PROTO_DATA_DATE] = &s_date,
        [PROTO_DATA_TIME] = &s_time,
        [PROTO_DATA_UUID] = &s_uuid,
        [PROTO_DATA_BYTEA] = &s_bytes,
        [PROTO_DATA_ENUM] = &s_text,
        [PROTO_DATA_COMPOSITE] = &s_object,
    };
    return data < PROTO_DATA_COUNT ? looks[data] : &s_any;
}

static const struct {
    const char *name;
    const s_look_t *look;
} s_types[] = {
    {"boolean", &s_bool},
    {"smallint", &s_int32},
    {"integer", &s_int32},
    {"bigint", &s_int64},
    {"oid", &s_int64},
    {"real", &s_float},
    {"double precision", &s_double},
    {"numeric", &s_number},
    {"text", &s_text},
    {"character varying", &s_text},
    {"character", &s_text},
    {"bpchar", &s_text},
    {"\"char\"", &s_text},
    {"name", &s_text},
    {"citext", &s_text},
    {"uuid", &s_uuid},
    {"timestamp with time zone", &s_timestamptz},
    {"timestamp without time zone", &s_timestamp},
    {"date", &s_date},
    {"time without time zone", &s_time},
    {"time with time zone", &s_time},
    {"interval", &s_text},
    {"bytea", &s_bytes},
    {"inet", &s_text},
    {"cidr", &s_text},
    {"macaddr", &s_text},
    {"xml", &s_text},
    {"tsvector", &s_text},
};

/* Whether PostgreSQL's "numeric(8,2)" or "timestamp(3) with time zone" is `name`, modifiers not counted. */
static bool s_is_type(proto_bytes_t text, const char *name)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '(') {
            const uint8_t *close = memchr(text.data + i, ')', text.size - i);
            if (!close)
                return false;
            i = (size_t)(close - text.data);
        } else if (*name != (char)text.data[i]) {
            return false;
        } else {
            name++;
        }
    }
    return *name == '\0';
}

static const s_look_t *s_look_of_type(proto_bytes_t name)
{
    for (size_t i = 0; i < sizeof s_types / sizeof *s_types; i++)
        if (s_is_type(name, s_types[i].name))
            return s_types[i].look;
    return &s_any; /* json, composites, and what is an enum or a domain: their names say nothing */
}

static void s_write_type(gw_tree_t *tree, const char *type, bool nullable)
{
    if (!nullable) {
        gw_tree_text(tree, "type", type);
        return;
    }
    gw_tree_array(tree, "type");
    gw_tree_text(tree, NULL, type);
    gw_tree_text(tree, NULL, "null");
    gw_tree_end(tree);
}

static void s_write_look(gw_tree_t *tree, const s_look_t *look, bool nullable)
{
    if (look->type)
        s_write_type(tree, look->type, nullable);
    if (look->format)
        gw_tree_text(tree, "format", look->format);
    if (look->encoding)
        gw_tree_text(tree, "contentEncoding", look->encoding);
}

static bool s_is_integer(const proto_param_t *param)
{
    return param->data == PROTO_DATA_INT2 || param->data == PROTO_DATA_INT4 || param->data == PROTO_DATA_INT8;
}

static bool s_is_number(const proto_param_t *param)
{
    return s_is_integer(param) || param->data == PROTO_DATA_FLOAT4 || param->data == PROTO_DATA_FLOAT8 ||
           param->data == PROTO_DATA_NUMERIC;
}

static bool s_has_values(const proto_param_t *param)
{
    return param->values && param->value_count &&
           (param->data == PROTO_DATA_TEXT || param->data == PROTO_DATA_ENUM);
}

static bool s_has_chars(const proto_param_t *param)
{
    return param->unit == PROTO_UNIT_CHARS &&
           (param->data == PROTO_DATA_TEXT || param->data == PROTO_DATA_ENUM ||
            param->data == PROTO_DATA_OTHER);
}

/* The bounds of a number: its own, and those of its type. */
static void s_range(const proto_param_t *param, double *least, double *most)
{
    *least = param->data == PROTO_DATA_INT2   ? -32768
             : param->data == PROTO_DATA_INT4 ? -2147483648.0
                                              : -INFINITY;
    *most = param->data == PROTO_DATA_INT2 ? 32767 : param->data == PROTO_DATA_INT4 ? 2147483647.0 : INFINITY;
    if (param->unit != PROTO_UNIT_VALUE)
        return;
    if (param->has_min && param->min > *least)
        *least = param->min;
    if (param->has_max && param->max < *most)
        *most = param->max;
}

static void s_write_values(gw_tree_t *tree, const proto_param_t *param, bool nullable)
{
    gw_tree_array(tree, "enum");
    for (uint32_t i = 0; i < param->value_count; i++)
        gw_tree_text(tree, NULL, param->values[i]);
    if (nullable)
        gw_tree_null(tree, NULL);
    gw_tree_end(tree);
}

/* What holds for each value, or for each item of an array. */
static void s_write_rules(gw_tree_t *tree, const proto_param_t *param, bool nullable)
{
    double least, most;
    s_range(param, &least, &most);
    if (s_is_number(param) && isfinite(least))
        gw_tree_number(tree, "minimum", least);
    if (s_is_number(param) && isfinite(most))
        gw_tree_number(tree, "maximum", most);
    if (s_has_chars(param) && param->has_min && param->min > 0)
        gw_tree_number(tree, "minLength", ceil(param->min));
    if (s_has_chars(param) && param->has_max && param->max >= 0)
        gw_tree_number(tree, "maxLength", floor(param->max));
    if (s_has_values(param))
        s_write_values(tree, param, nullable);
}

static bool s_in_json(const proto_param_t *param)
{
    return param->source == PROTO_SOURCE_BODY || param->source == PROTO_SOURCE_WHOLE;
}

static void s_write_array(gw_tree_t *tree, const proto_param_t *param, bool nullable)
{
    bool json = s_in_json(param);
    s_write_type(tree, "array", nullable);
    gw_tree_object(tree, "items");
    s_write_look(tree, s_look_of_data(param->data), json);
    s_write_rules(tree, param, json);
    gw_tree_end(tree);
    if (param->unit == PROTO_UNIT_ITEMS && param->has_min && param->min > 0)
        gw_tree_number(tree, "minItems", ceil(param->min));
    if (param->unit == PROTO_UNIT_ITEMS && param->has_max && param->max >= 0)
        gw_tree_number(tree, "maxItems", floor(param->max));
}

/* OpenAPI 3.1 has the octets of a binary string counted by maxLength, as characters are. */
static void s_write_file_size(gw_tree_t *tree, const proto_param_t *param)
{
    if (param->unit != PROTO_UNIT_BYTES || !param->has_max)
        return;
    proto_buf_t text = PROTO_BUF_INIT;
    proto_buf_string(&text, "At most ");
    proto_param_size(param->max, &text);
    gw_tree_text(tree, "description", proto_buf_text(&text));
    proto_buf_free(&text);
    if (param->has_min && param->min > 0)
        gw_tree_number(tree, "minLength", ceil(param->min));
    gw_tree_number(tree, "maxLength", floor(param->max));
}

void gw_schema_param(gw_tree_t *tree, const char *key, const proto_param_t *param)
{
    bool nullable = s_in_json(param) && !param->required;
    gw_tree_object(tree, key);
    if (param->source == PROTO_SOURCE_FILE) {
        gw_tree_text(tree, "type", "string");
        gw_tree_text(tree, "contentMediaType", "application/octet-stream");
        s_write_file_size(tree, param);
    } else if (param->array) {
        s_write_array(tree, param, nullable);
    } else {
        s_write_look(tree, s_look_of_data(param->data), nullable);
        s_write_rules(tree, param, nullable);
    }
    if (!param->required && param->default_value.size)
        gw_tree_value(tree, "default", param->default_value);
    gw_tree_end(tree);
}

static void s_number_example(gw_tree_t *tree, const char *key, const proto_param_t *param)
{
    double least, most;
    s_range(param, &least, &most);
    bool whole = s_is_integer(param);
    double value = 1;
    if (value < least)
        value = whole ? ceil(least) : least;
    if (value > most)
        value = whole ? floor(most) : most;
    gw_tree_number(tree, key, value);
}

/* "string", cut or repeated until it has a length that is allowed. */
static void s_text_example(gw_tree_t *tree, const char *key, const proto_param_t *param, const char *example)
{
    enum { S_MOST = 256 };
    char text[S_MOST];
    size_t size = strlen(example), all = size;
    if (s_has_chars(param) && param->has_min && param->min > (double)size)
        size = param->min < S_MOST ? (size_t)ceil(param->min) : S_MOST;
    if (s_has_chars(param) && param->has_max && param->max < (double)size)
        size = param->max > 0 ? (size_t)param->max : 0;
    for (size_t i = 0; i < size; i++)
        text[i] = example[i % all];
    gw_tree_bytes(tree, key, (proto_bytes_t){(const uint8_t *)text, size});
}

static void s_scalar_example(gw_tree_t *tree, const char *key, const proto_param_t *param)
{
    const s_look_t *look = s_look_of_data(param->data);
    if (s_has_values(param))
        gw_tree_text(tree, key, param->values[0]);
    else if (s_is_number(param))
        s_number_example(tree, key, param);
    else if (param->data == PROTO_DATA_BOOL)
        gw_tree_bool(tree, key, true);
    else if (look->example)
        s_text_example(tree, key, param, look->example);
    else { /* an object, or any JSON */
        gw_tree_object(tree, key);
        gw_tree_end(tree);
    }
}

void gw_schema_param_example(gw_tree_t *tree, const char *key, const proto_param_t *param)
{
    if (!param->required && param->default_value.size) {
        gw_tree_value(tree, key, param->default_value);
    } else if (param->array) {
        bool bounded = param->unit == PROTO_UNIT_ITEMS;
        double items = bounded && param->has_min && param->min > 1 ? ceil(param->min) : 1;
        items = bounded && param->has_max && param->max < items ? floor(param->max) : items;
        gw_tree_array(tree, key);
        for (int i = 0; i < items && i < 16; i++)
            s_scalar_example(tree, NULL, param);
        gw_tree_end(tree);
    } else {
        s_scalar_example(tree, key, param);
    }
}

/* Cuts "[]" off a type's name. */
static bool s_is_array(proto_bytes_t *name)
{
    if (name->size < 2 || memcmp(name->data + name->size - 2, "[]", 2) != 0)
        return false;
    name->size -= 2;
    return true;
}

void gw_schema_column(gw_tree_t *tree, const char *key, const char *sql_type)
{
    proto_bytes_t name = proto_bytes_of(sql_type ? sql_type : "");
    bool array = s_is_array(&name);
    gw_tree_object(tree, key);
    if (array) {
        s_write_type(tree, "array", true);
        gw_tree_object(tree, "items");
    }
    s_write_look(tree, s_look_of_type(name), true);
    if (array)
        gw_tree_end(tree);
    gw_tree_end(tree);
}

void gw_schema_column_example(gw_tree_t *tree, const char *key, const char *sql_type)
{
    proto_bytes_t name = proto_bytes_of(sql_type ? sql_type : "");
    bool array = s_is_array(&name);
    const s_look_t *look = s_look_of_type(name);
    if (array) {
        gw_tree_array(tree, key);
        key = NULL;
    }
    if (look == &s_any)
        gw_tree_null(tree, key);
    else if (look == &s_bool)
        gw_tree_bool(tree, key, true);
    else if (look->example)
        gw_tree_text(tree, key, look->example);
    else
        gw_tree_int(tree, key, 1);
    if (array)
        gw_tree_end(tree);
}
