/* SPDX-License-Identifier: MPL-2.0 */
/* Revoked tokens at a gateway: what is relied upon, gaps, snapshots in pages, silence, expiry, bounds. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "gw_revoked.h"
#include "proto_value.h"

enum { S_NOW = 5000000, S_WALL = 900000000, S_LATER = S_WALL + 3600000 };

/* As even as the bytes of a hash, and another one for each number. */
static const uint8_t *s_key(uint32_t number)
{
    static uint8_t key[GW_REVOKED_KEY];
    uint32_t words[2] = {number * 2654435761u, number};
    memcpy(key, words, sizeof words);
    return key;
}

static void s_write_list(proto_buf_t *out, uint32_t from, uint32_t to, int64_t expires)
{
    proto_write_text(out, "revoked");
    proto_write_array(out, 2 * (to - from));
    for (uint32_t i = from; i < to; i++) {
        proto_write_bin(out, (proto_bytes_t){s_key(i), GW_REVOKED_KEY});
        proto_write_int(out, expires);
    }
}

/* A feed says that keys from..to - 1 are revoked. */
static int s_tell(gw_revoked_set_t *set, int64_t now, int feed, int number, uint32_t from, uint32_t to)
{
    proto_buf_t body = PROTO_BUF_INIT;
    proto_write_map(&body, 3);
    proto_write_text(&body, "feed");
    proto_write_int(&body, feed);
    proto_write_text(&body, "number");
    proto_write_int(&body, number);
    s_write_list(&body, from, to, S_LATER);
    int rc = gw_revoked_message(set, now, S_WALL, proto_buf_bytes(&body));
    proto_buf_free(&body);
    return rc;
}

static int s_answer(gw_revoked_set_t *set, int64_t now, uint32_t from, uint32_t to, bool more)
{
    proto_buf_t body = PROTO_BUF_INIT;
    proto_write_map(&body, 2);
    proto_write_text(&body, "more");
    proto_write_bool(&body, more);
    s_write_list(&body, from, to, S_LATER);
    int rc = gw_revoked_snapshot(set, now, S_WALL, proto_buf_bytes(&body));
    proto_buf_free(&body);
    return rc;
}

/* It asks for a page behind key `after` - 1, or from the beginning (0). */
static void s_expect_ask(gw_revoked_set_t *set, int64_t now, uint32_t after)
{
    static const uint8_t none[GW_REVOKED_KEY];
    proto_buf_t arguments = PROTO_BUF_INIT;
    proto_bytes_t bytes;
    proto_value_t value;
    assert_true(gw_revoked_wants(set, now));
    gw_revoked_ask(set, now, &arguments);
    assert_false(gw_revoked_wants(set, now));
    assert_int_equal(proto_value_get(proto_buf_bytes(&arguments), "after", &bytes), 0);
    proto_reader_t reader = proto_reader(bytes);
    assert_int_equal(proto_value_read(&reader, &value), 0);
    assert_int_equal(value.kind, PROTO_BIN);
    assert_int_equal(value.bytes.size, GW_REVOKED_KEY);
    assert_memory_equal(value.bytes.data, after ? s_key(after - 1) : none, GW_REVOKED_KEY);
    proto_buf_free(&arguments);
}

static void s_expect(const gw_revoked_set_t *set, int64_t now, uint32_t key, gw_revoked_t expected)
{
    assert_int_equal(gw_revoked_check(set, s_key(key), now), expected);
}

/* Feed 7 is followed, and nothing is revoked. */
static gw_revoked_set_t *s_following(void)
{
    gw_revoked_set_t *set = gw_revoked_new();
    assert_int_equal(s_tell(set, S_NOW, 7, 1, 0, 0), 0);
    s_expect_ask(set, S_NOW, 0);
    assert_int_equal(s_answer(set, S_NOW, 0, 0, false), 0);
    s_expect(set, S_NOW, 1, GW_REVOKED_NO);
    assert_false(gw_revoked_wants(set, S_NOW));
    return set;
}

static void test_nothing_is_known_at_first(void **state)
{
    (void)state;
    gw_revoked_set_t *set = gw_revoked_new();
    s_expect(set, S_NOW, 1, GW_REVOKED_UNKNOWN);
    assert_false(gw_revoked_wants(set, S_NOW)); /* nobody is there to ask */
    assert_int_equal(s_tell(set, S_NOW, 7, 40, 1, 2), 0);
    s_expect(set, S_NOW, 1, GW_REVOKED_YES); /* that much is certain */
    s_expect(set, S_NOW, 2, GW_REVOKED_UNKNOWN);
    gw_revoked_free(&set);
    gw_revoked_free(&set);
}

