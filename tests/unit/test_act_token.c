/* SPDX-License-Identifier: MPL-2.0 */
/* Tokens that are made here: their form. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "act_token.h"

static void test_a_token(void **state)
{
    (void)state;
    /* Computed with Python's hmac, base64 and json. */
    static const char expected[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
                                   "eyJzdWIiOiIwYjFjIiwiZW1haWwiOiJhbm5AZXhhbXBsZS5jb20iLCJyb2xlIjoidXNlciIsI"
                                   "mlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDg2NDAwLCJqdGkiOiIwMDAwMDAwMDAwMDAwMD"
                                   "AxZmZmZmZmZmZmZmZmZmZmZiJ9.CmNb6I6ShmbwXmSiDZWDhxZu43prAJCOl-0ZSV1hgoc";
    proto_buf_t out = PROTO_BUF_INIT;
    act_token_t token = {.subject = proto_bytes_of("0b1c"),
                         .email = proto_bytes_of("ann@example.com"),
                         .role = proto_bytes_of("user"),
                         .issued = 1700000000,
                         .expires = 1700086400,
                         .id = {1, 0xffffffffffffffff}};
    assert_int_equal(act_token_write(&token, proto_bytes_of("0123456789abcdef0123456789abcdef"), &out), 0);
    assert_string_equal(proto_buf_text(&out), expected);
    proto_buf_free(&out);
}

static void test_what_is_no_text(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT;
    act_token_t token = {
        .subject = proto_bytes_of("\xff"), .email = proto_bytes_of(""), .role = proto_bytes_of("")};
    assert_int_equal(act_token_write(&token, proto_bytes_of("secret"), &out), -1);
    proto_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_token),
        cmocka_unit_test(test_what_is_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
