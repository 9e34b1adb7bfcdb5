/* SPDX-License-Identifier: MPL-2.0 */
/* The slab: ids never come twice, items never move, against a naive model. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto_slab.h"

typedef struct item {
    uint64_t id; /* what the test wrote down at take */
    uint32_t uses;
    uint8_t rest[20];
} item_t;

static uint64_t s_state;

static uint64_t s_random(void)
{
    s_state ^= s_state << 13;
    s_state ^= s_state >> 7;
    return s_state ^= s_state << 17;
}

static void test_starts_empty(void **state)
{
    (void)state;
    proto_slab_t slab;
    proto_slab_init(&slab, sizeof(item_t), 10);
    uint32_t at = 0;
    assert_null(proto_slab_next(&slab, &at));
    assert_null(proto_slab_find(&slab, 0));
    assert_null(proto_slab_find(&slab, 1));
    assert_null(proto_slab_find(&slab, UINT64_MAX));
    assert_null(slab.slots);
    proto_slab_free(&slab, NULL);
    proto_slab_free(&slab, NULL);
}

static void test_most_is_exact(void **state)
{
    (void)state;
    const uint32_t mosts[] = {1, 2, 63, 64, 65, 127, 128, 129, 1000};
    for (size_t i = 0; i < sizeof mosts / sizeof *mosts; i++) {
        proto_slab_t slab;
        uint64_t id = 0, last = 0, untouched = 42;
        proto_slab_init(&slab, 1, mosts[i]);
        for (uint32_t n = 0; n < mosts[i]; n++) {
            assert_non_null(proto_slab_take(&slab, &id));
            assert_int_not_equal(id, 0);
            last = id;
        }
        assert_null(proto_slab_take(&slab, &untouched));
        assert_int_equal(slab.used, mosts[i]);
        proto_slab_release(&slab, last);
        assert_non_null(proto_slab_take(&slab, &id));
        assert_int_not_equal(id, last);
        assert_null(proto_slab_take(&slab, &untouched));
        proto_slab_free(&slab, NULL);
    }
}

static void test_late_id_finds_nobody(void **state)
{
    (void)state;
    enum { TURNS = 100000 };
    proto_slab_t slab;
    proto_slab_init(&slab, sizeof(item_t), 1);
    uint64_t first, before = 0;
    item_t *item = proto_slab_take(&slab, &first);
    uint64_t id = first;
    for (int i = 0; i < TURNS; i++) {
        assert_ptr_equal(proto_slab_find(&slab, id), item);
        proto_slab_release(&slab, id);
        assert_null(proto_slab_find(&slab, id));
        before = id;
        assert_ptr_equal(proto_slab_take(&slab, &id), item);
        assert_true(id > before); /* one slot only, so its ids grow: none can be a former one */
        assert_null(proto_slab_find(&slab, before));
        assert_null(proto_slab_find(&slab, first));
    }
    for (int bit = 0; bit < 64; bit++)
        assert_null(proto_slab_find(&slab, id ^ UINT64_C(1) << bit));
    proto_slab_free(&slab, NULL);
}

/* Zeroed the first time, as it was left afterwards. */
static void test_memory_stays_warm(void **state)
{
    (void)state;
    proto_slab_t slab;
    proto_slab_init(&slab, sizeof(item_t), 200);
    uint64_t ids[200];
    static const item_t zero;
    for (int i = 0; i < 200; i++) {
        item_t *item = proto_slab_take(&slab, &ids[i]);
        assert_memory_equal(item, &zero, sizeof zero);
        item->id = ids[i];
        item->uses = 7;
    }
    for (int i = 0; i < 200; i++)
        proto_slab_release(&slab, ids[i]);
    for (int i = 0; i < 200; i++) {
        item_t *item = proto_slab_take(&slab, &ids[i]);
        assert_int_equal(item->uses, 7);
        item->uses = 8;
    }
    proto_slab_free(&slab, NULL);
}

static uint32_t s_finished, s_finished_unused;

static void s_finish(void *item)
{
    s_finished++;
    if (((item_t *)item)->uses == 0)
        s_finished_unused++;
}

/* Items taken are finished once each, whether they were given back or not; others never. */
static void test_finish_sees_each_item_ever_taken(void **state)
{
    (void)state;
    proto_slab_t slab;
    uint64_t ids[70];
    proto_slab_init(&slab, sizeof(item_t), 1000);
    for (int i = 0; i < 70; i++)
        ((item_t *)proto_slab_take(&slab, &ids[i]))->uses = 1;
    for (int i = 0; i < 70; i += 2)
        proto_slab_release(&slab, ids[i]);
    s_finished = s_finished_unused = 0;
    proto_slab_free(&slab, s_finish);
    assert_int_equal(s_finished - s_finished_unused, 70);
    proto_slab_free(&slab, s_finish);
    assert_int_equal(s_finished - s_finished_unused, 70);
}

