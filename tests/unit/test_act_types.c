/* SPDX-License-Identifier: MPL-2.0 */
/* Types by oid: look-up, domains of domains, arrays of enums, and what they make of a parameter. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "act_types.h"

static act_types_t s_types;

/* What PostgreSQL 15 has in pg_type for some types, and types of a schema of our own. */
static int s_set_up(void **state)
{
    (void)state;
    act_types_add(&s_types, 16, "bool", "boolean", 'b', 0, 0, ',');
    act_types_add(&s_types, 18, "char", "\"char\"", 'b', 0, 0, ',');
    act_types_add(&s_types, 23, "int4", "integer", 'b', 0, 0, ',');
    act_types_add(&s_types, 25, "text", "text", 'b', 0, 0, ',');
    act_types_add(&s_types, 603, "box", "box", 'b', 0, 0, ';');
    act_types_add(&s_types, 1007, "_int4", "integer[]", 'b', 23, 0, ',');
    act_types_add(&s_types, 1020, "_box", "box[]", 'b', 603, 0, ';');
    act_types_add(&s_types, 5000, "status", "goal.status", 'e', 0, 0, ',');
    act_types_add(&s_types, 5001, "_status", "goal.status[]", 'b', 5000, 0, ',');
    act_types_add(&s_types, 5002, "small", "small", 'd', 0, 23, ',');
    act_types_add(&s_types, 5003, "smaller", "smaller", 'd', 0, 5002, ',');
    act_types_add(&s_types, 5004, "_smaller", "smaller[]", 'b', 5003, 0, ',');
    act_types_add(&s_types, 5005, "numbers", "numbers", 'd', 0, 1007, ',');
    act_types_add(&s_types, 5006, "open_status", "open_status", 'd', 0, 5000, ',');
    act_types_add(&s_types, 5007, "pair", "pair", 'c', 0, 0, ',');
    act_types_add(&s_types, 5008, "lost", "lost", 'd', 0, 4999, ',');
    act_types_add(&s_types, 5009, "span", "int4range", 'r', 0, 0, ',');
    /* the same buckets: 23 + 512, 25 + 1024 */
    act_types_add(&s_types, 535, "uuid", "uuid", 'b', 0, 0, ',');
    act_types_add(&s_types, 1049, "date", "date", 'b', 0, 0, ',');
    for (int i = 0; i < 20; i++) {
        char label[16];
        snprintf(label, sizeof label, "s%d", i);
        act_types_add_label(&s_types, 5000, label);
    }
    act_types_add_attribute(&s_types, 5007, "a", 23);
    act_types_add_attribute(&s_types, 5007, "b", 5001);
    act_types_add_attribute(&s_types, 5007, "c", 5007);
    act_types_add_label(&s_types, 4711, "nowhere");
    act_types_add_attribute(&s_types, 4711, "nowhere", 23);
    return 0;
}

static int s_tear_down(void **state)
{
    (void)state;
    act_types_clear(&s_types);
    assert_null(act_types_find(&s_types, 23));
    act_types_clear(&s_types);
    return 0;
}

static void test_look_up(void **state)
{
    (void)state;
    static const uint32_t oids[] = {16, 18, 23, 25, 603, 1007, 1020, 5000, 5007, 535, 1049};
    for (size_t i = 0; i < sizeof oids / sizeof *oids; i++)
        assert_int_equal(act_types_find(&s_types, oids[i])->oid, oids[i]);
    static const uint32_t none[] = {0, 24, 1047, 4711, 4999, 5000 + 512, UINT32_MAX};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_null(act_types_find(&s_types, none[i]));
        assert_null(act_types_base(&s_types, none[i]));
    }
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        uint32_t oid;
        act_type_kind_t kind;
        proto_data_t data;
        const char *name;
        char delimiter;
    } cases[] = {
        {16, ACT_TYPE_SCALAR, PROTO_DATA_BOOL, "boolean", ','},
        {18, ACT_TYPE_SCALAR, PROTO_DATA_OTHER, "\"char\"", ','},
        {25, ACT_TYPE_SCALAR, PROTO_DATA_TEXT, "text", ','},
        {603, ACT_TYPE_SCALAR, PROTO_DATA_OTHER, "box", ';'},
        {1007, ACT_TYPE_ARRAY, PROTO_DATA_OTHER, "integer[]", ','},
        {5000, ACT_TYPE_SCALAR, PROTO_DATA_ENUM, "goal.status", ','},
        {5002, ACT_TYPE_SCALAR, PROTO_DATA_OTHER, "small", ','},
        {5007, ACT_TYPE_COMPOSITE, PROTO_DATA_OTHER, "pair", ','},
        {5009, ACT_TYPE_SCALAR, PROTO_DATA_OTHER, "int4range", ','},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const act_type_t *type = act_types_find(&s_types, cases[i].oid);
        assert_int_equal(type->kind, cases[i].kind);
        assert_int_equal(type->data, cases[i].data);
        assert_string_equal(type->name, cases[i].name);
        assert_int_equal(type->delimiter, cases[i].delimiter);
    }
    assert_int_equal(act_types_find(&s_types, 5001)->element, 5000);
}

