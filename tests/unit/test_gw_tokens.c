/* SPDX-License-Identifier: MPL-2.0 */
/* Tokens that are kept: found again, forgotten in time, bounded, and gone with their keys. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_token_sign.h"
#include "gw_tokens.h"
#include "proto_siphash.h"

#define S_NOW INT64_C(1700000000000)

static gw_keys_t *s_new_keys(const char *secret)
{
    proto_buf_t why = PROTO_BUF_INIT;
    gw_keys_t *keys = gw_keys_new();
    assert_int_equal(gw_keys_add_secret(keys, proto_bytes_of(secret), &why), 0);
    return keys;
}

static void s_start(gw_tokens_t *self)
{
    static const gw_token_rules_t rules = {0};
    static const uint64_t seed[2] = {1, 2};
    gw_tokens_init(self, s_new_keys(SIGN_SECRET), &rules, seed);
}

/* A token of somebody that ends so many seconds after S_NOW, as large as `filler` says. */
static void s_token(proto_buf_t *out, unsigned who, int seconds, size_t filler)
{
    proto_buf_t payload = PROTO_BUF_INIT;
    proto_buf_printf(&payload, "{\"sub\":\"%u\",\"exp\":%lld,\"x\":\"", who,
                     (long long)(S_NOW / 1000 + seconds));
    for (size_t i = 0; i < filler; i++)
        proto_buf_byte(&payload, 'x');
    proto_buf_string(&payload, "\"}");
    sign_input(out, "{\"alg\":\"HS256\"}", proto_buf_text(&payload));
    sign_hs256(out, proto_bytes_of(SIGN_SECRET));
    proto_buf_free(&payload);
}

static bool s_take(gw_tokens_t *self, const proto_buf_t *text, int64_t now)
{
    gw_token_t *token;
    const char *refusal = gw_tokens_take(self, proto_buf_bytes(text), now, &token);
    assert_true((token != NULL) == (refusal == NULL));
    gw_token_drop(&token);
    return refusal == NULL;
}

static void test_known_ones(void **state)
{
    gw_tokens_t tokens;
    proto_buf_t text = PROTO_BUF_INIT;
    (void)state;
    s_start(&tokens);
    s_token(&text, 1, 60, 0);
    assert_true(s_take(&tokens, &text, S_NOW) && tokens.stats.verified == 1 && tokens.stats.cached == 0);
    assert_true(s_take(&tokens, &text, S_NOW + 59999) && tokens.stats.cached == 1);
    assert_false(s_take(&tokens, &text, S_NOW + 60000));
    assert_true(tokens.stats.refused == 1 && tokens.bytes == 0);
    text.data[text.size - 1] ^= 1;
    assert_false(s_take(&tokens, &text, S_NOW));
    assert_true(tokens.stats.verified == 1 && tokens.bytes == 0);
    gw_tokens_free(&tokens);
    gw_tokens_free(&tokens);
    proto_buf_free(&text);
}

/* A request under way keeps its token whatever becomes of the table. */
static void test_other_keys(void **state)
{
    gw_tokens_t tokens;
    gw_token_t *held;
    proto_buf_t text = PROTO_BUF_INIT;
    (void)state;
    s_start(&tokens);
    s_token(&text, 7, 60, 0);
    assert_null(gw_tokens_take(&tokens, proto_buf_bytes(&text), S_NOW, &held));
    gw_tokens_rekey(&tokens, s_new_keys("another secret of 32 bytes or more"));
    assert_false(s_take(&tokens, &text, S_NOW));
    assert_int_equal(tokens.bytes, 0);
    assert_true(proto_bytes_is(held->subject, "7"));
    gw_tokens_free(&tokens);
    assert_true(proto_bytes_is(held->subject, "7"));
    gw_token_drop(&held);
    proto_buf_free(&text);
}

static void test_without_keys(void **state)
{
    static const gw_token_rules_t rules = {0};
    static const uint64_t seed[2] = {1, 2};
    gw_tokens_t tokens;
    proto_buf_t text = PROTO_BUF_INIT;
    (void)state;
    gw_tokens_init(&tokens, NULL, &rules, seed);
    s_token(&text, 1, 60, 0);
    assert_false(s_take(&tokens, &text, S_NOW));
    gw_tokens_free(&tokens);
    proto_buf_free(&text);
}

/* More of them than there is room for, by number and by bytes. */
static void test_bounds(void **state)
{
    gw_tokens_t tokens;
    proto_buf_t text = PROTO_BUF_INIT;
    (void)state;
    s_start(&tokens);
    for (unsigned i = 0; i < GW_TOKENS + 4000; i++) {
        s_token(&text, i, 60, i % 3 == 0 ? 5000 : 10);
        assert_true(s_take(&tokens, &text, S_NOW));
        assert_true(tokens.bytes <= GW_TOKENS_BYTES);
        assert_true(s_take(&tokens, &text, S_NOW)); /* the newest is there */
        assert_int_equal(tokens.stats.cached, i + 1);
    }
    gw_tokens_free(&tokens);
    proto_buf_free(&text);
}

/* The paper's vectors are for SipHash-2-4; these are of its reference code with 1 and 3 rounds. */
static void test_siphash(void **state)
{
    const uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    uint8_t bytes[64];
    (void)state;
    for (uint8_t i = 0; i < 64; i++)
        bytes[i] = i;
    assert_true(proto_siphash(key, (proto_bytes_t){bytes, 0}) == UINT64_C(0xabac0158050fc4dc));
    assert_true(proto_siphash(key, (proto_bytes_t){bytes, 1}) == UINT64_C(0xc9f49bf37d57ca93));
    for (size_t size = 0; size < 64; size++) {
        uint64_t hash = proto_siphash(key, (proto_bytes_t){bytes, size});
        bytes[size / 2] ^= 1;
        assert_true(size == 0 || proto_siphash(key, (proto_bytes_t){bytes, size}) != hash);
        bytes[size / 2] ^= 1;
        assert_true(proto_siphash((uint64_t[]){key[0], key[1] ^ 1}, (proto_bytes_t){bytes, size}) != hash);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_ones),   cmocka_unit_test(test_other_keys),
        cmocka_unit_test(test_without_keys), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_siphash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
