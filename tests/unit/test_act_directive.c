/* SPDX-License-Identifier: MPL-2.0 */
/* Directives of endpoint files: where one ends, and every part of parameters, refusals and durations. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "act_directive.h"
#include "proto_json.h"

static proto_arena_t s_arena;

static int s_tear_down(void **state)
{
    (void)state;
    proto_arena_free(&s_arena);
    return 0;
}

/* Copies text to memory of exactly its size, so that ASan sees any read behind it. */
static proto_bytes_t s_exact(const char *text)
{
    size_t size = strlen(text);
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    return (proto_bytes_t){copy, size};
}

static void s_release(proto_bytes_t bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

/* The directives of a line as "key=value|key=value". */
static void test_lines(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"  ", ""},
        {"@", ""},
        {"@1", ""},
        {"a comment", ""},
        {"mail me @ home", ""},
        {"a comment @auth user", ""},
        {" @auth user ", "auth=user"},
        {"@slow", "slow="},
        {"@slow @reads", "slow=|reads="},
        {"@tier read   @auth user", "tier=read|auth=user"},
        {"@tier read\t@auth\tuser", "tier=read|auth=user"},
        {"@auth user@slow", "auth=user@slow"},
        {"@summary One @agent and (more @slow", "summary=One @agent and (more @slow"},
        {"@auth user @summary All @of it", "auth=user|summary=All @of it"},
        {"@error e 404 \"at @home (\" @slow", "error=e 404 \"at @home (\"|slow="},
        {"@error e 404 \"it's @home\" @slow", "error=e 404 \"it's @home\"|slow="},
        {"@error e 404 \"a \\\" @slow", "error=e 404 \"a \\\"|slow="}, /* no escapes in there */
        {"@query q text = 'x @y' @slow", "query=q text = 'x @y'|slow="},
        {"@query q text = \"x @y\" @slow", "query=q text = \"x @y\"|slow="},
        {"@query q text in (a, @b, c) @slow", "query=q text in (a, @b, c)|slow="},
        {"@returns {\"a\": rows, @b} @slow", "returns={\"a\": rows, @b}|slow="},
        {"@returns {\"a\\\" @b}\": rows} @slow", "returns={\"a\\\" @b}\": rows}|slow="},
        {"@returns {\"'\": rows} @slow", "returns={\"'\": rows}|slow="},
        {"@returns [\"(\", \"{\"] @slow", "returns=[\"(\", \"{\"]|slow="},
        {"@query a ) @slow", "query=a )|slow="},
        {"@auth @ @slow", "auth=|"}, /* an '@' by itself ends a value and begins none */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_bytes_t exact = s_exact(cases[i][0]), line = exact;
        act_directive_t directive;
        proto_buf_t got = PROTO_BUF_INIT;
        while (act_directive_next(&line, &directive))
            proto_buf_printf(&got, "%s%.*s=%.*s", got.size ? "|" : "", (int)directive.key.size,
                             directive.key.data, (int)directive.value.size, directive.value.data);
        if (line.size && got.size)
            proto_buf_byte(&got, '|'); /* something is left */
        if (strcmp(proto_buf_text(&got), cases[i][1]) != 0)
            fail_msg("%s: %s instead of %s", cases[i][0], proto_buf_text(&got), cases[i][1]);
        proto_buf_free(&got);
        s_release(exact);
    }
}

