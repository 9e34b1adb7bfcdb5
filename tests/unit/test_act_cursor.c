/* SPDX-License-Identifier: MPL-2.0 */
/* Tokens of @cursor: any texts come back as they went, and what is not exactly a token of this operation and
 * these filters is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "act_cursor.h"

enum { S_HASH = 0x1234, S_FILTER = 0x5678 };

static uint64_t s_seed = 42;

static uint32_t s_random(uint32_t below)
{
    s_seed = s_seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(s_seed >> 33) % below;
}

static act_script_t s_script(uint32_t columns)
{
    return (act_script_t){.cursor_count = columns};
}

static const char *const s_characters[] = {
    "a", "Z", "0", " ", "'", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x98", "\x7f", "\n"};

/* A text of `size` characters; the caller frees it. */
static proto_bytes_t s_text(uint32_t size)
{
    proto_buf_t text = PROTO_BUF_INIT;
    for (uint32_t i = 0; i < size; i++)
        proto_buf_string(&text, s_characters[s_random(sizeof s_characters / sizeof *s_characters)]);
    proto_bytes_t copy = {calloc(text.size + 1, 1), text.size};
    assert_non_null(copy.data);
    if (text.size)
        memcpy((uint8_t *)copy.data, text.data, text.size);
    proto_buf_free(&text);
    return copy;
}

/* Reads from memory of exactly the token's size, so that ASan sees any read behind it. */
static int s_read(const act_script_t *script, uint64_t hash, uint64_t filter, proto_bytes_t token,
                  proto_buf_t *scratch, proto_bytes_t texts[ACT_CURSOR_COLUMNS])
{
    uint8_t *copy = malloc(token.size ? token.size : 1);
    assert_non_null(copy);
    if (token.size)
        memcpy(copy, token.data, token.size);
    int rc = act_cursor_read(script, hash, filter, (proto_bytes_t){copy, token.size}, scratch, texts);
    free(copy); /* the texts borrow from `scratch` alone */
    return rc;
}

static bool s_same(const proto_bytes_t *a, const proto_bytes_t *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!proto_bytes_equal(a[i], b[i]))
            return false;
    return true;
}

static void test_round_trip(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, 2, 3, 31, 32, 255, 256, 65535, 65536};
    proto_buf_t token = PROTO_BUF_INIT, scratch = PROTO_BUF_INIT;
    for (int round = 0; round < 2000; round++) {
        act_script_t script = s_script(1 + s_random(ACT_CURSOR_COLUMNS));
        proto_bytes_t texts[ACT_CURSOR_COLUMNS], back[ACT_CURSOR_COLUMNS];
        uint64_t hash = (uint64_t)s_random(UINT32_MAX) << s_random(33), filter = UINT64_MAX - s_random(1000);
        for (uint32_t i = 0; i < script.cursor_count; i++)
            texts[i] = s_text(round < 10 ? sizes[round] : s_random(40));
        proto_buf_reset(&token);
        proto_buf_string(&token, "kept"); /* it appends */
        act_cursor_write(&script, hash, filter, texts, &token);
        assert_false(token.failed);
        assert_memory_equal(token.data, "kept", 4);
        proto_bytes_t written = {token.data + 4, token.size - 4};
        for (size_t i = 0; i < written.size; i++)
            assert_true(
                strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", written.data[i]) &&
                written.data[i]);
        assert_int_equal(s_read(&script, hash, filter, written, &scratch, back), 0);
        assert_true(s_same(texts, back, script.cursor_count));
        for (uint32_t i = 0; i < script.cursor_count; i++)
            free((void *)texts[i].data);
    }
    proto_buf_free(&token);
    proto_buf_free(&scratch);
}

/* A token of two columns; the caller frees it. */
static proto_buf_t s_token(const char *first, const char *second)
{
    act_script_t script = s_script(2);
    const proto_bytes_t texts[] = {proto_bytes_of(first), proto_bytes_of(second)};
    proto_buf_t token = PROTO_BUF_INIT;
    act_cursor_write(&script, S_HASH, S_FILTER, texts, &token);
    return token;
}

static void test_changed_tokens(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"2026-01-01 00:00:00+00", "17"}, {"", ""},   {"a", ""}, {"", "b"},
                                          {"\xc3\xa9\xc3\xa9", "1"},        {"ab", "1"}};
    act_script_t script = s_script(2);
    proto_buf_t scratch = PROTO_BUF_INIT;
    proto_bytes_t texts[ACT_CURSOR_COLUMNS];
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        proto_buf_t token = s_token(rows[r][0], rows[r][1]);
        for (size_t size = 0; size < token.size; size++)
            assert_int_equal(
                s_read(&script, S_HASH, S_FILTER, (proto_bytes_t){token.data, size}, &scratch, texts), -1);
        for (size_t i = 0; i < token.size; i++) {
            uint8_t was = token.data[i];
            for (int c = 0; c < 256; c++) {
                token.data[i] = (uint8_t)c;
                int rc = s_read(&script, S_HASH, S_FILTER, proto_buf_bytes(&token), &scratch, texts);
                if ((rc == 0) != (c == was))
                    fail_msg("row %zu: character %zu as %d instead of %d: %d", r, i, c, was, rc);
            }
            token.data[i] = was;
        }
        for (int c = 0; c < 256; c++) { /* and one more behind it */
            proto_buf_byte(&token, (uint8_t)c);
            assert_int_equal(s_read(&script, S_HASH, S_FILTER, proto_buf_bytes(&token), &scratch, texts), -1);
            token.size--;
        }
        assert_int_equal(s_read(&script, S_HASH, S_FILTER, proto_buf_bytes(&token), &scratch, texts), 0);
        proto_buf_free(&token);
    }
    proto_buf_free(&scratch);
}

