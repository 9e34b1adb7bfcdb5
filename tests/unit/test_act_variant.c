/* SPDX-License-Identifier: MPL-2.0 */
/* Variants of a statement, against a model that takes a file line by line; which lines a request keeps. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "act_variant.h"
#include "proto_param.h"
#include "proto_json.h"

enum { S_PARAMS = 5, S_LINES = 12, S_MOST = 40 };

static uint64_t s_seed;

static uint32_t s_random(uint32_t below)
{
    s_seed = s_seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(s_seed >> 33) % below;
}

/* ---- the model: lines of words, some of which are parameters ---- */

typedef struct s_line {
    const char *words[4];
    uint32_t count;
    int condition; /* parameter; -1: always there */
} s_line_t;

static const char *const s_words[] = {"x",         "':p0'",     "+",        "( ",       "$$ :p1 $$", "a::int",
                                      "\"n\"",     ":p0",       ":p1",      ":p2",      ":p3",       ":p4",
                                      ":p0.given", ":p3.given", ":p0::int", "/* :p2 */"};
static const char *const s_params[] = {"p0", "p1", "p2", "p3", "p4"};

static void s_make(s_line_t *lines, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        lines[i] = (s_line_t){.condition = (int)s_random(2 * S_PARAMS) - S_PARAMS, .count = 1 + s_random(4)};
        if (lines[i].condition < -1 || i == 0)
            lines[i].condition = -1;
        for (uint32_t w = 0; w < lines[i].count; w++)
            lines[i].words[w] = s_words[s_random(sizeof s_words / sizeof *s_words)];
        lines[i].words[0] = i ? "x" : "SELECT"; /* something to keep */
    }
}

/* The endpoint file; every parameter is used in the end. */
static void s_write(const s_line_t *lines, uint32_t count, proto_buf_t *out)
{
    proto_buf_string(out, "-- @operation a\n");
    for (uint32_t i = 0; i < S_PARAMS; i++)
        proto_buf_printf(out, "-- @param %s text ?\n", s_params[i]);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t w = 0; w < lines[i].count; w++)
            proto_buf_printf(out, "%s%s", s_random(2) ? " " : "  ", lines[i].words[w]);
        if (lines[i].condition >= 0)
            proto_buf_printf(out, " --? %s", s_params[lines[i].condition]);
        proto_buf_byte(out, '\n');
    }
    proto_buf_string(out, "=, :p0, :p1, :p2, :p3, :p4;\n");
}

/* A name's place among those seen, from 1. */
static uint32_t s_number(const char **seen, uint32_t *count, const char *name, size_t size)
{
    for (uint32_t i = 0; i < *count; i++)
        if (strlen(seen[i]) >= size && strncmp(seen[i], name, size) == 0 &&
            strchr(",:", seen[i][size] ? seen[i][size] : ','))
            return i + 1;
    seen[(*count)++] = name;
    return *count;
}

static void s_model_word(const char *word, const char **seen, uint32_t *count, proto_buf_t *out)
{
    if (*word == '/')
        return;
    if (*word != ':') {
        proto_buf_printf(out, " %s", word);
        return;
    }
    size_t size = strcspn(word + 1, ":,");
    proto_buf_printf(out, " $%u%s", s_number(seen, count, word + 1, size), word + 1 + size);
}

/* What the lines that `kept` (a bit per parameter) leaves come to, a blank between words. */
static uint32_t s_model(const s_line_t *lines, uint32_t count, uint32_t kept, const char **seen,
                        proto_buf_t *out)
{
    static const char *const last[] = {"=,", ":p0,", ":p1,", ":p2,", ":p3,", ":p4"};
    uint32_t arguments = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t w = 0; w < lines[i].count; w++)
            if (lines[i].condition < 0 || kept >> lines[i].condition & 1)
                s_model_word(lines[i].words[w], seen, &arguments, out);
    for (size_t w = 0; w < sizeof last / sizeof *last; w++)
        s_model_word(last[w], seen, &arguments, out);
    return arguments;
}

/* Runs of blanks, and those at the ends, do not count. */
static void s_squeeze(proto_buf_t *self)
{
    size_t to = 0;
    for (size_t i = 0; i < self->size; i++) {
        bool blank = self->data[i] == ' ' || self->data[i] == '\n';
        if (!blank)
            self->data[to++] = self->data[i];
        else if (to && self->data[to - 1] != ' ')
            self->data[to++] = ' ';
    }
    self->size = to && self->data[to - 1] == ' ' ? to - 1 : to;
}

/* A mask's bits are the script's conditions; the model's are parameters. */
static uint32_t s_kept(const act_script_t *script, uint32_t mask)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < script->condition_count; i++)
        kept |= (mask >> i & 1) << script->conditions[i];
    return kept;
}

