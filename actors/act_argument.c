/* SPDX-License-Identifier: MPL-2.0 */
/* Arguments to PostgreSQL's text format. Thread: the actor's. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "act_value.h"
#include "proto_json.h"

static void s_hex(proto_bytes_t bytes, proto_buf_t *out)
{
    static const char digits[] = "0123456789abcdef";
    proto_buf_string(out, "\\x");
    uint8_t *to = proto_buf_extend(out, 2 * bytes.size); /* at once: files are large */
    for (size_t i = 0; to && i < bytes.size; i++) {
        *to++ = (uint8_t)digits[bytes.data[i] >> 4];
        *to++ = (uint8_t)digits[bytes.data[i] & 15];
    }
}

static int s_base64(proto_bytes_t text, proto_buf_t *out)
{
    proto_buf_t bytes = PROTO_BUF_INIT;
    int rc = proto_base64_decode(&bytes, text);
    if (rc == 0)
        s_hex(proto_buf_bytes(&bytes), out);
    proto_buf_free(&bytes);
    return rc;
}

/* The fewest digits that read back the same: a numeric parameter takes them literally. */
static void s_shortest(double number, proto_buf_t *out)
{
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    proto_buf_string(out, text);
}

static void s_float(double number, proto_buf_t *out)
{
    if (isnan(number))
        proto_buf_string(out, "NaN");
    else if (isinf(number))
        proto_buf_string(out, number < 0 ? "-Infinity" : "Infinity");
    else
        s_shortest(number, out);
}

static int s_scalar(const proto_param_t *param, const proto_value_t *value, proto_buf_t *out)
{
    switch (value->kind) {
    case PROTO_BOOL:
        proto_buf_string(out, value->boolean ? "t" : "f");
        return 0;
    case PROTO_INT:
        proto_buf_printf(out, "%lld", (long long)value->integer);
        return 0;
    case PROTO_UINT:
        proto_buf_printf(out, "%llu", (unsigned long long)value->unsigned_integer);
        return 0;
    case PROTO_FLOAT:
        s_float(value->number, out);
        return 0;
    case PROTO_TIMESTAMP:
        proto_json_timestamp(out, value->time.seconds, value->time.nanoseconds);
        return 0;
    case PROTO_BIN:
        s_hex(value->bytes, out);
        return 0;
    case PROTO_STR:
        if (param->data == PROTO_DATA_BYTEA)
            return s_base64(value->bytes, out);
        proto_buf_append(out, value->bytes.data, value->bytes.size);
        return 0;
    case PROTO_DECIMAL:
        proto_buf_append(out, value->bytes.data, value->bytes.size);
        return 0;
    default:
        return -1;
    }
}

/* Always in quotes, which is allowed and spares looking for what must be. */
void act_value_quote(proto_bytes_t text, proto_buf_t *out)
{
    proto_buf_byte(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            proto_buf_byte(out, '\\');
        proto_buf_byte(out, text.data[i]);
    }
    proto_buf_byte(out, '"');
}

static int s_item(const proto_param_t *param, proto_reader_t *reader, proto_buf_t *scratch, proto_buf_t *out);

static int s_items(const proto_param_t *param, proto_reader_t *reader, uint32_t count, proto_buf_t *scratch,
                   proto_buf_t *out)
{
    bool boxes =
        param->sql_type && strcmp(param->sql_type, "box[]") == 0; /* the one type with another typdelim */
    proto_buf_byte(out, '{');
    for (uint32_t i = 0; i < count; i++) {
        if (i)
            proto_buf_byte(out, boxes ? ';' : ',');
        if (s_item(param, reader, scratch, out) < 0)
            return -1;
    }
    proto_buf_byte(out, '}');
    return 0;
}

static int s_item(const proto_param_t *param, proto_reader_t *reader, proto_buf_t *scratch, proto_buf_t *out)
{
    proto_reader_t before = *reader;
    proto_value_t value;
    proto_bytes_t bytes;
    if (proto_value_read(reader, &value) < 0)
        return -1;
    if (value.kind == PROTO_NIL) {
        proto_buf_string(out, "NULL");
        return 0;
    }
    if (value.kind == PROTO_ARRAY && param->data != PROTO_DATA_JSON)
        return s_items(param, reader, value.count, scratch, out);
    proto_buf_reset(scratch);
    if (param->data == PROTO_DATA_JSON) {
        *reader = before;
        if (proto_value_skip(reader, &bytes) < 0 || proto_json_from_value(bytes, scratch) < 0)
            return -1;
    } else if (s_scalar(param, &value, scratch) < 0) {
        return -1;
    }
    act_value_quote(proto_buf_bytes(scratch), out);
    return 0;
}

int act_value_to_text(const proto_param_t *param, proto_bytes_t bytes, proto_buf_t *out, bool *null)
{
    proto_reader_t reader = proto_reader(bytes);
    proto_value_t value;
    *null = bytes.size == 0;
    if (*null)
        return 0;
    if (proto_value_read(&reader, &value) < 0)
        return -1;
    *null = value.kind == PROTO_NIL;
    if (*null)
        return 0;
    if (param->array) {
        proto_buf_t scratch = PROTO_BUF_INIT;
        int rc = value.kind == PROTO_ARRAY ? s_items(param, &reader, value.count, &scratch, out) : -1;
        proto_buf_free(&scratch);
        return rc;
    }
    if (param->data == PROTO_DATA_JSON)
        return proto_json_from_value(bytes, out);
    return s_scalar(param, &value, out);
}
