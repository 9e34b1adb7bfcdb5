/* SPDX-License-Identifier: MPL-2.0 */
/* Threads with a pipe: they begin or say why not, hear commands, and are over when they are said to be. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>

#include "thread.h"

static pthread_key_t key;

/* What a library does that keeps something for each thread, as it ends. Long enough that somebody who does
 * not wait is ahead. */
static void s_late(void *value)
{
    zclock_sleep(50);
    atomic_store((atomic_int *)value, 1);
}

static void s_work(zsock_t *pipe, void *config)
{
    pthread_setspecific(key, config);
    zsock_signal(pipe, 0);
    for (bool on = true; on;) {
        char *command = zstr_recv(pipe);
        assert_non_null(command);
        on = !streq(command, "$TERM");
        zstr_send(pipe, command);
        freen(command);
    }
}

static void s_give_up(zsock_t *pipe, void *config)
{
    pthread_setspecific(key, config);
    zsock_signal(pipe, 1);
}

static void test_over(void **state)
{
    atomic_int over = 0;
    (void)state;
    srv_thread_t *thread = srv_thread_start(s_work, &over);
    assert_non_null(thread);
    zstr_send(srv_thread_pipe(thread), "hello");
    char *said = zstr_recv(srv_thread_pipe(thread));
    assert_string_equal(said, "hello");
    freen(said);
    assert_int_equal(over, 0);
    srv_thread_end(&thread);
    assert_null(thread);
    assert_int_equal(over, 1);
    srv_thread_end(&thread);
}

static void test_told_before(void **state)
{
    atomic_int over[3] = {0};
    srv_thread_t *threads[3];
    (void)state;
    for (int i = 0; i < 3; i++)
        threads[i] = srv_thread_start(s_work, &over[i]);
    for (int i = 0; i < 3; i++)
        srv_thread_stop(threads[i]);
    for (int i = 0; i < 3; i++) {
        srv_thread_end(&threads[i]);
        assert_int_equal(over[i], 1);
    }
}

static void test_could_not_begin(void **state)
{
    atomic_int over = 0;
    (void)state;
    assert_null(srv_thread_start(s_give_up, &over));
    assert_int_equal(over, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_over),
        cmocka_unit_test(test_told_before),
        cmocka_unit_test(test_could_not_begin),
    };
    pthread_key_create(&key, s_late);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
