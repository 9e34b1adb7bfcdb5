/* SPDX-License-Identifier: MPL-2.0 */
/* Rate limits: exact against a bucket of tokens counted in another way; bounded tables, of which heavy users
 * are not pushed out; keys; several threads at one table; what processes that share overshoot. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "gw_limit.h"

enum { S_RATE = PROTO_TIER_READ };

static uint64_t s_state;

static uint64_t s_random(void)
{
    s_state ^= s_state << 13;
    s_state ^= s_state >> 7;
    return s_state ^= s_state << 17;
}

static gw_limit_t *s_limit(uint32_t per_minute, bool shared)
{
    return gw_limit_new(&(gw_limit_config_t){
        .per_minute = {[S_RATE] = per_minute, [GW_LIMIT_FAILED] = 3}, .seed = 7, .shared = shared});
}

static bool s_take(gw_limit_t *limit, uint64_t key, int64_t now)
{
    gw_verdict_t verdict;
    gw_limit_take(limit, key, S_RATE, now, &verdict);
    assert_false(verdict.untracked);
    return verdict.allowed;
}

/* Tokens drop in all the time and are taken out one by one. */
static void s_against_tokens(uint32_t per_minute)
{
    gw_limit_t *limit = s_limit(per_minute, false);
    const uint64_t token = 60000000000u / per_minute, depth = token * per_minute;
    uint64_t tokens = depth;
    int64_t now = 1000;
    gw_verdict_t verdict, look;
    for (int i = 0; i < 20000; i++) {
        uint64_t pause = s_random() % 4   ? s_random() % (2 * token / 1000 + 1)
                         : s_random() % 8 ? 0
                                          : s_random() % 70000000;
        now += (int64_t)pause;
        tokens = tokens + pause * 1000 < depth ? tokens + pause * 1000 : depth;
        gw_limit_look(limit, 42, S_RATE, now, &look);
        gw_limit_take(limit, 42, S_RATE, now, &verdict);
        assert_int_equal(verdict.allowed, tokens >= token);
        assert_int_equal(look.allowed, verdict.allowed);
        assert_int_equal(look.remaining, tokens / token);
        if (verdict.allowed) {
            tokens -= token;
            assert_int_equal(verdict.retry, 0);
        } else { /* that long, and not a second less */
            uint64_t missing = token - tokens;
            assert_true(verdict.retry * UINT64_C(1000000000) >= missing);
            assert_true((verdict.retry - 1) * UINT64_C(1000000000) < missing);
        }
        assert_int_equal(verdict.limit, per_minute);
        assert_int_equal(verdict.remaining, tokens / token);
        assert_true(verdict.reset * UINT64_C(1000000000) >= depth - tokens);
        assert_true(!verdict.reset || (verdict.reset - 1) * UINT64_C(1000000000) < depth - tokens);
    }
    gw_limit_free(&limit);
}

static void test_exact(void **state)
{
    (void)state;
    static const uint32_t limits[] = {1, 2, 5, 7, 30, 120, 300, 999, 65537, 999999, GW_LIMIT_MOST};
    s_state = 99;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        s_against_tokens(limits[i]);
}

static void test_off(void **state)
{
    (void)state;
    gw_limit_t *limit = s_limit(0, false);
    gw_verdict_t verdict;
    proto_buf_t out = PROTO_BUF_INIT;
    for (int i = 0; i < 1000; i++) {
        gw_limit_take(limit, 1, S_RATE, 5, &verdict);
        assert_true(verdict.allowed && verdict.limit == 0);
    }
    gw_limit_headers(limit, &verdict, &out);
    assert_int_equal(out.size, 0);
    gw_limit_take(limit, 1, PROTO_TIER_NONE, 5, &verdict);
    assert_true(verdict.allowed && verdict.limit == 0);
    gw_limit_free(&limit);
    gw_limit_free(&limit);
}