static void s_check_arguments(const act_script_t *script, const act_hole_t *const *holes, uint32_t count,
                              const char *const *seen)
{
    for (uint32_t i = 0; i < count; i++) {
        const char *name = script->operation->params[holes[i]->index].name;
        bool given = strncmp(seen[i] + 2, ".given", 6) == 0;
        assert_int_equal(holes[i]->kind, given ? ACT_HOLE_GIVEN : ACT_HOLE_PARAM);
        assert_true(strncmp(seen[i], name, 2) == 0);
    }
}

static void s_check_masks(const act_script_t *script, const s_line_t *lines, uint32_t count, const char *file)
{
    proto_buf_t got = PROTO_BUF_INIT, want = PROTO_BUF_INIT;
    for (uint32_t mask = 0; mask < 1u << script->condition_count; mask++) {
        const act_hole_t *holes[ACT_ARGUMENTS];
        const char *seen[S_MOST];
        proto_buf_reset(&got);
        proto_buf_reset(&want);
        uint32_t arguments = act_variant_render(&script->statements[0], mask, &got, holes);
        uint32_t wanted = s_model(lines, count, s_kept(script, mask), seen, &want);
        s_squeeze(&got);
        s_squeeze(&want);
        if (arguments != wanted || !proto_bytes_equal(proto_buf_bytes(&got), proto_buf_bytes(&want)))
            fail_msg("%s\nwith the mask %x gave %u: %s\ninstead of %u: %s", file, mask, arguments,
                     proto_buf_text(&got), wanted, proto_buf_text(&want));
        s_check_arguments(script, holes, arguments, seen);
    }
    proto_buf_free(&got);
    proto_buf_free(&want);
}

static void test_all_masks_of_random_statements(void **state)
{
    (void)state;
    uint32_t most = 0;
    for (s_seed = 1; s_seed < 1500; s_seed++) {
        uint64_t seed = s_seed;
        s_line_t lines[S_LINES];
        uint32_t count = 1 + s_random(S_LINES);
        proto_buf_t file = PROTO_BUF_INIT, errors = PROTO_BUF_INIT;
        act_program_t *program = act_program_new();
        s_make(lines, count);
        s_write(lines, count, &file);
        if (act_program_parse(program, "f.sql", proto_buf_bytes(&file), &errors) < 0)
            fail_msg("%s%s", proto_buf_text(&file), proto_buf_text(&errors));
        if (program->scripts[0].condition_count > most)
            most = program->scripts[0].condition_count;
        s_check_masks(&program->scripts[0], lines, count, proto_buf_text(&file));
        act_program_free(&program);
        proto_buf_free(&file);
        proto_buf_free(&errors);
        s_seed = seed;
    }
    assert_int_equal(most, S_PARAMS);
}

/* ---- single statements ---- */

static act_program_t *s_parse(const char *text)
{
    proto_buf_t errors = PROTO_BUF_INIT;
    act_program_t *program = act_program_new();
    if (act_program_parse(program, "f.sql", proto_bytes_of(text), &errors) < 0)
        fail_msg("%s%s", text, proto_buf_text(&errors));
    proto_buf_free(&errors);
    return program;
}

