/* SPDX-License-Identifier: MPL-2.0 */
/* Schemas: of parameters with every kind of bound, of PostgreSQL's types, of shapes with and without steps.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_schema.h"

static const char *s_json(gw_tree_t *tree)
{
    static proto_buf_t out;
    proto_buf_reset(&out);
    assert_int_equal(gw_tree_json(tree, &out), 0);
    gw_tree_free(tree);
    return proto_buf_text(&out);
}

static void s_expect_param(proto_param_t param, const char *schema, const char *example)
{
    gw_tree_t tree = {0};
    gw_schema_param(&tree, NULL, &param);
    assert_string_equal(s_json(&tree), schema);
    gw_schema_param_example(&tree, NULL, &param);
    assert_string_equal(s_json(&tree), example);
}

static void test_numbers(void **state)
{
    (void)state;
    proto_param_t param = {.source = PROTO_SOURCE_QUERY, .data = PROTO_DATA_INT2};
    s_expect_param(param, "{\"type\":\"integer\",\"format\":\"int32\",\"minimum\":-32768,\"maximum\":32767}",
                   "1");
    param.has_min = true;
    param.min = 10.5;
    s_expect_param(param, "{\"type\":\"integer\",\"format\":\"int32\",\"minimum\":10.5,\"maximum\":32767}",
                   "11");
    param.has_max = true;
    param.max = 100000;
    param.data = PROTO_DATA_INT8;
    s_expect_param(param, "{\"type\":\"integer\",\"format\":\"int64\",\"minimum\":10.5,\"maximum\":100000}",
                   "11");
    param.has_min = false;
    param.max = -3;
    param.data = PROTO_DATA_NUMERIC;
    s_expect_param(param, "{\"type\":\"number\",\"maximum\":-3}", "-3");
    param.unit = PROTO_UNIT_CHARS; /* does not fit, has no effect */
    s_expect_param(param, "{\"type\":\"number\"}", "1");
}

static void test_texts(void **state)
{
    (void)state;
    static const char *const values[] = {"b", "a"};
    proto_param_t param = {.source = PROTO_SOURCE_BODY,
                           .data = PROTO_DATA_TEXT,
                           .required = true,
                           .unit = PROTO_UNIT_CHARS,
                           .has_min = true,
                           .min = 8,
                           .has_max = true,
                           .max = 9};
    s_expect_param(param, "{\"type\":\"string\",\"minLength\":8,\"maxLength\":9}", "\"stringst\"");
    param.min = 0;
    param.max = 3;
    param.required = false;
    s_expect_param(param, "{\"type\":[\"string\",\"null\"],\"maxLength\":3}", "\"str\"");
    param = (proto_param_t){
        .source = PROTO_SOURCE_BODY, .data = PROTO_DATA_ENUM, .values = values, .value_count = 2};
    s_expect_param(param, "{\"type\":[\"string\",\"null\"],\"enum\":[\"b\",\"a\",null]}", "\"b\"");
    param.source = PROTO_SOURCE_QUERY;
    s_expect_param(param, "{\"type\":\"string\",\"enum\":[\"b\",\"a\"]}", "\"b\"");
    param = (proto_param_t){.source = PROTO_SOURCE_FILE, .data = PROTO_DATA_BYTEA, .required = true};
    s_expect_param(param, "{\"type\":\"string\",\"contentMediaType\":\"application/octet-stream\"}",
                   "\"AP8Q\"");
    param.unit = PROTO_UNIT_BYTES;
    param.has_max = true;
    param.max = 10 * 1024 * 1024;
    s_expect_param(param,
                   "{\"type\":\"string\",\"contentMediaType\":\"application/octet-stream\","
                   "\"description\":\"At most 10 MB\",\"maxLength\":10485760}",
                   "\"AP8Q\"");
}

static void test_arrays_and_defaults(void **state)
{
    (void)state;
    static const uint8_t three = 3;
    proto_param_t param = {.source = PROTO_SOURCE_BODY,
                           .data = PROTO_DATA_UUID,
                           .array = true,
                           .required = true,
                           .unit = PROTO_UNIT_ITEMS,
                           .has_min = true,
                           .min = 2,
                           .has_max = true,
                           .max = 4};
    s_expect_param(
        param,
        "{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"null\"],\"format\":\"uuid\"},\"minItems\":2,"
        "\"maxItems\":4}",
        "[\"3fa85f64-5717-4562-b3fc-2c963f66afa6\",\"3fa85f64-5717-4562-b3fc-2c963f66afa6\"]");
    param.min = param.max = 0;
    param.source = PROTO_SOURCE_QUERY;
    s_expect_param(param,
                   "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"format\":\"uuid\"},\"maxItems\":0}",
                   "[]");
    param = (proto_param_t){
        .source = PROTO_SOURCE_QUERY, .data = PROTO_DATA_FLOAT8, .default_value = {&three, 1}};
    s_expect_param(param, "{\"type\":\"number\",\"format\":\"double\",\"default\":3}", "3");
    param = (proto_param_t){.source = PROTO_SOURCE_BODY, .data = PROTO_DATA_JSON};
    s_expect_param(param, "{}", "{}");
}

