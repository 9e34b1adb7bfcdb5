/* SPDX-License-Identifier: MPL-2.0 */
/* Tokens: good ones of all three algorithms, and everything that must be refused although most of it is
 * signed with the right key. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_token.h"
#include "gw_token_sign.h"

#define S_NOW    1700000000
#define S_CLAIMS "\"sub\":\"ann\",\"exp\":1700000600"
#define S_GOOD   "{" S_CLAIMS "}"
#define S_HS256  "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define S_RS256  "{\"alg\":\"RS256\"}"
#define S_ES256  "{\"alg\":\"ES256\",\"kid\":\"ec\"}"

static EVP_PKEY *s_rsa, *s_other_rsa, *s_ec, *s_other_ec;
static gw_keys_t *s_keys;

static int s_set_up(void **state)
{
    proto_buf_t jwks = PROTO_BUF_INIT, why = PROTO_BUF_INIT;
    (void)state;
    s_rsa = EVP_RSA_gen(2048);
    s_other_rsa = EVP_RSA_gen(2048);
    s_ec = EVP_EC_gen("P-256");
    s_other_ec = EVP_EC_gen("P-256");
    s_keys = gw_keys_new();
    proto_buf_string(&jwks, "{\"keys\":[");
    sign_jwk(&jwks, s_rsa, ",\"kid\":\"rsa\",\"use\":\"sig\"");
    proto_buf_byte(&jwks, ',');
    sign_jwk(&jwks, s_ec, ",\"kid\":\"ec\",\"alg\":\"ES256\",\"key_ops\":[\"verify\"]");
    proto_buf_string(&jwks, "]}");
    assert_int_equal(gw_keys_add_secret(s_keys, proto_bytes_of(SIGN_SECRET), &why), 0);
    assert_int_equal(gw_keys_add_jwks(s_keys, proto_buf_bytes(&jwks), &why), 0);
    assert_int_equal(gw_keys_count(s_keys), 3);
    proto_buf_free(&jwks);
    proto_buf_free(&why);
    return 0;
}

static int s_tear_down(void **state)
{
    (void)state;
    gw_keys_drop(&s_keys);
    EVP_PKEY_free(s_rsa);
    EVP_PKEY_free(s_other_rsa);
    EVP_PKEY_free(s_ec);
    EVP_PKEY_free(s_other_ec);
    return 0;
}

static const char *s_verify(const proto_buf_t *text, const gw_token_rules_t *rules, gw_token_t **token)
{
    static const gw_token_rules_t none = {0};
    return gw_token_verify(proto_buf_bytes(text), s_keys, rules ? rules : &none, S_NOW * INT64_C(1000),
                           token);
}

/* NULL when the text is taken; else why not. */
static const char *s_judge(const proto_buf_t *text, const gw_token_rules_t *rules)
{
    gw_token_t *token;
    const char *refusal = s_verify(text, rules, &token);
    assert_true((token == NULL) == (refusal != NULL));
    gw_token_drop(&token);
    return refusal;
}

/* The same for a header and a payload signed with the secret. */
static const char *s_signed(const char *header, const char *payload, const gw_token_rules_t *rules)
{
    proto_buf_t text = PROTO_BUF_INIT;
    sign_input(&text, header, payload);
    sign_hs256(&text, proto_bytes_of(SIGN_SECRET));
    const char *refusal = s_judge(&text, rules);
    proto_buf_free(&text);
    return refusal;
}

static void test_a_good_one(void **state)
{
    proto_buf_t text = PROTO_BUF_INIT;
    gw_token_t *token;
    (void)state;
    sign_input(&text, S_HS256,
               "{\"sub\":\"ann\",\"exp\":1700000600.5,\"role\":\"editor\",\"x\":{\"sub\":\"no\"}}");
    sign_hs256(&text, proto_bytes_of(SIGN_SECRET));
    assert_null(s_verify(&text, NULL, &token));
    assert_true(proto_bytes_is(token->subject, "ann") && proto_bytes_is(token->role, "editor"));
    assert_int_equal(token->expires_ms, 1700000600500);
    assert_true(proto_bytes_equal(token->text, proto_buf_bytes(&text)));
    assert_int_equal(proto_value_check(token->claims), 0);
    assert_true(proto_bytes_is(proto_value_get_str(token->claims, "role", ""), "editor"));
    gw_token_t *again = gw_token_hold(token);
    gw_token_drop(&token);
    gw_token_drop(&token);
    assert_true(proto_bytes_is(again->subject, "ann"));
    gw_token_drop(&again);
    proto_buf_free(&text);
}

