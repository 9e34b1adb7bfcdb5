/* SPDX-License-Identifier: MPL-2.0 */
/* Binding of bodies: members of an object and whole ones, null, what is no JSON, media types and codings, and
 * how deep a value may be. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_bind_ask.h"

static void test_body_members(void **state)
{
    (void)state;
    static const ask_case_t cases[] = {
        ASK_POST("/members", "{\"name\":\"Ada\"}", 200, "{\"name\":\"Ada\"}"),
        ASK_POST("/members", " \r\n\t{ \"name\" : \"Ada\" } ", 200, "{\"name\":\"Ada\"}"),
        ASK_POST("/members",
                 "{\"age\":150,\"name\":\"A\",\"tags\":[\"x\",null],\"doc\":{\"a\":null},\"kind\":\"fancy\","
                 "\"ok\":false,\"price\":1.10}",
                 200,
                 "{\"age\":150,\"name\":\"A\",\"tags\":[\"x\",null],\"doc\":{\"a\":null},\"kind\":\"fancy\","
                 "\"ok\":false,\"price\":1.10}"),
        ASK_POST("/members", "{\"name\":\"\\u00e4\\ud83d\\ude00\"}", 200,
                 "{\"name\":\"\xc3\xa4\xf0\x9f\x98\x80\"}"),
        ASK_POST("/members", "{\"\\u006eame\":\"A\"}", 200, "{\"name\":\"A\"}"),
        ASK_POST("/members", "{\"name\":\"A\",\"other\":1,\"Name\":2,\"name \":{}}", 200, "{\"name\":\"A\"}"),
        ASK_POST("/members", "{\"name\":\"A\",\"age\":null,\"tags\":null,\"kind\":null,\"doc\":null}", 200,
                 "{\"name\":\"A\",\"age\":null,\"tags\":null,\"kind\":null,\"doc\":null}"),
        ASK_POST("/members", "{}", 422, "name is required"),
        ASK_POST("/members", "{\"name\":null}", 422, "name must not be null"),
        ASK_POST("/members", "{\"name\":\"\"}", 422, "name must have at least 1 character"),
        ASK_POST("/members", "{\"name\":\"12345678901\"}", 422, "name must have at most 10 characters"),
        ASK_POST("/members", "{\"name\":7}", 422, "name must be a text"),
        ASK_POST("/members", "{\"name\":[\"A\"]}", 422, "name must be a text"),
        ASK_POST("/members", "{\"name\":\"a\\u0000b\"}", 422, "name must not hold the character U+0000"),
        ASK_POST("/members", "{\"name\":\"A\",\"age\":\"7\"}", 422, "age must be an integer"),
        ASK_POST("/members", "{\"name\":\"A\",\"age\":7.5}", 422, "age must be an integer"),
        ASK_POST("/members", "{\"name\":\"A\",\"age\":true}", 422, "age must be an integer"),
        ASK_POST("/members", "{\"name\":\"A\",\"age\":-1}", 422, "age must be at least 0"),
        ASK_POST("/members", "{\"name\":\"A\",\"age\":151}", 422, "age must be at most 150"),
        ASK_POST("/members", "{\"name\":\"A\",\"age\":18446744073709551615}", 422,
                 "age must lie between -2147483648 and 2147483647"),
        ASK_POST("/members", "{\"name\":\"A\",\"tags\":\"x\"}", 422, "tags must be an array"),
        ASK_POST("/members", "{\"name\":\"A\",\"tags\":{}}", 422, "tags must be an array"),
        ASK_POST("/members", "{\"name\":\"A\",\"tags\":[1]}", 422, "tags must be a text"),
        ASK_POST("/members", "{\"name\":\"A\",\"tags\":[\"a\",\"b\",\"c\"]}", 422,
                 "tags must have at most 2 items"),
        ASK_POST("/members", "{\"name\":\"A\",\"tags\":[]}", 200, "{\"name\":\"A\",\"tags\":[]}"),
        ASK_POST("/members", "{\"name\":\"A\",\"doc\":{\"a\":[\"\\u0000\"]}}", 422,
                 "doc must not hold the character U+0000"),
        ASK_POST("/members", "{\"name\":\"A\",\"kind\":\"x\"}", 422, "kind must be one of plain, fancy"),
        ASK_POST("/members", "{\"name\":\"A\",\"ok\":1}", 422, "ok must be true or false"),
        ASK_POST("/members", "{\"name\":\"A\",\"ok\":\"true\"}", 422, "ok must be true or false"),
        ASK_POST("/members", "{\"name\":\"A\",\"price\":\"1\"}", 422, "price must be a number"),
        /* one way to read a body: a key twice is none */
        ASK_POST("/members", "{\"name\":\"A\",\"name\":\"B\"}", 400,
                 "The body is not JSON: an object has the same key twice at byte 22"),
        ASK_POST("/members", "{\"name\":\"A\",\"na\\u006de\":\"B\"}", 400,
                 "The body is not JSON: an object has the same key twice at byte 27"),
        ASK_POST("/members", "[]", 422, "the body must be a JSON object"),
        ASK_POST("/members", "\"name\"", 422, "the body must be a JSON object"),
        ASK_POST("/members", "null", 422, "the body must be a JSON object"),
        {"POST", "/members", NULL, NULL, 422, "a JSON body is required"},
        {"POST", "/members?name=A", NULL, NULL, 422, "a JSON body is required"},
        ASK_POST("/members?name=B&age=x", "{\"name\":\"A\"}", 200, "{\"name\":\"A\"}"),
        {"POST", "/optional", NULL, NULL, 200, "{}"},
        ASK_POST("/optional", "{}", 200, "{}"),
        ASK_POST("/optional", "{\"x\":null}", 200, "{\"x\":null}"),
        ASK_POST("/optional", "[1]", 422, "the body must be a JSON object"),
    };
    ASK_CHECK(cases);
}

