/* SPDX-License-Identifier: MPL-2.0 */
/* Names of built-in types (PostgreSQL manual, table 8.1). Thread: any. */
#include "act_typename.h"

#include <strings.h>

static const struct {
    const char *name;
    proto_data_t data;
} s_names[] = {
    {"bool", PROTO_DATA_BOOL},
    {"boolean", PROTO_DATA_BOOL},
    {"int2", PROTO_DATA_INT2},
    {"smallint", PROTO_DATA_INT2},
    {"int", PROTO_DATA_INT4},
    {"int4", PROTO_DATA_INT4},
    {"integer", PROTO_DATA_INT4},
    {"int8", PROTO_DATA_INT8},
    {"bigint", PROTO_DATA_INT8},
    {"oid", PROTO_DATA_INT8},
    {"float4", PROTO_DATA_FLOAT4},
    {"real", PROTO_DATA_FLOAT4},
    {"float8", PROTO_DATA_FLOAT8},
    {"double precision", PROTO_DATA_FLOAT8},
    {"numeric", PROTO_DATA_NUMERIC},
    {"decimal", PROTO_DATA_NUMERIC},
    {"text", PROTO_DATA_TEXT},
    {"varchar", PROTO_DATA_TEXT},
    {"character varying", PROTO_DATA_TEXT},
    {"bpchar", PROTO_DATA_TEXT},
    {"char", PROTO_DATA_TEXT},
    {"character", PROTO_DATA_TEXT},
    {"citext", PROTO_DATA_TEXT},
    {"name", PROTO_DATA_TEXT},
    {"json", PROTO_DATA_JSON},
    {"jsonb", PROTO_DATA_JSON},
    {"timestamptz", PROTO_DATA_TIMESTAMPTZ},
    {"timestamp with time zone", PROTO_DATA_TIMESTAMPTZ},
    {"timestamp", PROTO_DATA_TIMESTAMP},
    {"timestamp without time zone", PROTO_DATA_TIMESTAMP},
    {"date", PROTO_DATA_DATE},
    {"time", PROTO_DATA_TIME},
    {"time without time zone", PROTO_DATA_TIME},
    {"uuid", PROTO_DATA_UUID},
    {"bytea", PROTO_DATA_BYTEA},
};

proto_data_t act_typename_data(proto_bytes_t name, bool *array)
{
    *array = false;
    while (name.size > 2 && memcmp(name.data + name.size - 2, "[]", 2) == 0) {
        *array = true;
        name.size -= 2;
    }
    char plain[32]; /* without "(10,2)" */
    size_t size = 0;
    unsigned depth = 0;
    for (size_t i = 0; i < name.size && size < sizeof plain; i++) {
        depth += name.data[i] == '(';
        if (depth == 0)
            plain[size++] = (char)name.data[i];
        depth -= name.data[i] == ')' && depth;
    }
    while (size && plain[size - 1] == ' ')
        size--;
    for (size_t i = 0; i < sizeof s_names / sizeof s_names[0]; i++)
        if (strlen(s_names[i].name) == size && strncasecmp(plain, s_names[i].name, size) == 0)
            return s_names[i].data;
    return PROTO_DATA_OTHER;
}
