/* SPDX-License-Identifier: MPL-2.0 */
/* What a SQLSTATE means for the connection and for the client, and which declared refusal an error is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "act_refusal.h"
#include "proto_value.h"

static void test_verdicts(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate;
        act_verdict_t read, write;
    } cases[] = {
        {"", ACT_REFUSE, ACT_REFUSE},
        {"40001", ACT_AGAIN, ACT_AGAIN}, /* serialization_failure */
        {"40P01", ACT_AGAIN, ACT_AGAIN}, /* deadlock_detected */
        {"40002", ACT_REFUSE, ACT_REFUSE},
        {"40003", ACT_REFUSE, ACT_REFUSE},   /* statement_completion_unknown: never twice */
        {"0A000", ACT_PREPARE, ACT_PREPARE}, /* cached plan must not change result type */
        {"26000", ACT_PREPARE, ACT_PREPARE}, /* prepared statement does not exist */
        {"08000", ACT_RECONNECT, ACT_RECONNECT},
        {"08006", ACT_RECONNECT, ACT_RECONNECT},
        {"08P01", ACT_RECONNECT, ACT_RECONNECT},
        {"57P01", ACT_RECONNECT, ACT_RECONNECT}, /* admin_shutdown */
        {"57P02", ACT_RECONNECT, ACT_RECONNECT},
        {"57P03", ACT_RECONNECT, ACT_RECONNECT},
        {"57P05", ACT_RECONNECT, ACT_RECONNECT},
        {"57014", ACT_REFUSE, ACT_REFUSE},    /* query_canceled: statement_timeout */
        {"25006", ACT_REFUSE, ACT_RECONNECT}, /* read only: for a write a standby, for a read a bad file */
        {"25P02", ACT_REFUSE, ACT_REFUSE},
        {"23505", ACT_REFUSE, ACT_REFUSE},
        {"22P02", ACT_REFUSE, ACT_REFUSE},
        {"53300", ACT_REFUSE, ACT_REFUSE},
        {"42P01", ACT_REFUSE, ACT_REFUSE},
        {"P0001", ACT_REFUSE, ACT_REFUSE},
        {"PT404", ACT_REFUSE, ACT_REFUSE},
        {"XX000", ACT_REFUSE, ACT_REFUSE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (act_refusal_verdict(cases[i].sqlstate, false) != cases[i].read ||
            act_refusal_verdict(cases[i].sqlstate, true) != cases[i].write)
            fail_msg("%s", cases[i].sqlstate);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate;
        int status;
        const char *code;
    } cases[] = {
        {"22001", 422, "invalid"}, /* string_data_right_truncation */
        {"22003", 422, "invalid"}, /* numeric_value_out_of_range */
        {"22007", 422, "invalid"},
        {"22012", 422, "invalid"},
        {"22P02", 422, "invalid"}, /* invalid_text_representation */
        {"22021", 422, "invalid"},
        {"23502", 422, "invalid"},  /* not_null_violation */
        {"23514", 422, "invalid"},  /* check_violation */
        {"23505", 409, "conflict"}, /* unique_violation */
        {"23503", 409, "conflict"}, /* foreign_key_violation */
        {"23P01", 409, "conflict"}, /* exclusion_violation */
        {"23001", 409, "conflict"}, /* restrict_violation */
        {"40001", 409, "conflict"},
        {"40P01", 409, "conflict"},
        {"55P03", 409, "conflict"}, /* lock_not_available */
        {"57014", 504, "timeout"},
        {"08006", 503, "database_unavailable"},
        {"57P01", 503, "database_unavailable"},
        {"53100", 503, "database_unavailable"}, /* disk_full */
        {"53300", 503, "database_unavailable"},
        {"", 500, "internal"},
        {"23000", 500, "internal"},
        {"25006", 500, "internal"},
        {"42P01", 500, "internal"},
        {"42501", 500, "internal"},
        {"P0001", 500, "internal"},
        {"PT404", 500, "internal"},
        {"XX000", 500, "internal"},
        {"0A000", 500, "internal"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_error_t error = act_refusal_error(cases[i].sqlstate);
        if (proto_error_status(error) != cases[i].status ||
            strcmp(proto_error_code(error), cases[i].code) != 0)
            fail_msg("%s is %s %d", cases[i].sqlstate, proto_error_code(error), proto_error_status(error));
    }
}

static proto_refusal_t s_refusals[] = {
    {"raised_only", 400, "a", NULL, NULL},           {"any_unique", 409, "b", "23505", NULL},
    {"name_taken", 409, "c", "23505", "t_name_key"}, {"mail_taken", 409, "d", "23505", "t_mail_key"},
    {"other_unique", 410, "e", "23505", NULL},       {"only_this", 409, "f", "23503", "t_ref_fkey"},
};
static const proto_operation_t s_operation = {.refusals = s_refusals, .refusal_count = 6};

