/* SPDX-License-Identifier: MPL-2.0 */
/* `muster call [SERVICE] OPERATION key=value...`: runs an operation over ZeroMQ from a shell. Thread: main.
 */
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "connect.h"
#include "proto_json.h"
#include "proto_param.h"

enum { S_CATALOGUE_MS = 1000, S_DEFAULT_MS = 30000 };

static void s_help(void)
{
    puts(
        "usage: muster call [SERVICE] OPERATION [key=value ...] [--json '{...}'] [--key KEY]\n"
        "                   [--timeout SECONDS]\n"
        "\n"
        "Runs an operation over ZeroMQ and prints its answer as JSON; an answer in pieces line by line.\n"
        "  SERVICE           who offers the operation (default: the catalogue knows; else db)\n"
        "  key=value         an argument, read as the catalogue's type for it\n"
        "  --json TEXT       all arguments as one JSON object instead\n"
        "  --service NAME    the same as SERVICE\n"
        "  --key KEY         an idempotency key: a write is executed once, however often it is sent with it\n"
        "  --timeout SECONDS how long to wait (default 30)");
    srv_config_help(SRV_SET_CLIENT);
    puts("\nExit status: 0 answered, 1 refused (the problem goes to standard error), 2 not asked.\n"
         "Examples: muster call get_provider id=1\n"
         "          muster call db get_provider id=1");
}

typedef struct s_call {
    const char *operation, *json, *service, *key;
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
                            : strcmp(argv[i], "--key") == 0     ? &self->key
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

/* Prints one answer; 0 when it is one. */
static int s_print(muster_answer_t *answer)
{
    FILE *to = muster_answer_ok(answer) ? stdout : stderr;
    fprintf(to, "%s\n", muster_answer_json(answer));
    fflush(to);
    return muster_answer_ok(answer) ? 0 : 1;
}

/* Asks, and prints what comes until the last. */
static int s_ask(const s_call_t *self, muster_client_t *client, const char *service, proto_bytes_t arguments)
{
    muster_request_t request = {
        .service = service,
        .operation = self->operation,
        .args = arguments.data,
        .args_size = arguments.size,
        .deadline_ms = (uint32_t)self->timeout_ms,
        .key = self->key,
    };
    muster_answer_t *answer;
    int rc = 1;
    (void)muster_send(client, &request);
    for (bool more = true; more && muster_next(client, &answer, -1) == 0;) {
        more = muster_answer_more(answer);
        rc = s_print(answer);
        muster_answer_destroy(&answer);
    }
    return rc;
}

/* What the published catalogues say of the operation; NULL when nothing. The catalogue is to be freed. */
static const proto_operation_t *s_find(const s_call_t *self, muster_client_t *client,
                                       proto_catalogue_t **catalogue)
{
    muster_answer_t *answer;
    proto_bytes_t body;
    const proto_operation_t *found = NULL;
    int rc = muster_catalogue(client, NULL, S_CATALOGUE_MS, &answer);
    body.data = muster_answer_body(answer, &body.size);
    if (rc == 0 && proto_catalogue_decode(body, catalogue, NULL) == 0)
        for (uint32_t i = 0; i < (*catalogue)->operation_count && !found; i++) {
            const proto_operation_t *operation = &(*catalogue)->operations[i];
            if (strcmp(operation->name, self->operation) == 0 &&
                (!self->service || strcmp(operation->service, self->service) == 0))
                found = operation;
        }
    muster_answer_destroy(&answer);
    return found;
}

static int s_run(const s_call_t *self, muster_client_t *client, proto_buf_t *why)
{
    proto_catalogue_t *catalogue = NULL;
    const proto_operation_t *operation = s_find(self, client, &catalogue);
    proto_buf_t arguments = PROTO_BUF_INIT;
    int rc = 2;
    if (s_arguments(self, operation, &arguments, why) == 0)
        rc = s_ask(self, client,
                   self->service ? self->service
                   : operation   ? operation->service
                                 : "db",
                   proto_buf_bytes(&arguments));
    proto_buf_free(&arguments);
    proto_catalogue_free(&catalogue);
    return rc;
}

/* [SERVICE] OPERATION key=value...: a second word without = makes the first a service. */
static void s_words(s_call_t *self, int argc, char **argv)
{
    int at = 1;
    if (argc > 2 && !strchr(argv[2], '='))
        self->service = argv[at++];
    self->operation = at < argc ? argv[at++] : NULL;
    self->pairs = argv + at;
    self->pair_count = argc > at ? argc - at : 0;
}

int srv_cmd_call(int argc, char **argv)
{
    s_call_t call = {.timeout_ms = S_DEFAULT_MS};
    srv_config_t config = {0};
    proto_buf_t why = PROTO_BUF_INIT;
    int rc = 2;
    if (argc < 2 || srv_wants_help(argc, argv)) {
        s_help();
        return argc < 2 ? 2 : 0;
    }
    if (s_parse(&call, &argc, argv) < 0)
        proto_buf_string(&why, "--json, --service, --key and --timeout need a value");
    if (!why.size && srv_config_read(&config, SRV_SET_CLIENT, &argc, argv, &why) == 0) {
        s_words(&call, argc, argv);
        muster_client_t *client = NULL;
        if (!call.operation)
            proto_buf_string(&why, "which operation? see muster call --help");
        else if ((client = srv_connect(&config, &why)))
            rc = s_run(&call, client, &why);
        muster_client_destroy(&client);
    }
    srv_config_free(&config);
    if (why.size)
        fprintf(stderr, "muster call: %s\n", proto_buf_text(&why));
    proto_buf_free(&why);
    return rc;
}
