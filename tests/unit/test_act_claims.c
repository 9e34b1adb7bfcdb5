/* SPDX-License-Identifier: MPL-2.0 */
/* What the database is told of whoever asks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "act_claims.h"

static void s_expect(proto_record_t record, const char *json)
{
    proto_buf_t out = PROTO_BUF_INIT;
    proto_buf_string(&out, "what was there before");
    int rc = act_claims_json(&record, &out);
    assert_int_equal(rc, json ? 0 : -1);
    if (json)
        assert_string_equal(proto_buf_text(&out), json);
    proto_buf_free(&out);
}

#define BYTES(text)                                                                                          \
    (proto_bytes_t)                                                                                          \
    {                                                                                                        \
        (const uint8_t *)(text), sizeof(text) - 1                                                            \
    }

static void test_identity(void **state)
{
    (void)state;
    proto_bytes_t ann = proto_bytes_of("ann"), user = proto_bytes_of("user");
    s_expect((proto_record_t){0}, "");
    s_expect((proto_record_t){.role = user}, "");
    s_expect((proto_record_t){.subject = ann}, "{\"sub\":\"ann\"}");
    s_expect((proto_record_t){.subject = ann, .role = user}, "{\"sub\":\"ann\",\"role\":\"user\"}");
    s_expect((proto_record_t){.subject = proto_bytes_of("\",\"role\":\"admin")},
             "{\"sub\":\"\\\",\\\"role\\\":\\\"admin\"}");
    s_expect((proto_record_t){.subject = BYTES("\xff")}, NULL);
}

static void test_claims(void **state)
{
    (void)state;
    proto_bytes_t ann = proto_bytes_of("ann");
    s_expect((proto_record_t){.subject = ann, .claims = BYTES("\x80")}, "{}");
    s_expect((proto_record_t){.subject = ann,
                              .claims = BYTES("\x81\xa3sub\xa3"
                                              "bob")},
             "{\"sub\":\"bob\"}");
    s_expect((proto_record_t){.claims = BYTES("\x81\xa1"
                                              "a\x92\x01\xc0")},
             "{\"a\":[1,null]}");
    s_expect((proto_record_t){.subject = ann, .claims = BYTES("\x90")}, NULL); /* no map */
    s_expect((proto_record_t){.claims = BYTES("\x81\xa1")}, NULL);             /* cut off */
    s_expect((proto_record_t){.claims = BYTES("\x80\x80")}, NULL);             /* two of them */
    s_expect((proto_record_t){.claims = BYTES("\x81\xa1"
                                              "a\xa1\xff")},
             NULL);                                                    /* no UTF-8 */
    s_expect((proto_record_t){.claims = BYTES("\x81\x90\x01")}, NULL); /* a key that JSON has not */
}

static void test_roles(void **state)
{
    static const char *const good[] = {"a", "user,editor", "a,b,c"};
    static const char *const bad[] = {
        "",     ",",    "a,",     ",a",   "a,,b",
        "a, b", "none", "a,none", "a\tb", "a234567890123456789012345678901234567890123456789012345678901234"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(act_claims_roles_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(act_claims_roles_valid(bad[i]));
    static const struct {
        const char *subject, *role;
        proto_error_t error;
    } cases[] = {{"ann", "user", PROTO_ERROR_none},
                 {"ann", "editor", PROTO_ERROR_none},
                 {"", "user", PROTO_ERROR_unauthenticated},
                 {"ann", "", PROTO_ERROR_forbidden},
                 {"ann", "use", PROTO_ERROR_forbidden},
                 {"ann", "users", PROTO_ERROR_forbidden},
                 {"ann", "User", PROTO_ERROR_forbidden},
                 {"ann", "none", PROTO_ERROR_forbidden},
                 {"ann", "user,editor", PROTO_ERROR_forbidden}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_record_t record = {.subject = proto_bytes_of(cases[i].subject),
                                 .role = proto_bytes_of(cases[i].role)};
        assert_int_equal(act_claims_role(&record, "user,editor"), cases[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_roles), cmocka_unit_test(test_identity),
                                       cmocka_unit_test(test_claims)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
