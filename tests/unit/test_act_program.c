/* SPDX-License-Identifier: MPL-2.0 */
/* Good endpoint files become the right operations; checks across files; reading a folder. The parser's
 * mistakes: test_act_parse.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act_program.h"
#include "act_variant.h"
#include "proto_json.h"

static void s_show_param(const proto_param_t *param, proto_buf_t *out)
{
    static const char *const units[] = {"", " chars", " items"};
    proto_buf_printf(out, "  %s %s %s%s%s", proto_source_name(param->source), param->name,
                     proto_data_name(param->data), param->array ? "[]" : "", param->required ? "" : " ?");
    if (param->default_value.size) {
        proto_buf_string(out, " = ");
        assert_int_equal(proto_json_from_value(param->default_value, out), 0);
    }
    if (param->has_min || param->has_max)
        proto_buf_printf(out, " (%g..%g%s)", param->has_min ? param->min : -1,
                         param->has_max ? param->max : -1, units[param->unit]);
    for (uint32_t i = 0; i < param->value_count; i++)
        proto_buf_printf(out, " '%s'", param->values[i]);
    proto_buf_byte(out, '\n');
}

/* A statement with all its lines, then with none; what its $n stand for. */
static void s_show_statement(const act_script_t *script, const act_statement_t *statement, proto_buf_t *out)
{
    static const char *const expects[] = {"", " expect one", " expect none", " expect some"};
    for (int all = 1; all >= (statement->conditions ? 0 : 1); all--) {
        const act_hole_t *holes[ACT_ARGUMENTS];
        proto_buf_t sql = PROTO_BUF_INIT;
        uint32_t count = act_variant_render(statement, all ? UINT32_MAX : 0, &sql, holes);
        proto_buf_printf(out, "  %s:%u \"%s\"", script->file, statement->line, proto_buf_text(&sql));
        for (uint32_t i = 0; i < count; i++) {
            if (holes[i]->kind == ACT_HOLE_STEP)
                proto_buf_printf(out, " %s.%s", script->statements[holes[i]->index].step, holes[i]->name);
            else if (holes[i]->kind == ACT_HOLE_AFTER)
                proto_buf_printf(out, " after.%s", script->cursor[holes[i]->index]);
            else
                proto_buf_printf(out, " %s%s", script->operation->params[holes[i]->index].name,
                                 holes[i]->kind == ACT_HOLE_GIVEN ? ".given" : "");
        }
        if (*statement->step)
            proto_buf_printf(out, " @%s%s%s%s", statement->step, expects[statement->expect],
                             statement->refuse ? " else " : "",
                             statement->refuse ? statement->refuse->name : "");
        proto_buf_byte(out, '\n');
        proto_buf_free(&sql);
    }
}

/* One operation with everything it has, on lines of their own. */
static void s_show(const act_script_t *script, proto_buf_t *out)
{
    static const char kinds[] = "crRvnCN"; /* constant, rows, Row, value, number, Column, Next */
    const proto_operation_t *operation = script->operation;
    proto_buf_printf(out, "%s %s %s %s\n", operation->name, operation->service,
                     operation->method ? operation->method : "-", operation->path ? operation->path : "-");
    proto_buf_printf(out, "  %s ", proto_tier_name(operation->tier));
    proto_auth_write(operation, out);
    proto_buf_printf(out, " %s%s%s%s %d %ums %s\n", operation->flags & PROTO_OP_READS ? "reads" : "writes",
                     operation->flags & PROTO_OP_EXCLUSIVE ? " slow" : "",
                     operation->flags & PROTO_OP_REPLICA ? " replica" : "",
                     operation->flags & PROTO_OP_DEPRECATED ? " deprecated" : "", operation->status,
                     operation->timeout_ms, operation->location ? operation->location : "-");
    proto_buf_printf(out, "  \"%s\" %s ", operation->summary, operation->returns);
    for (uint32_t i = 0; i < script->shape_count; i++)
        proto_buf_byte(out, (uint8_t)kinds[script->shape[i].kind]);
    proto_buf_byte(out, '\n');
    for (uint32_t i = 0; i < operation->param_count; i++)
        s_show_param(&operation->params[i], out);
    for (uint32_t i = 0; i < operation->refusal_count; i++) {
        const proto_refusal_t *refusal = &operation->refusals[i];
        proto_buf_printf(out, "  ! %s %d \"%s\" %s %s%s\n", refusal->name, refusal->status, refusal->text,
                         refusal->sqlstate ? refusal->sqlstate : "-",
                         refusal->constraint ? refusal->constraint : "-",
                         script->statement_count && refusal == script->statements[0].refuse ? " empty" : "");
    }
    if (script->statement_count == 0)
        proto_buf_printf(out, "  %s:%u \"\"\n", script->file, script->line);
    for (uint32_t i = 0; i < script->statement_count; i++)
        s_show_statement(script, &script->statements[i], out);
}