static void test_keys(void **state)
{
    (void)state;
    gw_limit_t *limit = s_limit(5, false);
    static const uint8_t four[16] = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 1};
    static const uint8_t other_four[16] = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 2};
    static const uint8_t six[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9};
    static const uint8_t same_net[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 8, 7, 6, 5, 4, 3, 2, 1};
    static const uint8_t next_net[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 2, 9, 9, 9, 9, 9, 9, 9, 9};
    uint64_t key = gw_limit_key(limit, four, 1);
    assert_true(key == gw_limit_key(limit, four, 1));
    assert_true(key != gw_limit_key(limit, four, 2));
    assert_true(key != gw_limit_key(limit, other_four, 1));
    assert_true(gw_limit_key(limit, six, 1) == gw_limit_key(limit, same_net, 1));
    assert_true(gw_limit_key(limit, six, 1) != gw_limit_key(limit, next_net, 1));
    gw_limit_set_seed(limit, 8);
    assert_true(key != gw_limit_key(limit, four, 1));
    gw_limit_free(&limit);
}

/* A flood of newcomers neither grows the table nor frees those who have used up what they had. */
static void test_a_flood_of_addresses(void **state)
{
    (void)state;
    enum { S_HEAVY = 100, S_FLOOD = 200000 };
    gw_limit_t *limit = s_limit(120, false);
    uint64_t heavy[S_HEAVY];
    uint8_t address[16] = {0x20, 1};
    for (int i = 0; i < S_HEAVY; i++) {
        address[7] = (uint8_t)i;
        heavy[i] = gw_limit_key(limit, address, 1);
        for (int k = 0; k < 120; k++)
            assert_true(s_take(limit, heavy[i], 1000));
    }
    for (uint32_t i = 0; i < S_FLOOD; i++) {
        memcpy(address + 2, &i, 4);
        assert_true(s_take(limit, gw_limit_key(limit, address, 2), 1000));
    }
    for (int i = 0; i < S_HEAVY; i++) {
        assert_false(s_take(limit, heavy[i], 1000));
        assert_true(s_take(limit, heavy[i], 1000 + 60000000 / 120)); /* one has flowed back */
        assert_false(s_take(limit, heavy[i], 1000 + 60000000 / 120));
    }
    gw_limit_free(&limit);
}

/* However regular addresses are, they spread: a table of 1024 that is a quarter full forgets hardly any. */
static void test_regular_addresses(void **state)
{
    (void)state;
    enum { S_KEYS = GW_LIMIT_LEAST_ENTRIES / 4 };
    for (int byte = 0; byte < 8; byte++) {
        gw_limit_t *limit = s_limit(1, false);
        uint64_t keys[S_KEYS];
        int forgotten = 0;
        for (int i = 0; i < S_KEYS; i++) {
            uint8_t address[16] = {0x20, 1};
            address[byte] = (uint8_t)i;
            keys[i] = gw_limit_key(limit, address, 1);
            (void)s_take(limit, keys[i], 1);
        }
        for (int i = 0; i < S_KEYS; i++)
            forgotten += s_take(limit, keys[i], 1);
        assert_true(forgotten <= 3);
        gw_limit_free(&limit);
    }
}

static void test_headers(void **state)
{
    (void)state;
    gw_limit_t *limit = s_limit(120, false);
    gw_verdict_t verdict;
    proto_buf_t out = PROTO_BUF_INIT;
    gw_limit_take(limit, 1, S_RATE, 1, &verdict);
    gw_limit_headers(limit, &verdict, &out);
    assert_string_equal(proto_buf_text(&out), "RateLimit-Policy: \"read\";q=120;w=60\r\n"
                                              "X-RateLimit-Limit: 120\r\nX-RateLimit-Remaining: 119\r\n"
                                              "X-RateLimit-Reset: 1\r\nRateLimit: \"read\";r=119;t=1\r\n");
    for (int i = 0; i < 4; i++)
        gw_limit_take(limit, 2, GW_LIMIT_FAILED, 1, &verdict);
    assert_false(verdict.allowed);
    assert_int_equal(verdict.retry, 20);
    proto_buf_reset(&out);
    gw_limit_headers(limit, &verdict, &out);
    assert_string_equal(proto_buf_text(&out),
                        "RateLimit-Policy: \"failed_auth\";q=3;w=60\r\n"
                        "X-RateLimit-Limit: 3\r\nX-RateLimit-Remaining: 0\r\n"
                        "X-RateLimit-Reset: 60\r\nRateLimit: \"failed_auth\";r=0;t=60\r\n");
    proto_buf_free(&out);
    gw_limit_free(&limit);
}