static void test_claims_that_are_taken(void **state)
{
    static const char *const payloads[] = {
        S_GOOD,
        " { \"exp\" : 1700000001 , \"sub\" : \"a\" } ",
        "{\"sub\":\"ann\",\"exp\":1.7000006e9}",
        "{\"sub\":\"ann\",\"exp\":253402300799}",
        "{" S_CLAIMS ",\"nbf\":1700000000,\"iat\":1700000000}",
        "{" S_CLAIMS ",\"nbf\":1700000001,\"iat\":1700000060}", /* clocks differ */
        "{" S_CLAIMS ",\"iss\":\"who\",\"jti\":\"1\"}",
        "{" S_CLAIMS ",\"\\u00e9\":[[[[{}]]]]}",
    };
    static const char *const headers[] = {
        S_HS256, "{\"alg\":\"HS256\"}", "{\"typ\":\"jwt\",\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"kid\":\"any\",\"jwk\":{},\"jku\":\"http://x/\"}"};
    (void)state;
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++)
        assert_null(s_signed(S_HS256, payloads[i], NULL));
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        assert_null(s_signed(headers[i], S_GOOD, NULL));
}

/* All of these are signed with the right key. */
static void test_claims_that_are_refused(void **state)
{
    static const char *const payloads[] = {
        "",
        "null",
        "[]",
        "\"sub\"",
        "{}",
        "{" S_CLAIMS "} ,",
        "{" S_CLAIMS "}{}",
        "\xef\xbb\xbf" S_GOOD,
        "{" S_CLAIMS ",}",
        "{" S_CLAIMS ",\"sub\":\"bob\"}",
        "{" S_CLAIMS ",\"s\\u0075b\":\"bob\"}",
        "{" S_CLAIMS ",\"x\":{\"a\":1,\"a\":2}}",
        "{" S_CLAIMS ",\"x\":\"\\u0000\"}",
        "{" S_CLAIMS ",\"x\":\"\xff\"}",
        "{" S_CLAIMS ",\"x\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}",
        "{\"sub\":\"ann\"}",
        "{\"sub\":\"ann\",\"EXP\":1700000600}",
        "{\"sub\":\"ann\",\"exp\":null}",
        "{\"sub\":\"ann\",\"exp\":\"1700000600\"}",
        "{\"sub\":\"ann\",\"exp\":true}",
        "{\"sub\":\"ann\",\"exp\":[1700000600]}",
        "{\"sub\":\"ann\",\"exp\":-1700000600}",
        "{\"sub\":\"ann\",\"exp\":0}",
        "{\"sub\":\"ann\",\"exp\":1699999999}",
        "{\"sub\":\"ann\",\"exp\":1700000000}",
        "{\"sub\":\"ann\",\"exp\":1699999999.999}",
        "{\"sub\":\"ann\",\"exp\":NaN}",
        "{\"sub\":\"ann\",\"exp\":Infinity}",
        "{\"sub\":\"ann\",\"exp\":1e400}",
        "{\"sub\":\"ann\",\"exp\":1e30}",
        "{\"sub\":\"ann\",\"exp\":18446744073709551615}",
        "{\"sub\":\"ann\",\"exp\":9223372036854775807}",
        "{\"sub\":\"ann\",\"exp\":253402300800}",
        "{\"sub\":\"ann\",\"exp\":"
        "1700000600.00000000000000000000000000000000000000000000000000000000000000000000000000000000001}",
        "{" S_CLAIMS ",\"nbf\":1700000002}",
        "{" S_CLAIMS ",\"nbf\":\"0\"}",
        "{" S_CLAIMS ",\"nbf\":-1}",
        "{" S_CLAIMS ",\"iat\":1700000061}",
        "{" S_CLAIMS ",\"iat\":\"x\"}",
        "{\"exp\":1700000600}",
        "{\"exp\":1700000600,\"sub\":\"\"}",
        "{\"exp\":1700000600,\"sub\":null}",
        "{\"exp\":1700000600,\"sub\":7}",
        "{\"exp\":1700000600,\"sub\":[\"ann\"]}",
        "{\"exp\":1700000600,\"sub\":\"a\\nb\"}",
        "{\"exp\":1700000600,\"sub\":\"a\\u007f\"}",
        "{" S_CLAIMS ",\"role\":\"\"}",
        "{" S_CLAIMS ",\"role\":null}",
        "{" S_CLAIMS ",\"role\":[\"admin\"]}",
        "{" S_CLAIMS ",\"role\":\"ad\\tmin\"}",
        "{" S_CLAIMS ",\"email\":7}",
        "{" S_CLAIMS ",\"jti\":7}",
        "{" S_CLAIMS ",\"iss\":7}",
        "{" S_CLAIMS ",\"aud\":\"somebody\"}",
        "{" S_CLAIMS ",\"aud\":[]}",
        "{" S_CLAIMS ",\"aud\":7}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++)
        if (!s_signed(S_HS256, payloads[i], NULL))
            fail_msg("%s is taken", payloads[i]);
}

static void test_headers_that_are_refused(void **state)
{
    static const char *const headers[] = {
        "",
        "[]",
        "{}",
        "{\"typ\":\"JWT\"}",
        "{\"alg\":\"none\"}",
        "{\"alg\":\"None\"}",
        "{\"alg\":\"NONE\"}",
        "{\"alg\":\"\"}",
        "{\"alg\":null}",
        "{\"alg\":[\"HS256\"]}",
        "{\"alg\":\"hs256\"}",
        "{\"alg\":\"HS256 \"}",
        "{\"alg\":\"HS384\"}",
        "{\"alg\":\"HS512\"}",
        "{\"alg\":\"RS256\"}",
        "{\"alg\":\"PS256\"}",
        "{\"alg\":\"ES256\"}",
        "{\"alg\":\"ES384\"}",
        "{\"alg\":\"EdDSA\"}",
        "{\"ALG\":\"HS256\"}",
        "{\"alg\":\"none\",\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"al\\u0067\":\"none\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JOSE\"}",
        "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}",
        "{\"alg\":\"HS256\",\"typ\":\"\"}",
        "{\"alg\":\"HS256\",\"typ\":null}",
        "{\"alg\":\"HS256\",\"kid\":7}",
        "{\"alg\":\"HS256\",\"kid\":null}",
        "{\"alg\":\"HS256\",\"crit\":[]}",
        "{\"alg\":\"HS256\",\"crit\":null}",
        "{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}",
        "{\"alg\":\"HS256\",\"b64\":true}",
        "{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}",
        "{\"alg\":\"HS256\"}x",
        "{'alg':'HS256'}",
        "{\"alg\":\"HS256\",}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (!s_signed(headers[i], S_GOOD, NULL))
            fail_msg("%s is taken", headers[i]);
}

static void test_forms_that_are_refused(void **state)
{
    proto_buf_t good = PROTO_BUF_INIT, text = PROTO_BUF_INIT;
    (void)state;
    sign_input(&good, S_HS256, S_GOOD);
    sign_hs256(&good, proto_bytes_of(SIGN_SECRET));
    assert_null(s_judge(&good, NULL));
    /* Any one byte changed, taken away or put in. */
    static const char bytes[] = {'.', '=', '+', '/', ' ', '\n', 0, 'A', 'B', '_'};
    for (size_t at = 0; at <= good.size; at++) {
        for (size_t b = 0; b < sizeof bytes; b++) {
            proto_buf_reset(&text);
            proto_buf_append(&text, good.data, at);
            proto_buf_byte(&text, (uint8_t)bytes[b]);
            proto_buf_append(&text, good.data + at, good.size - at);
            assert_non_null(s_judge(&text, NULL));
            if (at == good.size || good.data[at] == (uint8_t)bytes[b])
                continue;
            proto_buf_reset(&text);
            proto_buf_append(&text, good.data, good.size);
            text.data[at] = (uint8_t)bytes[b];
            assert_non_null(s_judge(&text, NULL));
        }
        proto_buf_reset(&text);
        proto_buf_append(&text, good.data, at);
        if (at < good.size)
            assert_non_null(s_judge(&text, NULL));
    }
    static const char *const forms[] = {"", ".", "..", "...", "a", "a.b", "a.b.c", "a.b.c.d", "a.b.c.d.e"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        proto_buf_reset(&text);
        proto_buf_string(&text, forms[i]);
        assert_non_null(s_judge(&text, NULL));
    }
    proto_buf_free(&good);
    proto_buf_free(&text);
}

static void test_signatures_by_others(void **state)
{
    static const char *const secrets[] = {"", "kZ8v-Qw3_Lr7Tn2Yb6Xc1Md5Hf9Gj4P", SIGN_SECRET "x"};
    proto_buf_t text = PROTO_BUF_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        sign_input(&text, S_HS256, S_GOOD);
        sign_hs256(&text, proto_bytes_of(secrets[i]));
        assert_non_null(s_judge(&text, NULL));
    }
    sign_input(&text, S_HS256, S_GOOD); /* none, and the beginning of the right one */
    proto_buf_byte(&text, '.');
    assert_non_null(s_judge(&text, NULL));
    proto_buf_free(&text);
}

/* Signs with a key: RS256, or ES256 with r and s. */
static void s_sign(proto_buf_t *text, const char *header, EVP_PKEY *key)
{
    uint8_t signature[1024];
    sign_input(text, header, S_GOOD);
    if (EVP_PKEY_is_a(key, "RSA")) {
        sign_append(text, signature, sign_raw(key, proto_buf_bytes(text), signature));
    } else {
        sign_pair(key, proto_buf_bytes(text), signature);
        sign_append(text, signature, 64);
    }
}

static void test_public_keys(void **state)
{
    const struct {
        const char *header;
        EVP_PKEY *key;
        bool good;
    } cases[] = {
        {S_RS256, s_rsa, true},
        {"{\"alg\":\"RS256\",\"kid\":\"rsa\"}", s_rsa, true},
        {S_ES256, s_ec, true},
        {"{\"alg\":\"ES256\"}", s_ec, true},
        {S_RS256, s_other_rsa, false},
        {S_ES256, s_other_ec, false},
        {"{\"alg\":\"RS256\",\"kid\":\"ec\"}", s_rsa, false},
        {"{\"alg\":\"RS256\",\"kid\":\"\"}", s_rsa, false},
        {"{\"alg\":\"ES256\",\"kid\":\"rsa\"}", s_ec, false},
        {"{\"alg\":\"ES256\"}", s_rsa, false},
        {"{\"alg\":\"RS256\"}", s_ec, false},
        {"{\"alg\":\"PS256\"}", s_rsa, false},
    };
    proto_buf_t text = PROTO_BUF_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        s_sign(&text, cases[i].header, cases[i].key);
        if ((s_judge(&text, NULL) == NULL) != cases[i].good)
            fail_msg("%s: %s", cases[i].header, s_judge(&text, NULL));
    }
    proto_buf_free(&text);
}

