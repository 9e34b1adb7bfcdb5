/* SPDX-License-Identifier: MPL-2.0 */
/* Percent-encoding: every byte there and back, every escape there is, and what is none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "gw_endpoint.h"

static void test_every_byte_comes_back(void **state)
{
    (void)state;
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    proto_buf_t encoded = PROTO_BUF_INIT, decoded = PROTO_BUF_INIT, all = PROTO_BUF_INIT;
    for (int i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        char expected[4] = {(char)byte, 0};
        if (!byte || !strchr(plain, byte))
            snprintf(expected, sizeof expected, "%%%02X", byte);
        proto_buf_reset(&encoded);
        proto_buf_reset(&decoded);
        gw_percent_encode((proto_bytes_t){&byte, 1}, &encoded);
        assert_string_equal(proto_buf_text(&encoded), expected);
        for (int form = 0; form < 2; form++) {
            proto_buf_reset(&decoded);
            assert_int_equal(gw_percent_decode(proto_buf_bytes(&encoded), form, &decoded), 0);
            assert_true(decoded.size == 1 && decoded.data[0] == byte);
        }
        proto_buf_byte(&all, byte);
    }
    proto_buf_reset(&encoded);
    proto_buf_reset(&decoded);
    gw_percent_encode(proto_buf_bytes(&all), &encoded);
    assert_int_equal(gw_percent_decode(proto_buf_bytes(&encoded), false, &decoded), 0);
    assert_true(proto_bytes_equal(proto_buf_bytes(&decoded), proto_buf_bytes(&all)));
    proto_buf_free(&encoded);
    proto_buf_free(&decoded);
    proto_buf_free(&all);
}

static void test_every_escape(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdefABCDEF";
    proto_buf_t out = PROTO_BUF_INIT;
    for (int high = 0; high < 256; high++) {
        for (int low = 0; low < 256; low++) {
            const uint8_t text[] = {'%', (uint8_t)high, (uint8_t)low};
            bool good = high && low && strchr(digits, high) && strchr(digits, low);
            proto_buf_reset(&out);
            assert_int_equal(gw_percent_decode((proto_bytes_t){text, 3}, false, &out), good ? 0 : -1);
            if (good) {
                const char hex[] = {(char)high, (char)low, 0};
                assert_true(out.size == 1 && out.data[0] == strtoul(hex, NULL, 16));
            }
        }
    }
    proto_buf_free(&out);
}

static void test_decoding(void **state)
{
    (void)state;
    static const struct {
        const char *text, *plain, *form; /* NULL: malformed */
    } cases[] = {
        {"", "", ""},
        {"a+b", "a+b", "a b"},
        {"+", "+", " "},
        {"%2B+", "++", "+ "},
        {"%41%42", "AB", "AB"},
        {"%2541", "%41", "%41"},
        {"a=b&c", "a=b&c", "a=b&c"},
        {"%", NULL, NULL},
        {"%4", NULL, NULL},
        {"a%", NULL, NULL},
        {"%%41", NULL, NULL},
        {"%4g", NULL, NULL},
        {"%-1", NULL, NULL},
        {"%+1", NULL, NULL},
        {"% 1", NULL, NULL},
        {"%0x41", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int form = 0; form < 2; form++) {
            const char *expected = form ? cases[i].form : cases[i].plain;
            proto_buf_t out = PROTO_BUF_INIT;
            proto_buf_string(&out, ">"); /* it appends */
            size_t size = strlen(cases[i].text);
            uint8_t *copy = malloc(size ? size : 1); /* so that ASan sees any look behind it */
            assert_non_null(copy);
            memcpy(copy, cases[i].text, size);
            int rc = gw_percent_decode((proto_bytes_t){copy, size}, form, &out);
            free(copy);
            assert_int_equal(rc, expected ? 0 : -1);
            if (expected)
                assert_string_equal(proto_buf_text(&out) + 1, expected);
            proto_buf_free(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_comes_back),
        cmocka_unit_test(test_every_escape),
        cmocka_unit_test(test_decoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
