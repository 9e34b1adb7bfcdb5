/* SPDX-License-Identifier: MPL-2.0 */
/* What nobody waits for any more: its client has left, or its deadline has passed. Thread: the actor's.
 * In: CANCEL, the ends of cancels.
 *
 * A cancel is aimed at a backend, not at a statement, so it must not meet any statement but the one it is
 * for:
 * - It is begun only for the held job, which has the connection to itself, when all that was sent before it
 * is answered and neither COMMIT nor ROLLBACK nor the last Sync alone is under way.
 * - While it is under way (self->cancelling) nothing is sent: a held job waits for its next step, its
 * ROLLBACK included, and a slow one stays held behind its Sync.
 * - PQcancel returns when the server has closed the connection that asked; by then it has sent its signal.
 * The backend takes a pending signal at the latest when it returns from reading the next message, and there
 * it ignores it ("query cancel is a no-op when there is no query in progress", postgres.c). What we send next
 * is read after that.
 * - On systems whose signals travel by other means, or through a proxy, it may still come late. Then a
 * statement fails with 57014 that nobody meant: within a second behind a cancel such a failure is run once
 * more, which is safe because it was rolled back (act_receive.c). A ROLLBACK that is hit leaves the
 * transaction open, and then the connection is closed.
 *
 * A cancel that finds the backend between two statements, or does not reach it, comes to nothing. So it is
 * repeated while the job still runs. */
#include "act_internal.h"
#include "proto_clock.h"

enum { S_AGAIN_MS = 250, S_STRAY_MS = 1000 };

void act_abort_job(act_db_t *self, const act_broker_t *broker, uint64_t token)
{
    for (act_job_t *job = self->waiting; job; job = job->next)
        if (job->broker == broker && job->request.id == token)
            job->deadline = 0; /* answered as expired when its turn comes, which gives the credit back */
    if (self->held && self->held->broker == broker && self->held->request.id == token)
        self->held->cancelled = true;
}

/* Whether the backend works on the held job, and can be stopped without harm. */
static bool s_runs(const act_db_t *self)
{
    const act_await_t *first = &self->awaited[self->await_first];
    return !self->writing && self->await_count && first->job == self->held &&
           first->kind != ACT_AWAIT_IGNORE &&
           (act_job_mode(self->held) == ACT_MODE_SLOW || self->held_syncs == 0);
}

int64_t act_abort_turn(act_db_t *self, int64_t now)
{
    if (!self->held || !self->held->cancelled || self->cancelling)
        return PROTO_NEVER;
    if (now < self->cancel_again)
        return self->cancel_again;
    if (!s_runs(self))
        return PROTO_NEVER; /* a result will come, and this is asked again */
    self->cancelling = act_cancel_start(self->cancel, self->conn) == 0;
    self->figures.stats.cancels += self->cancelling;
    self->cancel_again = now + S_AGAIN_MS;
    return self->cancelling ? PROTO_NEVER : self->cancel_again;
}

int act_abort_done(act_db_t *self, int64_t now)
{
    if (!act_cancel_take(self->cancel) || !self->cancelling)
        return 0; /* none, or of a connection that is gone */
    self->cancelling = false;
    self->cancel_again = now + S_AGAIN_MS;
    self->stray_until = now + S_STRAY_MS;
    return act_receive_held(self);
}
