/* SPDX-License-Identifier: MPL-2.0 */
/* `muster call OPERATION key=value...`: runs an operation over ZeroMQ from a shell. Thread: main. */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "commands.h"
#include "config.h"
#include "keys.h"
#include "proto_error.h"
#include "proto_json.h"
#include "proto_param.h"

enum { S_OPTIONS = SRV_SET_CLIENT, S_CATALOGUE_MS = 1000, S_DEFAULT_MS = 30000 };

static void s_help(void)
{
    puts(
        "usage: muster call OPERATION [key=value ...] [--json '{...}'] [--service NAME] [--timeout SECONDS]\n"
        "\n"
        "Runs an operation over the broker's local socket, or the first of --brokers, and prints its answer "
        "as "
        "JSON.\n"
        "  key=value         an argument, read as the catalogue's type for it\n"
        "  --json TEXT       all arguments as one JSON object instead\n"
        "  --service NAME    the service that offers the operation (default: the catalogue knows; else db)\n"
        "  --timeout SECONDS how long to wait (default 30)");
    srv_config_help(S_OPTIONS);
    puts("\nExit status: 0 answered, 1 refused (the problem goes to standard error), 2 not asked.\n"
         "Example: muster call get_provider id=1");
}

typedef struct s_call {
    const char *operation, *json, *service;
    int64_t timeout_ms;
    char **pairs;
    int pair_count;
} s_call_t;

/* Takes this command's own flags out of argv; the rest is the operation and its pairs. */
static int s_parse(s_call_t *self, int *argc, char **argv)
{
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        const char **text = strcmp(argv[i], "--json") == 0      ? &self->json
                            : strcmp(argv[i], "--service") == 0 ? &self->service
                                                                : NULL;
        bool timeout = strcmp(argv[i], "--timeout") == 0;
        if (!text && !timeout) {
            argv[kept++] = argv[i];
            continue;
        }
        if (++i == *argc)
            return -1;
        if (text)
            *text = argv[i];
        else if ((self->timeout_ms = (int64_t)(strtod(argv[i], NULL) * 1000)) < 1 ||
                 self->timeout_ms > 3600000)
            return -1;
    }
    *argc = kept;
    return 0;
}

/* One argument: by the parameter's type where the catalogue knows it, else as JSON where it is JSON, else as
 * text. */
static int s_argument(const proto_operation_t *operation, proto_bytes_t name, const char *value,
                      proto_buf_t *out, proto_buf_t *why)
{
    proto_write_str(out, name);
    for (uint32_t i = 0; operation && i < operation->param_count; i++) {
        const proto_param_t *param = &operation->params[i];
        if (proto_bytes_is(name, param->name) && param->data != PROTO_DATA_JSON && !param->array)
            return proto_param_from_text(param, proto_bytes_of(value), out, why);
    }
    size_t before = out->size;
    proto_json_error_t error;
    if (proto_json_to_value(proto_bytes_of(value), &(proto_json_options_t){0}, out, &error) < 0) {
        out->size = before;
        proto_write_text(out, value);
    }
    return 0;
}

static int s_arguments(const s_call_t *self, const proto_operation_t *operation, proto_buf_t *out,
                       proto_buf_t *why)
{
    if (self->json) {
        proto_json_error_t error;
        if (proto_json_to_value(proto_bytes_of(self->json), &(proto_json_options_t){0}, out, &error) == 0)
            return 0;
        proto_buf_printf(why, "--json is not JSON: %s at byte %zu", error.reason, error.offset);
        return -1;
    }
    proto_write_map(out, (uint32_t)self->pair_count);
    for (int i = 0; i < self->pair_count; i++) {
        size_t size = strcspn(self->pairs[i], "=");
        if (self->pairs[i][size] != '=') {
            proto_buf_printf(why, "%s is not of the form key=value", self->pairs[i]);
            return -1;
        }
        proto_bytes_t name = {(const uint8_t *)self->pairs[i], size};
        if (s_argument(operation, name, self->pairs[i] + size + 1, out, why) < 0)
            return -1;
    }
    return 0;
}

static int s_print(const proto_record_t *answer)
{
    proto_buf_t json = PROTO_BUF_INIT;
    bool good = answer->type == PROTO_FINAL;
    if (proto_json_from_value(answer->body, &json) < 0) {
        proto_buf_reset(&json);
        proto_buf_printf(&json, "{\"code\":\"%s\"}", proto_error_code((proto_error_t)answer->number));
    }
    fprintf(good ? stdout : stderr, "%s\n", proto_buf_text(&json));
    proto_buf_free(&json);
    return good ? 0 : 1;
}

static int s_run(const s_call_t *self, srv_client_t *client, proto_buf_t *why)
{
    const proto_catalogue_t *catalogue = srv_client_catalogue(client, S_CATALOGUE_MS);
    const proto_operation_t *operation = catalogue ? proto_catalogue_find(catalogue, self->operation) : NULL;
    proto_buf_t arguments = PROTO_BUF_INIT;
    int rc = 2;
    proto_record_t answer;
    if (s_arguments(self, operation, &arguments, why) == 0) {
        proto_record_t request = {
            .service = proto_bytes_of(self->service ? self->service
                                      : operation   ? operation->service
                                                    : "db"),
            .name = proto_bytes_of(self->operation),
            .operation = operation && !self->service ? operation->hash : 0,
            .body = proto_buf_bytes(&arguments),
        };
        if (srv_client_call(client, request, self->timeout_ms, &answer) == 0)
            rc = s_print(&answer);
        else
            proto_buf_string(why, "the broker did not answer in time");
    }
    proto_buf_free(&arguments);
    return rc;
}

int srv_cmd_call(int argc, char **argv)
{
    s_call_t call = {.timeout_ms = S_DEFAULT_MS};
    srv_config_t config = {0};
    proto_buf_t why = PROTO_BUF_INIT;
    srv_addresses_t addresses = {0};
    int rc = 2;
    if (argc < 2 || srv_wants_help(argc, argv)) {
        s_help();
        return argc < 2 ? 2 : 0;
    }
    if (s_parse(&call, &argc, argv) < 0)
        proto_buf_string(&why, "--json, --service and --timeout need a value");
    if (!why.size && srv_config_read(&config, S_OPTIONS, &argc, argv, &why) == 0) {
        call.operation = argc > 1 ? argv[1] : NULL;
        call.pairs = argv + 2;
        call.pair_count = argc - 2;
        srv_client_t *client = NULL;
        if (!call.operation)
            proto_buf_string(&why, "which operation? see muster call --help");
        else if (srv_addresses_read(&addresses, &config, &why) == 0 &&
                 (client = srv_client_open(&addresses.list[0], &why)))
            rc = s_run(&call, client, &why);
        srv_client_close(&client);
        srv_addresses_free(&addresses);
    }
    srv_config_free(&config);
    if (why.size)
        fprintf(stderr, "muster call: %s\n", proto_buf_text(&why));
    proto_buf_free(&why);
    return rc;
}
