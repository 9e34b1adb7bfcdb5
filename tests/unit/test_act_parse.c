/* SPDX-License-Identifier: MPL-2.0 */
/* Endpoint files: every sentence the parser has for a mistake, with file and line. Good files:
 * test_act_program.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "act_program.h"

typedef struct s_case {
    const char *text, *errors; /* each line without "f.sql:" */
} s_case_t;

/* Parses one file; the program is also finished, as act_program_load does whatever went wrong before. */
static void s_errors(proto_bytes_t text, proto_buf_t *errors)
{
    uint8_t *copy = malloc(text.size ? text.size : 1);
    assert_non_null(copy);
    memcpy(copy, text.data, text.size);
    act_program_t *program = act_program_new();
    proto_buf_reset(errors);
    int rc = act_program_parse(program, "f.sql", (proto_bytes_t){copy, text.size}, errors);
    if ((rc < 0) != (errors->size > 0) || (rc != 0 && rc != -1))
        fail_msg("%s gave %d with the errors \"%s\"", (const char *)text.data, rc, proto_buf_text(errors));
    (void)!act_program_finish(program, 1, errors);
    act_program_free(&program);
    assert_null(program);
    free(copy);
}

static void s_check(const s_case_t *cases, size_t count)
{
    proto_buf_t errors = PROTO_BUF_INIT, want = PROTO_BUF_INIT;
    for (size_t i = 0; i < count; i++) {
        proto_buf_reset(&want);
        for (const char *line = cases[i].errors; *line; line = strchr(line, '\n') + 1)
            proto_buf_printf(&want, "f.sql:%.*s\n", (int)(strchr(line, '\n') - line), line);
        s_errors(proto_bytes_of(cases[i].text), &errors);
        if (!proto_bytes_equal(proto_buf_bytes(&errors), proto_buf_bytes(&want)))
            fail_msg("%s\n--- gave ---\n%s--- instead of ---\n%s", cases[i].text, proto_buf_text(&errors),
                     proto_buf_text(&want));
    }
    proto_buf_free(&errors);
    proto_buf_free(&want);
}

#define S_CHECK(...)                                                                                         \
    s_check((const s_case_t[]){__VA_ARGS__}, sizeof((const s_case_t[]){__VA_ARGS__}) / sizeof(s_case_t))

#define S_OP     "-- @operation a\n"
#define S_NAME   "a name is made of lower-case letters, digits and _"
#define S_METHOD "@endpoint begins with GET, POST, PUT, PATCH or DELETE"
#define S_PATH   "a path begins with / and does not end with it"
#define S_HOLE   "a {parameter} is a whole segment of the path"
#define S_ERROR  "@error is: name status \"text\" [on SQLSTATE [constraint]]"
#define S_WORDS  "a statement begins with SELECT, INSERT, UPDATE, DELETE, MERGE, WITH, VALUES or TABLE"