static void test_domains(void **state)
{
    (void)state;
    static const uint32_t pairs[][2] = {{23, 23},     {5002, 23},   {5003, 23},
                                        {5005, 1007}, {5006, 5000}, {5004, 5004}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_int_equal(act_types_base(&s_types, pairs[i][0])->oid, pairs[i][1]);
    assert_null(act_types_base(&s_types, 5008)); /* its base is not known */
    act_types_t circle = {0};
    act_types_add(&circle, 1, "a", "a", 'd', 0, 2, ',');
    act_types_add(&circle, 2, "b", "b", 'd', 0, 1, ',');
    assert_non_null(act_types_base(&circle, 1)); /* comes back at all */
    act_types_clear(&circle);
}

static void test_labels_and_attributes_keep_their_order(void **state)
{
    (void)state;
    const act_type_t *status = act_types_find(&s_types, 5000);
    assert_int_equal(status->label_count, 20);
    for (uint32_t i = 0; i < 20; i++) {
        char label[16];
        snprintf(label, sizeof label, "s%u", i);
        assert_string_equal(status->labels[i], label);
    }
    const act_attribute_t *attribute = act_types_find(&s_types, 5007)->attributes;
    assert_string_equal(attribute->name, "a");
    assert_int_equal(attribute->oid, 23);
    assert_string_equal(attribute->next->name, "b");
    assert_string_equal(attribute->next->next->name, "c");
    assert_null(attribute->next->next->next);
    assert_null(act_types_find(&s_types, 23)->attributes);
}

static void test_parameters(void **state)
{
    (void)state;
    static const struct {
        uint32_t oid;
        const char *sql_type;
        proto_data_t data;
        bool array;
        uint32_t values;
    } cases[] = {
        {23, "integer", PROTO_DATA_INT4, false, 0},         {1007, "integer[]", PROTO_DATA_INT4, true, 0},
        {1020, "box[]", PROTO_DATA_OTHER, true, 0},         {5000, "goal.status", PROTO_DATA_ENUM, false, 20},
        {5001, "goal.status[]", PROTO_DATA_ENUM, true, 20}, {5003, "smaller", PROTO_DATA_INT4, false, 0},
        {5004, "smaller[]", PROTO_DATA_INT4, true, 0},      {5005, "numbers", PROTO_DATA_INT4, true, 0},
        {5006, "open_status", PROTO_DATA_ENUM, false, 20},  {5007, "pair", PROTO_DATA_COMPOSITE, false, 0},
        {5008, "lost", PROTO_DATA_OTHER, false, 0},
    };
    proto_arena_t arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_param_t param = {.data = PROTO_DATA_BOOL, .array = !cases[i].array};
        act_types_fill(&s_types, cases[i].oid, &arena, &param);
        if (strcmp(param.sql_type, cases[i].sql_type) != 0 || param.data != cases[i].data ||
            param.array != cases[i].array || param.value_count != cases[i].values ||
            !param.values != !cases[i].values)
            fail_msg("%u", cases[i].oid);
    }
    /* Fewer values listed in the file stay; an unknown oid changes nothing. */
    const char *const listed[] = {"s1"};
    proto_param_t param = {.values = listed, .value_count = 1, .sql_type = "x"};
    act_types_fill(&s_types, 4711, &arena, &param);
    assert_string_equal(param.sql_type, "x");
    act_types_fill(&s_types, 5000, &arena, &param);
    assert_ptr_equal(param.values, listed);
    assert_int_equal(param.value_count, 1);
    assert_string_equal(param.sql_type, "goal.status");
    proto_arena_free(&arena);
}

/* What a parameter took lives in its own arena: the types are forgotten at each reconnect. */
static void test_nothing_is_borrowed(void **state)
{
    (void)state;
    act_types_t types = {0};
    proto_arena_t arena = {0};
    proto_param_t param = {0};
    char name[] = "mood", label[] = "happy";
    act_types_add(&types, 1, name, name, 'e', 0, 0, ',');
    act_types_add_label(&types, 1, label);
    memset(name, 'x', 4);
    memset(label, 'x', 5);
    act_types_fill(&types, 1, &arena, &param);
    act_types_clear(&types);
    assert_string_equal(param.sql_type, "mood");
    assert_string_equal(param.values[0], "happy");
    proto_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_look_up),    cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_domains),    cmocka_unit_test(test_labels_and_attributes_keep_their_order),
        cmocka_unit_test(test_parameters), cmocka_unit_test(test_nothing_is_borrowed),
    };
    return cmocka_run_group_tests(tests, s_set_up, s_tear_down);
}
