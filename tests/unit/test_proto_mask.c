/* SPDX-License-Identifier: MPL-2.0 */
/* Masking: secrets go, all else stays as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto_mask.h"

static void s_becomes(const char *text, const char *masked)
{
    proto_buf_t out = PROTO_BUF_INIT;
    proto_mask(proto_bytes_of(text), &out);
    assert_string_equal(proto_buf_text(&out), masked);
    assert_true(proto_mask_wanted(proto_bytes_of(text)) || strcmp(text, masked) == 0);
    proto_buf_free(&out);
}

static void test_secrets_go(void **state)
{
    (void)state;
    s_becomes("GET /x?password=hunter2&a=b", "GET /x?password=***&a=b");
    s_becomes("GET /x?a=b&Access_Token=abc", "GET /x?a=b&Access_Token=***");
    s_becomes("GET /x?pass%77ord=hunter2", "GET /x?pass%77ord=***");
    s_becomes("GET /x?api-key=1&key=2&client_secret=3", "GET /x?api-key=***&key=***&client_secret=***");
    s_becomes("host=h password='hun\\'ter 2' user=u", "host=h password='***' user=u");
    s_becomes("{\"password\": \"hun\\\"ter\", \"a\": 1}", "{\"password\": \"***\", \"a\": 1}");
    s_becomes("to postgresql://bob:hun@ter@host/db failed", "to postgresql://bob:***@host/db failed");
    s_becomes("Authorization: Digest a b", "Authorization: ***");
    s_becomes("got Bearer abc.def, and basic Zm9v", "got Bearer ***, and basic ***");
    s_becomes("/verify/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln/now", "/verify/***/now");
    s_becomes("token=", "token=");
    s_becomes("password=x", "password=***");
}

static void test_all_else_stays(void **state)
{
    (void)state;
    static const char *const same[] = {
        "",
        "GET /providers?limit=5&max_tokens=100&foreign_key=7",
        "syntax error: unexpected token: x",
        "http://127.0.0.1:8000/x@y",
        "tcp://127.0.0.1:5555, ipc:///tmp/b.sock",
        "eyJ",
        "keyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0",
        "bearer ",
        "=",
        ":",
        "://",
        "://:@",
        "%=",
        "%4=1",
        "b",
        "e",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        s_becomes(same[i], same[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secrets_go),
        cmocka_unit_test(test_all_else_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
