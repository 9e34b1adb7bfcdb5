/* SPDX-License-Identifier: MPL-2.0 */
/* gw_bind: whatever a request holds, its arguments are a well-formed map of declared names, each once, or
 * there is a sentence that tells what is wrong. Lines of an input: Content-Type, query, a header field; then
 * the body. */
#include "fuzz.h"
#include "gw_bind.h"

static proto_bytes_t s_line(proto_bytes_t *rest)
{
    const uint8_t *newline = rest->size ? memchr(rest->data, '\n', rest->size) : NULL;
    proto_bytes_t line = {rest->data, newline ? (size_t)(newline - rest->data) : rest->size};
    size_t used = line.size + (newline ? 1 : 0);
    *rest = (proto_bytes_t){rest->data + used, rest->size - used};
    return line;
}

static void s_check(const gw_binder_t *binder, const proto_operation_t *operation)
{
    uint32_t seen = 0;
    proto_bytes_t arguments = proto_buf_bytes(&binder->arguments), value;
    PROTO_ASSERT(proto_value_check(arguments) == 0);
    proto_reader_t reader = proto_reader(arguments);
    proto_value_t map, key;
    PROTO_ASSERT(proto_value_read(&reader, &map) == 0 && map.kind == PROTO_MAP);
    for (uint32_t i = 0; i < map.count; i++) {
        PROTO_ASSERT(proto_value_read(&reader, &key) == 0 && proto_value_skip(&reader, &value) == 0);
        uint32_t at = 0;
        while (at < operation->param_count && !proto_bytes_is(key.bytes, operation->params[at].name))
            at++;
        PROTO_ASSERT(at < operation->param_count && !(seen & 1u << at));
        seen |= 1u << at;
    }
}

static void s_bind(const proto_operation_t *operation, const gw_input_t *input)
{
    static gw_binder_t binder;
    gw_route_t route = {.operation = operation};
    proto_error_t error = gw_bind(&binder, &route, input);
    PROTO_ASSERT(error == PROTO_ERROR_none || error == PROTO_ERROR_malformed ||
                 error == PROTO_ERROR_invalid || error == PROTO_ERROR_unsupported_media_type);
    PROTO_ASSERT((error == PROTO_ERROR_none) == (binder.detail.size == 0));
    if (!error)
        s_check(&binder, operation);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static proto_param_t form[] = {
        {.name = "q", .source = PROTO_SOURCE_QUERY, .data = PROTO_DATA_INT4},
        {.name = "x_h", .source = PROTO_SOURCE_HEADER, .data = PROTO_DATA_TEXT},
        {.name = "a", .source = PROTO_SOURCE_FORM, .data = PROTO_DATA_TEXT},
        {.name = "n", .source = PROTO_SOURCE_FORM, .data = PROTO_DATA_NUMERIC, .array = true},
        {.name = "f", .source = PROTO_SOURCE_FILE, .data = PROTO_DATA_BYTEA, .array = true},
        {.name = "f_filename", .source = PROTO_SOURCE_FORM, .data = PROTO_DATA_TEXT, .array = true},
        {.name = "f_content_type", .source = PROTO_SOURCE_FORM, .data = PROTO_DATA_TEXT, .array = true},
        {.name = "j", .source = PROTO_SOURCE_FILE, .data = PROTO_DATA_JSON},
    };
    static proto_param_t json[] = {
        {.name = "q", .source = PROTO_SOURCE_QUERY, .data = PROTO_DATA_INT4},
        {.name = "a", .source = PROTO_SOURCE_BODY, .data = PROTO_DATA_TEXT},
        {.name = "n", .source = PROTO_SOURCE_BODY, .data = PROTO_DATA_NUMERIC, .array = true},
    };
    static const proto_operation_t operations[] = {
        {.name = "form", .params = form, .param_count = sizeof form / sizeof *form},
        {.name = "json", .params = json, .param_count = sizeof json / sizeof *json},
    };
    proto_bytes_t rest = {data, size};
    gw_http_header_t header = {.name = proto_bytes_of("x-h")};
    gw_input_t input = {.headers = &header, .header_count = 1};
    input.content_type = s_line(&rest);
    input.query = s_line(&rest);
    header.value = s_line(&rest);
    input.body = rest;
    s_bind(&operations[0], &input);
    s_bind(&operations[1], &input);
    return 0;
}

const fuzz_seed_t *fuzz_seeds(size_t *count)
{
    static const fuzz_seed_t seeds[] = {
        FUZZ_SEED("application/x-www-form-urlencoded\nq=5\nvalue\na=b+c%20%C3%A4&n=1.5&n=2e3&f=x&%6e=-0&z"),
        FUZZ_SEED(
            "multipart/form-data; boundary=b\nx=1&q=%35\n\xc3\xa4\n"
            "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n"
            "--b\r\nContent-Disposition: form-data; name=f; filename=\"q%22\\\"\"\r\nContent-Type: "
            "a/b\r\n\r\n\xff\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\n\r\n\r\n"
            "--b\r\nContent-Disposition: form-data; name=\"j\"\r\n\r\n{\"k\":[1]}\r\n--b--\r\n"),
        FUZZ_SEED("application/json\nq=1\n\n{\"a\":\"b\",\"n\":[1,2.50,null],\"z\":{}}"),
    };
    *count = sizeof seeds / sizeof seeds[0];
    return seeds;
}