static void test_good_files(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"-- @operation a\n-- @query q text ?\n-- @query on bool = false\n-- @returns rows\n"
         "SELECT 1 WHERE true\n  AND x = :q  --? q\n  AND y   --? on\n  AND z = :q.given;\n",
         "a db - -\n  write user writes 200 30000ms -\n  \"\" rows r\n  query q text ?\n  query on bool ? = "
         "false\n"
         "  f.sql:5 \"SELECT 1 WHERE true AND x = $1 AND y AND z = $2\" q q.given\n"
         "  f.sql:5 \"SELECT 1 WHERE true AND z = $1\" q.given\n"},
        {"-- @operation a\n-- @error gone 404 \"x\"\n-- @error full 409 \"y\"\n-- @param id int8\n"
         "-- @returns {\"a\": one.row, \"b\": two.count}\n-- @step one expect one else gone\n"
         "SELECT id, n FROM t WHERE id = :id;\n-- @step two expect none else full\n"
         "UPDATE t SET n = :one.n + 1 WHERE id = :one.id;\n-- @operation b\nSELECT 2;\n",
         "a db - -\n  write user writes 200 30000ms -\n  \"\" {\"a\": one.row, \"b\": two.count} cRcn\n"
         "  argument id int8\n  ! gone 404 \"x\" - - empty\n  ! full 409 \"y\" - -\n"
         "  f.sql:7 \"SELECT id, n FROM t WHERE id = $1\" id @one expect one else gone\n"
         "  f.sql:9 \"UPDATE t SET n = $1 + 1 WHERE id = $2\" one.n one.id @two expect none else full\n"
         "b db - -\n  write user writes 204 30000ms -\n  \"\" none \n  f.sql:11 \"SELECT 2\"\n"},
        {"-- @operation a\n-- @reads\n-- @query limit int4 = 5\n-- @cursor at desc, id\n-- @returns rows\n"
         "SELECT at, id FROM t WHERE true\n  AND (at, id) < (:after.at, :after.id)  --? after\nLIMIT "
         ":limit;\n",
         "a db - -\n  read user reads 200 30000ms -\n  \"\" rows r\n  query limit int4 ? = 5\n  query cursor "
         "text ?\n"
         "  f.sql:6 \"SELECT at, id FROM t WHERE true AND (at, id) < ($1, $2) LIMIT $3\" after.at after.id "
         "limit\n"
         "  f.sql:6 \"SELECT at, id FROM t WHERE true LIMIT $1\" limit\n"},
        /* steps, single statements and services in turn; a block behind steps needs no @endpoint to begin */
        {"-- @operation a\n-- @step one\nSELECT 1;\n-- a comment\n\n-- @step two\n-- another\nSELECT "
         ":one.x;\n"
         "-- @operation b\nSELECT 2;\n"
         "-- @auth public\n-- @operation c\n-- @step one\nSELECT 3;\n/* @step not */\n"
         "-- @operation d @service s\n"
         "-- @operation e\n-- @endpoint GET /e\n-- @step one\nSELECT 4; -- @step two\nSELECT :one.y; -- "
         "@operation f\n"
         "SELECT 5;\n",
         "a db - -\n  write user writes 204 30000ms -\n  \"\" none \n"
         "  f.sql:3 \"SELECT 1\" @one\n  f.sql:8 \"SELECT $1\" one.x @two\n"
         "b db - -\n  write user writes 204 30000ms -\n  \"\" none \n  f.sql:10 \"SELECT 2\"\n"
         "c db - -\n  write public writes 204 30000ms -\n  \"\" none \n  f.sql:14 \"SELECT 3\" @one\n"
         "d s - -\n  write user writes 204 120000ms -\n  \"\" none \n  f.sql:16 \"\"\n"
         "e db GET /e\n  read user reads 204 30000ms -\n  \"\" none \n"
         "  f.sql:20 \"SELECT 4\" @one\n  f.sql:21 \"SELECT $1\" one.y @two\n"
         "f db - -\n  write user writes 204 30000ms -\n  \"\" none \n  f.sql:22 \"SELECT 5\"\n"},
        /* what is declared between steps; expectations and refusals of each; one condition in two steps */
        {"-- @operation a\n-- @step one expect some else gone\n-- @param p text ?\nSELECT 1\n, :p --? p\n;\n"
         "-- @step two expect one else full\n-- @param q bool = true\n-- @error full 409 \"x\" @error gone "
         "404 \"y\"\n"
         "SELECT 2\n, :q --? q\n, :p --? p\n, :p.given\n;\n",
         "a db - -\n  write user writes 204 30000ms -\n  \"\" none \n  argument p text ?\n"
         "  argument q bool ? = true\n  ! full 409 \"x\" - -\n  ! gone 404 \"y\" - - empty\n"
         "  f.sql:4 \"SELECT 1 , $1\" p @one expect some else gone\n  f.sql:4 \"SELECT 1\" @one expect some "
         "else gone\n"
         "  f.sql:10 \"SELECT 2 , $1 , $2 , $3\" q p p.given @two expect one else full\n"
         "  f.sql:10 \"SELECT 2 , $1\" p.given @two expect one else full\n"},
        /* a parameter's name goes before a step's; @empty is the first statement's */
        {"-- @operation a\n-- @param id text\n-- @error e 404 \"x\"\n-- @empty e\n"
         "-- @returns [id.row, id.value, id.count, id.name, rows, b.rows, {\"n\": 1}]\n-- @step id\nSELECT "
         ":id;\n"
         "-- @step b\nSELECT :id, :id.given, :id.name;\n",
         "a db - -\n  write user writes 200 30000ms -\n  \"\" [id.row, id.value, id.count, id.name, rows, "
         "b.rows, "
         "{\"n\": 1}] cRvnCrrc\n  argument id text\n  ! e 404 \"x\" - - empty\n"
         "  f.sql:7 \"SELECT $1\" id @id expect some else e\n"
         "  f.sql:9 \"SELECT $1, $2, $3\" id id.given id.name @b\n"},
        {"-- @endpoint GET /l\n-- @operation a\n-- @cursor a, b asc, c desc\n-- @query limit int4 = 5 @query "
         "x text ?\n"
         "-- @returns {\"l\": l.rows, \"c\": next_cursor}\n-- @step n\nSELECT count(*)\n, 1 --? x\n;\n-- "
         "@step l\n"
         "SELECT a, b, c\n, 2 --? x\n, :after.c --? after\nLIMIT :limit;\n",
         "a db GET /l\n  read user reads 200 30000ms -\n  \"\" {\"l\": l.rows, \"c\": next_cursor} crcN\n"
         "  query cursor text ?\n  query limit int4 ? = 5\n  query x text ?\n"
         "  f.sql:7 \"SELECT count(*) , 1\" @n\n  f.sql:7 \"SELECT count(*)\" @n\n"
         "  f.sql:11 \"SELECT a, b, c , 2 , $1 LIMIT $2\" after.c limit @l\n"
         "  f.sql:11 \"SELECT a, b, c LIMIT $1\" limit @l\n"},
        {"-- @operation a\nSELECT 1;\n",
         "a db - -\n  write user writes 204 30000ms -\n  \"\" none \n  f.sql:2 \"SELECT 1\"\n"},
        {"-- @endpoint GET /things/{id}\n-- @operation get_thing\n-- @summary One thing @all\n"
         "-- @tier read  @auth public\n-- @error gone 404 \"Thing {id} not found\"\n-- @empty gone\n"
         "-- @returns row\nSELECT * FROM t -- :no\nWHERE id = :id AND x <> ':no';\n",
         "get_thing db GET /things/{id}\n  read public reads 200 30000ms -\n  \"One thing @all\" row R\n"
         "  path id other\n  ! gone 404 \"Thing {id} not found\" - - empty\n"
         "  f.sql:8 \"SELECT * FROM t WHERE id = $1 AND x <> ':no'\" id\n"},
        {"-- @endpoint POST /things\n-- @operation add_thing\n-- @auth admin @status 201 @timeout 1500ms "
         "@deprecated\n"
         "-- @location /things/{id}\n-- @body name text (1..50 chars)\n-- @body kind text = 'a b' in (a b, "
         "c)\n"
         "-- @body tags text[] ? (0..5 items)\n-- @body price numeric(10,2) = 1.50 (0..)\n"
         "-- @error taken 409 \"{name} is taken\" on 23505 t_name_key\n-- @error other 409 \"!\" on 23505\n"
         "-- @returns {\"thing\": row, \"n\": count}\n"
         "INSERT INTO t VALUES (:name, :kind, :tags, :price, :name, :auth.sub) RETURNING *;",
         "add_thing db POST /things\n  write admin writes deprecated 201 1500ms /things/{id}\n"
         "  \"\" {\"thing\": row, \"n\": count} cRcn\n  body name text (1..50 chars)\n"
         "  body kind text ? = \"a b\" 'a b' 'c'\n  body tags text[] ? (0..5 items)\n"
         "  body price numeric ? = 1.50 (0..-1)\n  auth.sub auth.sub text ?\n"
         "  ! taken 409 \"{name} is taken\" 23505 t_name_key\n  ! other 409 \"!\" 23505 -\n"
         "  f.sql:12 \"INSERT INTO t VALUES ($1, $2, $3, $4, $1, $5) RETURNING *\" name kind tags price "
         "auth.sub\n"},
        {"-- @endpoint PUT /things/{id}\n-- @operation set_thing\n-- @path id int8 (1..)\n-- @body * doc "
         "jsonb\n"
         "-- @returns value\nUPDATE t SET doc = :doc WHERE id = :id RETURNING 1;",
         "set_thing db PUT /things/{id}\n  write user writes 200 30000ms -\n  \"\" value v\n  path id int8 "
         "(1..-1)\n"
         "  whole doc json\n  f.sql:6 \"UPDATE t SET doc = $1 WHERE id = $2 RETURNING 1\" doc id\n"},
        {"-- @endpoint GET /r\n-- @operation a\n-- @writes\n-- @returns rows\nSELECT f();",
         "a db GET /r\n  write user writes 200 30000ms -\n  \"\" rows r\n  f.sql:5 \"SELECT f()\"\n"},
        {"-- @endpoint POST /r\n-- @operation a\n-- @reads @slow\n-- @query limit int4 = 5 (1..500)\n-- "
         "@returns rows\n"
         "SELECT :limit, :auth.role, :request.id;",
         "a db POST /r\n  read user reads slow 200 30000ms -\n  \"\" rows r\n  query limit int4 ? = 5 "
         "(1..500)\n"
         "  auth.role auth.role text ?\n  request.id request.id text ?\n"
         "  f.sql:6 \"SELECT $1, $2, $3\" limit auth.role request.id\n"},
        {"-- @endpoint GET /r\n-- @operation a\n-- @returns value @replica\nSELECT 1;",
         "a db GET /r\n  read user reads replica 200 30000ms -\n  \"\" value v\n  f.sql:4 \"SELECT 1\"\n"},
        {"-- @endpoint DELETE /r/{a}/{b}\n-- @operation a\n-- @tier none @status 299 @returns none\nDELETE "
         "FROM t WHERE a "
         "= :b AND b = :a;",
         "a db DELETE /r/{a}/{b}\n  none user writes 299 30000ms -\n  \"\" none \n  path a other\n  path b "
         "other\n"
         "  f.sql:4 \"DELETE FROM t WHERE a = $1 AND b = $2\" b a\n"},
        {"-- @operation health @tier health @reads @returns value\nSELECT 1;",
         "health db - -\n  health user reads 200 30000ms -\n  \"\" value v\n  f.sql:2 \"SELECT 1\"\n"},
        {"-- @endpoint POST /chat/{id}\n-- @operation chat\n-- @service chat\n-- @path id int4\n-- @body "
         "message text\n"
         "-- @returns row\n",
         "chat chat POST /chat/{id}\n  write user writes 200 120000ms -\n  \"\" row R\n  path id int4\n"
         "  body message text\n  f.sql:1 \"\"\n"},
        /* several blocks, a service among them, two on a line, comments of all kinds between */
        {"/* A header;\n   -- @operation not_this */\n-- @operation a\n/* of a */\n-- @param p "
         "int4[]\nSELECT :p;\n"
         "-- @operation b @service s\n-- @operation c\nSELECT 3; -- @operation d\nSELECT 4;\n/* the end */ "
         "-- really\n",
         "a db - -\n  write user writes 204 30000ms -\n  \"\" none \n  argument p int4[]\n  f.sql:6 \"SELECT "
         "$1\" p\n"
         "b s - -\n  write user writes 204 120000ms -\n  \"\" none \n  f.sql:7 \"\"\n"
         "c db - -\n  write user writes 204 30000ms -\n  \"\" none \n  f.sql:9 \"SELECT 3\"\n"
         "d db - -\n  write user writes 204 30000ms -\n  \"\" none \n  f.sql:10 \"SELECT 4\"\n"},
        {"--@operation a\r\n--\t@auth admin\r\nSELECT\r\n1;\r\n",
         "a db - -\n  write admin writes 204 30000ms -\n  \"\" none \n  f.sql:3 \"SELECT 1\"\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = strlen(cases[i][0]);
        char *text = malloc(size), file[] = "f.sql";
        assert_non_null(text);
        memcpy(text, cases[i][0], size);
        proto_buf_t errors = PROTO_BUF_INIT, got = PROTO_BUF_INIT;
        act_program_t *program = act_program_new();
        int rc = act_program_parse(program, file, (proto_bytes_t){(uint8_t *)text, size}, &errors);
        memset(text, 'x', size); /* nothing may be borrowed */
        memset(file, 'x', 5);
        free(text);
        if (rc < 0 || act_program_finish(program, 7, &errors) < 0)
            fail_msg("%s: %s", cases[i][0], proto_buf_text(&errors));
        assert_int_equal(program->script_count, program->catalogue->operation_count);
        assert_int_equal(program->catalogue->generation, 7);
        for (uint32_t s = 0; s < program->script_count; s++) {
            assert_ptr_equal(program->scripts[s].operation, &program->catalogue->operations[s]);
            assert_true(program->scripts[s].operation->hash != 0);
            s_show(&program->scripts[s], &got);
        }
        if (strcmp(proto_buf_text(&got), cases[i][1]) != 0)
            fail_msg("%s\n--- gave ---\n%s--- instead of ---\n%s", cases[i][0], proto_buf_text(&got),
                     cases[i][1]);
        act_program_free(&program);
        act_program_free(&program);
        proto_buf_free(&errors);
        proto_buf_free(&got);
    }
}