static void test_messages_in_order(void **state)
{
    (void)state;
    gw_revoked_set_t *set = s_following();
    assert_int_equal(s_tell(set, S_NOW + 1, 7, 2, 1, 3), 0);
    s_expect(set, S_NOW + 1, 1, GW_REVOKED_YES);
    s_expect(set, S_NOW + 1, 3, GW_REVOKED_NO);
    assert_int_equal(s_tell(set, S_NOW + 2, 7, 2, 1, 3), 0); /* by another broker */
    s_expect(set, S_NOW + 2, 3, GW_REVOKED_NO);
    assert_int_equal(gw_revoked_stats(set)->gaps, 1);
    assert_int_equal(gw_revoked_stats(set)->keys, 2);
    gw_revoked_free(&set);
}

static void test_a_gap(void **state)
{
    (void)state;
    gw_revoked_set_t *set = s_following();
    assert_int_equal(s_tell(set, S_NOW, 7, 3, 5, 6), 0);
    s_expect(set, S_NOW, 1, GW_REVOKED_UNKNOWN);
    s_expect_ask(set, S_NOW, 0);
    assert_int_equal(s_tell(set, S_NOW, 7, 5, 0, 0), 0); /* another gap: that answer may come too early */
    assert_int_equal(s_answer(set, S_NOW, 1, 2, false), 0);
    s_expect(set, S_NOW, 1, GW_REVOKED_YES);
    s_expect(set, S_NOW, 2, GW_REVOKED_UNKNOWN);
    s_expect_ask(set, S_NOW, 0);
    assert_int_equal(s_answer(set, S_NOW, 1, 2, false), 0);
    s_expect(set, S_NOW, 2, GW_REVOKED_NO);
    gw_revoked_free(&set);
}

static void test_silence(void **state)
{
    (void)state;
    gw_revoked_set_t *set = s_following();
    s_expect(set, S_NOW + GW_REVOKED_STALE_MS - 1, 1, GW_REVOKED_NO);
    s_expect(set, S_NOW + GW_REVOKED_STALE_MS, 1, GW_REVOKED_UNKNOWN);
    assert_false(gw_revoked_wants(set, S_NOW + GW_REVOKED_STALE_MS));
    assert_int_equal(s_tell(set, S_NOW + 60000, 7, 2, 0, 0), 0); /* it was stopped, and nothing is missing */
    s_expect(set, S_NOW + 60000, 1, GW_REVOKED_NO);
    gw_revoked_free(&set);
}

static void test_a_second_feed(void **state)
{
    (void)state;
    gw_revoked_set_t *set = s_following();
    assert_int_equal(s_tell(set, S_NOW + 5000, 8, 100, 0, 0), 0);
    s_expect(set, S_NOW + 5000, 1, GW_REVOKED_NO); /* the first is still there */
    s_expect_ask(set, S_NOW + 5000, 0);
    s_expect(set, S_NOW + GW_REVOKED_STALE_MS, 1,
             GW_REVOKED_UNKNOWN); /* the new one counts for nothing yet */
    assert_int_equal(s_answer(set, S_NOW + 5001, 0, 0, false), 0);
    s_expect(set, S_NOW + GW_REVOKED_STALE_MS, 1, GW_REVOKED_NO);
    gw_revoked_free(&set);
}

static void test_pages(void **state)
{
    (void)state;
    gw_revoked_set_t *set = gw_revoked_new();
    assert_int_equal(s_tell(set, S_NOW, 7, 1, 0, 0), 0);
    s_expect_ask(set, S_NOW, 0);
    assert_int_equal(s_answer(set, S_NOW, 0, 100, true), 0);
    s_expect(set, S_NOW, 500, GW_REVOKED_UNKNOWN);
    s_expect_ask(set, S_NOW, 100);
    assert_int_equal(s_answer(set, S_NOW, 100, 200, true), 0);
    s_expect_ask(set, S_NOW, 200);
    gw_revoked_failed(set, S_NOW); /* it begins anew, but not at once */
    assert_false(gw_revoked_wants(set, S_NOW + 500));
    s_expect_ask(set, S_NOW + 1000, 0);
    assert_int_equal(s_answer(set, S_NOW + 1000, 0, 200, true), 0);
    s_expect_ask(set, S_NOW + 1000, 200);
    assert_int_equal(s_answer(set, S_NOW + 1000, 200, 300, false), 0);
    for (uint32_t i = 0; i < 300; i++)
        s_expect(set, S_NOW + 1000, i, GW_REVOKED_YES);
    s_expect(set, S_NOW + 1000, 500, GW_REVOKED_NO);
    gw_revoked_free(&set);
}

