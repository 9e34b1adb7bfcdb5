/* SPDX-License-Identifier: MPL-2.0 */
/* `muster show TABLE`: the broker's tables, aligned for people. Thread: main. */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "commands.h"
#include "config.h"
#include "keys.h"
#include "proto_json.h"

enum { S_OPTIONS = SRV_SET_CLIENT, S_COLUMNS = 32, S_TIMEOUT_MS = 2000 };

static const char *const s_tables[] = {"services", "workers", "operations", "queues", "inflight", "stats"};

static void s_help(void)
{
    puts("usage: muster show [services|workers|operations|queues|inflight|stats] [--json] [--ipc PATH]\n"
         "\n"
         "Prints a table of the running broker, or of the first of --brokers (default: services).\n"
         "  --json  as JSON");
    srv_config_help(S_OPTIONS);
    puts("\nExit status: 0 shown, 1 no broker answered, 2 not asked.");
}

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

static void s_print_line(char *const *cells, int count, const size_t *widths)
{
    for (int i = 0; i < count; i++)
        printf("%-*s%s", i + 1 < count ? (int)widths[i] : 0, cells[i], i + 1 < count ? "  " : "\n");
}

static void s_free_cells(char **cells, int count)
{
    for (int i = 0; i < count; i++)
        free(cells[i]);
}

/* Two passes over the rows: widths first, then lines. */
static int s_print(proto_bytes_t body)
{
    size_t widths[S_COLUMNS] = {0};
    for (int pass = 0; pass < 2; pass++) {
        proto_reader_t reader = proto_reader(body);
        proto_value_t list;
        if (proto_value_read(&reader, &list) < 0 || list.kind != PROTO_ARRAY)
            return -1;
        if (list.count == 0 && pass)
            puts("(nothing)");
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
                s_print_line(keys, count, widths);
            if (pass)
                s_print_line(values, count, widths);
            s_free_cells(keys, count);
            s_free_cells(values, count);
        }
    }
    return 0;
}

static int s_print_json(proto_bytes_t body)
{
    proto_buf_t json = PROTO_BUF_INIT;
    int rc = proto_json_from_value(body, &json);
    if (rc == 0)
        puts(proto_buf_text(&json));
    proto_buf_free(&json);
    return rc;
}

static int s_run(const proto_address_t *broker, const char *table, bool json, proto_buf_t *why)
{
    srv_client_t *client = srv_client_open(broker, why);
    proto_record_t answer;
    int rc = 1;
    if (!client)
        return 1;
    proto_record_t request = {.service = proto_bytes_of("muster"), .name = proto_bytes_of(table)};
    if (srv_client_call(client, request, S_TIMEOUT_MS, &answer) == 0 && answer.type == PROTO_FINAL &&
        (json ? s_print_json(answer.body) : s_print(answer.body)) == 0)
        rc = 0;
    else
        proto_buf_string(why, "the broker gave no table; over tcp:// that needs the right admin");
    srv_client_close(&client);
    return rc;
}

static bool s_is_table(const char *name)
{
    for (size_t i = 0; i < sizeof s_tables / sizeof s_tables[0]; i++)
        if (strcmp(name, s_tables[i]) == 0)
            return true;
    return false;
}

int srv_cmd_show(int argc, char **argv)
{
    srv_config_t config;
    proto_buf_t why = PROTO_BUF_INIT;
    srv_addresses_t addresses = {0};
    bool json = false;
    int rc = 2, kept = 1;
    if (srv_wants_help(argc, argv)) {
        s_help();
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else
            argv[kept++] = argv[i];
    }
    argc = kept;
    if (srv_config_read(&config, S_OPTIONS, &argc, argv, &why) == 0) {
        const char *table = argc > 1 ? argv[1] : s_tables[0];
        if (argc > 2 || !s_is_table(table))
            proto_buf_string(
                &why, "there are the tables services, workers, operations, queues, inflight and stats");
        else if (srv_addresses_read(&addresses, &config, &why) == 0)
            rc = s_run(&addresses.list[0], table, json, &why);
        srv_addresses_free(&addresses);
    }
    srv_config_free(&config);
    if (why.size)
        fprintf(stderr, "muster show: %s\n", proto_buf_text(&why));
    proto_buf_free(&why);
    return rc;
}