enum { S_THREADS = 4, S_ROUNDS = 20000, S_SHARED_KEYS = 8 };

typedef struct s_crowd {
    gw_limit_t *limit;
    bool flood; /* with newcomers in between, so that slots change hands all the time */
    atomic_uint allowed[S_SHARED_KEYS];
} s_crowd_t;

static void *s_crowd(void *data)
{
    s_crowd_t *crowd = data;
    uint64_t random = (uint64_t)(uintptr_t)&random | 1;
    for (int i = 0; i < S_ROUNDS; i++) {
        gw_verdict_t verdict;
        random = random * 6364136223846793005u + 1442695040888963407u;
        if (crowd->flood)
            gw_limit_take(crowd->limit, random, S_RATE, 1000, &verdict);
        unsigned which = (unsigned)i % S_SHARED_KEYS;
        gw_limit_take(crowd->limit, which + 1, S_RATE, 1000, &verdict);
        if (verdict.allowed && !verdict.untracked)
            atomic_fetch_add(&crowd->allowed[which], 1);
    }
    return NULL;
}

/* At one moment a bucket gives what it has and not one more, whoever asks. Two threads may both greet a
 * newcomer. */
static void test_threads(void **state)
{
    (void)state;
    for (int flood = 0; flood < 2; flood++) {
        s_crowd_t crowd = {.limit = s_limit(500, true), .flood = flood};
        pthread_t threads[S_THREADS];
        for (int i = 0; i < S_THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, s_crowd, &crowd), 0);
        for (int i = 0; i < S_THREADS; i++)
            pthread_join(threads[i], NULL);
        for (int i = 0; i < S_SHARED_KEYS; i++) {
            unsigned allowed = atomic_load(&crowd.allowed[i]);
            assert_true(allowed >= 500);
            if (!flood)
                assert_true(allowed < 500 + S_THREADS);
        }
        gw_limit_free(&crowd.limit);
    }
}

static void test_collecting(void **state)
{
    (void)state;
    enum { S_MANY = 500 };
    gw_limit_t *limit = s_limit(60, true);
    static gw_limit_share_t shares[2 * S_MANY];
    static uint32_t told[S_MANY + 1];
    for (uint64_t key = 1; key <= S_MANY; key++)
        for (uint64_t i = 0; i < key % 5; i++)
            assert_true(s_take(limit, key, 1000));
    uint32_t count;
    while ((count = gw_limit_collect(limit, 1000, shares, 100)) > 0) {
        assert_true(count <= 100);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(shares[i].step_us, 1000000);
            told[shares[i].key] += shares[i].count;
        }
    }
    for (uint64_t key = 1; key <= S_MANY; key++)
        assert_int_equal(told[key], key % 5);
    assert_true(gw_limit_claim(limit));
    assert_false(gw_limit_claim(limit));
    /* What has flowed back in a long silence is not told. */
    for (int i = 0; i < 60; i++)
        assert_true(s_take(limit, 1, 100000000));
    assert_int_equal(gw_limit_collect(limit, 140000000, shares, 2 * S_MANY), 1);
    assert_int_equal(shares[0].count, 20);
    assert_true(s_take(limit, 2, 100000000));
    assert_int_equal(gw_limit_collect(limit, 200000000, shares, 2 * S_MANY), 0);
    gw_limit_free(&limit);
}

