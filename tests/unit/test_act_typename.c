/* SPDX-License-Identifier: MPL-2.0 */
/* Every spelling of PostgreSQL's built-in types (manual, table 8.1) and what is none of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "act_typename.h"

/* From memory of exactly its size, so that ASan sees any read behind it. */
static proto_data_t s_data(const char *name, bool *array)
{
    size_t size = strlen(name);
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, name, size);
    proto_data_t data = act_typename_data((proto_bytes_t){copy, size}, array);
    free(copy);
    return data;
}

static const struct {
    const char *name;
    proto_data_t data;
} s_names[] = {
    {"bool", PROTO_DATA_BOOL},
    {"boolean", PROTO_DATA_BOOL},
    {"int2", PROTO_DATA_INT2},
    {"smallint", PROTO_DATA_INT2},
    {"int", PROTO_DATA_INT4},
    {"int4", PROTO_DATA_INT4},
    {"integer", PROTO_DATA_INT4},
    {"int8", PROTO_DATA_INT8},
    {"bigint", PROTO_DATA_INT8},
    {"float4", PROTO_DATA_FLOAT4},
    {"real", PROTO_DATA_FLOAT4},
    {"float8", PROTO_DATA_FLOAT8},
    {"double precision", PROTO_DATA_FLOAT8},
    {"numeric", PROTO_DATA_NUMERIC},
    {"numeric(10)", PROTO_DATA_NUMERIC},
    {"numeric(10,2)", PROTO_DATA_NUMERIC},
    {"numeric (10, 2)", PROTO_DATA_NUMERIC},
    {"decimal(10,2)", PROTO_DATA_NUMERIC},
    {"text", PROTO_DATA_TEXT},
    {"varchar", PROTO_DATA_TEXT},
    {"varchar(20)", PROTO_DATA_TEXT},
    {"character varying", PROTO_DATA_TEXT},
    {"character varying(20)", PROTO_DATA_TEXT},
    {"char(3)", PROTO_DATA_TEXT},
    {"character(3)", PROTO_DATA_TEXT},
    {"bpchar", PROTO_DATA_TEXT},
    {"name", PROTO_DATA_TEXT},
    {"citext", PROTO_DATA_TEXT},
    {"json", PROTO_DATA_JSON},
    {"jsonb", PROTO_DATA_JSON},
    {"timestamptz", PROTO_DATA_TIMESTAMPTZ},
    {"timestamptz(3)", PROTO_DATA_TIMESTAMPTZ},
    {"timestamp with time zone", PROTO_DATA_TIMESTAMPTZ},
    {"timestamp(3) with time zone", PROTO_DATA_TIMESTAMPTZ},
    {"timestamp", PROTO_DATA_TIMESTAMP},
    {"timestamp(0)", PROTO_DATA_TIMESTAMP},
    {"timestamp without time zone", PROTO_DATA_TIMESTAMP},
    {"timestamp(6) without time zone", PROTO_DATA_TIMESTAMP},
    {"date", PROTO_DATA_DATE},
    {"time", PROTO_DATA_TIME},
    {"time without time zone", PROTO_DATA_TIME},
    {"time(3) without time zone", PROTO_DATA_TIME},
    {"uuid", PROTO_DATA_UUID},
    {"bytea", PROTO_DATA_BYTEA},
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof s_names / sizeof *s_names; i++) {
        bool array = true;
        if (s_data(s_names[i].name, &array) != s_names[i].data || array)
            fail_msg("%s", s_names[i].name);
    }
}

static void test_any_case(void **state)
{
    (void)state;
    bool array;
    assert_int_equal(s_data("INTEGER", &array), PROTO_DATA_INT4);
    assert_int_equal(s_data("Timestamp With Time Zone", &array), PROTO_DATA_TIMESTAMPTZ);
    assert_int_equal(s_data("TEXT[]", &array), PROTO_DATA_TEXT);
    assert_true(array);
}

static void test_arrays(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof s_names / sizeof *s_names; i++)
        for (int dimensions = 1; dimensions <= 3; dimensions++) {
            char name[64] = "";
            bool array = false;
            strcat(name, s_names[i].name);
            for (int d = 0; d < dimensions; d++)
                strcat(name, "[]");
            if (s_data(name, &array) != s_names[i].data || !array)
                fail_msg("%s", name);
        }
    bool array = false;
    assert_int_equal(s_data("goal.status[]", &array), PROTO_DATA_OTHER);
    assert_true(array);
    assert_int_equal(s_data("int4 []", &array), PROTO_DATA_INT4);
    assert_true(array);
}

static void test_others(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        " ",
                                        "[]",
                                        "()",
                                        "(",
                                        ")",
                                        "int44",
                                        "in",
                                        "integers",
                                        "int 4",
                                        "xtext",
                                        "textx",
                                        "goal.status",
                                        "\"char\"",
                                        "\"text\"",
                                        "interval",
                                        "inet",
                                        "xml",
                                        "point",
                                        "timetz",
                                        "time with time zone",
                                        "bit(3)",
                                        "money",
                                        "regclass",
                                        "timestamp with time zone and more and more and more",
                                        "double",
                                        "precision",
                                        "int4range",
                                        "hstore",
                                        "text\xc3\xa9",
                                        "public.text"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool array = true;
        if (s_data(names[i], &array) != PROTO_DATA_OTHER || array)
            fail_msg("%s", names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_any_case),
                                       cmocka_unit_test(test_arrays), cmocka_unit_test(test_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
