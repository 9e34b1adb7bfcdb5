/* SPDX-License-Identifier: MPL-2.0 */
/* @returns: constants and leaves come in the order they are written, and what is no shape is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "act_shape.h"
#include "proto_json.h"

static proto_arena_t s_arena;

static int s_tear_down(void **state)
{
    (void)state;
    proto_arena_free(&s_arena);
    return 0;
}

/* The document that a shape makes, as JSON, when each leaf is filled with a text of its name. */
static int s_make(const char *shape, proto_buf_t *json, const char **why)
{
    static const char *const leaves[] = {NULL, "rows", "row", "value", "count", "column", "next_cursor"};
    size_t size = strlen(shape);
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, shape, size);
    act_script_t script = {0};
    proto_buf_t value = PROTO_BUF_INIT;
    int rc = act_shape_parse(&s_arena, (proto_bytes_t){copy, size}, &script, why);
    free(copy); /* nothing may be borrowed from it */
    for (uint32_t i = 0; i < script.shape_count; i++) {
        const act_shape_node_t *node = &script.shape[i];
        if (node->kind == ACT_SHAPE_CONSTANT) {
            assert_true(node->constant.size > 0);
            assert_true(i == 0 || node[-1].kind != ACT_SHAPE_CONSTANT); /* neighbours are joined */
            proto_buf_append(&value, node->constant.data, node->constant.size);
        } else {
            char leaf[256];
            snprintf(leaf, sizeof leaf, "<%.*s%s%s>", (int)node->step.size, (const char *)node->step.data,
                     node->step.size ? "." : "", node->name ? node->name : leaves[node->kind]);
            proto_write_text(&value, leaf);
        }
    }
    if (rc == 0 && script.shape_count) {
        assert_int_equal(proto_value_check(proto_buf_bytes(&value)), 0);
        assert_int_equal(proto_json_from_value(proto_buf_bytes(&value), json), 0);
    }
    proto_buf_free(&value);
    return rc;
}

#define S_JSON "!the shape is not JSON"
#define S_LEAF                                                                                               \
    "!a leaf of the shape must be rows, row, value, count, next_cursor, one of them or a column behind a "   \
    "step's name and a dot, or a JSON constant"