static void test_learning(void **state)
{
    (void)state;
    gw_limit_t *limit = s_limit(60, true);
    gw_limit_learn(limit, 1, 60000000, 0); /* nobody has asked here: nothing to learn */
    assert_true(s_take(limit, 1, 0));
    gw_limit_learn(limit, 1, 60000000, 0);
    assert_false(s_take(limit, 1, 0));
    gw_limit_learn(limit, 1, 5000000, 0); /* never to less */
    gw_limit_learn(limit, 1, -5, 0);
    assert_false(s_take(limit, 1, 999999));
    assert_true(s_take(limit, 1, 1000000));
    gw_limit_learn(limit, 1, INT64_MAX, 1000000); /* nonsense locks nobody out for ever */
    assert_false(s_take(limit, 1, INT64_C(3000000000)));
    assert_true(s_take(limit, 1, INT64_C(3601000000)));
    gw_limit_free(&limit);
}

enum { S_PROCESSES = 4, S_EXCHANGE_US = 100000 };

/* Several processes, and what Redis does between them. */
typedef struct s_world {
    gw_limit_t *limits[S_PROCESSES];
    int64_t due[S_PROCESSES];    /* the next exchange of each */
    uint32_t asked[S_PROCESSES]; /* since its last one */
    int processes;
    int64_t now, full_at; /* of the one bucket */
} s_world_t;

static void s_exchange(s_world_t *world, int who, int64_t now)
{
    gw_limit_share_t share[64];
    world->asked[who] = 0;
    world->due[who] += S_EXCHANGE_US;
    if (!gw_limit_collect(world->limits[who], now, share, 64))
        return;
    world->full_at = world->full_at > now ? world->full_at : now;
    world->full_at += (int64_t)share->count * share->step_us;
    gw_limit_learn(world->limits[who], share->key, world->full_at - now, now);
}

static void s_pass(s_world_t *world, int64_t until)
{
    for (;;) {
        int next = 0;
        for (int i = 1; i < world->processes; i++)
            if (world->due[i] < world->due[next])
                next = i;
        if (world->due[next] > until)
            break;
        s_exchange(world, next, world->due[next]);
    }
    world->now = until;
}

/* A client asks whichever process it likes, but none more than `most` times between two exchanges of it. All
 * together admit at most the limit, what flows back, and (processes - 1) * min(limit, most) in excess. */
static void s_shared(int processes, uint32_t per_minute, uint32_t most, uint64_t seed)
{
    s_world_t world = {.processes = processes, .now = 1000000};
    uint64_t admitted = 0;
    const int64_t step = 60000000 / per_minute, start = world.now;
    const uint64_t excess = (uint64_t)(processes - 1) * (per_minute < most ? per_minute : most);
    s_state = seed;
    for (int i = 0; i < processes; i++) {
        world.limits[i] = s_limit(per_minute, true);
        world.due[i] = world.now + (int64_t)(s_random() % S_EXCHANGE_US);
    }
    for (int i = 0; i < 30000; i++) {
        unsigned who = (unsigned)(s_random() % (unsigned)processes);
        if (world.asked[who]++ < most)
            admitted += s_take(world.limits[who], 77, world.now);
        else
            world.asked[who] = most;
        uint64_t fair = per_minute + (uint64_t)((world.now - start) / step);
        assert_true(admitted <= fair + excess);
        if (s_random() % 4 == 0)
            s_pass(&world, world.now + (int64_t)(s_random() % S_EXCHANGE_US));
        else if (s_random() % 200 == 0)
            s_pass(&world, world.now + (int64_t)(s_random() % 90000000));
    }
    for (int i = 0; i < processes; i++)
        gw_limit_free(&world.limits[i]);
}

static void test_sharing(void **state)
{
    (void)state;
    static const uint32_t most[] = {1, 3, 10, 1000};
    for (uint64_t seed = 1; seed <= 24; seed++)
        for (int processes = 1; processes <= S_PROCESSES; processes++)
            s_shared(processes, seed % 3 ? 60 : 10, most[seed % 4], seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_a_flood_of_addresses),
        cmocka_unit_test(test_regular_addresses),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_collecting),
        cmocka_unit_test(test_learning),
        cmocka_unit_test(test_sharing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
