/* SPDX-License-Identifier: MPL-2.0 */
/* The byte buffer: limits, sticky failure, growth against a plain array, the helpers around bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto_buf.h"

static uint64_t s_state;

static uint64_t s_random(void)
{
    s_state ^= s_state << 13;
    s_state ^= s_state >> 7;
    return s_state ^= s_state << 17;
}

/* What the header promises at any time. */
static void s_invariants(const proto_buf_t *buf)
{
    assert_true(buf->size <= buf->capacity);
    assert_true(buf->limit == 0 || buf->capacity <= buf->limit);
    assert_true(buf->data != NULL || buf->capacity == 0);
}

static void test_starts_empty_and_allocates_nothing(void **state)
{
    (void)state;
    proto_buf_t buf;
    memset(&buf, 0xee, sizeof buf);
    proto_buf_init(&buf, 77);
    assert_null(buf.data);
    assert_int_equal(buf.size, 0);
    assert_int_equal(buf.capacity, 0);
    assert_int_equal(buf.limit, 77);
    assert_false(buf.failed);
    proto_buf_t other = PROTO_BUF_INIT;
    assert_null(other.data);
    assert_int_equal(other.limit, 0);
    proto_buf_append(&other, NULL, 0);
    assert_null(other.data);
    assert_false(other.failed);
}

static void test_appends(void **state)
{
    (void)state;
    proto_buf_t buf = PROTO_BUF_INIT;
    proto_buf_string(&buf, "ab");
    proto_buf_byte(&buf, 'c');
    proto_buf_append(&buf, "d\0e", 3);
    proto_buf_printf(&buf, "%03d|%s", 7, "x");
    assert_int_equal(buf.size, 11);
    assert_memory_equal(buf.data, "abcd\0e007|x", 11);
    uint8_t *at = proto_buf_extend(&buf, 2);
    assert_ptr_equal(at, buf.data + 11);
    memcpy(at, "yz", 2);
    assert_int_equal(buf.size, 13);
    assert_memory_equal(buf.data, "abcd\0e007|xyz", 13);
    s_invariants(&buf);
    proto_buf_free(&buf);
}

static void test_free_keeps_the_limit_and_is_harmless_twice(void **state)
{
    (void)state;
    proto_buf_t buf;
    proto_buf_init(&buf, 5);
    proto_buf_append(&buf, "123456", 6);
    assert_true(buf.failed);
    for (int i = 0; i < 2; i++) {
        proto_buf_free(&buf);
        assert_null(buf.data);
        assert_int_equal(buf.size, 0);
        assert_int_equal(buf.capacity, 0);
        assert_int_equal(buf.limit, 5);
        assert_false(buf.failed);
    }
    proto_buf_string(&buf, "12345");
    assert_false(buf.failed);
    assert_true(proto_bytes_is(proto_buf_bytes(&buf), "12345"));
    proto_buf_free(&buf);
}

static void test_reset_keeps_memory_and_forgets_failure(void **state)
{
    (void)state;
    proto_buf_t buf;
    proto_buf_init(&buf, 300);
    proto_buf_string(&buf, "something");
    uint8_t *data = buf.data;
    size_t capacity = buf.capacity;
    assert_null(proto_buf_extend(&buf, 1000));
    assert_true(buf.failed);
    proto_buf_reset(&buf);
    assert_false(buf.failed);
    assert_int_equal(buf.size, 0);
    proto_buf_string(&buf, "other");
    assert_ptr_equal(buf.data, data);
    assert_int_equal(buf.capacity, capacity);
    assert_true(proto_bytes_is(proto_buf_bytes(&buf), "other"));
    proto_buf_free(&buf);
}

/* Every limit from 1 on takes exactly that many bytes, by byte and by block. */
static void test_limit_is_exact(void **state)
{
    (void)state;
    for (size_t limit = 1; limit < 600; limit++) {
        proto_buf_t buf;
        proto_buf_init(&buf, limit);
        for (size_t i = 0; i < limit; i++)
            proto_buf_byte(&buf, (uint8_t)i);
        assert_false(buf.failed);
        assert_int_equal(buf.size, limit);
        s_invariants(&buf);
        proto_buf_byte(&buf, 0);
        assert_true(buf.failed);
        assert_int_equal(buf.size, limit);
        proto_buf_free(&buf);
        uint8_t *at = proto_buf_extend(&buf, limit);
        assert_non_null(at);
        memset(at, 1, limit);
        assert_int_equal(proto_buf_reserve(&buf, 0), 0);
        assert_int_equal(proto_buf_reserve(&buf, 1), -1);
        assert_true(buf.failed);
        proto_buf_free(&buf);
    }
}

