/* SPDX-License-Identifier: MPL-2.0 */
/* The steps of logins and registrations. Thread: the auth actor's.
 * In: FINAL and ERROR (of its own requests). Out: REQUEST (db), FINAL, ERROR. */
#include "act_auth_internal.h"
#include "act_token.h"
#include "proto_clock.h"
#include "proto_least.h"
#include "proto_log.h"
#include "proto_value.h"

static const char s_wrong[] = "The e-mail address or the password is wrong";

void act_auth_put(act_broker_t *broker, const proto_record_t *record)
{
    if (act_brokers_put(broker, record) < 0)
        proto_log(PROTO_LOG_ERROR, "actors", "auth: a %s could not be encoded",
                  proto_type_name(record->type));
}

/* ---- answers ---- */

/* Nothing of it is asked of the database any more. */
static void s_unask(act_auth_t *self, act_auth_turn_t *turn)
{
    if (turn->asked)
        self->under_way[turn->asked - self->brokers.list]--;
    turn->asked = NULL;
}

static void s_reply(act_auth_t *self, act_auth_turn_t *turn, proto_type_t type, uint16_t number,
                    proto_bytes_t body)
{
    if (turn->epoch == turn->from->epoch)
        act_auth_put(
            turn->from,
            &(proto_record_t){
                .type = type, .number = number, .id = turn->token, .epoch = turn->epoch, .body = body});
    s_unask(self, turn);
    explicit_bzero(&turn->job, sizeof turn->job);
    proto_slab_release(&self->turns, turn->id);
}

void act_auth_fail(act_auth_t *self, act_auth_turn_t *turn, proto_error_t error, const char *detail)
{
    proto_buf_reset(&self->body);
    proto_error_body(&self->body, error, detail);
    s_reply(self, turn, PROTO_ERROR, (uint16_t)error, proto_buf_bytes(&self->body));
}

/* A refusal that the endpoint file declares, where it is not the database that says it. */
void act_auth_refuse_taken(act_auth_t *self, act_auth_turn_t *turn)
{
    proto_buf_t *out = &self->body;
    proto_buf_reset(out);
    proto_write_map(out, 4);
    proto_write_text(out, "code");
    proto_write_text(out, "email_taken");
    proto_write_text(out, "status");
    proto_write_int(out, 409);
    proto_write_text(out, "title");
    proto_write_text(out, proto_error_reason(409));
    proto_write_text(out, "detail");
    proto_write_text(out, "There is a user with this e-mail address already");
    s_reply(self, turn, PROTO_ERROR, PROTO_ERROR_declared, proto_buf_bytes(out));
}

/* ---- asking the database ---- */

/* The broker to ask: one that lives, with the fewest requests of ours under way. NULL when none lives. */
static act_broker_t *s_choose(act_auth_t *self)
{
    uint64_t alive = 0;
    for (uint32_t i = 0; i < self->brokers.count; i++)
        alive |= (uint64_t)self->brokers.list[i].alive << i;
    uint32_t chosen = proto_least(self->under_way, alive, self->brokers.count, &self->next);
    if (chosen == self->brokers.count)
        return NULL;
    self->under_way[chosen]++;
    return &self->brokers.list[chosen];
}

/* Asks the database for what stands in self->body. */
static void s_ask(act_auth_t *self, act_auth_turn_t *turn, act_auth_phase_t phase, const char *operation)
{
    int64_t left = turn->deadline - proto_clock_ms();
    s_unask(self, turn);
    turn->phase = phase;
    turn->asked = left > 0 && !turn->cancelled ? s_choose(self) : NULL;
    if (!turn->asked) {
        act_auth_fail(self, turn, left > 0 && !turn->cancelled ? PROTO_ERROR_no_worker : PROTO_ERROR_expired,
                      NULL);
        return;
    }
    act_auth_put(turn->asked, &(proto_record_t){
                                  .type = PROTO_REQUEST,
                                  .id = turn->id,
                                  .deadline = (uint32_t)left,
                                  .flags = phase == ACT_AUTH_LOOKUP ? PROTO_FLAG_READ : 0,
                                  .service = proto_bytes_of("db"),
                                  .name = proto_bytes_of(operation),
                                  .subject = proto_bytes_of("muster"),
                                  .role = proto_bytes_of("login"),
                                  .trace = proto_bytes_of(turn->trace),
                                  .body = proto_buf_bytes(&self->body),
                              });
}