static void test_endpoints(void **state)
{
    (void)state;
    S_CHECK({"-- @endpoint FETCH /x\n" S_OP "SELECT 1;", "1: " S_METHOD ": FETCH\n"},
            {"-- @endpoint get /x\n" S_OP "SELECT 1;", "1: " S_METHOD ": get\n"},
            {"-- @endpoint /x\n" S_OP "SELECT 1;", "1: " S_METHOD ": /x\n1: " S_PATH "\n"},
            {"-- @endpoint\n" S_OP "SELECT 1;", "1: " S_METHOD "\n1: " S_PATH "\n"},
            {S_OP "-- @endpoint GET x\nSELECT 1;", "2: " S_PATH ": x\n"},
            {S_OP "-- @endpoint GET /x/\nSELECT 1;", "2: " S_PATH ": /x/\n"},
            {S_OP "-- @endpoint GET /x y\nSELECT 1;", "2: " S_PATH ": /x y\n"},
            {S_OP "-- @endpoint GET\nSELECT 1;", "2: " S_PATH "\n"},
            {"-- @endpoint GET {id}\n" S_OP "SELECT 1;", "1: " S_PATH ": {id}\n1: " S_HOLE ": id\n"},
            {"\n-- @endpoint GET /x{id}\n" S_OP "SELECT 1;", "2: " S_HOLE ": id\n"},
            {"-- @endpoint GET /{id}x\n" S_OP "SELECT 1;", "1: " S_HOLE ": id\n"},
            {"-- @endpoint GET /{id\n" S_OP "SELECT 1;", "1: " S_HOLE ": id\n"},
            {"-- @endpoint GET /{}\n" S_OP "SELECT 1;", "1: " S_HOLE "\n"},
            {"-- @endpoint GET /{Id}\n" S_OP "SELECT 1;", "1: " S_HOLE ": Id\n"},
            {"-- @endpoint GET /{a}/{b-c}\n" S_OP "SELECT :a;", "1: " S_HOLE ": b-c\n"},
            {"-- @endpoint GET /{id}\n" S_OP "-- @query id int4\nSELECT :id;",
             "1: this name stands in the path already: id\n"},
            {"-- @endpoint GET /x\n" S_OP "-- @path id int4\nSELECT :id;",
             "3: the path has no such parameter: id\n"},
            {S_OP "-- @path id int4\nSELECT :id;", "2: the path has no such parameter: id\n"});
}

static void test_directives(void **state)
{
    (void)state;
    S_CHECK(
        {"-- @operation Bad\nSELECT 1;", "1: " S_NAME ": Bad\n"},
        {"-- @operation\nSELECT 1;", "1: " S_NAME "\n"},
        {"-- @operation a b\nSELECT 1;", "1: " S_NAME ": a b\n"},
        {S_OP "-- @service No\n", "2: " S_NAME ": No\n"},
        {S_OP "-- @tier fast\nSELECT 1;", "2: @tier is auth, write, read, health or none: fast\n"},
        {S_OP "-- @tier\nSELECT 1;", "2: @tier is auth, write, read, health or none\n"},
        {S_OP "-- @auth role\nSELECT 1;", "2: @auth is public, user, admin or role NAME: role\n"},
        {S_OP "-- @auth root\nSELECT 1;", "2: @auth is public, user, admin or role NAME: root\n"},
        {S_OP "-- @status 301\nSELECT 1;", "2: @status is one of success, 200 to 299: 301\n"},
        {S_OP "-- @status 2\nSELECT 1;", "2: @status is one of success, 200 to 299: 2\n"},
        {S_OP "-- @status 2x0\nSELECT 1;", "2: @status is one of success, 200 to 299: 2x0\n"},
        {S_OP "-- @timeout 2h\nSELECT 1;",
         "2: @timeout is a time such as 500ms, 5s or 2m, at most an hour: 2h\n"},
        {S_OP "-- @timeout 61m\nSELECT 1;",
         "2: @timeout is a time such as 500ms, 5s or 2m, at most an hour: 61m\n"},
        {S_OP "-- @replica\nUPDATE t SET a = 1;", "2: @replica is for statements that only read\n"},
        {S_OP "-- @slow very\nSELECT 1;", "2: this directive takes no value: very\n"},
        {S_OP "-- @reads yes @writes no @deprecated 1\nSELECT 1;",
         "2: this directive takes no value: yes\n2: this directive takes no value: no\n"
         "2: this directive takes no value: 1\n1: @reads and @writes exclude each other\n"},
        {S_OP "-- @reads\n-- @writes\nSELECT 1;", "1: @reads and @writes exclude each other\n"},
        {S_OP "-- @nonsense x\nSELECT 1;", "2: an unknown directive: nonsense\n"},
        {S_OP "-- @Auth user\nSELECT 1;", "2: an unknown directive: Auth\n"},
        {S_OP "-- @returns list\nSELECT 1;",
         "2: a leaf of the shape must be rows, row, value, count, next_cursor, one of them or a column "
         "behind a step's name and a dot, or a JSON constant: list\n"},
        {S_OP "-- @returns {\"a\": rows\nSELECT 1;", "2: the shape is not JSON: {\"a\": rows\n"},
        {S_OP "-- @returns {\"a\": rows\n--    , \"b\": value}\nSELECT 1;", ""},
        {S_OP "-- @returns {\"a\": rows,\n--\n--   \"b\": [value,\n  --count]} @slow yes\nSELECT 1;",
         "2: this directive takes no value: yes\n"},
        {S_OP "-- @returns {\"a\": rows,\n-- @slow\nSELECT 1;", "2: the shape is not JSON: {\"a\": rows,\n"},
        {S_OP "-- @returns {\"a\": rows,\n-- \"b\": count\nSELECT 1;\n",
         "2: the shape is not JSON: {\"a\": rows, \"b\": count\n"},
        {S_OP "-- @returns {\"a\": rows,\n-- \"b\":\n\n-- count}\nSELECT 1;\n",
         "2: the shape is not JSON: {\"a\": rows, \"b\":\n"},
        {S_OP "-- @query a text in (x,\n--   y)\n-- @query b text in (x\nSELECT :a;",
         "4: a parenthesis does not close: b text in (x\n"},
        {S_OP "-- @summary Numbers (and\n-- letters) @slow\n-- @nothing\nSELECT 1;",
         "4: an unknown directive: nothing\n"},
        {S_OP "-- @returns rows rows\nSELECT 1;", "2: something follows the shape: rows rows\n"},
        {S_OP "-- @returns [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]\nSELECT 1;",
         "2: the shape is nested too deep: [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]\n"},
        {S_OP "-- @error e 200 \"x\"\nSELECT 1;",
         "2: the status of an @error lies between 400 and 599: e 200 \"x\"\n"},
        {S_OP "-- @error e 404 x\nSELECT 1;", "2: " S_ERROR ": e 404 x\n"},
        {S_OP "-- @empty gone\nSELECT 1;", "2: @empty names an @error that is not there: gone\n"},
        {S_OP "-- @empty\nSELECT 1;", "2: @empty names an @error that is not there\n"},
        {S_OP "-- @empty gone\n-- @error gone 404 \"\" x\nSELECT 1;",
         "3: " S_ERROR ": gone 404 \"\" x\n2: @empty names an @error that is not there: gone\n"});
}