static void test_holes_and_their_arguments(void **state)
{
    (void)state;
    static const struct {
        const char *sql; /* of parameters a, b, c; a step s; columns x, y of a cursor */
        uint32_t mask, count;
        const char *rendered;
    } cases[] = {
        /* every hole of a dropped line is stepped over; the first one kept is $1 */
        {"WITH w AS (SELECT :a, :b, :a) --? a\nSELECT :c, :b", 0, 2, "SELECT $1, $2"},
        {"SELECT 1\n, :c --? c\n, :a + :b + :c --? a\n, :b", 1, 2, "SELECT 1 , $1 , $2"},
        {"SELECT 1\n, :c --? c\n, :a + :b + :c --? a\n, :b", 2, 3, "SELECT 1 , $1 + $2 + $3 , $2"},
        /* a value is sent once, however often it stands there; what differs in kind or name is not the same
         */
        {"SELECT :a, :a, :a::int", 0, 1, "SELECT $1, $1, $1::int"},
        {"SELECT :a, :a.given, :a, :a.given", 0, 2, "SELECT $1, $2, $1, $2"},
        {"SELECT :s.p, :s.q, :s.p, :s.a, :a", 0, 4, "SELECT $1, $2, $1, $3, $4"},
        {"SELECT :after.x, :after.y, :after.x, :a, :b", 0, 4, "SELECT $1, $2, $1, $3, $4"},
        /* the first line, the last, all but one */
        {"WITH w AS (SELECT 1) --? a\nSELECT 2", 0, 0, "SELECT 2"},
        {"WITH w AS (SELECT 1) --? a\nSELECT 2", 1, 0, "WITH w AS (SELECT 1) SELECT 2"},
        {"SELECT 1\n, :b --? a", 0, 0, "SELECT 1"},
        {"SELECT 0\n, :a --? a\n, :b --? b\n, :c --? c", 5, 2, "SELECT 0 , $1 , $2"},
        {"SELECT 0\n, :a --? a\n, :b --? b\n, :c --? c", 0, 0, "SELECT 0"},
        /* bits that no line has mean nothing */
        {"SELECT 1\n, :b --? a", 0xfffffffe, 0, "SELECT 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_buf_t file = PROTO_BUF_INIT, sql = PROTO_BUF_INIT;
        proto_buf_printf(
            &file,
            "-- @operation o\n-- @param a int4 ? @param b int4 ? @param c int4 ? @param limit int4 "
            "= 1\n-- @cursor x, y\n-- @step s\nSELECT 1, :a, :b, :c, :limit\n, 2 --? after\n;\n"
            "-- @step t\n%s\n;",
            cases[i].sql);
        act_program_t *program = s_parse(proto_buf_text(&file));
        const act_script_t *script = &program->scripts[0];
        const act_hole_t *holes[ACT_ARGUMENTS];
        /* `after` has taken bit 0 */
        uint32_t count = act_variant_render(&script->statements[1], cases[i].mask << 1, &sql, holes);
        s_squeeze(&sql);
        if (count != cases[i].count || strcmp(proto_buf_text(&sql), cases[i].rendered) != 0)
            fail_msg("%s\ngave %u: %s\ninstead of %u: %s", cases[i].sql, count, proto_buf_text(&sql),
                     cases[i].count, cases[i].rendered);
        act_program_free(&program);
        proto_buf_free(&file);
        proto_buf_free(&sql);
    }
}

/* ---- masks ---- */

static void test_masks(void **state)
{
    (void)state;
    static const char text[] =
        "-- @operation o\n-- @param t text ?\n-- @param on bool = true\n-- @param off bool = false\n"
        "-- @param may bool ?\n-- @param n int4 = 5\n-- @param must int4\n-- @param all bool[] ?\n"
        "SELECT 1\n, :t --? t\n, 2 --? on\n, 3 --? off\n, 4 --? may\n, :n --? n\n, :must --? must\n"
        ", :all --? all\n;";
    enum { T = 1, ON = 2, OFF = 4, MAY = 8, N = 16, MUST = 32, ALL = 64 };
    static const struct {
        const char *arguments;
        uint32_t mask;
    } cases[] = {
        {"{\"must\": 1}", ON | MUST}, /* a boolean's default is its value, others must be sent */
        {"{\"must\": 0, \"t\": \"\"}", ON | MUST | T},
        {"{\"must\": 1, \"t\": null}", ON | MUST | T}, /* given, as null */
        {"{\"must\": 1, \"on\": true, \"off\": true, \"may\": true}", ON | OFF | MAY | MUST},
        {"{\"must\": 1, \"on\": false, \"off\": false, \"may\": false}", MUST},
        {"{\"must\": 1, \"may\": null}", ON | MUST},
        {"{\"must\": 1, \"n\": 5}", ON | MUST | N}, /* as the default is */
        {"{\"must\": 1, \"n\": 0}", ON | MUST | N},
        {"{\"must\": 1, \"all\": [false]}", ON | MUST | ALL}, /* an array is no boolean */
        {"{\"must\": 1, \"all\": []}", ON | MUST | ALL},
        {"{\"must\": 1, \"other\": 1}", ON | MUST},
    };
    act_program_t *program = s_parse(text);
    const act_script_t *script = &program->scripts[0];
    proto_operation_t operation = *script->operation;
    proto_param_t params[7];
    assert_int_equal(operation.param_count, 7);
    memcpy(params, operation.params, sizeof params);
    operation.params = params;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_buf_t arguments = PROTO_BUF_INIT, detail = PROTO_BUF_INIT;
        proto_bytes_t values[ACT_ARGUMENTS];
        bool given[ACT_ARGUMENTS];
        proto_json_error_t error;
        assert_int_equal(proto_json_to_value(proto_bytes_of(cases[i].arguments), &(proto_json_options_t){0},
                                             &arguments, &error),
                         0);
        if (proto_param_bind_given(&operation, proto_buf_bytes(&arguments), values, given, &detail) < 0)
            fail_msg("%s: %s", cases[i].arguments, proto_buf_text(&detail));
        uint32_t mask = act_variant_mask(script, &operation, values, given);
        if (mask != cases[i].mask)
            fail_msg("%s gave %x instead of %x", cases[i].arguments, mask, cases[i].mask);
        proto_buf_free(&arguments);
        proto_buf_free(&detail);
    }
    act_program_free(&program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_masks_of_random_statements),
        cmocka_unit_test(test_holes_and_their_arguments),
        cmocka_unit_test(test_masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
