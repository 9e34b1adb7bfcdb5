/* SPDX-License-Identifier: MPL-2.0 */
/* PostgreSQL's text format to MessagePack. Thread: the actor's. */
#include "act_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "proto_json.h"

static int s_value(const act_types_t *types, const act_type_t *type, proto_bytes_t text, int depth,
                   proto_buf_t *out);

static void s_integer(proto_bytes_t text, proto_buf_t *out)
{
    int64_t number = 0;
    size_t sign = text.size && text.data[0] == '-';
    bool good = text.size > sign;
    for (size_t i = sign; i < text.size && good; i++) {
        int digit = text.data[i] - '0';
        good = isdigit(text.data[i]) && !__builtin_mul_overflow(number, 10, &number) &&
               !__builtin_add_overflow(number, sign ? -digit : digit, &number);
    }
    if (good)
        proto_write_int(out, number);
    else
        proto_write_str(out, text);
}

static void s_bool(proto_bytes_t text, proto_buf_t *out)
{
    if (proto_bytes_is(text, "t") || proto_bytes_is(text, "f"))
        proto_write_bool(out, text.data[0] == 't');
    else
        proto_write_str(out, text);
}

static void s_float(proto_bytes_t text, proto_buf_t *out)
{
    char digits[64];
    if (!proto_decimal_valid(text) || text.size >= sizeof digits) { /* NaN, Infinity */
        proto_write_str(out, text);
        return;
    }
    memcpy(digits, text.data, text.size);
    digits[text.size] = '\0';
    proto_write_float(out, strtod(digits, NULL));
}

static void s_numeric(proto_bytes_t text, proto_buf_t *out)
{
    if (proto_decimal_valid(text))
        proto_write_decimal(out, text);
    else
        proto_write_str(out, text);
}

/* `json` may hold what our reader refuses (a doubled key, too deep a nesting): it then stays the text it is.
 */
static void s_json(proto_bytes_t text, int depth, proto_buf_t *out)
{
    size_t before = out->size;
    proto_json_error_t error;
    proto_json_options_t options = {.depth = (uint32_t)(PROTO_VALUE_DEPTH - depth)};
    if (options.depth && (proto_json_to_value(text, &options, out, &error) == 0 || out->failed))
        return;
    out->size = before;
    proto_write_str(out, text);
}

/* "2026-01-31 12:00:00.5+00" of years 1 to 9999; infinities and other years stay text. */
static void s_timestamptz(proto_bytes_t text, proto_buf_t *out)
{
    char form[48];
    int64_t seconds;
    uint32_t nanoseconds;
    if (text.size >= 22 && text.size <= 40 && memcmp(text.data + text.size - 3, "+00", 3) == 0) {
        memcpy(form, text.data, text.size);
        memcpy(form + text.size, ":00", 3);
        if (proto_json_timestamp_parse((proto_bytes_t){(uint8_t *)form, text.size + 3}, &seconds,
                                       &nanoseconds) == 0) {
            proto_write_timestamp(out, seconds, nanoseconds);
            return;
        }
    }
    proto_write_str(out, text);
}

