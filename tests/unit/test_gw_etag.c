/* SPDX-License-Identifier: MPL-2.0 */
/* Entity tags: one per body, and If-None-Match in every form of RFC 9110 section 13.1.2. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_etag.h"

#define S_TAG "\"0123456789abcdef\""

static bool s_matches(const char *field)
{
    return gw_etag_matches(proto_bytes_of(field), S_TAG);
}

static void test_the_tag_of_a_hash(void **state)
{
    (void)state;
    char tag[GW_ETAG_SIZE];
    gw_etag_write(0x0123456789abcdefu, tag);
    assert_memory_equal(tag, S_TAG, GW_ETAG_SIZE);
}

static void test_fields_that_match(void **state)
{
    (void)state;
    static const char *const fields[] = {
        S_TAG,
        "W/" S_TAG,
        "*",
        " * ",
        "\"a\", " S_TAG,
        "\"a\"," S_TAG,
        "W/\"a\"\t,\tW/" S_TAG " , \"b\"",
        ",," S_TAG,
        "\"\", " S_TAG,
        "\"a,b\", " S_TAG,
        S_TAG ", broken",
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        assert_true(s_matches(fields[i]));
}

static void test_fields_that_do_not(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "",
        ",",
        "\"0123456789abcdee\"",
        "0123456789abcdef",
        "\"0123456789abcdef",
        "w/" S_TAG,
        "W/",
        "W/x",
        "broken, " S_TAG,
        "*, " S_TAG,
        "**",
        "\"0123456789abcdef \"",
        "\"a\" x " S_TAG,
        "\"a",
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        assert_false(s_matches(fields[i]));
    assert_false(gw_etag_matches((proto_bytes_t){0}, S_TAG));
}

/* Every length, every bit of every byte, and bytes that change places: never the same hash. */
static void test_bodies_that_differ_little(void **state)
{
    (void)state;
    enum { S_MOST = 70 };
    static uint64_t seen[S_MOST * (S_MOST + 1) * 9];
    size_t count = 0;
    for (size_t size = 0; size < S_MOST; size++) {
        uint8_t body[S_MOST];
        memset(body, 'a', sizeof body);
        seen[count++] = gw_etag_hash((proto_bytes_t){body, size});
        for (size_t bit = 0; bit < size * 8; bit++) {
            body[bit / 8] ^= (uint8_t)(1 << bit % 8);
            seen[count++] = gw_etag_hash((proto_bytes_t){body, size});
            body[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (seen[i] == seen[j])
                fail_msg("hashes %zu and %zu are the same", i, j);
    assert_int_equal(gw_etag_hash((proto_bytes_t){0}), gw_etag_hash((proto_bytes_t){(const uint8_t *)"", 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_tag_of_a_hash),
        cmocka_unit_test(test_fields_that_match),
        cmocka_unit_test(test_fields_that_do_not),
        cmocka_unit_test(test_bodies_that_differ_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