static void test_shapes(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"none", ""},
        {"goals.rows", "\"<goals.rows>\""},
        {"{\"goals\": goals.rows, \"total\": total.value, \"next\": next_cursor}",
         "{\"goals\":\"<goals.rows>\",\"total\":\"<total.value>\",\"next\":\"<next_cursor>\"}"},
        {"[a.row, a.count, a.title, value]", "[\"<a.row>\",\"<a.count>\",\"<a.title>\",\"<value>\"]"},
        {".rows", S_JSON},
        {"a.", S_LEAF},
        {"next_cursors", S_LEAF},
        {"row", "\"<row>\""},
        {"rows", "\"<rows>\""},
        {"value", "\"<value>\""},
        {"count", "\"<count>\""},
        {" rows ", "\"<rows>\""},
        {"{\"agents\": rows, \"total\": count}", "{\"agents\":\"<rows>\",\"total\":\"<count>\"}"},
        {"{\"a\":{\"b\":[row,{\"c\":value}]},\"d\":rows}",
         "{\"a\":{\"b\":[\"<row>\",{\"c\":\"<value>\"}]},\"d\":\"<rows>\"}"},
        {"[rows]", "[\"<rows>\"]"},
        {"{}", "{}"},
        {"[ ]", "[]"},
        {"{\"a\": {}, \"b\": [], \"c\": [[]]}", "{\"a\":{},\"b\":[],\"c\":[[]]}"},
        {"{\"ok\": true, \"no\": false, \"x\": null}", "{\"ok\":true,\"no\":false,\"x\":null}"},
        {"[1, -2, 1.50, 1e3, \"t\", 18446744073709551615]", "[1,-2,1.50,1e3,\"t\",18446744073709551615]"},
        {"{\"rows\": \"rows\", \"count\": count}", "{\"rows\":\"rows\",\"count\":\"<count>\"}"},
        {"{\"a,b\": rows, \"}\": \"]\", \"\\\"\": \"\\\\\"}",
         "{\"a,b\":\"<rows>\",\"}\":\"]\",\"\\\"\":\"\\\\\"}"},
        {"{ \"a\" : rows , \"b\" : [ 1 , 2 ] }", "{\"a\":\"<rows>\",\"b\":[1,2]}"},
        {"{\"\xc3\xa9\": \"\\u00e9\"}", "{\"\xc3\xa9\":\"\xc3\xa9\"}"},
        {"null", "null"},
        {"\"x\"", "\"x\""},
        {"[[[[[[[[[[[[[[[[rows]]]]]]]]]]]]]]]]", "[[[[[[[[[[[[[[[[\"<rows>\"]]]]]]]]]]]]]]]]"},
        /* mistakes */
        {"[[[[[[[[[[[[[[[[[rows]]]]]]]]]]]]]]]]]", "!the shape is nested too deep"},
        {"", S_JSON},
        {" ", S_JSON},
        {"list", S_LEAF},
        {"ROWS", S_LEAF},
        {"None", S_LEAF},
        {"{\"a\": none}", S_LEAF},
        {"{\"a\": rowss}", S_LEAF},
        {"{\"a\": True}", S_LEAF},
        {"{", S_JSON},
        {"}", S_JSON},
        {"{\"a\"}", S_JSON},
        {"{\"a\": }", S_JSON},
        {"{\"a\": rows", S_JSON},
        {"{\"a\": rows,}", S_JSON},
        {"{,}", S_JSON},
        {"{\"a\" rows}", S_JSON},
        {"{a: rows}", S_JSON},
        {"{1: rows}", S_JSON},
        {"{'a': rows}", S_JSON},
        {"{\"a\": rows \"b\": row}", S_JSON},
        {"{\"a: rows}", S_JSON},
        {"{\"a\\\": rows}", S_JSON},
        {"[rows", S_JSON},
        {"[rows,]", S_JSON},
        {"[,rows]", S_JSON},
        {"[rows}", S_JSON},
        {"{\"a\": [rows}]", S_JSON},
        {"[rows row]", S_JSON},
        {"01", S_JSON},
        {"1.", S_JSON},
        {"-", S_JSON},
        {"\"a", S_JSON},
        {"\"\\x\"", S_JSON},
        {"\"", S_JSON},
        {"\"\\", S_JSON},
        {"(rows)", S_JSON},
        {"rows row", "!something follows the shape"},
        {"{} {}", "!something follows the shape"},
        {"[rows]]", "!something follows the shape"},
        {"none none", S_LEAF},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_buf_t got = PROTO_BUF_INIT;
        const char *why = "unset";
        if (s_make(cases[i][0], &got, &why) < 0)
            proto_buf_printf(&got, "!%s", why);
        else
            assert_null(why);
        if (strcmp(proto_buf_text(&got), cases[i][1]) != 0)
            fail_msg("%s: %s instead of %s", cases[i][0], proto_buf_text(&got), cases[i][1]);
        proto_buf_free(&got);
    }
}

/* 64 nodes are the most: 31 leaves with what stands between them, and the end. */
static void test_many_leaves(void **state)
{
    (void)state;
    for (int leaves = 31; leaves <= 33; leaves++) {
        proto_buf_t shape = PROTO_BUF_INIT, got = PROTO_BUF_INIT;
        const char *why = NULL;
        proto_buf_byte(&shape, '[');
        for (int i = 0; i < leaves; i++)
            proto_buf_printf(&shape, "%s%d,count", i ? "," : "", i);
        proto_buf_byte(&shape, ']');
        int rc = s_make(proto_buf_text(&shape), &got, &why);
        assert_int_equal(rc, leaves <= 32 ? 0 : -1);
        if (rc < 0)
            assert_string_equal(why, "the shape has too many leaves");
        proto_buf_free(&shape);
        proto_buf_free(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shapes), cmocka_unit_test(test_many_leaves)};
    return cmocka_run_group_tests(tests, NULL, s_tear_down);
}