/* Parses files a.sql, b.sql ... and finishes; the errors of all of it. */
static void s_across(const char *const *texts, int count, proto_buf_t *errors, uint64_t *hash)
{
    act_program_t *program = act_program_new();
    for (int i = 0; i < count; i++) {
        char file[] = {(char)('a' + i), '.', 's', 'q', 'l', 0};
        assert_int_equal(act_program_parse(program, file, proto_bytes_of(texts[i]), errors), 0);
    }
    int rc = act_program_finish(program, 1, errors);
    assert_int_equal(rc, errors->size ? -1 : 0);
    *hash = program->catalogue->hash;
    act_program_free(&program);
}

#define S_AT(operation, endpoint) "-- @operation " operation "\n-- @endpoint " endpoint "\nSELECT 1;\n"
#define S_ID(operation, endpoint, id)                                                                        \
    "-- @operation " operation "\n-- @endpoint " endpoint "\nSELECT :" id ";\n"

static void test_across_files(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *errors;
    } cases[] = {
        {S_AT("x", "GET /x"), S_AT("y", "GET /y"), ""},
        {S_AT("x", "GET /x"), S_AT("y", "POST /x"), ""},
        {S_AT("x", "GET /x"), S_AT("y", "GET /xx"), ""},
        {S_AT("x", "GET /x"), S_AT("y", "GET /x/x"), ""},
        {S_AT("x", "GET /x/y"), S_ID("y", "GET /x/{y}", "y"), ""},
        {S_ID("x", "GET /{a}/x", "a"), S_ID("y", "GET /{a}/y", "a"), ""},
        {"-- @operation x\nSELECT 1;", "-- @operation y\nSELECT 1;", ""},
        {S_AT("x", "GET /x"), S_AT("x", "GET /y"), "b.sql:3: the operation x is already in a.sql:3\n"},
        {S_AT("x", "GET /x") S_AT("x", "GET /x"), "", "a.sql:6: the operation x is already in a.sql:3\n"},
        {S_AT("x", "GET /x"), "\n" S_AT("y", "GET /x"),
         "b.sql:4: GET /x is already served by x in a.sql:3\n"},
        {S_ID("x", "GET /x/{a}", "a"), S_ID("y", "GET /x/{other}", "other"),
         "b.sql:3: GET /x/{other} is already served by x in a.sql:3\n"},
        {S_ID("x", "GET /{a}/y", "a"), S_ID("y", "GET /{b}/y", "b"),
         "b.sql:3: GET /{b}/y is already served by x in a.sql:3\n"},
        {S_ID("x", "GET /{a}", "a"), S_AT("y", "GET /a"), ""},
        {S_ID("x", "GET /x/{a}/y", "a"), S_ID("y", "GET /x/{a}/z", "a"), ""},
        /* the first of several is told of, once for each other */
        {S_AT("x", "GET /x") S_AT("y", "GET /x"), S_AT("z", "GET /x") S_AT("x", "GET /x"),
         "a.sql:6: GET /x is already served by x in a.sql:3\nb.sql:3: GET /x is already served by x in "
         "a.sql:3\n"
         "b.sql:6: the operation x is already in a.sql:3\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const texts[] = {cases[i].a, cases[i].b};
        proto_buf_t errors = PROTO_BUF_INIT;
        uint64_t hash;
        s_across(texts, 2, &errors, &hash);
        if (strcmp(proto_buf_text(&errors), cases[i].errors) != 0)
            fail_msg("%s%s: %s", cases[i].a, cases[i].b, proto_buf_text(&errors));
        proto_buf_free(&errors);
    }
}

