/* SPDX-License-Identifier: MPL-2.0 */
/* Documents under construction: what comes out is JSON, whatever went in. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_tree.h"

static void s_expect(gw_tree_t *tree, const char *expected)
{
    proto_buf_t out = PROTO_BUF_INIT;
    assert_int_equal(gw_tree_json(tree, &out), 0);
    assert_string_equal(proto_buf_text(&out), expected);
    proto_buf_free(&out);
    gw_tree_free(tree);
}

static void test_every_kind(void **state)
{
    (void)state;
    static const uint8_t seven = 7;
    gw_tree_t tree = {0};
    gw_tree_object(&tree, NULL);
    gw_tree_text(&tree, "a\"b", "c\\\n");
    gw_tree_bytes(&tree, "bytes", proto_bytes_of("x"));
    gw_tree_array(&tree, "list");
    gw_tree_bool(&tree, NULL, true);
    gw_tree_null(&tree, NULL);
    gw_tree_int(&tree, NULL, -5);
    gw_tree_number(&tree, NULL, 3);
    gw_tree_number(&tree, NULL, 2.5);
    gw_tree_number(&tree, NULL, -2147483648.0);
    gw_tree_value(&tree, NULL, (proto_bytes_t){&seven, 1});
    gw_tree_array(&tree, NULL);
    gw_tree_end(&tree);
    gw_tree_end(&tree);
    gw_tree_object(&tree, "empty");
    gw_tree_end(&tree);
    gw_tree_end(&tree);
    s_expect(&tree, "{\"a\\\"b\":\"c\\\\\\n\",\"bytes\":\"x\",\"list\":[true,null,-5,3,2.5,-2147483648,7,[]],"
                    "\"empty\":{}}");
}

static void test_one_value_alone(void **state)
{
    (void)state;
    gw_tree_t tree;
    gw_tree_init(&tree);
    gw_tree_text(&tree, NULL, "alone");
    s_expect(&tree, "\"alone\"");
}

static void test_what_is_no_text_is_refused(void **state)
{
    (void)state;
    gw_tree_t tree = {0};
    proto_buf_t out = PROTO_BUF_INIT;
    gw_tree_text(&tree, NULL, "\xff");
    assert_int_equal(gw_tree_json(&tree, &out), -1);
    proto_buf_free(&out);
    gw_tree_free(&tree);
}

static void test_the_deepest(void **state)
{
    (void)state;
    gw_tree_t tree = {0};
    proto_buf_t out = PROTO_BUF_INIT;
    for (int i = 0; i < GW_TREE_DEPTH; i++)
        gw_tree_array(&tree, NULL);
    for (int i = 0; i < GW_TREE_DEPTH; i++)
        gw_tree_end(&tree);
    assert_int_equal(gw_tree_json(&tree, &out), 0);
    assert_int_equal(out.size, 2 * GW_TREE_DEPTH);
    proto_buf_free(&out);
    gw_tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_one_value_alone),
        cmocka_unit_test(test_what_is_no_text_is_refused),
        cmocka_unit_test(test_the_deepest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
