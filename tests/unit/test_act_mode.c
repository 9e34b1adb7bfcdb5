/* SPDX-License-Identifier: MPL-2.0 */
/* How an operation is run, from the text of its block: the table of docs/architecture.md, "Execution modes",
 * and where a held one has to wait. And where a block's parts stand in its file. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "act_mode.h"

static act_program_t *s_program(const char *text)
{
    act_program_t *program = act_program_new();
    proto_buf_t errors = PROTO_BUF_INIT;
    int rc = act_program_parse(program, "t.sql", proto_bytes_of(text), &errors);
    assert_string_equal(proto_buf_text(&errors), "");
    assert_int_equal(rc, 0);
    proto_buf_free(&errors);
    return program;
}

static const struct {
    const char *directives; /* of a single statement */
    bool error;             /* it has a column _error */
    act_mode_t mode;
} s_singles[] = {
    {"-- @reads\n", false, ACT_MODE_SHARED},
    {"-- @reads\n", true, ACT_MODE_SHARED},
    {"-- @reads @slow\n", false, ACT_MODE_SLOW},
    {"-- @reads\n-- @error e 404 \"E\"\n-- @empty e\n", false, ACT_MODE_SHARED},
    {"-- @reads @claims\n", false, ACT_MODE_SINGLE},
    {"-- @reads @claims\n", true, ACT_MODE_SINGLE},
    {"-- @reads @slow @claims\n", false, ACT_MODE_SLOW},
    {"-- @claims\n", false, ACT_MODE_SINGLE},
    {"-- @claims\n", true, ACT_MODE_HELD},
    {"", false, ACT_MODE_SINGLE},
    {"", true, ACT_MODE_HELD},
    {"-- @slow\n", false, ACT_MODE_HELD},
    {"-- @error e 404 \"E\"\n-- @empty e\n", false, ACT_MODE_HELD},
    {"-- @error e 404 \"E\" on 23505\n", false, ACT_MODE_SINGLE},
};

static void test_single_statements(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof s_singles / sizeof *s_singles; i++) {
        proto_buf_t text = PROTO_BUF_INIT;
        proto_buf_printf(&text, "-- @operation x\n%sSELECT 1;\n", s_singles[i].directives);
        act_program_t *program = s_program(proto_buf_text(&text));
        bool waits = false;
        assert_int_equal(act_mode_decide(&program->scripts[0], &s_singles[i].error, &waits),
                         s_singles[i].mode);
        assert_true(waits);
        act_program_free(&program);
        proto_buf_free(&text);
    }
}

static void s_assert_steps(const char *text, const bool *errors, act_mode_t mode, const char *waiting)
{
    act_program_t *program = s_program(text);
    bool waits[ACT_STATEMENTS];
    assert_int_equal(act_mode_decide(&program->scripts[0], errors, waits), mode);
    assert_int_equal(program->scripts[0].statement_count, strlen(waiting));
    for (size_t i = 0; waiting[i]; i++)
        assert_int_equal(waits[i], waiting[i] == 'w');
    act_program_free(&program);
}

static void test_steps_wait_for_what_is_needed(void **state)
{
    (void)state;
    const bool none[3] = {false}, second[3] = {false, true, false};
    const char plain[] =
        "-- @operation x\n-- @step a\nSELECT 1;\n-- @step b\nSELECT 2;\n-- @step c\nSELECT 3;\n";
    s_assert_steps(plain, none, ACT_MODE_SINGLE, "..w");
    s_assert_steps(plain, second, ACT_MODE_HELD, ".ww");
    s_assert_steps("-- @operation x\n-- @reads\n-- @step a\nSELECT 1 AS n;\n-- @step b\nSELECT 2;\n"
                   "-- @step c\nSELECT :a.n;\n",
                   none, ACT_MODE_HELD, "w.w");
    s_assert_steps("-- @operation x\n-- @error e 404 \"E\"\n-- @step a expect one else e\nSELECT 1;\n"
                   "-- @step b\nSELECT 2;\n",
                   none, ACT_MODE_HELD, "ww");
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(act_mode_name(ACT_MODE_SHARED), "shared");
    assert_string_equal(act_mode_name(ACT_MODE_SINGLE), "single");
    assert_string_equal(act_mode_name(ACT_MODE_HELD), "held");
    assert_string_equal(act_mode_name(ACT_MODE_SLOW), "slow");
}

static void test_places(void **state)
{
    (void)state;
    act_program_t *program = s_program("\n-- @endpoint GET /x/{id}\n-- @operation x   @tier read\n"
                                       "-- @query q text ?\n-- @error e 404 \"E\" on 23505\n"
                                       "-- @error f 409 \"F\"\n-- @returns row\n-- @status 201\n\n"
                                       "SELECT :q,\n       :id AS f;\n");
    const act_script_t *script = &program->scripts[0];
    const act_places_t *places = &script->places;
    assert_int_equal(places->first, 2);
    assert_int_equal(places->endpoint, 2);
    assert_int_equal(places->tier, 3);
    assert_int_equal(places->summary, 0);
    assert_int_equal(places->params[0], 4);
    assert_int_equal(places->refusals[0], 5);
    assert_int_equal(places->refusals[1], 6);
    assert_int_equal(places->returns, 7);
    assert_int_equal(places->status, 8);
    assert_int_equal(script->statements[0].line, 10);
    assert_false(script->wrong);
    act_program_free(&program);
}

static void test_only_the_wrong_block_is_wrong(void **state)
{
    (void)state;
    act_program_t *program = act_program_new();
    proto_buf_t errors = PROTO_BUF_INIT;
    int rc = act_program_parse(program, "t.sql",
                               proto_bytes_of("-- @operation a\nSELECT 1;\n-- @operation b\n-- @nonsense\n"
                                              "SELECT 1;\n-- @operation c\nSELECT 1;\n"),
                               &errors);
    assert_int_equal(rc, -1);
    assert_string_equal(proto_buf_text(&errors), "t.sql:4: an unknown directive: nonsense\n");
    assert_int_equal(program->script_count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(program->scripts[i].wrong, i == 1);
    act_program_free(&program);
    proto_buf_free(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single_statements),
        cmocka_unit_test(test_steps_wait_for_what_is_needed),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_only_the_wrong_block_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
