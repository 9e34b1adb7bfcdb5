/* SPDX-License-Identifier: MPL-2.0 */
/* proto_lookup: which endpoints it is for, and what comes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto_clock.h"
#include "proto_lookup.h"

enum { S_PATIENCE_MS = 60000 };

static void s_test_needed(void **state)
{
    (void)state;
    static const char *const names[] = {"tcp://localhost:1", "tcp://broker-a:5555",
                                        "tcp://a.example.org:65535"};
    static const char *const others[] = {"",
                                         "tcp://",
                                         "tcp://127.0.0.1:5555",
                                         "tcp://[::1]:5555",
                                         "tcp://::1:5555",
                                         "tcp://host",
                                         "tcp://host:",
                                         "tcp://:5555",
                                         "tcp://host:x",
                                         "tcp://host:5x",
                                         "tcp://host:123456",
                                         "tcp://eth0;host:5555",
                                         "tcp://*:5555",
                                         "tcp://host:*",
                                         "ipc:///run/muster/broker.sock",
                                         "inproc://a:1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(proto_lookup_needed(names[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(proto_lookup_needed(others[i]));
    char endless[2 * PROTO_LOOKUP_ENDPOINT] = "tcp://";
    memset(endless + 6, 'a', sizeof endless - 7);
    memcpy(endless + sizeof endless - 6, ":5555", 6);
    assert_false(proto_lookup_needed(endless));
}

static int s_wait(const char *name, char endpoint[PROTO_LOOKUP_ENDPOINT])
{
    proto_lookup_t *lookup = proto_lookup_start(name);
    assert_non_null(lookup);
    int rc;
    int64_t until = proto_clock_ms() + S_PATIENCE_MS;
    while ((rc = proto_lookup_result(lookup, endpoint)) == 0 && proto_clock_ms() < until)
        usleep(1000);
    proto_lookup_free(&lookup);
    assert_null(lookup);
    return rc;
}

static void s_test_results(void **state)
{
    (void)state;
    char endpoint[PROTO_LOOKUP_ENDPOINT];
    assert_int_equal(s_wait("tcp://localhost:5555", endpoint), 1);
    assert_string_equal(endpoint, "tcp://127.0.0.1:5555");
    assert_int_equal(s_wait("tcp://no-such-host.invalid:1", endpoint), -1);
}

/* Freed at whatever moment, it is freed once: ASan and TSan look on. */
static void s_test_freed_under_way(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        proto_lookup_t *lookup = proto_lookup_start("tcp://localhost:1");
        assert_non_null(lookup);
        usleep(i * 20);
        proto_lookup_free(&lookup);
    }
    proto_lookup_t *none = NULL;
    proto_lookup_free(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(s_test_needed), cmocka_unit_test(s_test_results),
                                       cmocka_unit_test(s_test_freed_under_way)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