static void test_columns(void **state)
{
    (void)state;
    static const struct {
        const char *type, *schema;
    } cases[] = {
        {"bigint", "{\"type\":[\"integer\",\"null\"],\"format\":\"int64\"}"},
        {"numeric(8,2)", "{\"type\":[\"number\",\"null\"]}"},
        {"timestamp(3) with time zone", "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"},
        {"timestamp without time zone", "{\"type\":[\"string\",\"null\"]}"},
        {"character varying(10)[]",
         "{\"type\":[\"array\",\"null\"],\"items\":{\"type\":[\"string\",\"null\"]}}"},
        {"bytea", "{\"type\":[\"string\",\"null\"],\"contentEncoding\":\"base64\"}"},
        {"jsonb", "{}"},
        {"goal.status", "{}"},
        {"bigintx", "{}"},
        {"bigin", "{}"},
        {"numeric(8", "{}"},
        {"", "{}"},
        {NULL, "{}"},
        {"[]", "{\"type\":[\"array\",\"null\"],\"items\":{}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gw_tree_t tree = {0};
        gw_schema_column(&tree, NULL, cases[i].type);
        assert_string_equal(s_json(&tree), cases[i].schema);
        gw_schema_column_example(&tree, NULL, cases[i].type);
        (void)s_json(&tree);
    }
}

#define S_TEXT                      "{\"type\":[\"string\",\"null\"]}"
#define S_BOOL                      "{\"type\":[\"boolean\",\"null\"]}"
#define S_OBJECT(names, properties) "\"properties\":{" properties "},\"required\":[" names "]}"
#define S_A                         S_OBJECT("\"a\"", "\"a\":" S_TEXT)

static void s_expect_shape(const char *returns, const char *schema, const char *example)
{
    proto_column_t columns[] = {{"a", "text", "goals"}, {"n", "boolean", "total"}, {"a", "text", "goals"}};
    proto_operation_t operation = {.returns = returns, .columns = columns, .column_count = 3};
    gw_tree_t tree = {0};
    gw_shape_schema(&tree, NULL, &operation);
    assert_string_equal(s_json(&tree), schema);
    gw_shape_example(&tree, NULL, &operation);
    assert_string_equal(s_json(&tree), example);
}

static void test_shapes_with_steps(void **state)
{
    (void)state;
    s_expect_shape("goals.rows", "{\"type\":\"array\",\"items\":{\"type\":[\"object\"]," S_A "}",
                   "[{\"a\":\"string\"}]");
    s_expect_shape("goals.row", "{\"type\":[\"object\",\"null\"]," S_A, "{\"a\":\"string\"}");
    s_expect_shape("total.value", S_BOOL, "true");
    s_expect_shape("total.n", S_BOOL, "true");
    s_expect_shape("goals.count", "{\"type\":\"integer\",\"minimum\":0}", "1");
    s_expect_shape("nobody.row", "{\"type\":[\"object\",\"null\"]}", "{}");
    s_expect_shape("goals.nothing", "{}", "null");
    s_expect_shape(" { \"x\\u0041\" : [ total.n , 1.50 ] , \"y\": {} } ",
                   "{\"type\":\"object\",\"properties\":{\"xA\":{\"type\":\"array\",\"prefixItems\":[" S_BOOL
                   ",{\"const\":1.50}]},\"y\":{\"type\":\"object\",\"properties\":{},\"required\":[]}},"
                   "\"required\":[\"xA\",\"y\"]}",
                   "{\"xA\":[true,1.50],\"y\":{}}");
}

/* Whatever a worker publishes as its shape: the document stays one. */
static void test_broken_shapes_allow_anything(void **state)
{
    (void)state;
    static const char *const shapes[] = {
        "",
        "{",
        "[",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":row",
        "{\"a\":row,",
        "{a:row}",
        "row row",
        "[row,]",
        "\"abc",
        "-",
        "{]",
        "[}",
        "row}",
        "{\"a\":1e}",
        "\"\\",
        "{\"a\":row \"b\":row}",
        "[[[[[[[[[[[[[[[[[row]]]]]]]]]]]]]]]]]",
        "@",
        "[01]",
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        proto_operation_t operation = {.returns = shapes[i]};
        for (int example = 0; example < 2; example++) {
            gw_tree_t tree = {0};
            gw_tree_object(&tree, NULL);
            gw_tree_text(&tree, "before", "x");
            (example ? gw_shape_example : gw_shape_schema)(&tree, "shape", &operation);
            gw_tree_text(&tree, "behind", "x");
            gw_tree_end(&tree);
            assert_string_equal(s_json(&tree), "{\"before\":\"x\",\"shape\":{},\"behind\":\"x\"}");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_arrays_and_defaults),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_shapes_with_steps),
        cmocka_unit_test(test_broken_shapes_allow_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
