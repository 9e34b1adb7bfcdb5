/* SPDX-License-Identifier: MPL-2.0 */
/* Tables. Thread: the command's. */
#include "table.h"

#include <stdlib.h>

#include "proto_catalogue.h"
#include "proto_json.h"

enum { S_COLUMNS = 32 };

/* Reads one row's keys and values as text; the number of columns, -1 when it is no map. */
static int s_row(proto_reader_t *reader, char *keys[S_COLUMNS], char *values[S_COLUMNS])
{
    proto_value_t map, key;
    proto_bytes_t value;
    proto_buf_t text = PROTO_BUF_INIT;
    if (proto_value_read(reader, &map) < 0 || map.kind != PROTO_MAP || map.count > S_COLUMNS)
        return -1;
    for (uint32_t i = 0; i < map.count; i++) {
        if (proto_value_read(reader, &key) < 0 || key.kind != PROTO_STR ||
            proto_value_skip(reader, &value) < 0)
            return -1;
        proto_buf_reset(&text);
        if (proto_json_from_value(value, &text) < 0)
            return -1;
        const char *plain = proto_buf_text(&text);
        size_t size = strlen(plain);
        bool quoted = size >= 2 && plain[0] == '"';
        keys[i] = strndup((const char *)key.bytes.data, key.bytes.size);
        values[i] = quoted ? strndup(plain + 1, size - 2) : strdup(plain);
    }
    proto_buf_free(&text);
    return (int)map.count;
}

static void s_line(proto_buf_t *out, char *const *cells, int count, const size_t *widths)
{
    for (int i = 0; i < count; i++)
        proto_buf_printf(out, "%-*s%s", i + 1 < count ? (int)widths[i] : 0, cells[i],
                         i + 1 < count ? "  " : "\n");
}

static void s_free_cells(char **cells, int count)
{
    for (int i = 0; i < count; i++)
        free(cells[i]);
}

int srv_table_print(proto_bytes_t rows, proto_buf_t *out)
{
    size_t widths[S_COLUMNS] = {0};
    for (int pass = 0; pass < 2; pass++) { /* widths first, then lines */
        proto_reader_t reader = proto_reader(rows);
        proto_value_t list;
        if (proto_value_read(&reader, &list) < 0 || list.kind != PROTO_ARRAY)
            return -1;
        if (list.count == 0 && pass)
            proto_buf_string(out, "(nothing)\n");
        for (uint32_t r = 0; r < list.count; r++) {
            char *keys[S_COLUMNS], *values[S_COLUMNS];
            int count = s_row(&reader, keys, values);
            if (count < 0)
                return -1;
            for (int i = 0; i < count && pass == 0; i++) {
                size_t width = strlen(keys[i]) > strlen(values[i]) ? strlen(keys[i]) : strlen(values[i]);
                widths[i] = width > widths[i] ? width : widths[i];
            }
            if (pass && r == 0)
                s_line(out, keys, count, widths);
            if (pass)
                s_line(out, values, count, widths);
            s_free_cells(keys, count);
            s_free_cells(values, count);
        }
    }
    return 0;
}

static void s_text(proto_buf_t *out, const char *key, const char *value)
{
    proto_write_text(out, key);
    proto_write_text(out, value);
}

/* "id bigint, status text?": a question mark for what may be left out. */
static void s_params(const proto_operation_t *operation, proto_buf_t *text)
{
    for (uint32_t i = 0; i < operation->param_count; i++) {
        const proto_param_t *param = &operation->params[i];
        if (param->source >= PROTO_SOURCE_AUTH_SUB) /* no client's to say */
            continue;
        proto_buf_printf(text, "%s%s %s%s%s", text->size ? ", " : "", param->name,
                         param->sql_type ? param->sql_type : proto_data_name(param->data),
                         !param->sql_type && param->array ? "[]" : "", param->required ? "" : "?");
    }
}

static void s_operation(const proto_operation_t *operation, proto_buf_t *text, proto_buf_t *out)
{
    proto_write_map(out, 6);
    s_text(out, "service", operation->service);
    s_text(out, "operation", operation->name);
    proto_buf_reset(text);
    if (operation->method)
        proto_buf_printf(text, "%s %s", operation->method, operation->path);
    s_text(out, "endpoint", proto_buf_text(text));
    proto_buf_reset(text);
    proto_buf_printf(text, "%s%s%s", operation->flags & PROTO_OP_READS ? "reads" : "writes",
                     operation->flags & PROTO_OP_EXCLUSIVE ? " exclusive" : "",
                     operation->flags & PROTO_OP_DEPRECATED ? " deprecated" : "");
    s_text(out, "mode", proto_buf_text(text));
    proto_buf_reset(text);
    proto_auth_write(operation, text);
    s_text(out, "auth", proto_buf_text(text));
    proto_buf_reset(text);
    s_params(operation, text);
    s_text(out, "parameters", proto_buf_text(text));
}

int srv_table_catalogue(proto_bytes_t body, proto_buf_t *out)
{
    proto_catalogue_t *catalogue;
    proto_buf_t text = PROTO_BUF_INIT;
    if (proto_catalogue_decode(body, &catalogue, NULL) < 0)
        return -1;
    proto_write_array(out, catalogue->operation_count);
    for (uint32_t i = 0; i < catalogue->operation_count; i++)
        s_operation(&catalogue->operations[i], &text, out);
    proto_buf_free(&text);
    proto_catalogue_free(&catalogue);
    return 0;
}
