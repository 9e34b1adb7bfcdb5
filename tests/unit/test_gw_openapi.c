/* SPDX-License-Identifier: MPL-2.0 */
/* The whole description: which operations are in it and under which path; forms, files and header fields,
 * which the end-to-end test does not send. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_openapi.h"

static proto_param_t s_id = {
    .name = "id", .source = PROTO_SOURCE_PATH, .data = PROTO_DATA_INT8, .required = true};
static proto_param_t s_key = {
    .name = "key", .source = PROTO_SOURCE_PATH, .data = PROTO_DATA_INT8, .required = true};

static proto_operation_t s_operation(const char *name, const char *method, const char *path)
{
    return (proto_operation_t){.name = name,
                               .method = method,
                               .path = path,
                               .summary = "",
                               .returns = "none",
                               .status = 204,
                               .service = "db"};
}

static const char *s_write(proto_operation_t *operations, uint32_t count)
{
    static proto_buf_t out;
    proto_buf_reset(&out);
    proto_catalogue_t catalogue = {.operations = operations, .operation_count = count};
    const proto_catalogue_t *list[] = {&catalogue};
    gw_router_t *router = gw_router_new(list, 1);
    assert_int_equal(gw_openapi_write(router, list, 1, &out), 0);
    gw_router_free(&router);
    return proto_buf_text(&out);
}

static int s_times(const char *text, const char *part)
{
    int times = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        times++;
    return times;
}

static void s_expect_once(const char *text, const char *part)
{
    if (s_times(text, part) != 1)
        fail_msg("%s is there %d times in %s", part, s_times(text, part), text);
}

static void test_an_empty_catalogue(void **state)
{
    (void)state;
    const char *text = s_write(NULL, 0);
    s_expect_once(text, "\"openapi\":\"3.1.0\"");
    assert_int_equal(s_times(text, "\"operationId\""), 5); /* the health endpoints */
}

/* Templates that differ in the names of parameters are one path. */
static void test_paths_are_shared(void **state)
{
    (void)state;
    proto_operation_t operations[] = {
        s_operation("put_b", "PUT", "/b/{key}"), s_operation("list_a", "GET", "/a"),
        s_operation("get_b", "GET", "/b/{id}"), s_operation("b_parts", "GET", "/b/{id}/c")};
    operations[0].params = &s_key;
    operations[2].params = operations[3].params = &s_id;
    operations[0].param_count = operations[2].param_count = operations[3].param_count = 1;
    const char *text = s_write(operations, 4);
    s_expect_once(text, "\"/b/{key}\":{\"put\":");
    assert_null(strstr(text, "\"/b/{id}\":"));
    s_expect_once(text, "\"/b/{id}/c\":{\"get\":");
    assert_int_equal(s_times(text, "{\"name\":\"key\",\"in\":\"path\",\"required\":true"), 2);
    assert_int_equal(s_times(text, "{\"name\":\"id\",\"in\":\"path\",\"required\":true"), 1);
}

static void test_what_is_not_served_is_not_there(void **state)
{
    (void)state;
    proto_operation_t operations[] = {
        s_operation("mine", "GET", "/health"), s_operation("other", "POST", "/health"),
        s_operation("health", "GET", "/x"),    s_operation("first", "GET", "/y"),
        s_operation("second", "GET", "/y"),    s_operation("unbound", "GET", "/z/{id}"),
        s_operation("inner", NULL, NULL)};
    const char *text = s_write(operations, 7);
    static const char *const absent[] = {"\"mine\"", "\"other\"", "\"first\"", "\"unbound\"", "\"inner\""};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_null(strstr(text, absent[i]));
    s_expect_once(text, "\"operationId\":\"second\"");
    s_expect_once(text, "\"operationId\":\"health\""); /* the operation's: the gateway's own gives way */
}

static void test_forms_files_and_header_fields(void **state)
{
    (void)state;
    proto_param_t params[] = {
        {.name = "x_tenant_id", .source = PROTO_SOURCE_HEADER, .data = PROTO_DATA_TEXT, .required = true},
        {.name = "title", .source = PROTO_SOURCE_FORM, .data = PROTO_DATA_TEXT, .required = true},
        {.name = "photo", .source = PROTO_SOURCE_FILE, .data = PROTO_DATA_BYTEA},
        {.name = "sub", .source = PROTO_SOURCE_AUTH_SUB, .data = PROTO_DATA_TEXT},
    };
    proto_operation_t operation = s_operation("upload", "POST", "/upload");
    operation.params = params;
    operation.param_count = 4;
    const char *text = s_write(&operation, 1);
    s_expect_once(text, "{\"name\":\"x-tenant-id\",\"in\":\"header\",\"required\":true");
    s_expect_once(
        text, "\"requestBody\":{\"required\":true,\"content\":{\"multipart/form-data\":{\"schema\":{\"type\":"
              "\"object\",\"properties\":{\"title\":{\"type\":\"string\"},\"photo\":{\"type\":\"string\","
              "\"contentMediaType\":\"application/octet-stream\"}},\"required\":[\"title\"]}");
    assert_null(strstr(text, "\"sub\""));
    operation.param_count = 2;
    text = s_write(&operation, 1);
    s_expect_once(text, "\"application/x-www-form-urlencoded\":{\"schema\":");
    s_expect_once(text, "\"multipart/form-data\":{\"schema\":");
}

static void test_texts_that_are_no_text_fail_it(void **state)
{
    (void)state;
    proto_operation_t operation = s_operation("x", "GET", "/x");
    operation.summary = "\xff";
    proto_catalogue_t catalogue = {.operations = &operation, .operation_count = 1};
    const proto_catalogue_t *list[] = {&catalogue};
    gw_router_t *router = gw_router_new(list, 1);
    proto_buf_t out = PROTO_BUF_INIT;
    assert_int_equal(gw_openapi_write(router, list, 1, &out), -1);
    proto_buf_free(&out);
    gw_router_free(&router);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_catalogue),
        cmocka_unit_test(test_paths_are_shared),
        cmocka_unit_test(test_what_is_not_served_is_not_there),
        cmocka_unit_test(test_forms_files_and_header_fields),
        cmocka_unit_test(test_texts_that_are_no_text_fail_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