static void s_write_address(act_auth_t *self, const act_auth_turn_t *turn)
{
    proto_write_text(&self->body, "address");
    proto_write_text(&self->body, turn->address[0] ? turn->address : NULL);
}

void act_auth_ask_user(act_auth_t *self, act_auth_turn_t *turn)
{
    proto_buf_reset(&self->body);
    proto_write_map(&self->body, 1);
    proto_write_text(&self->body, "email");
    proto_write_str(&self->body, proto_buf_bytes(&turn->email));
    s_ask(self, turn, ACT_AUTH_LOOKUP, "auth_user_by_email");
}

static void s_ask_audit(act_auth_t *self, act_auth_turn_t *turn)
{
    proto_buf_reset(&self->body);
    proto_write_map(&self->body, 4);
    proto_write_text(&self->body, "event_type");
    proto_write_text(&self->body, turn->good ? "auth_success" : "auth_failure");
    proto_write_text(&self->body, "user_id");
    proto_write_text(&self->body, turn->subject[0] ? turn->subject : NULL);
    proto_write_text(&self->body, "email");
    proto_write_str(&self->body, proto_buf_bytes(&turn->email));
    s_write_address(self, turn);
    s_ask(self, turn, ACT_AUTH_AUDIT, "auth_audit");
}

static void s_ask_create(act_auth_t *self, act_auth_turn_t *turn)
{
    proto_buf_reset(&self->body);
    proto_write_map(&self->body, 4);
    proto_write_text(&self->body, "email");
    proto_write_str(&self->body, proto_buf_bytes(&turn->email));
    proto_write_text(&self->body, "name");
    proto_write_str(&self->body, proto_buf_bytes(&turn->name));
    proto_write_text(&self->body, "password_hash");
    proto_write_text(&self->body, turn->job.hash);
    s_write_address(self, turn);
    s_ask(self, turn, ACT_AUTH_CREATE, "auth_create_user");
}

/* A broker has died, or has forgotten us. A look-up is done again, once; who else was waiting hears what may
 * have happened. What came by it nobody waits for. */
void act_auth_lost(void *arg, act_broker_t *broker)
{
    act_auth_t *self = arg;
    uint32_t at = 0;
    for (act_auth_turn_t *turn; (turn = proto_slab_next(&self->turns, &at));) {
        turn->cancelled = turn->cancelled || turn->epoch != turn->from->epoch;
        if (turn->asked != broker)
            continue;
        if (turn->phase == ACT_AUTH_CREATE) {
            act_auth_fail(self, turn, PROTO_ERROR_outcome_unknown, NULL);
        } else if (turn->asked_again || turn->phase != ACT_AUTH_LOOKUP) {
            act_auth_fail(self, turn, PROTO_ERROR_worker_lost, NULL);
        } else {
            turn->asked_again = true;
            act_auth_ask_user(self, turn);
        }
    }
}

/* ---- the steps ---- */

void act_auth_copy(char *to, size_t room, proto_bytes_t text)
{
    size_t size = text.size < room ? text.size : 0; /* what is too long is nothing */
    if (size)
        memcpy(to, text.data, size);
    to[size] = '\0';
}

void act_auth_hash(act_auth_t *self, act_auth_turn_t *turn, act_auth_phase_t phase)
{
    turn->phase = phase;
    turn->job.id = turn->id;
    turn->job.make = phase == ACT_AUTH_HASH;
    if (!act_passwords_put(self->passwords, &turn->job))
        act_auth_fail(self, turn, PROTO_ERROR_overloaded, "Too many log in at once");
    explicit_bzero(turn->job.password, sizeof turn->job.password);
}

/* The e-mail address as it was registered. */
static void s_rename(act_auth_turn_t *turn, proto_bytes_t email)
{
    if (!email.size)
        return;
    proto_buf_reset(&turn->email);
    proto_buf_append(&turn->email, email.data, email.size);
}

