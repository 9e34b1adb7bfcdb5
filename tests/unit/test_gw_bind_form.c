/* SPDX-License-Identifier: MPL-2.0 */
/* Binding of header fields and of forms, urlencoded and multipart: values, doubled names, files and what
 * their parts tell of them, media types. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_bind_ask.h"

#define S_URLENCODED "application/x-www-form-urlencoded"
#define S_MULTIPART  "multipart/form-data; boundary=b"
#define S_FORM(body, status, answer)                                                                         \
    {                                                                                                        \
        "POST", "/form", S_URLENCODED, body, status, answer                                                  \
    }
#define S_PARTS(path, body, status, answer)                                                                  \
    {                                                                                                        \
        "POST", path, S_MULTIPART, body "--b--\r\n", status, answer                                          \
    }
#define S_FIELD(name, value) "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define S_FILE(name, filename, type, value)                                                                  \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"" filename                         \
    "\"\r\nContent-Type: " type "\r\n\r\n" value "\r\n"

static void test_headers(void **state)
{
    (void)state;
    static const struct {
        const char *fields[8]; /* name, value, ... */
        int status;
        const char *answer;
    } cases[] = {
        {{"x-count", "7"}, 200, "{\"x_count\":7}"},
        {{"x_count", "8", "x-count", "7"}, 200, "{\"x_count\":7}"},
        {{"host", "h", "x-count", "7", "x-count-more", "8", "x", "9"}, 200, "{\"x_count\":7}"},
        {{"x-count", "-3"}, 422, "x_count must be at least 1"},
        {{"x-count", "many"}, 422, "x_count must be an integer"},
        {{"x-count", ""}, 422, "x_count must be an integer"},
        {{NULL}, 422, "x_count is required"},
        {{"x-coun", "7", "xcount", "7", "x-count-", "7"}, 422, "x_count is required"},
        {{"x-count", "7", "x-count", "7"}, 400, "x_count is given more than once"},
        {{"x-count", "7", "idempotency-key", "a b+%20"},
         200,
         "{\"x_count\":7,\"idempotency_key\":\"a b+%20\"}"},
        {{"x-count", "7", "idempotency-key", ""}, 200, "{\"x_count\":7,\"idempotency_key\":\"\"}"},
        {{"x-count", "7", "idempotency-key", "\xc3\xa4"},
         200,
         "{\"x_count\":7,\"idempotency_key\":\"\xc3\xa4\"}"},
        {{"x-count", "7", "idempotency-key", "\xe4"},
         400,
         "the header field of idempotency_key is not UTF-8"},
        {{"x-count", "7", "idempotency-key", "123456789"},
         422,
         "idempotency_key must have at most 8 characters"},
        {{"tag", "a, b", "x-count", "7", "tag", "c"}, 200, "{\"x_count\":7,\"tag\":[\"a, b\",\"c\"]}"},
    };
    proto_buf_t json = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gw_http_header_t headers[4];
        uint32_t count = 0;
        for (; count < 4 && cases[i].fields[2 * count]; count++)
            headers[count] = (gw_http_header_t){proto_bytes_of(cases[i].fields[2 * count]),
                                                proto_bytes_of(cases[i].fields[2 * count + 1])};
        gw_match_t match;
        assert_int_equal(
            gw_router_match(ask_router, proto_bytes_of("GET"), proto_bytes_of("/fields"), &match),
            GW_MATCH_FOUND);
        gw_input_t input = {.headers = headers, .header_count = count};
        proto_error_t error = gw_bind(&ask_binder, match.route, &input);
        proto_buf_reset(&json);
        if (!error)
            assert_int_equal(proto_json_from_value(proto_buf_bytes(&ask_binder.arguments), &json), 0);
        const char *answer = error ? proto_buf_text(&ask_binder.detail) : proto_buf_text(&json);
        if (proto_error_status(error) != cases[i].status || strcmp(answer, cases[i].answer) != 0)
            fail_msg("case %zu: %d %s instead of %s", i, proto_error_status(error), answer, cases[i].answer);
    }
    proto_buf_free(&json);
}