static void test_words_and_names(void **state)
{
    (void)state;
    proto_bytes_t text = proto_bytes_of("  one two\t three ");
    assert_true(proto_bytes_is(act_directive_word(&text), "one"));
    assert_true(proto_bytes_is(text, "two\t three"));
    assert_true(proto_bytes_is(act_directive_word(&text), "two"));
    assert_true(proto_bytes_is(act_directive_word(&text), "three"));
    assert_int_equal(act_directive_word(&text).size, 0);
    assert_true(proto_bytes_is(act_directive_trim(proto_bytes_of(" \t a b \r\n")), "a b"));
    assert_int_equal(act_directive_trim(proto_bytes_of(" \t")).size, 0);
    char longest[65];
    memset(longest, 'a', 64);
    longest[64] = '\0';
    assert_false(act_directive_is_name(proto_bytes_of(longest)));
    longest[63] = '\0';
    assert_true(act_directive_is_name(proto_bytes_of(longest)));
    static const char *const good[] = {"a", "a1", "a_", "agent_id2"};
    static const char *const bad[] = {"",    "1a",  "_a",       "A",         "aB", "a-b",
                                      "a.b", "a b", "\xc3\xa9", "a\xc3\xa9", "*",  "a$"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(act_directive_is_name(proto_bytes_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(act_directive_is_name(proto_bytes_of(bad[i])));
}

/* A parameter written out: "name data[] type ? = default (min..max unit) in (a|b)", parts it has not left
 * out. */
static void s_show(const proto_param_t *param, proto_buf_t *out)
{
    static const char *const units[] = {"", " chars", " items", " bytes"};
    proto_buf_printf(out, "%s%s %s%s", param->source == PROTO_SOURCE_WHOLE ? "*" : "", param->name,
                     proto_data_name(param->data), param->array ? "[]" : "");
    if (param->sql_type)
        proto_buf_printf(out, " %s", param->sql_type);
    proto_buf_string(out, param->required ? "" : " ?");
    if (param->default_value.size) {
        proto_buf_string(out, " = ");
        assert_int_equal(proto_json_from_value(param->default_value, out), 0);
    }
    if (param->has_min || param->has_max || param->unit) {
        proto_buf_string(out, " (");
        if (param->has_min)
            proto_buf_printf(out, "%.15g", param->min);
        proto_buf_string(out, "..");
        if (param->has_max)
            proto_buf_printf(out, "%.15g", param->max);
        proto_buf_printf(out, "%s)", units[param->unit]);
    }
    for (uint32_t i = 0; i < param->value_count; i++)
        proto_buf_printf(out, "%s%s%s", i ? "|" : " in (", param->values[i],
                         i + 1 == param->value_count ? ")" : "");
}

#define S_NAME "a parameter's name is made of lower-case letters, digits and _"
#define S_TYPE "!this is not the name of a type"
#define S_FORM "a parameter is: name type, then ?, = default, (bounds) or in (values)"
#define S_BOUNDS                                                                                             \
    "bounds are (LEAST..MOST), with chars, items or bytes behind MOST, or sizes such as (1kB..10MB)"
#define S_LIST  "in (...) takes 1 to 64 values"
#define S_VALUE "the default is no value"

static void test_parameters(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"id", "id other"},
        {"id int8", "id int8 int8"},
        {"id BigInt", "id int8 BigInt"},
        {"a timestamp with time zone ?", "a timestamptz timestamp with time zone ?"},
        {"a double precision (0..1)", "a float8 double precision (0..1)"},
        {"a numeric(10,2) (0..99.5)", "a numeric numeric(10,2) (0..99.5)"},
        {"a timestamp(3) with time zone", "a timestamptz timestamp(3) with time zone"},
        {"a varchar(20)[] ?", "a text[] varchar(20)[] ?"},
        {"a goal.status[]", "a other[] goal.status[]"},
        {"a interval", "a other interval"}, /* a type whose name begins with in */
        {"a int8[ int", S_TYPE},
        {"a int8]", S_TYPE},
        {"a int8[x]", S_TYPE},
        {"a numeric(10", S_TYPE},
        {"a \"int8", S_TYPE},
        {"a 8int", S_TYPE},
        {"a int;8", S_TYPE},
        {"a int8[]x", S_TYPE},
        {"a timestamp(3) with time zone", "a timestamptz timestamp(3) with time zone"},
        {"a s.\"My type\"[3][]", "a other[] s.\"My type\"[3][]"},
        {"a int in (1, 2)", "a int4 int in (1|2)"},
        {"a inet", "a other inet"},
        {"a ?", "a other ?"},
        {"a int4?", "a int4 int4 ?"},
        {"a int4=5", "a int4 int4 ? = 5"},
        {"a int4 = -5 (..10)", "a int4 int4 ? = -5 (..10)"},
        {"a int4 (..10) = -5", "a int4 int4 ? = -5 (..10)"},
        {"a = 5", "a other ? = 5"},
        {"a (1..2)", "a other (1..2)"},
        {"a in (x)", "a other in (x)"},
        {"a text = x", "a text text ? = \"x\""},
        {"a text = _x", "a text text ? = \"_x\""},
        {"a text = 'x y' in (x y, z)", "a text text ? = \"x y\" in (x y|z)"},
        {"a text = \"x y\" (1..3 chars)", "a text text ? = \"x y\" (1..3 chars)"},
        {"a text = \"x\\\" y\" (1..5 chars)", "a text text ? = \"x\\\" y\" (1..5 chars)"},
        {"a text = ''", "a text text ? = \"\""},
        {"a text = '5'", "a text text ? = \"5\""},
        {"a bool = true", "a bool bool ? = true"},
        {"a bool = false ?", "a bool bool ? = false"},
        {"a text = null", "a text text ?"},
        {"a numeric = 1.50", "a numeric numeric ? = 1.50"},
        {"a int4[] = [1, 2] (0..5 items)", "a int4[] int4[] ? = [1,2] (0..5 items)"},
        {"a jsonb = {\"x\": [1, \" } \"]} ?", "a json jsonb ? = {\"x\":[1,\" } \"]}"},
        {"a int8 (1..)", "a int8 int8 (1..)"},
        {"a int8 (..)", "a int8 int8"},
        {"a int8 ( 1 .. 500 )", "a int8 int8 (1..500)"},
        {"a int8 (-5..-1)", "a int8 int8 (-5..-1)"},
        {"a int8 (7..7)", "a int8 int8 (7..7)"},
        {"a int8 (0..9007199254740991)", "a int8 int8 (0..9.00719925474099e+15)"},
        {"a float8 (-1e3..1.5e3)", "a float8 float8 (-1000..1500)"},
        {"a text (1..100 chars)", "a text text (1..100 chars)"},
        {"a text (..100 chars)", "a text text (..100 chars)"},
        {"a text (1.. chars)", "a text text (1.. chars)"},
        {"a text[] (1..50 items)", "a text[] text[] (1..50 items)"},
        {"a bytea (..10MB)", "a bytea bytea (..10485760 bytes)"},
        {"a bytea (1kB..1.5MB)", "a bytea bytea (1024..1572864 bytes)"},
        {"a text (0..64kB) ?", "a text text ? (0..65536 bytes)"},
        {"a bytea (1..5 bytes)", "a bytea bytea (1..5 bytes)"},
        {"a bytea (1..2kB bytes)", "a bytea bytea (1..2048 bytes)"},
        {"a text in (a, b ,c)", "a text text in (a|b|c)"},
        {"a text in(a)", "a text text in (a)"},
        {"a text in ('a', \"b\", 'c d', '''')", "a text text in (a|b|c d|'')"},
        {"a text in (in, inn) ?", "a text text ? in (in|inn)"},
        {"a text ? in (a) (1..5 chars) = a", "a text text ? = \"a\" (1..5 chars) in (a)"},
        {"* doc jsonb", "*doc json jsonb"},
        {"*  doc  jsonb ?", "*doc json jsonb ?"},
        /* mistakes */
        {"", "!" S_NAME},
        {"*", "!" S_NAME},
        {"1a int4", "!" S_NAME},
        {"Id int4", "!" S_NAME},
        {"a? int4", "!" S_NAME},
        {"*doc jsonb", "!" S_NAME},
        {"a int4 = ", "!" S_VALUE},
        {"a int4 = 5x", "!" S_VALUE},
        {"a int4 = [1", "!" S_VALUE},
        {"a int4 = 'x", "!" S_VALUE},
        {"a int4 = -", "!" S_VALUE},
        {"a int4 = 1 2", "!" S_FORM},
        {"a int4 ? x", "!" S_FORM},
        {"a int4 (1..5) required", "!" S_FORM},
        {"a int4 ? inn (a)", "!" S_FORM},
        {"a int4 in x", "!" S_FORM},
        {"a int4 (1..5", "!a parenthesis does not close"},
        {"a int4 in (a", "!a parenthesis does not close"},
        {"a int4 (1-5)", "!" S_BOUNDS},
        {"a int4 ()", "!" S_BOUNDS},
        {"a int4 (5)", "!" S_BOUNDS},
        {"a int4 (1...5)", "!" S_BOUNDS},
        {"a int4 (x..5)", "!" S_BOUNDS},
        {"a int4 (1..5 words)", "!" S_BOUNDS},
        {"a bytea (..10GB)", "!" S_BOUNDS},
        {"a bytea (..10mb)", "!" S_BOUNDS},
        {"a bytea (..MB)", "!" S_BOUNDS},
        {"a bytea (..kB)", "!" S_BOUNDS},
        {"a bytea (..10B)", "!" S_BOUNDS},
        {"a bytea (..1MBMB)", "!" S_BOUNDS},
        {"a bytea (..10 MB)", "!" S_BOUNDS},
        {"a bytea (..10MB chars)", "!" S_BOUNDS},
        {"a bytea (1MB..10kB)", "!the bounds are the wrong way round"},
        {"a int4 (1..5 6)", "!" S_BOUNDS},
        {"a int4 (1..0x5)", "!" S_BOUNDS},
        {"a int4 (01..5)", "!" S_BOUNDS},
        {"a int4 (5..1)", "!the bounds are the wrong way round"},
        {"a text in ()", "!" S_LIST},
        {"a text in ( )", "!" S_LIST},
        {"a text in (,)", "!" S_LIST},
        {"a text in (a,,b)", "!" S_LIST},
        {"a text in ('')", "!" S_LIST},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_bytes_t exact = s_exact(cases[i][0]);
        proto_param_t param = {0};
        proto_buf_t got = PROTO_BUF_INIT;
        const char *why = NULL;
        if (act_directive_param(&s_arena, exact, &param, &why) < 0)
            proto_buf_printf(&got, "!%s", why ? why : "no reason");
        else
            s_show(&param, &got);
        if (strcmp(proto_buf_text(&got), cases[i][1]) != 0)
            fail_msg("%s: %s instead of %s", cases[i][0], proto_buf_text(&got), cases[i][1]);
        proto_buf_free(&got);
        s_release(exact);
    }
}

static void test_many_values(void **state)
{
    (void)state;
    for (int count = 63; count <= 65; count++) {
        proto_buf_t text = PROTO_BUF_INIT;
        proto_param_t param = {0};
        const char *why = NULL;
        proto_buf_string(&text, "a text in (");
        for (int i = 0; i < count; i++)
            proto_buf_printf(&text, "%sv%d", i ? "," : "", i);
        proto_buf_byte(&text, ')');
        int rc = act_directive_param(&s_arena, proto_buf_bytes(&text), &param, &why);
        assert_int_equal(rc, count <= 64 ? 0 : -1);
        if (rc == 0) {
            assert_int_equal(param.value_count, count);
            assert_string_equal(param.values[count - 1], count == 63 ? "v62" : "v63");
        } else {
            assert_string_equal(why, S_LIST);
        }
        proto_buf_free(&text);
    }
}

#define S_ERROR  "!@error is: name status \"text\" [on SQLSTATE [constraint]]"
#define S_STATUS "!the status of an @error lies between 400 and 599"

static void test_refusals(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a 404 \"Agent {id} not found\"", "a 404 Agent {id} not found"},
        {"a 400 \"\"", "a 400 "},
        {"a 599 \"x\"", "a 599 x"},
        {"a 409 \"taken\" on 23505", "a 409 taken on 23505"},
        {"a  409  \"taken\"  on  23P01  t_Name-key", "a 409 taken on 23P01 t_Name-key"},
        {"a 409 \"on 23505\"", "a 409 on 23505"},
        {"a 409 \"x\"on 23505", "a 409 x on 23505"},
        {"", S_ERROR},
        {"a", S_ERROR},
        {"a 404", S_ERROR},
        {"a 404 x", S_ERROR},
        {"a 404 \"", S_ERROR},
        {"a 404 \"x", S_ERROR},
        {"A 404 \"x\"", S_ERROR},
        {"404 \"x\"", S_ERROR},
        {"a 40 \"x\"", S_ERROR},
        {"a 4040 \"x\"", S_ERROR},
        {"a 4x4 \"x\"", S_ERROR},
        {"a 399 \"x\"", S_STATUS},
        {"a 600 \"x\"", S_STATUS},
        {"a 200 \"x\"", S_STATUS},
        {"a 404 \"x\" y", S_ERROR},
        {"a 404 \"x\" on", S_ERROR},
        {"a 404 \"x\" on 2350", S_ERROR},
        {"a 404 \"x\" on 235055", S_ERROR},
        {"a 404 \"x\" on 2350p", S_ERROR},
        {"a 404 \"x\" at 23505", S_ERROR},
        {"a 404 \"x\" on 23505 key more", S_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_bytes_t exact = s_exact(cases[i][0]);
        proto_refusal_t refusal = {0};
        proto_buf_t got = PROTO_BUF_INIT;
        const char *why = NULL;
        if (act_directive_refusal(&s_arena, exact, &refusal, &why) < 0) {
            proto_buf_printf(&got, "!%s", why ? why : "no reason");
        } else {
            proto_buf_printf(&got, "%s %d %s", refusal.name, refusal.status, refusal.text);
            if (refusal.sqlstate)
                proto_buf_printf(&got, " on %s", refusal.sqlstate);
            if (refusal.constraint)
                proto_buf_printf(&got, " %s", refusal.constraint);
        }
        if (strcmp(proto_buf_text(&got), cases[i][1]) != 0)
            fail_msg("%s: %s instead of %s", cases[i][0], proto_buf_text(&got), cases[i][1]);
        proto_buf_free(&got);
        s_release(exact);
    }
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t ms; /* 0: refused */
    } cases[] = {{"1ms", 1},
                 {"500ms", 500},
                 {"5s", 5000},
                 {"2m", 120000},
                 {"3600000ms", 3600000},
                 {"3600s", 3600000},
                 {"60m", 3600000},
                 {"007s", 7000},
                 {"", 0},
                 {"0ms", 0},
                 {"0s", 0},
                 {"3600001ms", 0},
                 {"3601s", 0},
                 {"61m", 0},
                 {"5", 0},
                 {"s", 0},
                 {"ms", 0},
                 {"5 s", 0},
                 {"5h", 0},
                 {"5S", 0},
                 {"5sec", 0},
                 {"-5s", 0},
                 {"+5s", 0},
                 {"1.5s", 0},
                 {"99999999m", 0},
                 {"4294967297ms", 0},
                 {"18446744073709551617ms", 0},
                 {"5s ", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_bytes_t exact = s_exact(cases[i].text);
        uint32_t ms = 4711;
        int rc = act_directive_duration(exact, &ms);
        if (rc != (cases[i].ms ? 0 : -1) || ms != (cases[i].ms ? cases[i].ms : 4711))
            fail_msg("%s: %d %u", cases[i].text, rc, ms);
        s_release(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),      cmocka_unit_test(test_words_and_names),
        cmocka_unit_test(test_parameters), cmocka_unit_test(test_many_values),
        cmocka_unit_test(test_refusals),   cmocka_unit_test(test_durations),
    };
    return cmocka_run_group_tests(tests, NULL, s_tear_down);
}
