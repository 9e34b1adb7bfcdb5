/* SPDX-License-Identifier: MPL-2.0 */
/* Key files: which keys are taken, passed over, and refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_token_sign.h"

static EVP_PKEY *s_rsa, *s_ec;
static char s_x[64], s_y[64];

static int s_set_up(void **state)
{
    proto_buf_t text = PROTO_BUF_INIT;
    (void)state;
    s_rsa = EVP_RSA_gen(2048);
    s_ec = EVP_EC_gen("P-256");
    sign_number(&text, s_ec, "qx", 32);
    strcpy(s_x, proto_buf_text(&text));
    proto_buf_reset(&text);
    sign_number(&text, s_ec, "qy", 32);
    strcpy(s_y, proto_buf_text(&text));
    proto_buf_free(&text);
    return 0;
}

static int s_tear_down(void **state)
{
    (void)state;
    EVP_PKEY_free(s_rsa);
    EVP_PKEY_free(s_ec);
    return 0;
}

/* How many keys a text gives; -1 when it is refused, with words in the sentence. */
static int s_count(const proto_buf_t *text, const char *words)
{
    proto_buf_t why = PROTO_BUF_INIT;
    gw_keys_t *keys = gw_keys_new();
    int rc = gw_keys_add_jwks(keys, proto_buf_bytes(text), &why);
    int count = rc < 0 ? -1 : (int)gw_keys_count(keys);
    assert_true((rc < 0) == (why.size > 0));
    if (words && !strstr(proto_buf_text(&why), words))
        fail_msg("%s instead of %s", proto_buf_text(&why), words);
    gw_keys_drop(&keys);
    gw_keys_drop(&keys);
    proto_buf_free(&why);
    return count;
}

/* The same for a set with a good EC key with further members. */
static int s_with(const char *more)
{
    proto_buf_t text = PROTO_BUF_INIT;
    proto_buf_string(&text, "{\"keys\":[");
    sign_jwk(&text, s_ec, more);
    proto_buf_string(&text, "]}");
    int count = s_count(&text, NULL);
    proto_buf_free(&text);
    return count;
}

static void test_purposes(void **state)
{
    (void)state;
    assert_int_equal(s_with(""), 1);
    assert_int_equal(
        s_with(",\"kid\":\"a\",\"use\":\"sig\",\"alg\":\"ES256\",\"key_ops\":[\"sign\",\"verify\"]"), 1);
    assert_int_equal(s_with(",\"x5t\":\"abc\",\"unknown\":[1]"), 1);
    assert_int_equal(s_with(",\"use\":\"enc\""), -1);
    assert_int_equal(s_with(",\"alg\":\"ES384\""), -1);
    assert_int_equal(s_with(",\"alg\":\"HS256\""), -1);
    assert_int_equal(s_with(",\"alg\":\"RS256\""), -1);
    assert_int_equal(s_with(",\"alg\":\"none\""), -1);
    assert_int_equal(s_with(",\"alg\":7"), -1);
    assert_int_equal(s_with(",\"kid\":7"), -1);
    assert_int_equal(s_with(",\"key_ops\":[\"sign\"]"), -1);
    assert_int_equal(s_with(",\"key_ops\":\"verify\""), -1);
    assert_int_equal(s_with(",\"d\":\"AAAA\""), -1);
    assert_int_equal(s_with(",\"crv\":\"P-256\""), -1); /* a doubled member */
}

static void test_files(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "no JSON"},
        {"-----BEGIN PUBLIC KEY-----", "no JSON"},
        {"[]", "no member"},
        {"{}", "no member"},
        {"{\"keys\":{}}", "no array"},
        {"{\"keys\":[]}", "no key in it"},
        {"{\"keys\":[7]}", "no key in it"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}]}", "no key in it"},
        {"{\"keys\":[],\"keys\":[]}", "no JSON"},
        {"{\"keys\":[{\"kty\":\"RSA\"}]}", "key 1 has no n and e"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", "key 1 is"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}]}", "32 bytes"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
         "\"y\":"
         "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}",
         "no point"},
        {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "less than 32"},
        {"{\"keys\":[{\"kty\":\"oct\"}]}", "no k"},
    };
    proto_buf_t text = PROTO_BUF_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_buf_reset(&text);
        proto_buf_string(&text, cases[i].text);
        assert_int_equal(s_count(&text, cases[i].words), -1);
    }
    proto_buf_reset(&text); /* what is for others is passed over */
    proto_buf_string(&text, "{\"keys\":[{\"kty\":\"OKP\"},{\"kty\":\"EC\",\"crv\":\"P-384\"},"
                            "{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}");
    assert_int_equal(s_count(&text, NULL), 1);
    proto_buf_free(&text);
}

static void s_rsa_jwk(proto_buf_t *out, EVP_PKEY *key, const char *exponent)
{
    proto_buf_reset(out);
    proto_buf_string(out, "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"");
    sign_number(out, key, "n", 0);
    proto_buf_printf(out, "\",\"e\":\"%s\"}]}", exponent);
}

static void test_weak_keys(void **state)
{
    proto_buf_t text = PROTO_BUF_INIT;
    EVP_PKEY *small = EVP_RSA_gen(1024);
    (void)state;
    s_rsa_jwk(&text, s_rsa, "AQAB");
    assert_int_equal(s_count(&text, NULL), 1);
    s_rsa_jwk(&text, small, "AQAB");
    assert_int_equal(s_count(&text, "less than 2048 bits"), -1);
    static const char *const exponents[] = {"AQ",   "AAAB", "AA",    "Ag",
                                            "AQAA", "",     "AQAB=", "////////////////"};
    for (size_t i = 0; i < sizeof exponents / sizeof *exponents; i++) {
        s_rsa_jwk(&text, s_rsa, exponents[i]);
        assert_int_equal(s_count(&text, "key 1"), -1);
    }
    EVP_PKEY_free(small);
    proto_buf_free(&text);
}

/* The point of one half and another: on no curve. */
static void test_points(void **state)
{
    proto_buf_t text = PROTO_BUF_INIT;
    (void)state;
    proto_buf_printf(&text, "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"}]}", s_x,
                     s_y);
    assert_int_equal(s_count(&text, NULL), 1);
    proto_buf_reset(&text);
    proto_buf_printf(&text, "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"}]}", s_x,
                     s_x);
    assert_int_equal(s_count(&text, "no point"), -1);
    proto_buf_free(&text);
}

static void test_too_many(void **state)
{
    proto_buf_t text = PROTO_BUF_INIT;
    (void)state;
    proto_buf_string(&text, "{\"keys\":[");
    for (int i = 0; i <= GW_KEYS; i++) {
        sign_jwk(&text, s_ec, ",\"kid\":\"same\"");
        proto_buf_string(&text, i < GW_KEYS ? "," : "]}");
    }
    assert_int_equal(s_count(&text, "more than"), -1);
    proto_buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_purposes), cmocka_unit_test(test_files),    cmocka_unit_test(test_weak_keys),
        cmocka_unit_test(test_points),   cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, s_set_up, s_tear_down);
}