/* NUL cannot come this way, but nobody else would stop it. */
static void test_header_with_nul(void **state)
{
    (void)state;
    gw_match_t match;
    gw_http_header_t headers[] = {{proto_bytes_of("x-count"), proto_bytes_of("1")},
                                  {proto_bytes_of("idempotency-key"), {(const uint8_t *)"a\0b", 3}}};
    assert_int_equal(gw_router_match(ask_router, proto_bytes_of("GET"), proto_bytes_of("/fields"), &match),
                     GW_MATCH_FOUND);
    gw_input_t input = {.headers = headers, .header_count = 2};
    assert_int_equal(gw_bind(&ask_binder, match.route, &input), PROTO_ERROR_invalid);
    assert_string_equal(proto_buf_text(&ask_binder.detail),
                        "idempotency_key must not hold the character U+0000");
}

static void test_urlencoded(void **state)
{
    (void)state;
    static const ask_case_t cases[] = {
        S_FORM("name=Ada", 200, "{\"name\":\"Ada\"}"),
        S_FORM("name=A+b%20c%2Bd%26&age=5", 200, "{\"name\":\"A b c+d&\",\"age\":5}"),
        S_FORM("&&na%6De=%C3%A4&", 200, "{\"name\":\"\xc3\xa4\"}"),
        S_FORM("tags=x&name=A&tags=&tags=y", 200, "{\"name\":\"A\",\"tags\":[\"x\",\"\",\"y\"]}"),
        S_FORM("name=A&Name=B&other=%41", 200, "{\"name\":\"A\"}"),
        {"POST", "/form?name=B&age=x", "Application/X-WWW-Form-Urlencoded; charset=utf-8", "name=A", 200,
         "{\"name\":\"A\"}"},
        S_FORM("name=A&age=", 422, "age must be an integer"),
        S_FORM("name=A&age=151", 422, "age must be at most 150"),
        S_FORM("name=12345678901", 422, "name must have at most 10 characters"),
        S_FORM("name=a%00", 422, "name must not hold the character U+0000"),
        S_FORM("name=A&name=A", 422, "name is given more than once"),
        S_FORM("age=5", 422, "name is required"),
        S_FORM("", 422, "name is required"),
        S_FORM("name=%ff", 400, "the form is not UTF-8"),
        S_FORM("name=\xff", 400, "the form is not UTF-8"),
        S_FORM("name=%4", 400, "the form holds a malformed percent-escape"),
        S_FORM("name=A&%zz=1", 400, "the form holds a malformed percent-escape"),
        S_FORM("name=A\r\n&age=5\r\n", 422, "age must be an integer"),
        {"POST", "/upload", S_URLENCODED, "note=n&one=YQ&one_filename=evil", 422, "one is required"},
    };
    ASK_CHECK(cases);
}

static void test_multipart_fields(void **state)
{
    (void)state;
    static const ask_case_t cases[] = {
        S_PARTS("/form", S_FIELD("name", "Ada"), 200, "{\"name\":\"Ada\"}"),
        S_PARTS("/form", S_FIELD("age", "5") S_FIELD("name", "A+b%20\xc3\xa4"), 200,
                "{\"name\":\"A+b%20\xc3\xa4\",\"age\":5}"),
        S_PARTS("/form", S_FIELD("tags", "x") S_FIELD("name", "") S_FIELD("tags", "y"), 200,
                "{\"name\":\"\",\"tags\":[\"x\",\"y\"]}"),
        S_PARTS("/form", S_FIELD("name", "A") S_FIELD("other", "\xff") S_FIELD("Name", "B"), 200,
                "{\"name\":\"A\"}"),
        S_PARTS("/form", S_FIELD("name", "A") S_FILE("other", "f", "a/b", "\xff"), 200, "{\"name\":\"A\"}"),
        S_PARTS("/form", S_FIELD("name", "A") S_FIELD("age", "5\r\n"), 422, "age must be an integer"),
        S_PARTS("/form", S_FIELD("name", "A") S_FIELD("name", "A"), 422, "name is given more than once"),
        S_PARTS("/form", "", 422, "name is required"),
        S_PARTS("/form", S_FIELD("name", "\xff"), 400, "name must be a text in UTF-8"),
        S_PARTS("/form", S_FILE("name", "f", "text/plain", "A"), 422, "name must be a field, not a file"),
        S_PARTS("/form", S_FILE("name", "", "text/plain", "A"), 422, "name must be a field, not a file"),
        {"POST", "/form", S_MULTIPART, S_FIELD("name", "A"), 400,
         "The body is not multipart/form-data: it does not end with its boundary"},
        {"POST", "/form", "multipart/form-data", "--b--", 400,
         "The body is not multipart/form-data: its Content-Type has no boundary"},
        {"POST", "/form", S_MULTIPART, NULL, 400,
         "The body is not multipart/form-data: its boundary is not in it"},
    };
    ASK_CHECK(cases);
}