static void test_parameters(void **state)
{
    (void)state;
    S_CHECK(
        {S_OP "-- @query Q text\nSELECT 1;",
         "2: a parameter's name is made of lower-case letters, digits and _: Q text\n"},
        {S_OP "-- @query q text ? x\nSELECT 1;",
         "2: a parameter is: name type, then ?, = default, (bounds) or in (values): q text ? x\n"},
        {S_OP "-- @query q int4 (1-5)\nSELECT :q;",
         "2: bounds are (LEAST..MOST), (LEAST..MOST chars) or (LEAST..MOST items): q int4 (1-5)\n"
         "3: this parameter is not declared: q\n"},
        {S_OP "-- @body q int4 (5..1)\nSELECT 1;", "2: the bounds are the wrong way round: q int4 (5..1)\n"},
        {S_OP "-- @body q int4 (5\nSELECT 1;", "2: a parenthesis does not close: q int4 (5\n"},
        {S_OP "-- @body q text in ()\nSELECT 1;", "2: in (...) takes 1 to 64 values: q text in ()\n"},
        {S_OP "-- @param q int4 = 5x\nSELECT 1;", "2: the default is no value: q int4 = 5x\n"},
        {S_OP "-- @query * q jsonb\nSELECT :q;", "2: only @body takes *: * q jsonb\n"},
        {S_OP "-- @query q int4\n-- @body q int4\nSELECT :q;", "3: the parameter is declared twice: q\n"},
        {S_OP "-- @header q text\n-- @header q text\nSELECT :q;", "3: the parameter is declared twice: q\n"},
        {S_OP "-- @form a text\n-- @body b text\n-- @file c bytea\nSELECT :a, :b, :c;",
         "2: a body is JSON (@body) or a form (@form, @file), not both: a\n"
         "4: a body is JSON (@body) or a form (@form, @file), not both: c\n"},
        {S_OP "-- @body * a jsonb\n-- @form b text\nSELECT :a, :b;",
         "3: a body is JSON (@body) or a form (@form, @file), not both: b\n"},
        {S_OP "-- @form * a jsonb\nSELECT :a;", "2: only @body takes *: * a jsonb\n"},
        {S_OP "-- @query q int4\nSELECT 1;", "2: this parameter is not used by the statement: q\n"},
        {S_OP "-- @query q int4\nSELECT ':q', \":q\" /* :q */ -- :q\n;",
         "2: this parameter is not used by the statement: q\n"},
        {"-- @endpoint GET /{q}\n" S_OP "\nSELECT 1;", "4: this parameter is not used by the statement: q\n"},
        {S_OP "SELECT :q;", "2: this parameter is not declared: q\n"},
        {S_OP "SELECT :a,\n  :b,\n\n  :a;", /* each at its own line, and all of them */
         "2: this parameter is not declared: a\n3: this parameter is not declared: b\n"
         "5: this parameter is not declared: a\n"},
        {S_OP "SELECT :auth.subject, :request.ID, :auth;",
         "2: this parameter is not declared: auth.subject\n2: this parameter is not declared: request.ID\n"
         "2: this parameter is not declared: auth\n"},
        {S_OP "SELECT :a;\n-- @operation b\nSELECT :b;\n", /* goes on behind it */
         "2: this parameter is not declared: a\n4: this parameter is not declared: b\n"},
        {S_OP "-- @service chat\n-- @param q\n", "3: a parameter of a @service block needs a type: q\n"},
        {"-- @endpoint GET /{q}\n" S_OP "-- @service chat\n",
         "3: a parameter of a @service block needs a type: q\n"});
}