static int s_hex(uint8_t c)
{
    return isdigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void s_bytea(proto_bytes_t text, proto_buf_t *out)
{
    bool good = text.size >= 2 && text.size % 2 == 0 && memcmp(text.data, "\\x", 2) == 0;
    for (size_t i = 2; i < text.size && good; i++)
        good = s_hex(text.data[i]) >= 0;
    if (!good) {
        proto_write_str(out, text);
        return;
    }
    size_t size = text.size / 2 - 1;
    proto_write_bin(out, (proto_bytes_t){text.data, size}); /* the head; its bytes are put right below */
    if (out->failed)
        return;
    uint8_t *to = out->data + out->size - size;
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(s_hex(text.data[2 + 2 * i]) << 4 | s_hex(text.data[3 + 2 * i]));
}

/* One item of an array or composite: at *at, up to `delimiter` or `close`. The text is put into `item` with
 * quotes and escapes taken off; *null tells of a bare NULL (array) or of nothing (composite). */
static int s_cut_item(proto_bytes_t text, size_t *at, char delimiter, char close, proto_buf_t *item,
                      bool *null)
{
    bool quoted = false, any_quote = false;
    proto_buf_reset(item);
    for (; *at < text.size; ++*at) {
        uint8_t c = text.data[*at];
        if (!quoted && (c == (uint8_t)delimiter || c == (uint8_t)close))
            break;
        if (c == '"') {
            if (quoted && *at + 1 < text.size && text.data[*at + 1] == '"' && close == ')') {
                proto_buf_byte(item, '"'); /* composites double a quote */
                ++*at;
            } else {
                quoted = !quoted;
                any_quote = true;
            }
        } else if (c == '\\' && *at + 1 < text.size) {
            proto_buf_byte(item, text.data[++*at]);
        } else {
            proto_buf_byte(item, c);
        }
    }
    proto_bytes_t bytes = proto_buf_bytes(item);
    *null = !any_quote && (close == ')' ? bytes.size == 0 : proto_bytes_is(bytes, "NULL"));
    return *at < text.size ? 0 : -1;
}

static int s_item(const act_types_t *types, uint32_t oid, const proto_buf_t *item, bool null, int depth,
                  proto_buf_t *out)
{
    if (!null)
        return s_value(types, act_types_base(types, oid), proto_buf_bytes(item), depth, out);
    proto_write_nil(out);
    return 0;
}

/* The array that begins at *at with '{'. -1 when it is none. */
static int s_dimension(const act_types_t *types, uint32_t element, char delimiter, proto_bytes_t text,
                       size_t *at, int depth, proto_buf_t *out)
{
    proto_buf_t item = PROTO_BUF_INIT;
    uint32_t count = 0;
    int rc = depth < PROTO_VALUE_DEPTH && *at < text.size && text.data[*at] == '{' ? 0 : -1;
    size_t place = proto_write_array_open(out);
    ++*at;
    while (rc == 0 && *at < text.size && text.data[*at] != '}') {
        bool null;
        if (text.data[*at] == '{')
            rc = s_dimension(types, element, delimiter, text, at, depth + 1, out);
        else if ((rc = s_cut_item(text, at, delimiter, '}', &item, &null)) == 0)
            rc = s_item(types, element, &item, null, depth + 1, out);
        count++;
        if (rc == 0 && *at + 1 < text.size && text.data[*at] == (uint8_t)delimiter &&
            text.data[*at + 1] != '}')
            ++*at;
        else if (rc == 0 && *at < text.size && text.data[*at] != '}')
            rc = -1;
    }
    proto_buf_free(&item);
    if (rc < 0 || *at >= text.size)
        return -1;
    ++*at;
    proto_write_close(out, place, count);
    return 0;
}

static int s_array(const act_types_t *types, const act_type_t *type, proto_bytes_t text, int depth,
                   proto_buf_t *out)
{
    const act_type_t *element = act_types_find(types, type->element);
    size_t at = 0;
    if (text.size && text.data[0] == '[') /* "[0:2]={...}": bounds other than the usual are not told */
        while (at < text.size && text.data[at] != '{')
            at++;
    int rc = s_dimension(types, type->element, element && element->delimiter ? element->delimiter : ',', text,
                         &at, depth, out);
    return at == text.size ? rc : -1;
}

static int s_composite(const act_types_t *types, const act_type_t *type, proto_bytes_t text, int depth,
                       proto_buf_t *out)
{
    proto_buf_t item = PROTO_BUF_INIT;
    uint32_t count = 0;
    size_t at = 1;
    int rc = depth < PROTO_VALUE_DEPTH && text.size >= 2 && text.data[0] == '(' ? 0 : -1;
    size_t place = proto_write_map_open(out);
    for (const act_attribute_t *attribute = type->attributes; attribute && rc == 0;
         attribute = attribute->next) {
        bool null;
        rc = s_cut_item(text, &at, ',', ')', &item, &null);
        proto_write_text(out, attribute->name);
        if (rc == 0)
            rc = s_item(types, attribute->oid, &item, null, depth + 1, out);
        count++;
        if (rc == 0 && text.data[at++] != (attribute->next ? ',' : ')'))
            rc = -1;
    }
    proto_buf_free(&item);
    proto_write_close(out, place, count);
    return at == text.size ? rc : -1; /* else the type has got attributes since we learnt it */
}

static int s_container(const act_types_t *types, const act_type_t *type, proto_bytes_t text, int depth,
                       proto_buf_t *out)
{
    size_t before = out->size;
    int rc = type->kind == ACT_TYPE_ARRAY ? s_array(types, type, text, depth, out)
                                          : s_composite(types, type, text, depth, out);
    if (rc == 0 || depth)
        return rc;
    out->size = before; /* not of the form we know: its text, whole */
    proto_write_str(out, text);
    return 0;
}

static int s_value(const act_types_t *types, const act_type_t *type, proto_bytes_t text, int depth,
                   proto_buf_t *out)
{
    if (type && type->kind != ACT_TYPE_SCALAR && (type->kind == ACT_TYPE_ARRAY || type->attributes))
        return s_container(types, type, text, depth, out);
    switch (type ? type->data : PROTO_DATA_OTHER) {
    case PROTO_DATA_BOOL:
        s_bool(text, out);
        return 0;
    case PROTO_DATA_INT2:
    case PROTO_DATA_INT4:
    case PROTO_DATA_INT8:
        s_integer(text, out);
        return 0;
    case PROTO_DATA_FLOAT4:
    case PROTO_DATA_FLOAT8:
        s_float(text, out);
        return 0;
    case PROTO_DATA_NUMERIC:
        s_numeric(text, out);
        return 0;
    case PROTO_DATA_JSON:
        s_json(text, depth, out);
        return 0;
    case PROTO_DATA_TIMESTAMPTZ:
        s_timestamptz(text, out);
        return 0;
    case PROTO_DATA_BYTEA:
        s_bytea(text, out);
        return 0;
    default:
        proto_write_str(out, text);
        return 0;
    }
}

int act_value_from_text(const act_types_t *types, uint32_t oid, proto_bytes_t text, proto_buf_t *out)
{
    return s_value(types, act_types_base(types, oid), text, 0, out);
}