/* The public key is known to everybody: as an HMAC secret it must be worth nothing (RFC 8725 section 2.1). */
static void test_confusion_of_keys(void **state)
{
    proto_buf_t text = PROTO_BUF_INIT, jwk = PROTO_BUF_INIT;
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    (void)state;
    PROTO_ASSERT(PEM_write_bio_PUBKEY(bio, s_rsa) == 1);
    long size = BIO_get_mem_data(bio, &pem);
    uint8_t der[1024], *end = der;
    int der_size = i2d_PUBKEY(s_rsa, &end);
    sign_number(&jwk, s_rsa, "n", 0);
    const proto_bytes_t secrets[] = {{(uint8_t *)pem, (size_t)size},
                                     {(uint8_t *)pem, (size_t)size - 1},
                                     {der, (size_t)der_size},
                                     proto_buf_bytes(&jwk)};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        sign_input(&text, S_HS256, S_GOOD);
        sign_hs256(&text, secrets[i]);
        assert_non_null(s_judge(&text, NULL));
        sign_input(&text, "{\"alg\":\"HS256\",\"kid\":\"rsa\"}", S_GOOD);
        sign_hs256(&text, secrets[i]);
        assert_non_null(s_judge(&text, NULL));
    }
    BIO_free(bio);
    proto_buf_free(&jwk);
    proto_buf_free(&text);
}