static void test_blocks(void **state)
{
    (void)state;
    S_CHECK({"-- @auth user\nSELECT 1;", "1: a block needs an @operation\n"},
            {"\n-- @endpoint GET /x\nSELECT 1;", "2: a block needs an @operation\n"},
            {"-- @auth user\nSELECT 1;\n" S_OP
             "SELECT 2;\n-- @auth user\nSELECT 3;", /* and no crash later on */
             "1: a block needs an @operation\n5: a block needs an @operation\n"},
            {"-- @endpoint FETCH /x\n" S_OP "SELECT 1;\n-- @endpoint FETCH /x\n-- @operation b\nSELECT 1;",
             "1: " S_METHOD ": FETCH\n4: " S_METHOD ": FETCH\n"},
            {S_OP, "1: there is no statement\n"}, {S_OP ";", "1: there is no statement\n"},
            {S_OP "-- @operation b\nSELECT 1;", "1: there is no statement\n"},
            {"-- @endpoint GET /x\n" S_OP "-- @endpoint GET /y\n-- @operation b\nSELECT 1;",
             "1: there is no statement\n"},
            {S_OP "-- @service chat\nSELECT 1;", "3: a @service block has no statement\n"},
            {S_OP "-- @service chat\n-- @claims\n",
             "3: @claims is for statements: a worker is told them anyway\n"},
            {S_OP "-- @claims ann\nSELECT 1;", "2: this directive takes no value: ann\n"},
            {S_OP "BEGIN;", "2: " S_WORDS "\n"}, {S_OP "-- x\n\nset role x;", "4: " S_WORDS "\n"},
            {"SELECT 1;", "1: a statement needs directives before it\n1: a block needs an @operation\n"},
            {S_OP "SELECT 1;\nSELECT 2;",
             "3: a statement needs directives before it\n3: a block needs an @operation\n"},
            {S_OP "-\n", "2: the statement does not end with ;\n"});
}

static void test_statements(void **state)
{
    (void)state;
    S_CHECK({S_OP "SELECT 'a;\n", "2: a string does not end\n"},
            {S_OP "SELECT 1,\n 2,\n E'a\\';\n\n", "4: a string does not end\n"},
            {S_OP "SELECT \"a;", "2: a quoted name does not end\n"},
            {S_OP "SELECT\n$q$a;$$", "3: a dollar-quoted string does not end\n"},
            {S_OP "SELECT /* /* */;", "2: a comment does not end\n"},
            {S_OP "/* SELECT 1;", "2: a comment does not end\n"},
            {"/* SELECT 1;", "1: a statement needs directives before it\n1: a comment does not end\n"},
            {S_OP "SELECT 1", "2: the statement does not end with ;\n"},
            {S_OP "SELECT\n$1;", "3: parameters are written :name, not $1\n"});
}

