/* SPDX-License-Identifier: MPL-2.0 */
/* Judging argument values. Thread: any. */
#include "proto_param.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto_json.h"
#include "proto_param_form.h"

static int s_refuse(const proto_param_t *param, proto_buf_t *detail, const char *what)
{
    proto_buf_printf(detail, "%s must be %s", param->name, what);
    return -1;
}

/* PostgreSQL's text and jsonb cannot hold NUL, wherever in a value it hides. */
static bool s_has_nul(proto_bytes_t bytes)
{
    proto_reader_t reader = proto_reader(bytes);
    proto_value_t value;
    while (reader.at < reader.end) {
        if (proto_value_read(&reader, &value) < 0)
            return true;
        if (value.kind == PROTO_STR && value.bytes.size && memchr(value.bytes.data, '\0', value.bytes.size))
            return true;
    }
    return false;
}

static bool s_listed(const proto_param_t *param, proto_bytes_t text)
{
    for (uint32_t i = 0; i < param->value_count; i++)
        if (proto_bytes_is(text, param->values[i]))
            return true;
    return false;
}

/* Refuses what is not listed; a number or a truth value is looked for by its text. */
static int s_check_listed(const proto_param_t *param, const proto_value_t *value, proto_buf_t *detail)
{
    char text[32] = "";
    if (value->kind == PROTO_INT)
        snprintf(text, sizeof text, "%lld", (long long)value->integer);
    else if (value->kind == PROTO_FLOAT)
        snprintf(text, sizeof text, "%.15g", value->number);
    else if (value->kind == PROTO_BOOL)
        snprintf(text, sizeof text, "%s", value->boolean ? "true" : "false");
    bool bytes = value->kind == PROTO_STR || value->kind == PROTO_DECIMAL;
    if (!param->values || s_listed(param, bytes ? value->bytes : proto_bytes_of(text)))
        return 0;
    proto_buf_printf(detail, "%s must be one of ", param->name);
    for (uint32_t i = 0; i < param->value_count; i++)
        proto_buf_printf(detail, "%s%s", i ? ", " : "", param->values[i]);
    return -1;
}

static int s_check_bounds(const proto_param_t *param, double number, proto_buf_t *detail)
{
    static const char *const units[] = {"", " characters", " items"};
    static const char *const verbs[] = {"be", "have", "have"};
    bool low = param->has_min && !(number >= param->min);
    bool high = param->has_max && !(number <= param->max);
    if (!low && !high)
        return 0;
    double bound = low ? param->min : param->max;
    const char *unit = units[param->unit];
    if (bound == 1 && param->unit != PROTO_UNIT_VALUE)
        unit = param->unit == PROTO_UNIT_CHARS ? " character" : " item";
    proto_buf_printf(detail, "%s must %s at %s %.15g%s", param->name, verbs[param->unit],
                     low ? "least" : "most", bound, unit);
    return -1;
}

static int s_check_integer(const proto_param_t *param, const proto_value_t *value, int64_t least,
                           int64_t most, proto_buf_t *detail)
{
    if (value->kind != PROTO_INT && value->kind != PROTO_UINT)
        return s_refuse(param, detail, "an integer");
    if (value->kind == PROTO_UINT || value->integer < least || value->integer > most) {
        proto_buf_printf(detail, "%s must lie between %lld and %lld", param->name, (long long)least,
                         (long long)most);
        return -1;
    }
    return param->unit == PROTO_UNIT_VALUE ? s_check_bounds(param, (double)value->integer, detail) : 0;
}

/* The number in a decimal's text; long ones are cut, which bounds do not notice. */
static double s_decimal(proto_bytes_t text)
{
    char digits[512];
    size_t size = text.size < sizeof digits ? text.size : sizeof digits - 1;
    memcpy(digits, text.data, size);
    digits[size] = '\0';
    if (size == text.size)
        return strtod(digits, NULL);
    char *copy = strndup((const char *)text.data, text.size);
    PROTO_ASSERT(copy != NULL);
    double number = strtod(copy, NULL);
    free(copy);
    return number;
}

static int s_check_number(const proto_param_t *param, const proto_value_t *value, proto_buf_t *detail)
{
    double number;
    switch (value->kind) {
    case PROTO_INT:
        number = (double)value->integer;
        break;
    case PROTO_UINT:
        number = (double)value->unsigned_integer;
        break;
    case PROTO_FLOAT:
        number = value->number;
        break;
    case PROTO_DECIMAL:
        number = s_decimal(value->bytes);
        break;
    case PROTO_STR: /* JSON has no other way to write these */
        if (!proto_bytes_is(value->bytes, "NaN") && !proto_bytes_is(value->bytes, "Infinity") &&
            !proto_bytes_is(value->bytes, "-Infinity"))
            return s_refuse(param, detail, "a number");
        number = value->bytes.data[0] == 'N' ? NAN : value->bytes.data[0] == '-' ? -INFINITY : INFINITY;
        break;
    default:
        return s_refuse(param, detail, "a number");
    }
    if (param->data == PROTO_DATA_FLOAT8 && value->kind == PROTO_DECIMAL && isinf(number))
        return s_refuse(param, detail, "a number that fits 64 bits");
    return param->unit == PROTO_UNIT_VALUE ? s_check_bounds(param, number, detail) : 0;
}

