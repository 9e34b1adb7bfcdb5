/* SPDX-License-Identifier: MPL-2.0 */
/* The written forms of dates, times and UUIDs: calendars and edges, and every single wrong byte of a UUID. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto_param_form.h"

static void test_forms(void **state)
{
    (void)state;
    static const char dates[] = "2026-01-31 2024-02-29 2000-02-29 0001-01-01 9999-12-31 infinity -infinity";
    static const char times[] = "00:00 23:59 23:59:59 23:59:59.9 23:59:59.999999 24:00 24:00:00";
    static const char *const stamps[] = {"2026-01-31",       "2026-01-31T12:00", "2026-01-31 12:00:00.5",
                                         "0001-01-01T00:00", "9999-12-31T24:00", "infinity",
                                         "-infinity"};
    static const char *const no_dates[] = {"",
                                           "2026-1-31",
                                           "2026-01-32",
                                           "2026-00-10",
                                           "2026-13-10",
                                           "2026-01-00",
                                           "2023-02-29",
                                           "1900-02-29",
                                           "2026-04-31",
                                           "0000-01-01",
                                           "10000-01-01",
                                           "2026-01-31 ",
                                           " 2026-01-31",
                                           "2026/01/31",
                                           "20260131",
                                           "2026-01-3",
                                           "2026-01-311",
                                           "26-01-31",
                                           "-2026-01-31",
                                           "Infinity",
                                           "today",
                                           "2026-01-31T00:00:00",
                                           "2026-01-\xb2\xb9"};
    static const char *const no_times[] = {
        "",           "1:00",   "01",       "01:",    "01:0",    "24:01",     "24:00:01",
        "25:00",      "23:60",  "23:59:60", "23:59:", "23:59:5", "23:59:59.", "23:59:59.1234567",
        "23:59:59,5", "23:59Z", "23:59 ",   "2359",   "noon",    "-1:00"};
    static const char *const no_stamps[] = {"",
                                            "12:00",
                                            "2026-01-31T",
                                            "2026-01-31t12:00",
                                            "2026-01-31  12:00",
                                            "2026-01-31T12",
                                            "2026-01-31T12:00Z",
                                            "2026-01-31T12:00+00",
                                            "2026-02-30T12:00",
                                            "2026-01-31T24:01",
                                            "2026-01-31T12:00 BC",
                                            "Infinity"};
    char copy[128], *rest = copy;
    memcpy(copy, dates, sizeof dates);
    for (char *date; (date = strsep(&rest, " "));)
        assert_true(proto_form_date(proto_bytes_of(date)));
    memcpy(copy, times, sizeof times);
    rest = copy;
    for (char *time; (time = strsep(&rest, " "));)
        assert_true(proto_form_time(proto_bytes_of(time)));
    for (size_t i = 0; i < sizeof stamps / sizeof *stamps; i++)
        assert_true(proto_form_timestamp(proto_bytes_of(stamps[i])));
    for (size_t i = 0; i < sizeof no_dates / sizeof *no_dates; i++)
        if (proto_form_date(proto_bytes_of(no_dates[i])))
            fail_msg("%s", no_dates[i]);
    for (size_t i = 0; i < sizeof no_times / sizeof *no_times; i++)
        if (proto_form_time(proto_bytes_of(no_times[i])))
            fail_msg("%s", no_times[i]);
    for (size_t i = 0; i < sizeof no_stamps / sizeof *no_stamps; i++)
        if (proto_form_timestamp(proto_bytes_of(no_stamps[i])))
            fail_msg("%s", no_stamps[i]);
}

/* A UUID with any single byte replaced by any other: good exactly where the grammar of RFC 9562 says so. */
static void test_uuids(void **state)
{
    (void)state;
    static const char good[] = "0189aBcD-ef01-7234-8567-89AbCdEf0123";
    for (size_t size = 0; size <= 36; size++)
        assert_int_equal(proto_form_uuid((proto_bytes_t){(const uint8_t *)good, size}), size == 36);
    for (size_t at = 0; at < 36; at++)
        for (unsigned byte = 0; byte < 256; byte++) {
            uint8_t text[36];
            memcpy(text, good, 36);
            text[at] = (uint8_t)byte;
            bool dash = at == 8 || at == 13 || at == 18 || at == 23;
            bool want = dash ? byte == '-' : byte && strchr("0123456789abcdefABCDEF", (int)byte);
            if (proto_form_uuid((proto_bytes_t){text, 36}) != want)
                fail_msg("byte %u at %zu", byte, at);
        }
    assert_false(proto_form_uuid(proto_bytes_of("{0189abcd-ef01-7234-8567-89abcdef0123}")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_uuids)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