/* What the database knows of the user; of the admin it knows nothing, and is asked all the same. */
static void s_compare(act_auth_t *self, act_auth_turn_t *turn, proto_bytes_t document)
{
    proto_bytes_t user = {0};
    s_unask(self, turn);
    if (turn->admin) {
        act_auth_copy(turn->subject, sizeof turn->subject, proto_bytes_of("admin"));
        act_auth_copy(turn->role, sizeof turn->role, proto_bytes_of("admin"));
        act_auth_copy(turn->job.hash, sizeof turn->job.hash, proto_bytes_of(self->config->admin_hash));
        s_rename(turn, proto_bytes_of(self->config->admin_email));
        turn->good = true;
    } else if (proto_value_get(document, "user", &user) == 0) {
        act_auth_copy(turn->subject, sizeof turn->subject, proto_value_get_str(user, "id", ""));
        act_auth_copy(turn->role, sizeof turn->role, proto_value_get_str(user, "role", "user"));
        act_auth_copy(turn->job.hash, sizeof turn->job.hash, proto_value_get_str(user, "password_hash", ""));
        s_rename(turn, proto_value_get_str(user, "email", ""));
        turn->good = turn->subject[0] && proto_value_get_bool(user, "is_active", false);
    }
    act_auth_hash(self, turn, ACT_AUTH_COMPARE);
}

/* How the login went is written down: now it may be said. */
static void s_answer_login(act_auth_t *self, act_auth_turn_t *turn)
{
    int64_t now_s = proto_clock_wall_us() / 1000000;
    act_token_t token = {.subject = proto_bytes_of(turn->subject),
                         .email = proto_buf_bytes(&turn->email),
                         .role = proto_bytes_of(turn->role),
                         .issued = now_s,
                         .expires = now_s + self->config->token_s,
                         .id = {proto_clock_random(), proto_clock_random()}};
    if (!turn->good) {
        act_auth_fail(self, turn, PROTO_ERROR_unauthenticated, s_wrong);
        return;
    }
    proto_buf_reset(&self->detail);
    if (act_token_write(&token, proto_bytes_of(self->secret), &self->detail) < 0) {
        act_auth_fail(self, turn, PROTO_ERROR_internal, NULL);
        return;
    }
    proto_buf_t *out = &self->body;
    proto_buf_reset(out);
    proto_write_map(out, 3);
    proto_write_text(out, "access_token");
    proto_write_str(out, proto_buf_bytes(&self->detail));
    proto_write_text(out, "token_type");
    proto_write_text(out, "bearer");
    proto_write_text(out, "expires_in");
    proto_write_int(out, self->config->token_s);
    s_reply(self, turn, PROTO_FINAL, 0, proto_buf_bytes(out));
}

void act_auth_answer(act_auth_t *self, const act_broker_t *from, const proto_record_t *record)
{
    act_auth_turn_t *turn = proto_slab_find(&self->turns, record->id);
    if (!turn || turn->asked != from)
        return;                      /* late: another broker was asked meanwhile */
    if (record->type == PROTO_ERROR) /* the database's refusals are ours: email_taken, 503 ... */
        s_reply(self, turn, PROTO_ERROR, record->number, record->body);
    else if (turn->phase == ACT_AUTH_LOOKUP)
        s_compare(self, turn, record->body);
    else if (turn->phase == ACT_AUTH_AUDIT)
        s_answer_login(self, turn);
    else
        s_reply(self, turn, PROTO_FINAL, 0, record->body);
}

void act_auth_hashed(act_auth_t *self, const act_password_job_t *job)
{
    act_auth_turn_t *turn = proto_slab_find(&self->turns, job->id);
    if (!turn)
        return;
    if (job->make) {
        memcpy(turn->job.hash, job->hash, sizeof turn->job.hash);
        if (job->good)
            s_ask_create(self, turn);
        else
            act_auth_fail(self, turn, PROTO_ERROR_internal, NULL);
        return;
    }
    turn->good = turn->good && job->good;
    s_ask_audit(self, turn);
}