static void test_whole_and_mixed_bodies(void **state)
{
    (void)state;
    static const ask_case_t cases[] = {
        ASK_POST("/whole", "{\"doc\":1}", 200, "{\"doc\":{\"doc\":1}}"),
        ASK_POST("/whole", "[1,\"a\",null]", 200, "{\"doc\":[1,\"a\",null]}"),
        ASK_POST("/whole", "null", 200, "{\"doc\":null}"),
        ASK_POST("/whole", "1.50", 200, "{\"doc\":1.50}"),
        ASK_POST("/whole", "[\"\\u0000\"]", 422, "doc must not hold the character U+0000"),
        {"POST", "/whole", NULL, NULL, 422, "a JSON body is required"},
        {"POST", "/maybe", NULL, NULL, 200, "{}"},
        {"PUT", "/mixed/5?dry=yes", "application/json", "{\"name\":\"A\",\"id\":9,\"dry\":false}", 200,
         "{\"id\":5,\"dry\":true,\"name\":\"A\"}"},
        /* the type of the body, then path, query, body */
        {"PUT", "/mixed/x?dry=2", "text/plain", "{", 415, "The body must be sent as application/json"},
        {"PUT", "/mixed/x?dry=2", "application/json", "{", 422, "id must be an integer"},
        {"PUT", "/mixed/5?dry=2", "application/json", "{", 422, "dry must be true or false"},
        {"PUT", "/mixed/5", "text/plain", "{", 415, "The body must be sent as application/json"},
        {"POST", "/nothing", NULL, NULL, 200, "{}"},
        {"POST", "/nothing?a=b", "text/plain", "anything", 200, "{}"}, /* nobody asked for it */
    };
    ASK_CHECK(cases);
}

static void test_malformed_json(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{",
        "}",
        "{\"name\"}",
        "{\"name\":}",
        "{name:\"A\"}",
        "{'name':1}",
        "{\"name\":\"A\",}",
        "{\"name\":\"A\"}x",
        "{\"name\":\"A\"}{}",
        "{\"name\":01}",
        "{\"name\":\"\xff\"}",
        "{\"name\":\"\\ud800\"}",
        "{\"name\":\"\t\"}",
        "\xef\xbb\xbf{\"name\":\"A\"}",
        "{\"name\":NaN}",
        "{\"name\":\"A\"} // x",
        "name=A",
        "<name>A</name>",
        " ",
        "{\"name\":\"\xed\xa0\x80\"}",
    };
    static const char *const targets[] = {"/members", "/whole", "/optional", "/maybe"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        for (size_t t = 0; t < sizeof targets / sizeof *targets; t++) {
            proto_error_t error =
                ask_bind("POST", targets[t], "application/json", NULL, proto_bytes_of(bodies[i]));
            if (error != PROTO_ERROR_malformed ||
                !strstr(proto_buf_text(&ask_binder.detail), "The body is not JSON: "))
                fail_msg("%s %s: %d %s", targets[t], bodies[i], proto_error_status(error),
                         proto_buf_text(&ask_binder.detail));
        }
    }
    proto_bytes_t nul = {(const uint8_t *)"{\"name\":\"A\"}\0", 13};
    assert_int_equal(ask_bind("POST", "/members", "application/json", NULL, nul), PROTO_ERROR_malformed);
    /* said to be JSON, but empty */
    assert_int_equal(ask_bind("POST", "/optional", "application/json", NULL, (proto_bytes_t){0}),
                     PROTO_ERROR_malformed);
}

