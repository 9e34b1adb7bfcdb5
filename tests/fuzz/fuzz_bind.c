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

static void s_check(proto_bytes_t arguments, const proto_operation_t *operation)
{
    uint32_t seen = 0;
    proto_bytes_t value;
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

static gw_binder_t s_binder;

/* Binds, with a body in pieces of `step` bytes if it is to be taken so. The sentence of an error, or the
 * arguments, are appended to `out`. */
static proto_error_t s_bind_cut(const proto_operation_t *operation, gw_input_t input, size_t step,
                                proto_buf_t *out)
{
    gw_route_t route = {.operation = operation};
    bool pieces = false;
    proto_error_t error = gw_bind_media(&s_binder, operation, &input, &pieces);
    if (!error && pieces) {
        input.form = gw_form_new(operation, 300);
        error = gw_form_begin(input.form, input.content_type);
        for (size_t at = 0; !error && at < input.body.size; at += step) {
            size_t left = input.body.size - at;
            error =
                gw_form_take(input.form, (proto_bytes_t){input.body.data + at, left < step ? left : step});
        }
        error = error ? error : gw_form_end(input.form);
        PROTO_ASSERT((error == PROTO_ERROR_none) == (input.form->detail.size == 0));
        if (error)
            proto_buf_append(out, input.form->detail.data, input.form->detail.size);
    }
    if (!error) {
        error = gw_bind(&s_binder, &route, &input);
        PROTO_ASSERT((error == PROTO_ERROR_none) == (s_binder.detail.size == 0));
        const proto_buf_t *arguments = input.form ? &input.form->arguments : &s_binder.arguments;
        arguments = error ? &s_binder.detail : arguments;
        proto_buf_append(out, arguments->data, arguments->size);
    }
    gw_form_free(&input.form);
    return error;
}

static void s_bind(const proto_operation_t *operation, const gw_input_t *input)
{
    static proto_buf_t whole, pieces;
    proto_buf_reset(&whole);
    proto_buf_reset(&pieces);
    proto_error_t error = s_bind_cut(operation, *input, input->body.size + 1, &whole);
    PROTO_ASSERT(error == PROTO_ERROR_none || error == PROTO_ERROR_malformed ||
                 error == PROTO_ERROR_invalid || error == PROTO_ERROR_unsupported_media_type ||
                 error == PROTO_ERROR_too_large);
    PROTO_ASSERT(s_bind_cut(operation, *input, 1, &pieces) == error);
    PROTO_ASSERT(proto_bytes_equal(proto_buf_bytes(&whole), proto_buf_bytes(&pieces)));
    if (!error)
        s_check(proto_buf_bytes(&whole), operation);
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
        {.name = "t", .source = PROTO_SOURCE_FILE, .data = PROTO_DATA_TEXT},
        {.name = "b",
         .source = PROTO_SOURCE_FILE,
         .data = PROTO_DATA_BYTEA,
         .array = true,
         .unit = PROTO_UNIT_BYTES,
         .has_max = true,
         .max = 20},
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
    input.length = rest.size;
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
        FUZZ_SEED("multipart/form-data; boundary=b\n\n\n--b\r\nContent-Disposition: form-data; "
                  "name=b\r\n\r\n01234567890\r\n--b\r\n"
                  "Content-Disposition: form-data; name=t\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; "
                  "name=b; "
                  "filename=f\r\n\r\n\r\n-\r\n--b--"),
        FUZZ_SEED("application/json\nq=1\n\n{\"a\":\"b\",\"n\":[1,2.50,null],\"z\":{}}"),
    };
    *count = sizeof seeds / sizeof seeds[0];
    return seeds;
}
