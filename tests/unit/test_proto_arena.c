/* SPDX-License-Identifier: MPL-2.0 */
/* The arena: alignment, zeroed and separate memory, copies, and what cannot be had. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdalign.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto_arena.h"

enum { S_PIECES = 3000 };

/* Pieces of many sizes keep what was written to them: none overlaps another, each begins zeroed. */
static void test_pieces_are_zeroed_aligned_and_separate(void **state)
{
    (void)state;
    static struct {
        uint8_t *at;
        size_t size;
    } pieces[S_PIECES];
    proto_arena_t arena = {0};
    for (size_t i = 0; i < S_PIECES; i++) {
        size_t size = i % 500 == 499 ? 40000 + i : i * 7919 % 97;
        uint8_t *at = proto_arena_alloc(&arena, size);
        assert_non_null(at);
        assert_int_equal((uintptr_t)at % alignof(max_align_t), 0);
        for (size_t k = 0; k < size; k++)
            assert_true(at[k] == 0);
        memset(at, (int)(i & 0xff), size);
        pieces[i].at = at;
        pieces[i].size = size;
    }
    for (size_t i = 0; i < S_PIECES; i++)
        for (size_t k = 0; k < pieces[i].size; k++)
            assert_true(pieces[i].at[k] == (uint8_t)i);
    proto_arena_free(&arena);
}

static void test_sizes_around_a_block(void **state)
{
    (void)state;
    for (size_t size = 16384 - 40; size < 16384 + 40; size++) {
        proto_arena_t arena = {0};
        (void)proto_arena_alloc(&arena, 1);
        for (int i = 0; i < 3; i++) {
            uint8_t *at = proto_arena_alloc(&arena, size);
            assert_int_equal(at[size - 1], 0);
            memset(at, 0xaa, size); /* ASan watches the end */
        }
        proto_arena_free(&arena);
    }
}

static void test_copies(void **state)
{
    (void)state;
    proto_arena_t arena = {0};
    char text[] = "hello";
    char *copy = proto_arena_text(&arena, proto_bytes_of(text));
    proto_bytes_t bytes = proto_arena_bytes(&arena, (proto_bytes_t){(const uint8_t *)"a\0b", 3});
    char *empty = proto_arena_text(&arena, (proto_bytes_t){NULL, 0});
    proto_bytes_t none = proto_arena_bytes(&arena, (proto_bytes_t){NULL, 0});
    memset(text, 'x', 5);
    assert_string_equal(copy, "hello");
    assert_int_equal(bytes.size, 3);
    assert_memory_equal(bytes.data, "a\0b", 3);
    assert_string_equal(empty, "");
    assert_int_equal(none.size, 0);
    proto_arena_free(&arena);
}

static void test_free_twice_and_use_again(void **state)
{
    (void)state;
    proto_arena_t arena = {0};
    proto_arena_free(&arena);
    for (int i = 0; i < 3; i++) {
        memset(proto_arena_alloc(&arena, 50000), 1, 50000);
        proto_arena_free(&arena);
        assert_null(arena.block);
        proto_arena_free(&arena);
    }
}

/* True when a child that asks for `size` bytes gets some instead of dying. */
static bool s_survives(size_t size)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        proto_arena_t arena = {0};
        (void)proto_arena_alloc(&arena, 1);
        _exit(proto_arena_alloc(&arena, size) ? 0 : 2);
    }
    int status = -1;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 2);
}

static void test_what_no_memory_holds_aborts(void **state)
{
    (void)state;
    assert_true(s_survives(100));
    assert_false(s_survives(SIZE_MAX / 4));
}

/* Sizes whose rounding or header would pass SIZE_MAX must not wrap to a small piece. */
static void test_size_does_not_wrap(void **state)
{
    (void)state;
    assert_false(s_survives(SIZE_MAX - 40));
    assert_false(s_survives(SIZE_MAX - 16));
    assert_false(s_survives(SIZE_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_are_zeroed_aligned_and_separate),
        cmocka_unit_test(test_sizes_around_a_block),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_free_twice_and_use_again),
        cmocka_unit_test(test_what_no_memory_holds_aborts),
        cmocka_unit_test(test_size_does_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