static void test_limits(void **state)
{
    (void)state;
    proto_buf_t text = PROTO_BUF_INIT, errors = PROTO_BUF_INIT;
    for (int count = 100; count <= 102; count++) {
        proto_buf_reset(&text);
        proto_buf_string(&text, S_OP);
        for (int i = 0; i < count; i++)
            proto_buf_printf(&text, "-- @error e%d 404 \"x\"\n", i);
        proto_buf_string(&text, "SELECT 1;\n-- @operation b\n");
        for (int i = 0; i < count; i++)
            proto_buf_printf(&text, "-- @query q%d int4\n", i);
        proto_buf_string(&text, "SELECT 1");
        for (int i = 0; i < count && i < 100; i++)
            proto_buf_printf(&text, ",:q%d", i);
        proto_buf_string(&text, ";");
        s_errors(proto_buf_bytes(&text), &errors);
        static const char *const want[] = {"",
                                           "f.sql:102: an operation has at most 100 @errors\n"
                                           "f.sql:205: an operation has at most 100 parameters\n",
                                           "f.sql:102: an operation has at most 100 @errors\n"
                                           "f.sql:103: an operation has at most 100 @errors\n"
                                           "f.sql:206: an operation has at most 100 parameters\n"
                                           "f.sql:207: an operation has at most 100 parameters\n"};
        assert_string_equal(proto_buf_text(&errors), want[count - 100]);
    }
    /* One that the server fills in, and one of the path, count too. */
    proto_buf_reset(&text);
    proto_buf_string(&text, "-- @endpoint GET /{p}\n" S_OP);
    for (int i = 0; i < 100; i++)
        proto_buf_printf(&text, "-- @query q%d int4\n", i);
    proto_buf_string(&text, "SELECT :auth.sub");
    for (int i = 0; i < 100; i++)
        proto_buf_printf(&text, ",:q%d", i);
    proto_buf_string(&text, ";");
    s_errors(proto_buf_bytes(&text), &errors);
    assert_string_equal(proto_buf_text(&errors), "f.sql:103: an operation has at most 100 parameters\n"
                                                 "f.sql:103: an operation has at most 100 parameters\n"
                                                 "f.sql:103: this parameter is not declared: auth.sub\n");
    proto_buf_free(&text);
    proto_buf_free(&errors);
}

#define S_STEP   "@step is: name [expect one|none|some else error]"
#define S_CURSOR "@cursor is: column [asc|desc], ..., of at most 8 columns"
#define S_E      "-- @error e 404 \"x\"\n"