static void test_foreign_tokens(void **state)
{
    (void)state;
    act_script_t two = s_script(2), one = s_script(1), three = s_script(3);
    proto_buf_t token = s_token("x", "y"), scratch = PROTO_BUF_INIT;
    proto_bytes_t texts[ACT_CURSOR_COLUMNS], bytes = proto_buf_bytes(&token);
    assert_int_equal(s_read(&two, S_HASH, S_FILTER, bytes, &scratch, texts), 0);
    assert_int_equal(s_read(&two, S_HASH + 1, S_FILTER, bytes, &scratch, texts), -1);
    assert_int_equal(s_read(&two, S_HASH, S_FILTER + 1, bytes, &scratch, texts), -1);
    assert_int_equal(s_read(&two, S_FILTER, S_HASH, bytes, &scratch, texts), -1);
    assert_int_equal(s_read(&one, S_HASH, S_FILTER, bytes, &scratch, texts), -1);
    assert_int_equal(s_read(&three, S_HASH, S_FILTER, bytes, &scratch, texts), -1);
    static const char *const none[] = {"",    "=",    "+",  "/",    "A",  "AA",
                                       "AAA", "AAAA", "wA", "wA==", "kA", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(s_read(&two, S_HASH, S_FILTER, proto_bytes_of(none[i]), &scratch, texts), -1);
    proto_buf_free(&token);
    proto_buf_free(&scratch);
}

/* The other alphabet and padding mean the same bytes, but are no token. */
static void test_one_spelling(void **state)
{
    (void)state;
    act_script_t script = s_script(2);
    proto_buf_t scratch = PROTO_BUF_INIT;
    proto_bytes_t texts[ACT_CURSOR_COLUMNS];
    bool dash = false, line = false, padded = false;
    for (int i = 0; i < 300; i++) {
        proto_bytes_t a = s_text(s_random(9)), b = s_text(s_random(9));
        proto_buf_t token = s_token((const char *)a.data, (const char *)b.data);
        while (token.size % 4) {
            padded = true;
            proto_buf_byte(&token, '=');
            assert_int_equal(s_read(&script, S_HASH, S_FILTER, proto_buf_bytes(&token), &scratch, texts), -1);
        }
        while (token.size && token.data[token.size - 1] == '=')
            token.size--;
        for (size_t at = 0; at < token.size; at++) {
            uint8_t was = token.data[at];
            dash = dash || was == '-';
            line = line || was == '_';
            if (was != '-' && was != '_')
                continue;
            token.data[at] = was == '-' ? '+' : '/';
            assert_int_equal(s_read(&script, S_HASH, S_FILTER, proto_buf_bytes(&token), &scratch, texts), -1);
            token.data[at] = was;
        }
        free((void *)a.data);
        free((void *)b.data);
        proto_buf_free(&token);
    }
    assert_true(dash && line && padded);
    proto_buf_free(&scratch);
}

/* A NUL would end the text that PostgreSQL is given. */
static void test_nul(void **state)
{
    (void)state;
    act_script_t script = s_script(1);
    proto_buf_t token = PROTO_BUF_INIT, scratch = PROTO_BUF_INIT;
    proto_bytes_t texts[ACT_CURSOR_COLUMNS];
    static const proto_bytes_t bad[] = {
        {(const uint8_t *)"a\0b", 3}, {(const uint8_t *)"\0", 1}, {(const uint8_t *)"a\0", 2}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        proto_buf_reset(&token);
        act_cursor_write(&script, S_HASH, S_FILTER, &bad[i], &token);
        assert_int_equal(s_read(&script, S_HASH, S_FILTER, proto_buf_bytes(&token), &scratch, texts), -1);
    }
    proto_buf_free(&token);
    proto_buf_free(&scratch);
}

/* Which arguments a token belongs to: all but itself and the limit. */
static void test_filter(void **state)
{
    (void)state;
    proto_operation_t operation = {.param_count = 4};
    act_script_t script = {.operation = &operation, .cursor_count = 1, .cursor_param = 1, .limit_param = 2};
    const proto_bytes_t a = proto_bytes_of("a"), b = proto_bytes_of("b"), ab = proto_bytes_of("ab"), no = {0};
    const proto_bytes_t base[] = {a, no, no, b}, page[] = {a, ab, b, b}, other[] = {b, no, no, b},
                        joined[] = {ab, no, no, no}, swapped[] = {no, no, no, ab};
    uint64_t filter = act_cursor_filter(&script, base);
    assert_true(filter == act_cursor_filter(&script, page));
    assert_true(filter != act_cursor_filter(&script, other));
    assert_true(filter != act_cursor_filter(&script, joined));
    assert_true(filter != act_cursor_filter(&script, swapped));
    assert_true(act_cursor_filter(&script, joined) != act_cursor_filter(&script, swapped));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_changed_tokens),
        cmocka_unit_test(test_foreign_tokens),
        cmocka_unit_test(test_one_spelling),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