static void test_files(void **state)
{
    (void)state;
    static const ask_case_t cases[] = {
        S_PARTS("/upload", S_FILE("one", "f.bin", "a/b; c=d", "\xff\x01"), 200,
                "{\"one\":\"/wE=\",\"one_filename\":\"f.bin\",\"one_content_type\":\"a/b; c=d\"}"),
        S_PARTS("/upload", S_FIELD("one", ""), 200, "{\"one\":\"\"}"),
        S_PARTS("/upload", S_FILE("one", "a\\\"b\\%22c", "a/b", ""), 200,
                "{\"one\":\"\",\"one_filename\":\"a\\\"b\\\\\\\"c\",\"one_content_type\":\"a/b\"}"),
        /* what a part tells of itself cannot be told by a field */
        S_PARTS("/upload", S_FIELD("one_filename", "evil") S_FIELD("one", "x"), 200, "{\"one\":\"eA==\"}"),
        S_PARTS("/upload", S_FILE("one", "f", "a/b", "x") S_FIELD("one_content_type", "evil"), 200,
                "{\"one\":\"eA==\",\"one_filename\":\"f\",\"one_content_type\":\"a/b\"}"),
        S_PARTS("/upload", S_FIELD("one", "x") S_FIELD("plain_filename", "p"), 200,
                "{\"one\":\"eA==\",\"plain_filename\":\"p\"}"),
        S_PARTS("/upload", S_FILE("one", "123456789", "a/b", "x"), 422,
                "one_filename must have at most 8 characters"),
        S_PARTS("/upload", S_FIELD("one", "x") S_FIELD("one", "x"), 422, "one is given more than once"),
        S_PARTS("/upload", S_FIELD("plain_filename", "x"), 422, "one is required"),
        S_PARTS("/upload", S_FILE("one", "", "a/b", ""), 422, "one is required"), /* none was chosen */
        S_PARTS("/upload", S_FILE("one", "", "a/b", "x"), 200,
                "{\"one\":\"eA==\",\"one_filename\":\"\",\"one_content_type\":\"a/b\"}"),
        /* text and other types */
        S_PARTS("/upload", S_FIELD("one", "x") S_FILE("words", "w", "text/plain", "\xc3\xa4\r\n"), 200,
                "{\"one\":\"eA==\",\"words\":\"\xc3\xa4\\r\\n\"}"),
        S_PARTS("/upload", S_FIELD("one", "x") S_FILE("words", "w", "text/plain", "\xe4"), 422,
                "words must be a text in UTF-8"),
        S_PARTS("/upload", S_FIELD("one", "x") S_FILE("doc", "d", "application/json", "{\"a\":[1.0]}"), 200,
                "{\"one\":\"eA==\",\"doc\":{\"a\":[1.0]}}"),
        S_PARTS("/upload", S_FIELD("one", "x") S_FILE("doc", "d", "application/json", "{"), 422,
                "doc must be JSON: a key in quotes is expected at byte 1"),
        /* arrays: an item for each file */
        S_PARTS("/album",
                S_FILE("pics", "1", "a/b", "x") S_FIELD("pics", "y") S_FILE("pics", "3", "c/d", "z"), 200,
                "{\"pics\":[\"eA==\",\"eQ==\",\"eg==\"],\"pics_filename\":[\"1\",null,\"3\"]}"),
        S_PARTS("/album", S_FILE("pics", "", "a/b", ""), 200, "{}"),
        S_PARTS("/album", "", 200, "{}"),
        {"POST", "/album", NULL, NULL, 200, "{}"},
    };
    ASK_CHECK(cases);
}

