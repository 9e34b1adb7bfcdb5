/* SPDX-License-Identifier: MPL-2.0 */
/* Secrets that may sign, and those that may not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "secret.h"

static void test_secrets(void **state)
{
    static const char *const good[] = {
        "2ZsbYT0WqPr8Gf1mXu5KcNhV7jLoEiDa",
        "b7d80c4411f0a93c6e25d1897fbd37f2",
        "yYl3o0jOqyGqgPWmYqRgLw6l2fNUEJmXY3kIHy8NfmTfTTmFovNiCPSgpk1DZ6OU",
    };
    static const char *const bad[] = {
        "",
        "short",
        "2ZsbYT0WqPr8Gf1mXu5KcNhV7jLoEiD",
        "changemechangemechangemechangeme",
        "Change-This-To-Something-Long-Please!",
        "dev-secret-key-change-me-in-production",
        "your-secret-key-here-generate-a-new-one",
        "my-super-secret-key-with-32-bytes",
        "your-256-bit-secret-your-256-bit",
        "passwordpasswordpasswordpassword",
        "insecure-key-of-a-development-server",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "00000000000000000000000000000001",
        "xyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyz",
        "Zk3!rT9pLw#7QdXeZk3!rT9pLw#7QdXe",
        "abcdefghijklmnopqrstuvwxyzABCDEFGH",
        "0123456789abcdef0123456789abcdef",
        "zyxwvutsrqponmlkjihgfedcba9876543210",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_null(srv_secret_judge(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!srv_secret_judge(bad[i]))
            fail_msg("%s will do", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_secrets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
