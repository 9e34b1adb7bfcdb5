/* SPDX-License-Identifier: MPL-2.0 */
/* proto_hub: frames between threads, in order, none lost, and nobody sleeps beside one. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto_hub.h"

enum { S_PEERS = 4, S_FRAMES = 20000, S_WINDOW = 64, S_KEEP = 4096, S_PATIENCE_MS = 60000 };

static proto_buf_t s_number(uint64_t number)
{
    proto_buf_t frame = PROTO_BUF_INIT;
    proto_buf_append(&frame, &number, sizeof number);
    return frame;
}

static uint64_t s_value(const proto_buf_t *frame)
{
    uint64_t number;
    assert_int_equal(frame->size, sizeof number);
    memcpy(&number, frame->data, sizeof number);
    return number;
}

static void s_wait(int fd)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&item, 1, S_PATIENCE_MS), 1);
}

typedef struct s_peer {
    pthread_t thread;
    proto_spoke_t *spoke;
    uint64_t heard, wrong;
} s_peer_t;

/* Sends numbers from 1 on, a window ahead of what comes back; in a thread, so it counts instead of asserting.
 */
static void *s_run(void *arg)
{
    s_peer_t *self = arg;
    proto_buf_t frame = PROTO_BUF_INIT, came = PROTO_BUF_INIT;
    for (uint64_t sent = 0; self->heard < S_FRAMES && !self->wrong;) {
        while (sent < S_FRAMES && sent - self->heard < S_WINDOW) {
            uint64_t number = ++sent;
            proto_buf_append(&frame, &number, sizeof number);
            proto_spoke_send(self->spoke, &frame, S_KEEP);
        }
        while (proto_spoke_receive(self->spoke, &came)) {
            uint64_t number = 0;
            memcpy(&number, came.data, came.size == sizeof number ? sizeof number : 0);
            self->wrong += number != ++self->heard;
        }
        struct pollfd item = {.fd = proto_spoke_fd(self->spoke), .events = POLLIN};
        bool waits = self->heard < S_FRAMES && (sent == S_FRAMES || sent - self->heard == S_WINDOW);
        if (waits && proto_spoke_sleeps(self->spoke)) {
            self->wrong += poll(&item, 1, S_PATIENCE_MS) != 1;
            proto_spoke_woken(self->spoke);
        }
    }
    proto_buf_free(&frame);
    proto_buf_free(&came);
    return NULL;
}

static void s_test_threads(void **state)
{
    (void)state;
    s_peer_t peers[S_PEERS] = {0};
    proto_hub_t *hub = proto_hub_new();
    proto_buf_t frame = PROTO_BUF_INIT;
    uint64_t heard[S_PEERS + 1] = {0};
    assert_non_null(hub);
    for (int i = 0; i < S_PEERS; i++) {
        peers[i].spoke = proto_spoke_new(hub);
        assert_non_null(peers[i].spoke);
        assert_int_equal(proto_spoke_number(peers[i].spoke), i + 1);
        assert_int_equal(pthread_create(&peers[i].thread, NULL, s_run, &peers[i]), 0);
    }
    for (uint64_t left = (uint64_t)S_PEERS * S_FRAMES; left;) {
        proto_spoke_t *from;
        while (left && proto_hub_receive(hub, &frame, &from)) {
            assert_int_equal(s_value(&frame), ++heard[proto_spoke_number(from)]);
            proto_hub_send(from, &frame, S_KEEP);
            left--;
        }
        if (left && proto_hub_sleeps(hub)) {
            s_wait(proto_hub_fd(hub));
            proto_hub_woken(hub);
        }
    }
    for (int i = 0; i < S_PEERS; i++) {
        pthread_join(peers[i].thread, NULL);
        assert_int_equal(peers[i].heard, S_FRAMES);
        assert_int_equal(peers[i].wrong, 0);
        proto_spoke_drop(&peers[i].spoke);
    }
    proto_buf_free(&frame);
    proto_hub_close(&hub);
}