static void test_steps(void **state)
{
    (void)state;
    S_CHECK({S_OP "-- @step Bad\nSELECT 1;", "2: " S_NAME ": Bad\n"},
            {S_OP "-- @step\nSELECT 1;", "2: " S_NAME "\n"},
            {S_OP S_E "-- @step a expect two else e\nSELECT 1;", "3: " S_STEP ": a\n"},
            {S_OP S_E "-- @step a expect any else e\nSELECT 1;", "3: " S_STEP ": a\n"},
            {S_OP S_E "-- @step a expects one else e\nSELECT 1;", "3: " S_STEP ": a\n"},
            {S_OP S_E "-- @step a expect one or e\nSELECT 1;", "3: " S_STEP ": a\n"},
            {S_OP S_E "-- @step a expect one else\nSELECT 1;", "3: " S_STEP ": a\n"},
            {S_OP S_E "-- @step a expect one\nSELECT 1;", "3: " S_STEP ": a\n"},
            {S_OP S_E "-- @step a b\nSELECT 1;", "3: " S_STEP ": a\n"},
            {S_OP S_E "-- @step a expect one else f\nSELECT 1;",
             "3: expect names an @error that is not there: f\n"},
            {S_OP S_E "-- @step a expect one else e f\nSELECT 1;",
             "3: expect names an @error that is not there: e f\n"},
            {S_OP S_E "-- @empty e\n-- @step a expect one else e\nSELECT 1;",
             "3: @empty and the first step's expect exclude each other: e\n"},
            {S_OP S_E "-- @empty e\n-- @step a\nSELECT 1;\n-- @step b expect one else e\nSELECT 2;", ""},
            {S_OP "-- @step a\n-- @step b\nSELECT 1;", "3: the @step before has no statement: b\n"},
            {S_OP "-- @step a\nSELECT 1;\n-- @step a\nSELECT 2;", "4: there are two steps of this name: a\n"},
            {S_OP "-- @step a\n", "2: this @step has no statement\n"},
            {S_OP "SELECT 1;\n-- @step a\n", "3: this @step has no statement\n"},
            {S_OP "-- @step a\nSELECT 1;\n-- @step b\n-- @operation c\nSELECT 2;",
             "4: this @step has no statement\n"},
            {S_OP "-- @service s\n-- @step a\n", "3: this @step has no statement\n"},
            {S_OP "-- @service s\n-- @step a\nSELECT 1;", "4: a @service block has no statement\n"},
            {S_OP "SELECT 1;\n-- @step b\nSELECT 2;\n-- @step c\nSELECT 3;",
             "2: the first of several statements needs a @step, too\n"},
            {S_OP "-- @step a\nSELECT 1;\nSELECT 2;",
             "4: a statement needs directives before it\n4: a block needs an @operation\n"},
            {S_OP "-- @step a\nSELECT 1;\n-- @step b\nBEGIN;", "5: " S_WORDS "\n"},
            {"-- @step a\nSELECT 1;", "1: a block needs an @operation\n"});
    S_CHECK(
        {S_OP "-- @step a\nSELECT :b.x;\n-- @step b\nSELECT :a.x;", /* only of those before */
         "3: this parameter is not declared: b.x\n"},
        {S_OP "-- @step a\nSELECT :a.x;", "3: this parameter is not declared: a.x\n"},
        {S_OP "-- @step a\nSELECT 1;\n-- @step b\nSELECT :c.x, :a;",
         "5: this parameter is not declared: c.x\n5: this parameter is not declared: a\n"},
        {S_OP "-- @param q int4\nSELECT :q, :q.sent, :r.given, :auth.sub.given;",
         "3: this parameter is not declared: q.sent\n3: this parameter is not declared: r.given\n"
         "3: this parameter is not declared: auth.sub.given\n"},
        {S_OP "-- @returns {\"x\": b.rows}\n-- @step a\nSELECT 1;",
         "2: @returns names a step that is not there: b\n"},
        {S_OP "-- @returns {\"x\": b.col, \"y\": a.row, \"z\": c.count}\n-- @step a\nSELECT 1;",
         "2: @returns names a step that is not there: b\n2: @returns names a step that is not there: c\n"},
        {S_OP "-- @returns a.rows\nSELECT 1;", "2: @returns names a step that is not there: a\n"},
        {S_OP "-- @returns next_cursor\nSELECT 1;", "2: next_cursor needs a @cursor\n"});
}

