/* SPDX-License-Identifier: MPL-2.0 */
/* Admission: every auth rule with every kind of identity, and bodies that are no MessagePack. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "act_admit.h"

static proto_error_t s_ask(proto_auth_t auth, const char *subject, const char *role, const char *body,
                           size_t size)
{
    proto_operation_t operation = {
        .name = "x", .auth = auth, .role = auth == PROTO_AUTH_ROLE ? "admin" : NULL};
    proto_record_t request = {.subject = proto_bytes_of(subject),
                              .role = proto_bytes_of(role),
                              .body = {(const uint8_t *)body, size}};
    return act_admit(&operation, &request);
}

static void test_who_may(void **state)
{
    static const struct {
        proto_auth_t auth;
        const char *subject, *role;
        proto_error_t expected;
    } cases[] = {
        {PROTO_AUTH_PUBLIC, "", "", PROTO_ERROR_none},
        {PROTO_AUTH_PUBLIC, "ada", "user", PROTO_ERROR_none},
        {PROTO_AUTH_USER, "", "", PROTO_ERROR_unauthenticated},
        {PROTO_AUTH_USER, "", "admin",
         PROTO_ERROR_unauthenticated}, /* a role without a subject is nobody's */
        {PROTO_AUTH_USER, "ada", "", PROTO_ERROR_none},
        {PROTO_AUTH_ROLE, "", "admin", PROTO_ERROR_unauthenticated},
        {PROTO_AUTH_ROLE, "ada", "", PROTO_ERROR_forbidden},
        {PROTO_AUTH_ROLE, "ada", "user", PROTO_ERROR_forbidden},
        {PROTO_AUTH_ROLE, "ada", "administrator", PROTO_ERROR_forbidden},
        {PROTO_AUTH_ROLE, "ada", "admi", PROTO_ERROR_forbidden},
        {PROTO_AUTH_ROLE, "ada", "admin", PROTO_ERROR_none},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(s_ask(cases[i].auth, cases[i].subject, cases[i].role, "", 0), cases[i].expected);
}

static void test_bodies(void **state)
{
    (void)state;
    assert_int_equal(s_ask(PROTO_AUTH_PUBLIC, "", "", "\x80", 1), PROTO_ERROR_none);
    assert_int_equal(s_ask(PROTO_AUTH_PUBLIC, "", "", "\xc1", 1), PROTO_ERROR_malformed);
    assert_int_equal(s_ask(PROTO_AUTH_PUBLIC, "", "", "\x80\x80", 2), PROTO_ERROR_malformed);
    assert_int_equal(s_ask(PROTO_AUTH_PUBLIC, "", "", "\x81\xa1", 2), PROTO_ERROR_malformed);
    /* Who may not is told so first. */
    assert_int_equal(s_ask(PROTO_AUTH_USER, "", "", "\xc1", 1), PROTO_ERROR_unauthenticated);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_who_may), cmocka_unit_test(test_bodies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