/* The buffer changes hands, and the sender's begins as large as it was, within bounds. */
static void s_test_buffers(void **state)
{
    (void)state;
    proto_hub_t *hub = proto_hub_new();
    proto_spoke_t *spoke = proto_spoke_new(hub), *from;
    proto_buf_t frame = PROTO_BUF_INIT, came = PROTO_BUF_INIT;
    assert_non_null(proto_buf_extend(&frame, 1000000));
    const uint8_t *data = frame.data;
    memset(frame.data, 'x', frame.size);
    proto_spoke_send(spoke, &frame, S_KEEP);
    assert_int_equal(frame.size, 0);
    assert_in_range(frame.capacity, S_KEEP, 2 * S_KEEP);
    assert_true(proto_hub_receive(hub, &came, &from));
    assert_ptr_equal(from, spoke);
    assert_ptr_equal(came.data, data);
    assert_int_equal(came.size, 1000000);
    assert_true(proto_spoke_caught_up(spoke));
    proto_hub_send(spoke, &came, S_KEEP);
    assert_false(proto_spoke_caught_up(spoke));
    assert_true(proto_spoke_receive(spoke, &came));
    assert_true(proto_spoke_caught_up(spoke));
    assert_false(proto_hub_receive(hub, &came, &from));
    proto_buf_free(&frame);
    proto_buf_free(&came);
    proto_spoke_drop(&spoke);
    proto_hub_close(&hub);
}

/* Readable from the first frame that finds its reader asleep until that says that it woke; not for one awake.
 */
static void s_test_wakes(void **state)
{
    (void)state;
    proto_hub_t *hub = proto_hub_new();
    proto_spoke_t *spoke = proto_spoke_new(hub), *from;
    proto_buf_t frame = s_number(1), came = PROTO_BUF_INIT;
    struct pollfd item = {.fd = proto_hub_fd(hub), .events = POLLIN};
    assert_false(proto_hub_filled(hub));
    proto_spoke_send(spoke, &frame, S_KEEP);
    assert_true(proto_hub_filled(hub));
    assert_int_equal(poll(&item, 1, 0), 0);
    assert_false(proto_hub_sleeps(hub));
    assert_true(proto_hub_receive(hub, &came, &from));
    assert_false(proto_hub_filled(hub));
    assert_true(proto_hub_sleeps(hub));
    for (int i = 0; i < 2; i++) {
        proto_buf_free(&frame);
        frame = s_number(2);
        proto_spoke_send(spoke, &frame, S_KEEP);
        assert_int_equal(poll(&item, 1, 0), 1);
    }
    proto_hub_woken(hub);
    assert_int_equal(poll(&item, 1, 0), 0);
    assert_false(proto_hub_sleeps(hub));
    proto_buf_free(&frame);
    proto_buf_free(&came);
    proto_spoke_drop(&spoke);
    proto_hub_close(&hub);
}

/* Whoever ends first, the rest is freed and harms nobody (the sanitizers look on). */
static void s_test_ends(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        proto_hub_t *hub = proto_hub_new();
        proto_spoke_t *spoke = proto_spoke_new(hub), *kept = proto_spoke_hold(spoke), *none = NULL;
        proto_buf_t frame = s_number(1), again = s_number(2);
        proto_spoke_send(spoke, &frame, S_KEEP);
        proto_hub_send(spoke, &again, S_KEEP);
        if (order)
            proto_hub_close(&hub);
        proto_spoke_drop(&spoke);
        assert_null(spoke);
        proto_buf_free(&frame);
        frame = s_number(3);
        proto_spoke_send(kept, &frame, S_KEEP); /* to a hub that may be closed */
        proto_hub_close(&hub);
        proto_hub_close(&hub);
        proto_spoke_drop(&kept);
        proto_spoke_drop(&none);
        proto_buf_free(&frame);
        proto_buf_free(&again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_test_threads),
        cmocka_unit_test(s_test_buffers),
        cmocka_unit_test(s_test_wakes),
        cmocka_unit_test(s_test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