/* Once failed, nothing is written any more, not even what would fit. */
static void test_failure_sticks(void **state)
{
    (void)state;
    proto_buf_t buf;
    proto_buf_init(&buf, 10);
    proto_buf_string(&buf, "123");
    proto_buf_string(&buf, "12345678");
    assert_true(buf.failed);
    proto_buf_byte(&buf, 'x');
    proto_buf_string(&buf, "x");
    proto_buf_printf(&buf, "x");
    assert_null(proto_buf_extend(&buf, 1));
    assert_int_equal(proto_buf_reserve(&buf, 1), -1);
    assert_true(buf.failed);
    assert_int_equal(buf.size, 3);
    assert_memory_equal(buf.data, "123", 3);
    assert_string_equal(proto_buf_text(&buf), "");
    proto_buf_free(&buf);
}

static void test_impossible_sizes_fail_without_overflow(void **state)
{
    (void)state;
    const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, SIZE_MAX / 4 + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        proto_buf_t buf = PROTO_BUF_INIT;
        proto_buf_string(&buf, "abc");
        assert_null(proto_buf_extend(&buf, sizes[i]));
        assert_true(buf.failed);
        assert_int_equal(buf.size, 3);
        s_invariants(&buf);
        proto_buf_free(&buf);
    }
}

static void test_reserve_changes_no_content(void **state)
{
    (void)state;
    proto_buf_t buf = PROTO_BUF_INIT;
    proto_buf_string(&buf, "abc");
    assert_int_equal(proto_buf_reserve(&buf, 100000), 0);
    assert_int_equal(buf.size, 3);
    assert_true(buf.capacity >= 100003);
    assert_memory_equal(buf.data, "abc", 3);
    uint8_t *data = buf.data;
    for (int i = 0; i < 100000; i++)
        proto_buf_byte(&buf, 'x');
    assert_ptr_equal(buf.data, data);
    proto_buf_free(&buf);
}

static void test_printf_of_every_length(void **state)
{
    (void)state;
    char text[700];
    for (int length = 0; length < 700; length++) {
        proto_buf_t buf = PROTO_BUF_INIT;
        proto_buf_string(&buf, "<");
        proto_buf_printf(&buf, "%*s", length, "");
        proto_buf_string(&buf, ">");
        snprintf(text, sizeof text, "<%*s>", length < 690 ? length : 690, "");
        assert_int_equal(buf.size, length + 2);
        assert_int_equal(buf.data[0], '<');
        assert_int_equal(buf.data[length + 1], '>');
        if (length < 690)
            assert_string_equal(proto_buf_text(&buf), text);
        proto_buf_free(&buf);
    }
}

/* The text goes in "without its NUL", so one of exactly `limit` bytes fits. */
static void test_printf_fills_the_limit_exactly(void **state)
{
    (void)state;
    proto_buf_t buf;
    proto_buf_init(&buf, 5);
    proto_buf_printf(&buf, "%s", "123456");
    assert_true(buf.failed);
    assert_int_equal(buf.size, 0);
    proto_buf_reset(&buf);
    proto_buf_printf(&buf, "%s", "1234");
    assert_false(buf.failed);
    proto_buf_reset(&buf);
    proto_buf_printf(&buf, "%s", "12345");
    bool failed = buf.failed;
    size_t size = buf.size;
    proto_buf_free(&buf);
    assert_false(failed);
    assert_int_equal(size, 5);
}

static void test_text(void **state)
{
    (void)state;
    proto_buf_t buf = PROTO_BUF_INIT;
    assert_string_equal(proto_buf_text(&buf), "");
    assert_int_equal(buf.size, 0);
    proto_buf_string(&buf, "abc");
    assert_string_equal(proto_buf_text(&buf), "abc");
    assert_int_equal(buf.size, 3);
    proto_buf_string(&buf, "def");
    assert_string_equal(proto_buf_text(&buf), "abcdef");
    proto_buf_reset(&buf);
    for (size_t size = 1; size < 2000; size++) { /* also where the content fills the memory */
        proto_buf_byte(&buf, 'a');
        assert_int_equal(strlen(proto_buf_text(&buf)), size);
    }
    proto_buf_free(&buf);
}

static void test_consume(void **state)
{
    (void)state;
    proto_buf_t buf = PROTO_BUF_INIT;
    proto_buf_consume(&buf, 0);
    proto_buf_string(&buf, "abcdef");
    proto_buf_consume(&buf, 0);
    assert_true(proto_bytes_is(proto_buf_bytes(&buf), "abcdef"));
    proto_buf_consume(&buf, 2);
    assert_true(proto_bytes_is(proto_buf_bytes(&buf), "cdef"));
    proto_buf_consume(&buf, 4);
    assert_int_equal(buf.size, 0);
    proto_buf_string(&buf, "g");
    assert_true(proto_bytes_is(proto_buf_bytes(&buf), "g"));
    proto_buf_free(&buf);
}