static void test_pairs_of_es256(void **state)
{
    static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                      0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    proto_buf_t text = PROTO_BUF_INIT;
    uint8_t good[66] = {0}, bad[66], der[1024];
    (void)state;
    sign_input(&text, S_ES256, S_GOOD);
    size_t input = text.size;
    sign_pair(s_ec, proto_buf_bytes(&text), good);
    size_t der_size = sign_raw(s_ec, proto_buf_bytes(&text), der);
    for (int which = 0; which < 8; which++) {
        size_t size = 64;
        memcpy(bad, good, sizeof bad);
        switch (which) {
        case 0:
            memset(bad, 0, 32);
            break;
        case 1:
            memset(bad + 32, 0, 32);
            break;
        case 2:
            memset(bad, 0, 64);
            break;
        case 3:
            memcpy(bad, order, 32);
            break;
        case 4:
            memcpy(bad + 32, order, 32);
            break;
        case 5:
            memset(bad, 0xff, 64);
            break;
        case 6:
            size = 63;
            break;
        case 7:
            size = 65;
            break;
        }
        text.size = input;
        sign_append(&text, bad, size);
        assert_non_null(s_judge(&text, NULL));
    }
    text.size = input;
    sign_append(&text, der, der_size);
    assert_non_null(s_judge(&text, NULL));
    text.size = input;
    sign_append(&text, good, 64);
    assert_null(s_judge(&text, NULL));
    proto_buf_free(&text);
}

