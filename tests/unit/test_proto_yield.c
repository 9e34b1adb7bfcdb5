/* SPDX-License-Identifier: MPL-2.0 */
/* proto_yield: who yields, how often, and who does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto_clock.h"
#include "proto_yield.h"

typedef struct s_mail {
    int asked, until; /* how often it was asked; the last time it says that something has come */
} s_mail_t;

static bool s_come(const void *arg)
{
    s_mail_t *mail = (s_mail_t *)(uintptr_t)arg;
    return ++mail->asked == mail->until;
}

static int s_asked(proto_yield_t *yield, uint64_t under_way, int until)
{
    s_mail_t mail = {.until = until};
    proto_yield_until(yield, under_way, s_come, &mail);
    return mail.asked;
}

static void s_test_one_alone_waits_for_nobody(void **state)
{
    (void)state;
    proto_yield_t yield = {0};
    assert_int_equal(s_asked(&yield, 0, 0), 0);
    assert_int_equal(s_asked(&yield, 1, 0), 0);
}

/* A slow machine may make of it fewer (somebody else computes), but one in any case. */
static void s_test_several_yield_until_something_comes(void **state)
{
    (void)state;
    proto_yield_t yield = {0};
    assert_in_range(s_asked(&yield, 2, 0), 1, 4);
    yield = (proto_yield_t){0};
    assert_int_equal(s_asked(&yield, 2, 1), 1);
}

static void s_test_busy_a_little_longer(void **state)
{
    (void)state;
    proto_yield_t yield = {.busy_until = proto_clock_us() + 1000000};
    assert_int_equal(s_asked(&yield, 0, 1), 1);
    yield = (proto_yield_t){0};
    proto_yield(&yield, 2);
    assert_true(yield.busy_until > 0);
    while (proto_clock_us() < yield.busy_until)
        usleep(100);
    assert_int_equal(s_asked(&yield, 1, 0), 0);
}

static void s_test_left_alone_beside_one_that_computes(void **state)
{
    (void)state;
    proto_yield_t yield = {.again = proto_clock_us() + 1000000};
    assert_int_equal(s_asked(&yield, 64, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_test_one_alone_waits_for_nobody),
        cmocka_unit_test(s_test_several_yield_until_something_comes),
        cmocka_unit_test(s_test_busy_a_little_longer),
        cmocka_unit_test(s_test_left_alone_beside_one_that_computes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