/* Status of a child that runs `work` with a second to live. */
static int s_child(void (*work)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        alarm(1);
        work();
        _exit(0);
    }
    int status = -1;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status;
}

static void s_consume_too_much(void)
{
    proto_buf_t buf = PROTO_BUF_INIT;
    proto_buf_string(&buf, "abc");
    proto_buf_consume(&buf, 4);
}

static void test_consuming_too_much_aborts(void **state)
{
    (void)state;
    int status = s_child(s_consume_too_much);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void s_extend_beyond_half(void)
{
    proto_buf_t buf;
    proto_buf_init(&buf, SIZE_MAX);
    _exit(proto_buf_reserve(&buf, SIZE_MAX - 1) == -1 && buf.failed ? 0 : 1);
}

/* No memory can hold it, whatever the limit says: a failure, neither a hang nor an overflow. (ASan stops the
 * program itself at such a size unless told otherwise, hence only the time is asked for.) */
static void test_huge_limit_does_not_hang(void **state)
{
    (void)state;
    int status = s_child(s_extend_beyond_half);
    assert_false(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
}

static void test_bytes_compare(void **state)
{
    (void)state;
    proto_bytes_t none = {NULL, 0};
    assert_true(proto_bytes_equal(none, proto_bytes_of("")));
    assert_true(proto_bytes_is(none, ""));
    assert_false(proto_bytes_is(none, "a"));
    assert_true(proto_bytes_is(proto_bytes_of("abc"), "abc"));
    assert_false(proto_bytes_is(proto_bytes_of("abc"), "abd"));
    assert_false(proto_bytes_is(proto_bytes_of("abc"), "ab"));
    assert_false(proto_bytes_is(proto_bytes_of("ab"), "abc"));
    proto_bytes_t with_nul = {(const uint8_t *)"a\0b", 3}, other = {(const uint8_t *)"a\0c", 3};
    assert_false(proto_bytes_equal(with_nul, other));
    assert_true(proto_bytes_equal(with_nul, with_nul));
}

enum { S_MODEL = 5000 };

/* One random write, to the buffer and to the model. */
static void s_step(proto_buf_t *buf, uint8_t *model, size_t *size, bool *failed)
{
    uint8_t block[64];
    size_t count = s_random() % sizeof block;
    for (size_t i = 0; i < count; i++)
        block[i] = (uint8_t)s_random();
    uint64_t what = s_random() % 20;
    if (what == 0) {
        size_t drop = *size ? s_random() % (*size + 1) : 0;
        proto_buf_consume(buf, drop);
        *size -= drop;
        memmove(model, model + drop, *size);
    } else if (what == 1) {
        proto_buf_reset(buf);
        *size = 0;
        *failed = false;
    } else {
        if (what < 8)
            count = 1;
        if (what < 8)
            proto_buf_byte(buf, block[0]);
        else
            proto_buf_append(buf, block, count);
        bool fits = *size + count <= buf->limit;
        if (!*failed && fits) {
            memcpy(model + *size, block, count);
            *size += count;
        }
        *failed = *failed || (!fits && count > 0);
    }
}

static void test_random_writes_match_a_plain_array(void **state)
{
    (void)state;
    s_state = 1;
    for (int round = 0; round < 200; round++) {
        static uint8_t model[S_MODEL];
        size_t size = 0;
        bool failed = false;
        proto_buf_t buf;
        proto_buf_init(&buf, 1 + s_random() % S_MODEL);
        for (int step = 0; step < 200; step++) {
            s_step(&buf, model, &size, &failed);
            s_invariants(&buf);
            assert_int_equal(buf.failed, failed);
            assert_true(proto_bytes_equal(proto_buf_bytes(&buf), (proto_bytes_t){model, size}));
        }
        proto_buf_free(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_empty_and_allocates_nothing),
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_free_keeps_the_limit_and_is_harmless_twice),
        cmocka_unit_test(test_reset_keeps_memory_and_forgets_failure),
        cmocka_unit_test(test_limit_is_exact),
        cmocka_unit_test(test_failure_sticks),
        cmocka_unit_test(test_impossible_sizes_fail_without_overflow),
        cmocka_unit_test(test_reserve_changes_no_content),
        cmocka_unit_test(test_printf_of_every_length),
        cmocka_unit_test(test_printf_fills_the_limit_exactly),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_consume),
        cmocka_unit_test(test_consuming_too_much_aborts),
        cmocka_unit_test(test_huge_limit_does_not_hang),
        cmocka_unit_test(test_bytes_compare),
        cmocka_unit_test(test_random_writes_match_a_plain_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