static void test_sizes_of_rs256(void **state)
{
    proto_buf_t text = PROTO_BUF_INIT;
    uint8_t good[1025] = {0};
    (void)state;
    sign_input(&text, S_RS256, S_GOOD);
    size_t input = text.size, size = sign_raw(s_rsa, proto_buf_bytes(&text), good + 1);
    for (int which = 0; which < 4; which++) { /* a byte more or less, in front or behind */
        text.size = input;
        sign_append(&text,
                    good + (which == 1   ? 0
                            : which == 3 ? 2
                                         : 1),
                    which == 0   ? size + 1
                    : which == 1 ? size + 1
                                 : size - 1);
        assert_non_null(s_judge(&text, NULL));
    }
    text.size = input;
    sign_append(&text, good + 1, size);
    assert_null(s_judge(&text, NULL));
    proto_buf_free(&text);
}

static void test_audience_and_issuer(void **state)
{
    static const gw_token_rules_t rules = {.audience = "muster", .issuer = "https://login.example"};
    static const char *const good[] = {"{" S_CLAIMS ",\"aud\":\"muster\",\"iss\":\"https://login.example\"}",
                                       "{" S_CLAIMS
                                       ",\"aud\":[\"x\",\"muster\"],\"iss\":\"https://login.example\"}"};
    static const char *const bad[] = {
        S_GOOD,
        "{" S_CLAIMS ",\"aud\":\"muster\"}",
        "{" S_CLAIMS ",\"iss\":\"https://login.example\"}",
        "{" S_CLAIMS ",\"aud\":\"muste\",\"iss\":\"https://login.example\"}",
        "{" S_CLAIMS ",\"aud\":\"Muster\",\"iss\":\"https://login.example\"}",
        "{" S_CLAIMS ",\"aud\":[\"x\"],\"iss\":\"https://login.example\"}",
        "{" S_CLAIMS ",\"aud\":[\"muster\",7],\"iss\":\"https://login.example\"}",
        "{" S_CLAIMS ",\"aud\":[[\"muster\"]],\"iss\":\"https://login.example\"}",
        "{" S_CLAIMS ",\"aud\":{\"muster\":1},\"iss\":\"https://login.example\"}",
        "{" S_CLAIMS ",\"aud\":\"muster\",\"iss\":\"https://login.example/\"}",
        "{" S_CLAIMS ",\"aud\":\"muster\",\"iss\":[\"https://login.example\"]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_null(s_signed(S_HS256, good[i], &rules));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!s_signed(S_HS256, bad[i], &rules))
            fail_msg("%s is taken", bad[i]);
}

static void test_sizes(void **state)
{
    proto_buf_t payload = PROTO_BUF_INIT;
    char name[300];
    (void)state;
    memset(name, 'x', sizeof name);
    for (int size = 255; size <= 256; size++) {
        proto_buf_reset(&payload);
        proto_buf_printf(&payload, "{\"exp\":1700000600,\"sub\":\"%.*s\"}", size, name);
        assert_true((s_signed(S_HS256, proto_buf_text(&payload), NULL) == NULL) == (size == 255));
        proto_buf_reset(&payload);
        proto_buf_printf(&payload, "{" S_CLAIMS ",\"role\":\"%.*s\"}", size, name);
        assert_true((s_signed(S_HS256, proto_buf_text(&payload), NULL) == NULL) == (size == 255));
    }
    for (int round = 20; round < 30; round += 5) { /* near 8 KiB of text, and beyond */
        proto_buf_reset(&payload);
        proto_buf_string(&payload, "{" S_CLAIMS);
        for (int i = 0; i < round; i++)
            proto_buf_printf(&payload, ",\"%d\":\"%.250s\"", i, name);
        proto_buf_byte(&payload, '}');
        assert_true((s_signed(S_HS256, proto_buf_text(&payload), NULL) == NULL) == (round == 20));
    }
    proto_buf_reset(&payload); /* short as text, long as MessagePack */
    proto_buf_string(&payload, "{" S_CLAIMS ",\"x\":[1.0");
    for (int i = 0; i < 1400; i++)
        proto_buf_string(&payload, ",1.0");
    proto_buf_string(&payload, "]}");
    assert_non_null(s_signed(S_HS256, proto_buf_text(&payload), NULL));
    proto_buf_free(&payload);
}

/* What one revokes stays revoked, though an ES256 signature has a twin. */
static void test_the_key_of_a_token(void **state)
{
    uint8_t a[GW_TOKEN_KEY], b[GW_TOKEN_KEY], c[GW_TOKEN_KEY], d[GW_TOKEN_KEY];
    (void)state;
    gw_token_key(proto_bytes_of("abc.def.one"), a);
    gw_token_key(proto_bytes_of("abc.def.two"), b);
    gw_token_key(proto_bytes_of("abc.deg.one"), c);
    gw_token_key(proto_bytes_of(""), d);
    assert_memory_equal(a, b, GW_TOKEN_KEY);
    assert_memory_not_equal(a, c, GW_TOKEN_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_one),
        cmocka_unit_test(test_claims_that_are_taken),
        cmocka_unit_test(test_claims_that_are_refused),
        cmocka_unit_test(test_headers_that_are_refused),
        cmocka_unit_test(test_forms_that_are_refused),
        cmocka_unit_test(test_signatures_by_others),
        cmocka_unit_test(test_public_keys),
        cmocka_unit_test(test_confusion_of_keys),
        cmocka_unit_test(test_pairs_of_es256),
        cmocka_unit_test(test_sizes_of_rs256),
        cmocka_unit_test(test_audience_and_issuer),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_the_key_of_a_token),
    };
    return cmocka_run_group_tests(tests, s_set_up, s_tear_down);
}