/* Of many operations each double is found, and nothing else. */
static void test_many_operations(void **state)
{
    (void)state;
    proto_buf_t text = PROTO_BUF_INIT, errors = PROTO_BUF_INIT;
    const char *whole;
    uint64_t hash;
    for (int i = 0; i < 3000; i++)
        proto_buf_printf(&text, "-- @operation o%d\n-- @endpoint GET /r%d/{a}/%d\nSELECT :a;\n", i, i / 2,
                         i % 2);
    whole = proto_buf_text(&text);
    s_across(&whole, 1, &errors, &hash);
    assert_string_equal(proto_buf_text(&errors), "");
    proto_buf_string(
        &text, "-- @operation o2999\nSELECT 1;\n-- @operation p\n-- @endpoint GET /r700/{b}/1\nSELECT :b;\n");
    whole = proto_buf_text(&text);
    s_across(&whole, 1, &errors, &hash);
    assert_string_equal(proto_buf_text(&errors),
                        "a.sql:9002: the operation o2999 is already in a.sql:9000\n"
                        "a.sql:9005: GET /r700/{b}/1 is already served by o1401 in a.sql:4206\n");
    proto_buf_free(&text);
    proto_buf_free(&errors);
}

/* The catalogue's hash tells programs apart, and only by what callers can notice. */
static void test_hashes(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "-- @operation x\n-- @param a int4\n-- @returns row\nSELECT :a;",
        "-- @operation x\n-- @param a int4\n-- @returns row\nSELECT :a + 1;",
        "-- @operation x\n-- @param a int8\n-- @returns row\nSELECT :a;",
        "-- @operation x\n-- @param a int4 = 1\n-- @returns row\nSELECT :a;",
        "-- @operation x\n-- @param a int4 (1..)\n-- @returns row\nSELECT :a;",
        "-- @operation x\n-- @param b int4\n-- @returns row\nSELECT :b;",
        "-- @operation x\n-- @param a int4\n-- @returns rows\nSELECT :a;",
        "-- @operation x\n-- @param a int4\n-- @returns row\n-- @error e 404 \"\"\nSELECT :a;",
        "-- @operation x\n-- @param a int4\n-- @returns row\n-- @auth public\nSELECT :a;",
        "-- @operation y\n-- @param a int4\n-- @returns row\nSELECT :a;",
        "-- @operation x\n-- @param a int4\n-- @returns row\n-- @step s\nSELECT :a;",
        "-- @operation x\n-- @param a int4\n-- @returns row\n-- @step t\nSELECT :a;",
        "-- @operation x\n-- @param a int4\n-- @returns row\n-- @step s\nSELECT :a;\n-- @step t\nSELECT 1;",
        "-- @operation x\n-- @param a int4\n-- @returns row\n-- @step s\nSELECT :a;\n-- @step t\nSELECT :a;",
        "-- @operation x\n-- @param a int4\n-- @returns row\n-- @step s\nSELECT :a;\n-- @step t\nSELECT "
        ":s.a;",
        "-- @operation x\n-- @param a int4\n-- @returns row\n-- @step s\nSELECT :a;\n-- @step t\nSELECT "
        ":s.b;",
        "-- @operation x\n-- @param a int4\n-- @returns row\nSELECT :a.given;",
        "-- @operation x\n-- @param a int4\n-- @returns row\nSELECT 1\n, 2 --? a\n;",
        "-- @operation x\n-- @param a int4\n-- @returns row\nSELECT 1\n, 2\n, 3 --? a\n;",
        "-- @operation x\n-- @param a int4\n-- @returns row\n-- @error e 404 \"\"\n-- @step s expect one "
        "else e\nSELECT :a;",
        "-- @operation x\n-- @param a int4\n-- @returns row\n-- @error e 404 \"\"\n-- @step s expect some "
        "else e\nSELECT :a;",
        "-- @operation x\n-- @param a int4\n-- @returns row\n-- @error e 404 \"\"\n-- @error f 404 \"\"\n-- "
        "@step s expect some else e\nSELECT :a;",
        "-- @operation x\n-- @param a int4\n-- @returns row\n-- @error e 404 \"\"\n-- @error f 404 \"\"\n-- "
        "@step s expect some else f\nSELECT :a;",
        "-- @operation x\n-- @param limit int4\n-- @cursor a, b\n-- @returns row\nSELECT :limit\n, 1 --? "
        "after\n;",
        "-- @operation x\n-- @param limit int4\n-- @cursor b, a\n-- @returns row\nSELECT :limit\n, 1 --? "
        "after\n;",
    };
    enum { COUNT = sizeof texts / sizeof *texts };
    uint64_t hashes[COUNT], again;
    proto_buf_t errors = PROTO_BUF_INIT;
    for (int i = 0; i < COUNT; i++) {
        s_across(&texts[i], 1, &errors, &hashes[i]);
        for (int j = 0; j < i; j++)
            if (hashes[i] == hashes[j])
                fail_msg("%s\nand\n%s", texts[i], texts[j]);
    }
    const char *const spaced =
        "-- a comment\n\n-- @operation x\n-- @param  a  int4\n-- @returns row\nSELECT  :a -- x\n ;\n";
    s_across(&spaced, 1, &errors, &again);
    assert_true(again == hashes[0]);
    proto_buf_free(&errors);
}