static size_t s_characters(proto_bytes_t text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += (text.data[i] & 0xc0) != 0x80;
    return count;
}

static int s_check_text(const proto_param_t *param, const proto_value_t *value, proto_buf_t *detail)
{
    if (value->kind != PROTO_STR)
        return s_refuse(param, detail, "a text");
    if (value->bytes.size && memchr(value->bytes.data, '\0', value->bytes.size)) {
        proto_buf_printf(detail, "%s must not hold the character U+0000", param->name);
        return -1;
    }
    if (param->unit == PROTO_UNIT_CHARS)
        return s_check_bounds(param, (double)s_characters(value->bytes), detail);
    return 0;
}

static int s_check_form(const proto_param_t *param, const proto_value_t *value, bool (*form)(proto_bytes_t),
                        const char *what, proto_buf_t *detail)
{
    return value->kind == PROTO_STR && form(value->bytes) ? 0 : s_refuse(param, detail, what);
}

static int s_check_timestamptz(const proto_param_t *param, const proto_value_t *value, proto_buf_t *detail)
{
    int64_t seconds;
    uint32_t nanoseconds;
    if (value->kind == PROTO_TIMESTAMP)
        return 0;
    if (value->kind == PROTO_STR &&
        (proto_bytes_is(value->bytes, "infinity") || proto_bytes_is(value->bytes, "-infinity") ||
         proto_json_timestamp_parse(value->bytes, &seconds, &nanoseconds) == 0))
        return 0;
    return s_refuse(param, detail, "a date-time with its zone, as 2026-01-31T12:00:00Z");
}

static int s_check_bytea(const proto_param_t *param, const proto_value_t *value, proto_buf_t *detail)
{
    proto_buf_t bytes = PROTO_BUF_INIT;
    int rc = value->kind == PROTO_BIN ? 0 : -1;
    if (value->kind == PROTO_STR)
        rc = proto_base64_decode(&bytes, value->bytes);
    proto_buf_free(&bytes);
    return rc < 0 ? s_refuse(param, detail, "bytes in base64") : 0;
}

/* A type without rules of its own: PostgreSQL judges its text. */
static int s_check_other(const proto_param_t *param, const proto_value_t *value, proto_buf_t *detail)
{
    switch (value->kind) {
    case PROTO_STR:
        return s_check_text(param, value, detail);
    case PROTO_BOOL:
    case PROTO_INT:
    case PROTO_UINT:
    case PROTO_FLOAT:
    case PROTO_DECIMAL:
        return 0;
    default:
        return s_refuse(param, detail, "a text");
    }
}

static int s_check_type(const proto_param_t *param, const proto_value_t *value, proto_buf_t *detail)
{
    switch (param->data) {
    case PROTO_DATA_BOOL:
        return value->kind == PROTO_BOOL ? 0 : s_refuse(param, detail, "true or false");
    case PROTO_DATA_INT2:
        return s_check_integer(param, value, INT16_MIN, INT16_MAX, detail);
    case PROTO_DATA_INT4:
        return s_check_integer(param, value, INT32_MIN, INT32_MAX, detail);
    case PROTO_DATA_INT8:
        return s_check_integer(param, value, INT64_MIN, INT64_MAX, detail);
    case PROTO_DATA_FLOAT4:
    case PROTO_DATA_FLOAT8:
    case PROTO_DATA_NUMERIC:
        return s_check_number(param, value, detail);
    case PROTO_DATA_TEXT:
    case PROTO_DATA_ENUM:
        return s_check_text(param, value, detail);
    case PROTO_DATA_TIMESTAMPTZ:
        return s_check_timestamptz(param, value, detail);
    case PROTO_DATA_TIMESTAMP:
        return s_check_form(param, value, proto_form_timestamp, "a date-time, as 2026-01-31T12:00:00",
                            detail);
    case PROTO_DATA_DATE:
        return s_check_form(param, value, proto_form_date, "a date, as 2026-01-31", detail);
    case PROTO_DATA_TIME:
        return s_check_form(param, value, proto_form_time, "a time of day, as 23:59:59", detail);
    case PROTO_DATA_UUID:
        return s_check_form(param, value, proto_form_uuid, "a UUID", detail);
    case PROTO_DATA_BYTEA:
        return s_check_bytea(param, value, detail);
    case PROTO_DATA_COMPOSITE:
        return value->kind == PROTO_MAP ? 0 : s_refuse(param, detail, "an object");
    default:
        return s_check_other(param, value, detail);
    }
}

static int s_check_scalar(const proto_param_t *param, const proto_value_t *value, proto_buf_t *detail)
{
    return s_check_type(param, value, detail) < 0 ? -1 : s_check_listed(param, value, detail);
}

static int s_check_json(const proto_param_t *param, proto_bytes_t value, proto_buf_t *detail)
{
    if (!s_has_nul(value))
        return 0;
    proto_buf_printf(detail, "%s must not hold the character U+0000", param->name);
    return -1;
}