static void test_media_types(void **state)
{
    (void)state;
    static const struct {
        const char *type, *encoding;
        bool good;
    } cases[] = {
        {"application/json", NULL, true},
        {"application/json", "", true},
        {"APPLICATION/Json", NULL, true},
        {"application/json;charset=utf-8", NULL, true},
        {"application/json ; charset=\"UTF-8\"", NULL, true},
        {"application/json;charset=iso-8859-1", NULL, true}, /* RFC 8259 section 11: it means nothing */
        {"application/problem+json", NULL, true},
        {"application/vnd.a.b+JSON; version=1", NULL, true},
        {"application/json", "identity", true},
        {"application/json", "IDENTITY", true}, /* RFC 9110 section 8.4.1 */
        {NULL, NULL, false},
        {"text/plain", NULL, false},
        {"text/json", NULL, false},
        {"text/a+json", NULL, false},
        {"application/x-www-form-urlencoded", NULL, false},
        {"multipart/form-data; boundary=a", NULL, false},
        {"application/jsonp", NULL, false},
        {"application/jso", NULL, false},
        {"application/+json", NULL, false},
        {"application/json+xml", NULL, false},
        {"application/json,text/plain", NULL, false},
        {"application", NULL, false},
        {"json", NULL, false},
        {"*/*", NULL, false},
        {";application/json", NULL, false},
        {"application/json", "gzip", false},
        {"application/json", "br, identity", false},
        {"application/json", "identit", false},
        {NULL, "identity", false},
    };
    static const char *const targets[] = {"/members", "/whole", "/optional", "/maybe"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t t = 0; t < sizeof targets / sizeof *targets; t++) {
            proto_error_t error = ask_bind("POST", targets[t], cases[i].type, cases[i].encoding,
                                           proto_bytes_of("{\"name\":\"A\"}"));
            if (error != (cases[i].good ? PROTO_ERROR_none : PROTO_ERROR_unsupported_media_type))
                fail_msg("%s %s %s: %d", targets[t], cases[i].type ? cases[i].type : "(none)",
                         cases[i].encoding ? cases[i].encoding : "", proto_error_status(error));
        }
    }
}

/* However deep a value is, the arguments it becomes are a value that the other end takes. */
static void s_nest(proto_buf_t *out, const char *before, int depth, const char *behind)
{
    proto_buf_reset(out);
    proto_buf_string(out, before);
    for (int i = 0; i < depth; i++)
        proto_buf_byte(out, '[');
    for (int i = 0; i < depth; i++)
        proto_buf_byte(out, ']');
    proto_buf_string(out, behind);
}

static void test_deep_values(void **state)
{
    (void)state;
    static const struct {
        const char *method, *target, *before, *behind;
        int outside; /* containers around it in the arguments */
    } cases[] = {
        {"POST", "/whole", "", "", 1},
        {"POST", "/members", "{\"name\":\"A\",\"doc\":", "}", 1},
        {"GET", "/query?j=", NULL, NULL, 1},
        {"GET", "/arrays?k=", NULL, NULL, 2},
    };
    proto_buf_t text = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int depth = 1; depth <= PROTO_VALUE_DEPTH + 3; depth++) {
            bool query = !cases[i].before;
            s_nest(&text, query ? cases[i].target : cases[i].before, depth, query ? "" : cases[i].behind);
            proto_error_t error = ask_bind(cases[i].method, query ? proto_buf_text(&text) : cases[i].target,
                                           query ? NULL : "application/json", NULL,
                                           query ? (proto_bytes_t){0} : proto_buf_bytes(&text));
            bool good = depth + cases[i].outside <= PROTO_VALUE_DEPTH;
            if (!error != good ||
                (error && strncmp(proto_error_code(error), query ? "invalid" : "malformed", 9)))
                fail_msg("%s with %d arrays: %s", cases[i].target, depth, proto_error_code(error));
        }
    }
    proto_buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body_members),   cmocka_unit_test(test_whole_and_mixed_bodies),
        cmocka_unit_test(test_malformed_json), cmocka_unit_test(test_media_types),
        cmocka_unit_test(test_deep_values),
    };
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
