/* SPDX-License-Identifier: MPL-2.0 */
/* Text into typed values: what stands in paths, queries and on the command line. Thread: any. */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "proto_json.h"
#include "proto_param.h"

enum { S_DIGITS = 20 };

static int s_refuse(const proto_param_t *param, proto_buf_t *detail, const char *what)
{
    proto_buf_printf(detail, "%s must be %s", param->name, what);
    return -1;
}

static int s_bool(const proto_param_t *param, proto_bytes_t text, proto_buf_t *out, proto_buf_t *detail)
{
    static const char *const words[] = {"false", "true", "0", "1", "off", "on", "no", "yes"};
    for (int i = 0; i < 8; i++) {
        if (text.size == strlen(words[i]) && strncasecmp((const char *)text.data, words[i], text.size) == 0) {
            proto_write_bool(out, i % 2);
            return 0;
        }
    }
    return s_refuse(param, detail, "true or false");
}

/* -?[0-9]+ within int64; what does not fit is refused here already. */
static int s_integer(const proto_param_t *param, proto_bytes_t text, proto_buf_t *out, proto_buf_t *detail)
{
    char digits[S_DIGITS + 1];
    size_t sign = text.size && text.data[0] == '-';
    bool good = text.size > sign;
    for (size_t i = sign; i < text.size; i++)
        good = good && text.data[i] >= '0' && text.data[i] <= '9';
    if (!good)
        return s_refuse(param, detail, "an integer");
    if (text.size > S_DIGITS)
        return s_refuse(param, detail, "an integer of 64 bits");
    memcpy(digits, text.data, text.size);
    digits[text.size] = '\0';
    errno = 0;
    long long number = strtoll(digits, NULL, 10);
    if (errno)
        return s_refuse(param, detail, "an integer of 64 bits");
    proto_write_int(out, number);
    return 0;
}

static int s_number(const proto_param_t *param, proto_bytes_t text, proto_buf_t *out, proto_buf_t *detail)
{
    if (proto_bytes_is(text, "NaN") || proto_bytes_is(text, "Infinity") || proto_bytes_is(text, "-Infinity"))
        proto_write_str(out, text);
    else if (proto_decimal_valid(text))
        proto_write_decimal(out, text);
    else
        return s_refuse(param, detail, "a number");
    return 0;
}

static int s_json(const proto_param_t *param, proto_bytes_t text, proto_buf_t *out, proto_buf_t *detail)
{
    proto_json_error_t error;
    /* It will stand in the map of arguments, in an array maybe, and those must not be nested too deep. */
    proto_json_options_t options = {.depth = PROTO_VALUE_DEPTH - (param->array ? 2 : 1)};
    if (proto_json_to_value(text, &options, out, &error) == 0)
        return 0;
    proto_buf_printf(detail, "%s must be JSON: %s at byte %zu", param->name, error.reason, error.offset);
    return -1;
}

int proto_param_from_text(const proto_param_t *param, proto_bytes_t text, proto_buf_t *out,
                          proto_buf_t *detail)
{
    switch (param->data) {
    case PROTO_DATA_BOOL:
        return s_bool(param, text, out, detail);
    case PROTO_DATA_INT2:
    case PROTO_DATA_INT4:
    case PROTO_DATA_INT8:
        return s_integer(param, text, out, detail);
    case PROTO_DATA_FLOAT4:
    case PROTO_DATA_FLOAT8:
    case PROTO_DATA_NUMERIC:
        return s_number(param, text, out, detail);
    case PROTO_DATA_JSON:
    case PROTO_DATA_COMPOSITE:
        return s_json(param, text, out, detail);
    default:
        proto_write_str(out, text);
        return 0;
    }
}