/* ---- folders ---- */

static char s_folder[] = "/tmp/muster-program-XXXXXX";

static void s_write(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", s_folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void s_remove(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", s_folder, name);
    assert_int_equal(remove(path), 0);
}

/* Loads the folder; its errors, "DIR" for its name. */
static act_program_t *s_load(proto_buf_t *told)
{
    proto_buf_t errors = PROTO_BUF_INIT;
    act_program_t *program = act_program_load(s_folder, 1, &errors);
    proto_buf_reset(told);
    for (const char *at = proto_buf_text(&errors); *at;) {
        bool folder = strncmp(at, s_folder, strlen(s_folder)) == 0;
        proto_buf_append(told, folder ? "DIR" : at, folder ? 3 : 1);
        at += folder ? strlen(s_folder) : 1;
    }
    proto_buf_free(&errors);
    return program;
}

static void test_folder(void **state)
{
    (void)state;
    proto_buf_t told = PROTO_BUF_INIT;
    assert_non_null(mkdtemp(s_folder));
    assert_null(s_load(&told));
    assert_string_equal(proto_buf_text(&told), "DIR: holds no .sql file\n");
    s_write("b.sql", "-- @operation b\nSELECT 1;");
    s_write("a.sql", "-- @operation a\nSELECT 1;");
    s_write("c.sql", "");
    s_write("d.txt", "nonsense");
    s_write(".e.sql", "nonsense");
    s_write(".sql", "nonsense");
    act_program_t *program = s_load(&told);
    assert_non_null(program);
    assert_int_equal(told.size, 0);
    assert_int_equal(program->script_count, 3); /* in name order, then muster_ping */
    assert_string_equal(program->scripts[0].operation->name, "a");
    assert_string_equal(program->scripts[1].operation->name, "b");
    assert_string_equal(program->scripts[2].operation->name, "muster_ping");
    act_program_free(&program);
    /* Mistakes of all files, and across them, are told together. */
    s_write("c.sql", "-- @operation a\nSELECT 1;\n-- @auth x\nSELECT 2;");
    s_write("d.sql", "nonsense;");
    assert_null(s_load(&told));
    assert_string_equal(
        proto_buf_text(&told),
        "DIR/c.sql:3: @auth is public, user, admin or role NAME: x\nDIR/c.sql:3: a block needs an "
        "@operation\n"
        "DIR/d.sql:1: a statement needs directives before it\n"
        "DIR/d.sql:1: a statement begins with SELECT, INSERT, UPDATE, DELETE, MERGE, WITH, VALUES or "
        "TABLE\nDIR/d.sql:1: a block needs an @operation\n"
        "DIR/c.sql:2: the operation a is already in DIR/a.sql:2\n");
    s_remove("c.sql");
    s_remove("d.sql");
    /* A folder that is called like a file, and a file that is too large. */
    char path[128];
    snprintf(path, sizeof path, "%s/x.sql", s_folder);
    assert_int_equal(mkdir(path, 0700), 0);
    enum { LARGE = (1 << 20) + 1 };
    char *large = malloc(LARGE + 1);
    assert_non_null(large);
    memset(large, '\n', LARGE);
    large[LARGE] = '\0';
    s_write("y.sql", large);
    assert_null(s_load(&told));
    assert_string_equal(proto_buf_text(&told), "DIR/x.sql:1: cannot be read: Is a directory\n"
                                               "DIR/y.sql:1: cannot be read: larger than a megabyte\n");
    free(large);
    static const char *const left[] = {"x.sql", "y.sql", "a.sql", "b.sql", "d.txt", ".e.sql", ".sql"};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        s_remove(left[i]);
    assert_int_equal(rmdir(s_folder), 0);
    assert_null(s_load(&told));
    assert_string_equal(proto_buf_text(&told), "DIR: No such file or directory\n");
    proto_buf_free(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_files),      cmocka_unit_test(test_across_files),
        cmocka_unit_test(test_many_operations), cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
