/* SPDX-License-Identifier: MPL-2.0 */
/* Reading and writing MessagePack-RPC bodies. What is read came from a peer and is checked whole first; so
 * nothing below can run off its end. Thread: any. */
#include "proto_rpc.h"

#include "proto_json.h"

enum { S_REQUEST = 0, S_RESPONSE = 1, S_CODE = 64 /* longest code of an error */ };

/* Opens [type, msgid, ...] of four items. */
static int s_open(proto_bytes_t body, int type, proto_reader_t *reader, uint32_t *msgid)
{
    proto_value_t head, kind, id;
    *reader = proto_reader(body);
    if (proto_value_check(body) < 0 || proto_value_read(reader, &head) < 0 || head.kind != PROTO_ARRAY ||
        head.count != 4 || proto_value_read(reader, &kind) < 0 || kind.kind != PROTO_INT ||
        kind.integer != type || proto_value_read(reader, &id) < 0 || id.kind != PROTO_INT || id.integer < 0 ||
        id.integer > UINT32_MAX)
        return -1;
    *msgid = (uint32_t)id.integer;
    return 0;
}

static bool s_is(proto_bytes_t bytes, proto_kind_t kind, proto_value_t *value)
{
    proto_reader_t reader = proto_reader(bytes);
    return proto_value_read(&reader, value) == 0 && value->kind == kind;
}

/* A text of the context; one that is missing or nil is empty. */
static int s_text(proto_bytes_t map, const char *key, proto_bytes_t *text)
{
    proto_bytes_t bytes;
    proto_value_t value;
    if (proto_value_get(map, key, &bytes) < 0 || s_is(bytes, PROTO_NIL, &value))
        return 0;
    if (!s_is(bytes, PROTO_STR, &value) || !proto_record_plain(value.bytes))
        return -1;
    *text = value.bytes;
    return 0;
}

/* Whether a map has the key `subject` or `role`, each entry looked at: readers differ in which of two equal
 * keys they take. */
static bool s_names_identity(proto_bytes_t map)
{
    proto_reader_t reader = proto_reader(map);
    proto_value_t head, key;
    proto_bytes_t value;
    if (proto_value_read(&reader, &head) < 0)
        return false;
    for (uint32_t i = 0; i < head.count; i++) {
        proto_bytes_t item;
        if (proto_value_skip(&reader, &item) < 0 || proto_value_skip(&reader, &value) < 0)
            return false;
        if ((s_is(item, PROTO_STR, &key) || s_is(item, PROTO_BIN, &key)) &&
            (proto_bytes_is(key.bytes, "subject") || proto_bytes_is(key.bytes, "role")))
            return true;
    }
    return false;
}

static int s_context(proto_bytes_t map, proto_rpc_request_t *request)
{
    proto_bytes_t bytes, values = {0};
    proto_value_t value;
    if (s_is(map, PROTO_NIL, &value))
        return 0;
    if (!s_is(map, PROTO_MAP, &value) || s_text(map, "idempotency_key", &request->key) < 0 ||
        s_text(map, "traceparent", &request->trace) < 0 || s_text(map, "values", &values) < 0)
        return -1;
    request->native_values = proto_bytes_is(values, "native");
    request->names_identity = s_names_identity(map);
    if (proto_value_get(map, "deadline_ms", &bytes) < 0 || s_is(bytes, PROTO_NIL, &value))
        return 0;
    if (!s_is(bytes, PROTO_INT, &value) || value.integer < 1)
        return -1;
    request->deadline_ms = value.integer < UINT32_MAX ? (uint32_t)value.integer : UINT32_MAX;
    return 0;
}

int proto_rpc_read_request(proto_bytes_t body, proto_rpc_request_t *request)
{
    proto_reader_t reader;
    proto_value_t value;
    proto_bytes_t item;
    *request = (proto_rpc_request_t){0};
    if (s_open(body, S_REQUEST, &reader, &request->msgid) < 0)
        return -1;
    request->has_msgid = true;
    if (proto_value_read(&reader, &value) < 0 || value.kind != PROTO_STR || value.bytes.size == 0 ||
        !proto_record_plain(value.bytes))
        return -1;
    request->operation = value.bytes;
    if (proto_value_read(&reader, &value) < 0 || value.kind != PROTO_ARRAY || value.count > 2)
        return -1;
    uint32_t count = value.count;
    if (count > 0 && (proto_value_skip(&reader, &item) < 0 ||
                      (!s_is(item, PROTO_MAP, &value) && !s_is(item, PROTO_NIL, &value))))
        return -1;
    if (count > 0 && value.kind == PROTO_MAP)
        request->arguments = item;
    if (count > 1 && (proto_value_skip(&reader, &item) < 0 || s_context(item, request) < 0))
        return -1;
    return 0;
}