static void test_no_answer(void **state)
{
    (void)state;
    gw_revoked_set_t *set = gw_revoked_new();
    assert_int_equal(s_tell(set, S_NOW, 7, 1, 0, 0), 0);
    s_expect_ask(set, S_NOW, 0);
    assert_false(gw_revoked_wants(set, S_NOW + 4999));
    s_expect_ask(set, S_NOW + 5000, 0);
    assert_int_equal(s_answer(set, S_NOW + 5001, 0, 0, false), 0);
    assert_int_equal(s_answer(set, S_NOW + 5002, 3, 4, false), -1); /* it was not asked for */
    s_expect(set, S_NOW + 5002, 3, GW_REVOKED_NO);
    gw_revoked_free(&set);
}

static void test_expiry(void **state)
{
    (void)state;
    gw_revoked_set_t *set = s_following();
    assert_int_equal(s_tell(set, S_NOW, 7, 2, 0, 1000), 0);
    assert_int_equal(gw_revoked_stats(set)->keys, 1000);
    proto_buf_t body = PROTO_BUF_INIT;
    proto_write_map(&body, 3);
    proto_write_text(&body, "feed");
    proto_write_int(&body, 7);
    proto_write_text(&body, "number");
    proto_write_int(&body, 3);
    s_write_list(&body, 2000, 2001, S_LATER); /* expired by then: there is no need to keep it */
    assert_int_equal(gw_revoked_message(set, S_NOW + 3600000, S_LATER, proto_buf_bytes(&body)), 0);
    assert_int_equal(gw_revoked_stats(set)->keys, 0);
    s_expect(set, S_NOW + 3600000, 5, GW_REVOKED_NO);
    proto_buf_free(&body);
    gw_revoked_free(&set);
}

static void test_more_than_there_is_room_for(void **state)
{
    (void)state;
    gw_revoked_set_t *set = s_following();
    int number = 1;
    for (uint32_t at = 0; at < GW_REVOKED_MOST; at += 16384)
        assert_int_equal(s_tell(set, S_NOW, 7, ++number, at, at + 16384), 0);
    s_expect(set, S_NOW, GW_REVOKED_MOST - 1, GW_REVOKED_YES);
    s_expect(set, S_NOW, GW_REVOKED_MOST, GW_REVOKED_NO);
    assert_int_equal(s_tell(set, S_NOW, 7, ++number, GW_REVOKED_MOST, GW_REVOKED_MOST + 1), 0);
    s_expect(set, S_NOW, GW_REVOKED_MOST, GW_REVOKED_UNKNOWN);
    s_expect(set, S_NOW, 17, GW_REVOKED_YES);
    s_expect_ask(set, S_NOW, 0);
    assert_int_equal(s_answer(set, S_NOW, GW_REVOKED_MOST, GW_REVOKED_MOST + 1, false), 0);
    s_expect(set, S_NOW, GW_REVOKED_MOST, GW_REVOKED_UNKNOWN);
    assert_false(gw_revoked_wants(set, S_NOW + 1000)); /* it will hardly help so soon */
    gw_revoked_free(&set);
}

static void test_what_is_no_message(void **state)
{
    (void)state;
    static const char *const bodies[] = {"",
                                         "\xc0",
                                         "\x80",
                                         "\x83\xa4"
                                         "feed\x01\xa6number\x01\xa7revoked\xc0",
                                         "\x83\xa4"
                                         "feed\x01\xa6number\x01\xa7revoked\x91\xc4\x01x",
                                         "\x83\xa4"
                                         "feed\x01\xa6number\x01\xa7revoked\x92\xc4\x01x\x01",
                                         "\x83\xa4"
                                         "feed\xff\xa6number\x01\xa7revoked\x90",
                                         "\x82\xa4"
                                         "feed\x01\xa7revoked\x90"};
    gw_revoked_set_t *set = s_following();
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_int_equal(gw_revoked_message(set, S_NOW, S_WALL, proto_bytes_of(bodies[i])), -1);
    assert_int_equal(gw_revoked_stats(set)->malformed, sizeof bodies / sizeof *bodies);
    s_expect(set, S_NOW, 1, GW_REVOKED_NO);
    gw_revoked_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_known_at_first),
        cmocka_unit_test(test_messages_in_order),
        cmocka_unit_test(test_a_gap),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_a_second_feed),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_more_than_there_is_room_for),
        cmocka_unit_test(test_what_is_no_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