static void test_declared(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate, *constraint, *name; /* NULL: none */
    } cases[] = {
        {"23505", "t_name_key", "name_taken"}, /* although the general one stands before it */
        {"23505", "t_mail_key", "mail_taken"},
        {"23505", "t_other_key", "any_unique"}, /* the first of the general ones */
        {"23505", "", "any_unique"},
        {"23505", NULL, "any_unique"},
        {"23503", "t_ref_fkey", "only_this"},
        {"23503", "t_name_key", NULL},
        {"23503", NULL, NULL},
        {"23502", "t_name_key", NULL},
        {"23", "t_name_key", NULL},
        {"", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const proto_refusal_t *refusal = act_refusal_on(&s_operation, cases[i].sqlstate, cases[i].constraint);
        if (refusal ? !cases[i].name || strcmp(refusal->name, cases[i].name) != 0 : cases[i].name != NULL)
            fail_msg("%s %s is %s", cases[i].sqlstate, cases[i].constraint ? cases[i].constraint : "(none)",
                     refusal ? refusal->name : "none");
    }
    static const proto_operation_t none = {0};
    assert_null(act_refusal_on(&none, "23505", "t_name_key"));
}

static void test_named(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < s_operation.refusal_count; i++)
        assert_ptr_equal(act_refusal_named(&s_operation, proto_bytes_of(s_refusals[i].name)), &s_refusals[i]);
    static const char *const others[] = {"", "raised", "raised_onlyx", "name_takeN", "a"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_null(act_refusal_named(&s_operation, proto_bytes_of(others[i])));
}

static void test_raised(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate;
        int status;
    } cases[] = {{"PT400", 400}, {"PT404", 404}, {"PT422", 422}, {"PT599", 599}, {"PT399", 0}, {"PT600", 0},
                 {"PT200", 0},   {"PT000", 0},   {"PT999", 0},   {"PT40X", 0},   {"PTX00", 0}, {"P0001", 0},
                 {"23505", 0},   {"", 0},        {"PT", 0},      {"PT4", 0},     {"PT40", 0},  {"pt404", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (act_refusal_raised(cases[i].sqlstate) != cases[i].status)
            fail_msg("%s is %d", cases[i].sqlstate, act_refusal_raised(cases[i].sqlstate));
}

/* Knows {id} and {name}; must not be asked for nothing. */
static bool s_lookup(void *arg, proto_bytes_t name, proto_buf_t *out)
{
    assert_ptr_equal(arg, &s_refusals);
    assert_true(name.size > 0);
    if (proto_bytes_is(name, "id"))
        proto_buf_string(out, "17");
    else if (proto_bytes_is(name, "name"))
        proto_buf_string(out, "{id} \"x\"");
    else
        return proto_bytes_is(name, "nothing");
    return true;
}

static void s_check_body(const proto_buf_t *body, const char *code, int status, const char *title,
                         const char *detail)
{
    proto_bytes_t bytes = proto_buf_bytes(body);
    assert_int_equal(proto_value_check(bytes), 0);
    proto_bytes_t got = proto_value_get_str(bytes, "detail", "?");
    if (!proto_bytes_is(got, detail))
        fail_msg("%.*s instead of %s", (int)got.size, got.data, detail);
    assert_true(proto_bytes_is(proto_value_get_str(bytes, "code", ""), code));
    assert_true(proto_bytes_is(proto_value_get_str(bytes, "title", ""), title));
    assert_int_equal(proto_value_get_int(bytes, "status", 0), status);
}

static void test_bodies(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"no braces", "no braces"},
        {"", ""},
        {"Agent {id} not found", "Agent 17 not found"},
        {"{id}{id}", "1717"},
        {"{name}", "{id} \"x\""}, /* what was filled in is not filled again */
        {"{unknown} {id}", "{unknown} 17"},
        {"{nothing}.", "."},
        {"{}", "{}"},
        {"{", "{"},
        {"{id", "{id"},
        {"id}", "id}"},
        {"{ id }", "{ id }"},
        {"{{id}}", "{17}"},
        {"{a{id}", "{a17"},
        {"\xc3\xa9 {id} \xe2\x82\xac", "\xc3\xa9 17 \xe2\x82\xac"},
    };
    proto_buf_t out = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const proto_refusal_t refusal = {"agent_not_found", 404, cases[i][0], NULL, NULL};
        proto_buf_reset(&out);
        act_refusal_body(&refusal, s_lookup, &s_refusals, &out);
        s_check_body(&out, "agent_not_found", 404, "Not Found", cases[i][1]);
    }
    proto_buf_reset(&out);
    act_refusal_raised_body(409, "{id} is busy", &out);
    s_check_body(&out, "raised", 409, "Conflict", "{id} is busy");
    proto_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts), cmocka_unit_test(test_errors), cmocka_unit_test(test_declared),
        cmocka_unit_test(test_named),    cmocka_unit_test(test_raised), cmocka_unit_test(test_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