static void test_finish_is_not_called_on_items_never_taken(void **state)
{
    (void)state;
    proto_slab_t slab;
    uint64_t id;
    proto_slab_init(&slab, sizeof(item_t), 1000);
    ((item_t *)proto_slab_take(&slab, &id))->uses = 1;
    s_finished = s_finished_unused = 0;
    proto_slab_free(&slab, s_finish);
    assert_int_equal(s_finished, 1);
    assert_int_equal(s_finished_unused, 0);
}

static void test_next_walks_the_taken_ones(void **state)
{
    (void)state;
    proto_slab_t slab;
    uint64_t ids[300];
    proto_slab_init(&slab, sizeof(item_t), 300);
    for (int i = 0; i < 300; i++)
        ((item_t *)proto_slab_take(&slab, &ids[i]))->id = ids[i];
    for (int i = 0; i < 300; i += 3)
        proto_slab_release(&slab, ids[i]);
    uint32_t at = 0, seen = 0;
    for (item_t *item; (item = proto_slab_next(&slab, &at)); seen++) {
        assert_ptr_equal(proto_slab_find(&slab, item->id), item);
        item->uses++;
        if (seen % 2)
            proto_slab_release(&slab, item->id); /* giving back on the way is no harm */
    }
    assert_int_equal(seen, 200);
    assert_null(proto_slab_next(&slab, &at));
    for (int i = 0; i < 300; i++) {
        item_t *item = proto_slab_find(&slab, ids[i]);
        assert_true(!item || (item->uses == 1 && item->id == ids[i]));
    }
    assert_int_equal(slab.used, 100);
    proto_slab_free(&slab, NULL);
}

enum { S_MOST = 150, S_STEPS = 30000 };

typedef struct model {
    uint64_t ids[S_MOST];
    item_t *items[S_MOST];
    uint32_t count;
    uint64_t gone[S_STEPS];
    uint32_t gone_count;
} model_t;

static void s_take(proto_slab_t *slab, model_t *model)
{
    uint64_t id = 0;
    item_t *item = proto_slab_take(slab, &id);
    assert_int_equal(item == NULL, model->count == S_MOST);
    if (!item)
        return;
    for (uint32_t i = 0; i < model->count; i++)
        assert_true(model->ids[i] != id && model->items[i] != item);
    item->id = id;
    model->ids[model->count] = id;
    model->items[model->count++] = item;
}

static void s_release(proto_slab_t *slab, model_t *model)
{
    uint32_t which = (uint32_t)(s_random() % model->count);
    proto_slab_release(slab, model->ids[which]);
    model->gone[model->gone_count++] = model->ids[which];
    model->ids[which] = model->ids[--model->count];
    model->items[which] = model->items[model->count];
}

static int s_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void test_random_steps_match_a_model(void **state)
{
    (void)state;
    s_state = 2;
    static model_t model;
    proto_slab_t slab;
    proto_slab_init(&slab, sizeof(item_t), S_MOST);
    for (int step = 0; step < S_STEPS; step++) {
        bool grow = step / 400 % 2 == 0;
        if (model.count == 0 || s_random() % 10 < (grow ? 7 : 3))
            s_take(&slab, &model);
        else
            s_release(&slab, &model);
        assert_int_equal(slab.used, model.count);
        if (model.count) {
            uint32_t some = (uint32_t)(s_random() % model.count);
            assert_ptr_equal(proto_slab_find(&slab, model.ids[some]), model.items[some]);
            assert_int_equal(model.items[some]->id, model.ids[some]);
        }
        if (model.gone_count)
            assert_null(proto_slab_find(&slab, model.gone[s_random() % model.gone_count]));
    }
    qsort(model.gone, model.gone_count, sizeof *model.gone, s_compare);
    for (uint32_t i = 1; i < model.gone_count; i++)
        assert_true(model.gone[i] != model.gone[i - 1]);
    proto_slab_free(&slab, NULL);
}

/* Whether a child that does the forbidden thing number `what` aborts. */
static bool s_aborts(int what)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        proto_slab_t slab;
        uint64_t id;
        proto_slab_init(&slab, 8, what == 0 ? 0 : what == 1 ? PROTO_SLAB_MOST : PROTO_SLAB_MOST - 1);
        (void)proto_slab_take(&slab, &id);
        proto_slab_release(&slab, what == 2 ? 0 : what == 3 ? id + 1 : id);
        if (what == 4)
            proto_slab_release(&slab, id);
        _exit(0);
    }
    int status = -1;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_misuse_aborts(void **state)
{
    (void)state;
    for (int what = 0; what < 5; what++)
        assert_true(s_aborts(what));
    assert_false(s_aborts(5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_empty),
        cmocka_unit_test(test_most_is_exact),
        cmocka_unit_test(test_late_id_finds_nobody),
        cmocka_unit_test(test_memory_stays_warm),
        cmocka_unit_test(test_finish_sees_each_item_ever_taken),
        cmocka_unit_test(test_finish_is_not_called_on_items_never_taken),
        cmocka_unit_test(test_next_walks_the_taken_ones),
        cmocka_unit_test(test_random_steps_match_a_model),
        cmocka_unit_test(test_misuse_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
