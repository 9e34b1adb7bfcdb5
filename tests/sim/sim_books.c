/* SPDX-License-Identifier: MPL-2.0 */
/* Requests as their clients see them, and the database, which counts what was truly done. */
#include "sim.h"

const char *const sim_names[SIM_KINDS] = {"read", "write", "slow", "none"};

int sim_books_ask(const void *client, bool native, sim_kind_t kind, int64_t wait)
{
    if (sim.request_count == SIM_REQUESTS)
        return -1;
    int n = sim.request_count++;
    sim.requests[n] = (sim_request_t){.client = client,
                                      .native = native,
                                      .kind = kind,
                                      .keyed = native && kind == SIM_WRITE && sim_chance(300),
                                      .refused = sim_chance(100),
                                      .wait = wait,
                                      .deadline = sim.now + wait};
    sim_counts.asked++;
    return n;
}

void sim_books_body(int n, proto_buf_t *out)
{
    proto_write_map(out, 1);
    proto_write_text(out, "n");
    proto_write_int(out, n);
}

int sim_books_number(proto_bytes_t body)
{
    int64_t n = proto_value_get_int(body, "n", -1);
    assert_true(n >= 0 && n < sim.request_count);
    return (int)n;
}

static bool s_writes(const sim_request_t *request)
{
    return request->kind == SIM_WRITE;
}

/* Errors that leave open whether it was done. */
static bool s_leaves_open(proto_error_t error)
{
    return error == PROTO_ERROR_outcome_unknown || error == PROTO_ERROR_timeout;
}

/* When a client's own clock would have said something: it stood still, or it is an asker, which has only its
 * broker to hear from. */
static int64_t s_excused_until(const sim_request_t *request)
{
    for (int i = 0; i < SIM_CLIENTS; i++)
        if (request->client == &sim.clients[i])
            return sim.clients[i].away_until + SIM_SLACK_MS;
    for (int i = 0; i < SIM_ASKERS; i++) {
        const sim_asker_t *asker = &sim.askers[i];
        if (request->client != asker)
            continue;
        if (!asker->conn || asker->conn->cut)
            return PROTO_NEVER; /* it will notice */
        /* Deadlines travel as the time that is left: one that was read late ends late. */
        return sim.brokers[asker->broker].paused_until + request->wait + 2 * SIM_DELAY_MS + 4 * SIM_SLACK_MS;
    }
    return 0;
}

static bool s_too_late(const sim_request_t *request)
{
    int64_t slack = request->native ? MUSTER_GRACE_MS + SIM_SLACK_MS : 2 * SIM_DELAY_MS + 4 * SIM_SLACK_MS;
    return sim.now > request->deadline + slack && sim.now > s_excused_until(request);
}

void sim_books_answer(const void *client, int n, proto_error_t number)
{
    assert_true(n >= 0 && n < sim.request_count);
    sim_request_t *request = &sim.requests[n];
    assert_ptr_equal(request->client, client);
    assert_int_equal(request->state, SIM_ASKED);
    assert_false(s_too_late(request));
    request->state = SIM_ANSWERED;
    if (number == PROTO_ERROR_none) {
        sim_counts.finals++;
        sim_counts.mdp_finals += !request->native;
        assert_true(request->runs > 0 && !request->refused);
        assert_int_equal(request->done, s_writes(request));
        return;
    }
    sim_counts.errors[number]++;
    if (number == PROTO_ERROR_conflict)
        assert_true(request->refused && request->runs > 0);
    if (request->native && s_writes(request))
        assert_int_not_equal(number, PROTO_ERROR_timeout);
    if (request->native && request->kind != SIM_NONE && !s_writes(request))
        assert_int_not_equal(number, PROTO_ERROR_outcome_unknown);
    if (!s_writes(request) || s_leaves_open(number))
        return;
    assert_int_equal(request->done, 0);
    request->never = true;
}

bool sim_books_do(int n)
{
    sim_request_t *request = &sim.requests[n];
    request->runs++;
    bool again = request->native && (request->keyed || !s_writes(request));
    assert_true(request->runs <= (again ? 2 : 1));
    sim_counts.twice_read += request->runs == 2 && !request->keyed;
    sim_counts.again_keyed += request->runs == 2 && request->keyed;
    if (request->refused) {
        sim_counts.refused++;
        return false;
    }
    if (!s_writes(request) || request->done)
        return true;
    assert_false(request->never);
    request->done++;
    sim_counts.done++;
    return true;
}

void sim_books_abandon(const void *client)
{
    for (int n = sim.first_open; n < sim.request_count; n++)
        if (sim.requests[n].client == client && sim.requests[n].state == SIM_ASKED) {
            sim.requests[n].state = SIM_ABANDONED;
            sim_counts.unheard++;
        }
}

void sim_books_check(void)
{
    while (sim.first_open < sim.request_count && sim.requests[sim.first_open].state != SIM_ASKED)
        sim.first_open++;
    for (int n = sim.first_open; n < sim.request_count; n++)
        if (sim.requests[n].state == SIM_ASKED)
            assert_false(s_too_late(&sim.requests[n]));
}