static void test_conditions(void **state)
{
    (void)state;
#define S_LEFT "without its conditional lines nothing is left that could run"
    S_CHECK({S_OP "-- @param q int4 ?\nSELECT :q --? q\n;", "3: " S_LEFT "\n"},
            {S_OP "-- @param q int4 ?\nSELECT :q --? q\n, 2;", "3: " S_LEFT "\n"},
            {S_OP "-- @param q int4 ?\nSELECT 'a' --? q\n, :q --? q\n\n;", "3: " S_LEFT "\n"},
            {S_OP "-- @param q int4 ?\nWITH w AS (SELECT :q) --? q\nSELECT 1;", ""},
            {S_OP "SELECT 1\n, 2 --? q\n;", "3: --? names no parameter: q\n"},
            {S_OP "-- @param q int4\nSELECT 1\n, :q --?\n, 2 --? q ;\n;",
             "4: --? names no parameter\n5: --? names no parameter: q ;\n"},
            {S_OP "SELECT 1\n, 2 --? after\n;", "3: --? names no parameter: after\n"},
            {S_OP "SELECT :auth.sub\n, 2 --? auth.sub\n;", /* nobody gives it */
             "3: --? names no parameter: auth.sub\n"},
            {S_OP "SELECT 1\n, :auth.sub --? auth.sub\n, :request.id --? request.id\n;",
             "3: --? names no parameter: auth.sub\n4: --? names no parameter: request.id\n"},
            {S_OP "-- @param q int4\nSELECT :q\n--? q\n;", "4: nothing stands before --?\n"},
            {S_OP "-- @param q int4\nSELECT :q; --? q\n", "3: nothing stands before --?\n"},
            {S_OP "-- @param q int4\n  --? q\nSELECT :q;", "3: nothing stands before --?\n"});
}

static void test_cursors(void **state)
{
    (void)state;
#define S_LIMIT "-- @param limit int4 = 5\n"
#define S_LIST  "SELECT id FROM t WHERE true\n AND id > :after.id --? after\nLIMIT :limit;"
    S_CHECK({S_OP S_LIMIT "-- @cursor id\n" S_LIST, ""},
            {S_OP S_LIMIT "-- @cursor id up\n" S_LIST,
             "3: " S_CURSOR ": id\n5: this parameter is not declared: after.id\n"},
            {S_OP S_LIMIT "-- @cursor\n" S_LIST,
             "3: " S_CURSOR "\n5: this parameter is not declared: after.id\n"},
            {S_OP S_LIMIT "-- @cursor Id\nSELECT :limit;",
             "3: " S_CURSOR ": Id\n3: a @cursor needs a line that ends in --? after: cursor\n"},
            {S_OP S_LIMIT "-- @cursor id,\n" S_LIST, "3: " S_CURSOR "\n"},
            {S_OP S_LIMIT "-- @cursor id, , at\n" S_LIST, "3: " S_CURSOR "\n"},
            {S_OP S_LIMIT "-- @cursor id desc asc\n" S_LIST,
             "3: " S_CURSOR ": id\n5: this parameter is not declared: after.id\n"},
            {S_OP S_LIMIT "-- @cursor id, b, c, d, e, f, g, h\n" S_LIST, ""},
            {S_OP S_LIMIT "-- @cursor id, b, c, d, e, f, g, h, i\n" S_LIST, "3: " S_CURSOR ": i\n"},
            {S_OP S_LIMIT "-- @cursor id\n-- @cursor id\n" S_LIST,
             "4: the parameter is declared twice: cursor\n"},
            {S_OP S_LIMIT "-- @cursor id\n-- @query cursor text\n" S_LIST,
             "4: the parameter is declared twice: cursor\n"},
            {S_OP S_LIMIT "-- @query cursor text\n-- @cursor id\nSELECT :limit, :cursor;",
             "4: the parameter is declared twice: cursor\n"},
            {S_OP "-- @cursor id\nSELECT 1\n AND id > :after.id --? after\n;",
             "2: a @cursor needs a parameter limit\n"},
            {S_OP S_LIMIT "-- @cursor id\nSELECT :limit, :after.id;",
             "3: a @cursor needs a line that ends in --? after: cursor\n"},
            {S_OP S_LIMIT "-- @cursor id\nSELECT :limit\n, :after.at --? after\n;",
             "5: this parameter is not declared: after.at\n"},
            {S_OP "-- @step a\nSELECT 1;\n-- @step b\n-- @cursor id\n" S_LIMIT S_LIST, ""});
}