/* One item of an array: a value, NULL, or a further dimension. */
static int s_check_item(const proto_param_t *param, proto_reader_t *reader, int depth, proto_buf_t *detail)
{
    proto_value_t value;
    proto_bytes_t bytes;
    if (param->data == PROTO_DATA_JSON) {
        if (proto_value_skip(reader, &bytes) < 0)
            return s_refuse(param, detail, "an array");
        return s_check_json(param, bytes, detail);
    }
    proto_reader_t before = *reader;
    if (proto_value_read(reader, &value) < 0)
        return s_refuse(param, detail, "an array");
    if (value.kind == PROTO_NIL)
        return 0;
    if (value.kind == PROTO_MAP && param->data == PROTO_DATA_COMPOSITE) {
        *reader = before;
        return proto_value_skip(reader, &bytes) < 0 ? s_refuse(param, detail, "an array") : 0;
    }
    if (value.kind != PROTO_ARRAY)
        return s_check_scalar(param, &value, detail);
    if (depth == 6) /* PostgreSQL's MAXDIM */
        return s_refuse(param, detail, "an array of at most six dimensions");
    for (uint32_t i = 0; i < value.count; i++)
        if (s_check_item(param, reader, depth + 1, detail) < 0)
            return -1;
    return 0;
}

static int s_check_array(const proto_param_t *param, proto_bytes_t bytes, proto_buf_t *detail)
{
    proto_reader_t reader = proto_reader(bytes);
    proto_value_t head;
    if (proto_value_read(&reader, &head) < 0 || head.kind != PROTO_ARRAY)
        return s_refuse(param, detail, "an array");
    if (param->unit == PROTO_UNIT_ITEMS && s_check_bounds(param, head.count, detail) < 0)
        return -1;
    for (uint32_t i = 0; i < head.count; i++)
        if (s_check_item(param, &reader, 1, detail) < 0)
            return -1;
    return 0;
}

int proto_param_check(const proto_param_t *param, proto_bytes_t bytes, proto_buf_t *detail)
{
    proto_reader_t reader = proto_reader(bytes);
    proto_value_t value;
    if (proto_value_read(&reader, &value) < 0)
        return s_refuse(param, detail, "a value");
    bool json = param->data == PROTO_DATA_JSON && !param->array;
    if (value.kind == PROTO_NIL && !json) {
        if (!param->required)
            return 0;
        proto_buf_printf(detail, "%s must not be null", param->name);
        return -1;
    }
    if (param->array)
        return s_check_array(param, bytes, detail);
    return json ? s_check_json(param, bytes, detail) : s_check_scalar(param, &value, detail);
}

static const proto_param_t *s_find(const proto_operation_t *operation, proto_bytes_t name, uint32_t *index)
{
    for (uint32_t i = 0; i < operation->param_count; i++) {
        if (proto_bytes_is(name, operation->params[i].name)) {
            *index = i;
            return &operation->params[i];
        }
    }
    return NULL;
}

static bool s_server_filled(const proto_param_t *param)
{
    return param->source >= PROTO_SOURCE_AUTH_SUB;
}

/* Takes the arguments of the map; what is missing is looked at afterwards. */
static int s_take_arguments(const proto_operation_t *operation, proto_bytes_t arguments,
                            proto_bytes_t *values, proto_buf_t *detail)
{
    proto_reader_t reader = proto_reader(arguments);
    proto_value_t map, key;
    uint32_t index = 0;
    if (proto_value_read(&reader, &map) < 0 || map.kind != PROTO_MAP) {
        proto_buf_string(detail, "the arguments must be a map");
        return -1;
    }
    for (uint32_t i = 0; i < map.count; i++) {
        proto_bytes_t value;
        if (proto_value_read(&reader, &key) < 0 || proto_value_skip(&reader, &value) < 0) {
            proto_buf_string(detail, "the arguments are malformed");
            return -1;
        }
        const proto_param_t *param = key.kind == PROTO_STR ? s_find(operation, key.bytes, &index) : NULL;
        if (!param || s_server_filled(param))
            continue;
        if (proto_param_check(param, value, detail) < 0)
            return -1;
        values[index] = value;
    }
    return 0;
}

int proto_param_bind_given(const proto_operation_t *operation, proto_bytes_t arguments, proto_bytes_t *values,
                           bool *given, proto_buf_t *detail)
{
    for (uint32_t i = 0; i < operation->param_count; i++)
        values[i] = (proto_bytes_t){0};
    if (s_take_arguments(operation, arguments, values, detail) < 0)
        return -1;
    for (uint32_t i = 0; i < operation->param_count; i++) {
        const proto_param_t *param = &operation->params[i];
        if (given)
            given[i] = values[i].size > 0;
        if (values[i].size || s_server_filled(param))
            continue;
        if (param->required) {
            proto_buf_printf(detail, "%s is required", param->name);
            return -1;
        }
        values[i] = param->default_value;
    }
    return 0;
}

int proto_param_bind(const proto_operation_t *operation, proto_bytes_t arguments, proto_bytes_t *values,
                     proto_buf_t *detail)
{
    return proto_param_bind_given(operation, arguments, values, NULL, detail);
}