int proto_rpc_read_response(proto_bytes_t body, proto_rpc_response_t *response)
{
    proto_reader_t reader;
    proto_value_t value;
    *response = (proto_rpc_response_t){0};
    if (s_open(body, S_RESPONSE, &reader, &response->msgid) < 0 ||
        proto_value_skip(&reader, &response->error) < 0 || proto_value_skip(&reader, &response->result) < 0)
        return -1;
    if (s_is(response->error, PROTO_NIL, &value))
        response->error = (proto_bytes_t){0};
    return 0;
}

void proto_rpc_write_plain(proto_buf_t *out, proto_bytes_t bytes)
{
    proto_reader_t reader = proto_reader(bytes);
    /* A container's head says how many values follow, so heads and values can be copied one after another. */
    while (reader.at < reader.end) {
        const uint8_t *at = reader.at;
        proto_value_t value;
        if (proto_value_read(&reader, &value) < 0) {
            out->failed = true;
            return;
        }
        if (value.kind == PROTO_TIMESTAMP) {
            uint8_t text[64];
            proto_buf_t time = {.data = text, .capacity = sizeof text, .limit = sizeof text};
            proto_json_timestamp(&time, value.time.seconds, value.time.nanoseconds);
            proto_write_str(out, proto_buf_bytes(&time));
        } else if (value.kind == PROTO_DECIMAL) {
            proto_write_str(out, value.bytes);
        } else {
            proto_buf_append(out, at, (size_t)(reader.at - at));
        }
    }
}

static void s_write(proto_buf_t *out, proto_bytes_t value, bool native)
{
    if (value.size == 0)
        proto_write_nil(out);
    else if (native)
        proto_buf_append(out, value.data, value.size);
    else
        proto_rpc_write_plain(out, value);
}

static void s_write_text(proto_buf_t *out, const char *key, proto_bytes_t text)
{
    if (text.size == 0)
        return;
    proto_write_text(out, key);
    if (proto_utf8_valid(text))
        proto_write_str(out, text);
    else
        proto_write_bin(out, text); /* names on the wire need not be UTF-8, texts must be */
}

void proto_rpc_write_request(proto_buf_t *out, const proto_rpc_request_t *request)
{
    proto_write_array(out, 4);
    proto_write_uint(out, S_REQUEST);
    proto_write_uint(out, request->msgid);
    proto_write_str(out, request->operation);
    proto_write_array(out, 2);
    if (request->arguments.size)
        s_write(out, request->arguments, request->native_values);
    else
        proto_write_map(out, 0);
    uint32_t pairs = 1;
    const proto_bytes_t *const texts[] = {&request->key, &request->trace, &request->subject, &request->role};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        pairs += texts[i]->size > 0;
    proto_write_map(out, pairs);
    proto_write_text(out, "deadline_ms");
    proto_write_uint(out, request->deadline_ms);
    s_write_text(out, "idempotency_key", request->key);
    s_write_text(out, "traceparent", request->trace);
    s_write_text(out, "subject", request->subject);
    s_write_text(out, "role", request->role);
}

void proto_rpc_write_response(proto_buf_t *out, bool has_msgid, uint32_t msgid, proto_bytes_t error,
                              proto_bytes_t result, bool native_values)
{
    proto_write_array(out, 4);
    proto_write_uint(out, S_RESPONSE);
    if (has_msgid)
        proto_write_uint(out, msgid);
    else
        proto_write_nil(out);
    s_write(out, error, native_values);
    s_write(out, result, native_values);
}

proto_error_t proto_rpc_error(proto_bytes_t error, proto_buf_t *out)
{
    char text[S_CODE + 1] = "";
    proto_bytes_t code = proto_value_get_str(error, "code", "");
    int64_t status = proto_value_get_int(error, "status", 0);
    if (code.size <= S_CODE && proto_record_plain(code))
        memcpy(text, code.data, code.size);
    proto_error_t number = proto_error_find(text);
    if (!text[0] || number == PROTO_ERROR_none) {
        proto_error_body(out, PROTO_ERROR_bad_worker_reply, NULL);
        return PROTO_ERROR_bad_worker_reply;
    }
    if (number == PROTO_ERROR_COUNT)
        number = PROTO_ERROR_declared;
    if (number != PROTO_ERROR_declared)
        status = proto_error_status(number);
    else if (status < 400 || status > 599)
        status = 500;
    proto_bytes_t title = proto_value_get_str(error, "title", proto_error_title(number));
    proto_bytes_t detail = proto_value_get_str(error, "detail", "");
    proto_write_map(out, 4);
    proto_write_text(out, "code");
    proto_write_str(out, code);
    proto_write_text(out, "status");
    proto_write_int(out, status);
    proto_write_text(out, "title");
    proto_write_str(out, title);
    proto_write_text(out, "detail");
    proto_write_str(out, detail.size ? detail : title);
    return number;
}