/* One as many as there may be is fine, one more is told. */
static void test_more_limits(void **state)
{
    (void)state;
    proto_buf_t text = PROTO_BUF_INIT, errors = PROTO_BUF_INIT;
    for (int more = 0; more <= 1; more++) {
        proto_buf_reset(&text);
        proto_buf_string(&text, S_OP);
        for (int i = 0; i < 16 + more; i++)
            proto_buf_printf(&text, "-- @step s%d\nSELECT 1;\n", i);
        s_errors(proto_buf_bytes(&text), &errors);
        assert_string_equal(proto_buf_text(&errors),
                            more ? "f.sql:35: an operation has at most 16 steps\n" : "");
        proto_buf_reset(&text);
        proto_buf_string(&text, S_OP "-- @param q int4\nSELECT :q");
        for (int i = 0; i < 99 + more; i++)
            proto_buf_string(&text, "\n,:q");
        proto_buf_string(&text, ";");
        s_errors(proto_buf_bytes(&text), &errors);
        assert_string_equal(proto_buf_text(&errors),
                            more ? "f.sql:3: a statement has at most 100 places for parameters: q\n" : "");
        proto_buf_reset(&text);
        proto_buf_string(&text, S_OP);
        for (int i = 0; i < 32 + more; i++)
            proto_buf_printf(&text, "-- @param q%d int4 ?\n", i);
        proto_buf_string(&text, "SELECT 1\n");
        for (int i = 0; i < 32 + more; i++)
            proto_buf_printf(&text, ",:q%d --? q%d\n", i, i);
        proto_buf_string(&text, ";");
        s_errors(proto_buf_bytes(&text), &errors);
        assert_string_equal(proto_buf_text(&errors),
                            more ? "f.sql:68: there are too many conditional lines: q32\n" : "");
        proto_buf_reset(&text);
        proto_buf_string(&text, S_OP "-- @param q int4 ?\nSELECT :q\n");
        for (int i = 0; i < 200 + more; i++)
            proto_buf_string(&text, ",1 --? q\n");
        proto_buf_string(&text, ";");
        s_errors(proto_buf_bytes(&text), &errors);
        assert_string_equal(proto_buf_text(&errors),
                            more ? "f.sql:204: there are too many conditional lines: q\n" : "");
    }
    proto_buf_free(&text);
    proto_buf_free(&errors);
}

static void test_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        const char *errors;
    } cases[] = {
        {"-- \xff\n" S_OP "SELECT 1;", 0, "f.sql:1: the file is not UTF-8\n"},
        {S_OP "SELECT '\xed\xa0\x80';", 0, "f.sql:1: the file is not UTF-8\n"},
        {S_OP "SELECT 1\0 WHERE false;", sizeof(S_OP "SELECT 1\0 WHERE false;") - 1,
         "f.sql:2: the file holds a NUL byte\n"}, /* the statement would end there */
        {"", 0, ""},
        {"\n\n", 0, ""},
        {"-- nothing\n/* here */\n", 0, ""},
        {"-- @", 0, ""},
        {"--", 0, ""},
    };
    proto_buf_t errors = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = cases[i].size ? cases[i].size : strlen(cases[i].text);
        s_errors((proto_bytes_t){(const uint8_t *)cases[i].text, size}, &errors);
        assert_string_equal(proto_buf_text(&errors), cases[i].errors);
    }
    proto_buf_free(&errors);
}

/* Several mistakes are told at once, in the order of the file. */
static void test_all_at_once(void **state)
{
    (void)state;
    S_CHECK(
        {"-- @endpoint GET /a/\n-- @operation a\n-- @auth x  @tier y\n-- @query q int4 (2..1)\nSELECT 1;\n\n"
         "-- @operation b\n-- @status 404\n-- @empty e\nDROP TABLE x;\n",
         "1: " S_PATH ": /a/\n3: @auth is public, user, admin or role NAME: x\n"
         "3: @tier is auth, write, read, health or none: y\n4: the bounds are the wrong way round: q int4 "
         "(2..1)\n"
         "8: @status is one of success, 200 to 299: 404\n10: " S_WORDS "\n"
         "9: @empty names an @error that is not there: e\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endpoints),  cmocka_unit_test(test_directives),
        cmocka_unit_test(test_parameters), cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_statements), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_steps),      cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_cursors),    cmocka_unit_test(test_more_limits),
        cmocka_unit_test(test_bytes),      cmocka_unit_test(test_all_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