/* A NUL in a text file, which C strings cannot show. */
static void test_file_with_nul(void **state)
{
    (void)state;
    static const char body[] = S_FIELD("one", "a\0b") "--b--",
                      text[] = S_FIELD("one", "x") S_FIELD("words", "a\0b") "--b--";
    assert_int_equal(ask_bind("POST", "/upload", S_MULTIPART, NULL,
                              (proto_bytes_t){(const uint8_t *)body, sizeof body - 1}),
                     PROTO_ERROR_none);
    assert_int_equal(ask_bind("POST", "/upload", S_MULTIPART, NULL,
                              (proto_bytes_t){(const uint8_t *)text, sizeof text - 1}),
                     PROTO_ERROR_invalid);
    assert_string_equal(proto_buf_text(&ask_binder.detail), "words must not hold the character U+0000");
}

static void test_media_types(void **state)
{
    (void)state;
    static const char *const types[] = {NULL,
                                        "",
                                        "application/json",
                                        "text/plain",
                                        "application/x-www-form-urlencoded2",
                                        "x-www-form-urlencoded",
                                        "multipart/mixed; boundary=b",
                                        "multipart/form-datax; boundary=b",
                                        "multipart/form-data,multipart/form-data; boundary=b"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        assert_int_equal(ask_bind("POST", "/form", types[i], NULL, proto_bytes_of("name=A")),
                         PROTO_ERROR_unsupported_media_type);
        assert_string_equal(
            proto_buf_text(&ask_binder.detail),
            "The body must be sent as application/x-www-form-urlencoded or multipart/form-data");
    }
    assert_int_equal(ask_bind("POST", "/form", S_URLENCODED, "gzip", proto_bytes_of("name=A")),
                     PROTO_ERROR_unsupported_media_type);
    assert_int_equal(ask_bind("POST", "/form", S_URLENCODED, "identity", proto_bytes_of("name=A")),
                     PROTO_ERROR_none);
    assert_int_equal(ask_bind("POST", "/form", NULL, NULL, (proto_bytes_t){0}), PROTO_ERROR_invalid);
    assert_string_equal(proto_buf_text(&ask_binder.detail), "a form is required");
    /* and JSON is asked for in JSON */
    assert_int_equal(ask_bind("POST", "/members", S_URLENCODED, NULL, proto_bytes_of("name=A")),
                     PROTO_ERROR_unsupported_media_type);
}

static void test_many_fields(void **state)
{
    (void)state;
    proto_buf_t body = PROTO_BUF_INIT;
    proto_buf_string(&body, "name=A");
    for (uint32_t count = 1; count < GW_FORM_FIELDS; count++)
        proto_buf_string(&body, "&tags=x");
    assert_int_equal(ask_bind("POST", "/form", S_URLENCODED, NULL, proto_buf_bytes(&body)), PROTO_ERROR_none);
    proto_buf_string(&body, "&other");
    assert_int_equal(ask_bind("POST", "/form", S_URLENCODED, NULL, proto_buf_bytes(&body)),
                     PROTO_ERROR_malformed);
    assert_string_equal(proto_buf_text(&ask_binder.detail), "the form has too many fields");
    proto_buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),     cmocka_unit_test(test_header_with_nul),
        cmocka_unit_test(test_urlencoded),  cmocka_unit_test(test_multipart_fields),
        cmocka_unit_test(test_files),       cmocka_unit_test(test_file_with_nul),
        cmocka_unit_test(test_media_types), cmocka_unit_test(test_many_fields),
    };
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
