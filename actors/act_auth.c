/* SPDX-License-Identifier: MPL-2.0 */
/* The auth actor: requests, and its loop. Thread: its own.
 * In: REQUEST (auth), CANCEL, DISCONNECT. Out: READY, ERROR, RETURN, HEARTBEAT, DISCONNECT. */
#include "act_auth.h"

#include <pthread.h>

#include "act_admit.h"
#include "act_auth_internal.h"
#include "proto_clock.h"
#include "proto_param.h"
#include "proto_value.h"

enum { S_WINDOW = 64, S_PARAMS = 16, S_LINGER_MS = 100 };

/* Says READY to one broker. */
static void s_ready(void *arg, act_broker_t *broker)
{
    act_auth_t *self = arg;
    proto_buf_reset(&self->detail);
    proto_write_map(&self->detail, 1);
    proto_write_text(&self->detail, "version");
    proto_write_text(&self->detail, MUSTER_VERSION);
    act_auth_put(broker, &(proto_record_t){.type = PROTO_READY,
                                           .number = broker->share,
                                           .epoch = broker->epoch,
                                           .service = proto_bytes_of("auth"),
                                           .body = proto_buf_bytes(&self->detail)});
}

/* What the record asks for, as the endpoint files declare it; NULL when they do not, or for another service.
 */
static const proto_operation_t *s_operation(const act_auth_t *self, const proto_record_t *record)
{
    const proto_catalogue_t *catalogue = self->program->catalogue;
    for (uint32_t i = 0; i < catalogue->operation_count; i++) {
        const proto_operation_t *operation = &catalogue->operations[i];
        if (strcmp(operation->service, "auth") == 0 && proto_bytes_is(record->name, operation->name))
            return operation;
    }
    return NULL;
}

static act_auth_turn_t *s_open(act_auth_t *self, int64_t now, act_broker_t *from,
                               const proto_record_t *record)
{
    uint64_t id;
    act_auth_turn_t *turn = proto_slab_take(&self->turns, &id);
    if (!turn)
        return NULL;
    proto_buf_t email = turn->email, name = turn->name;
    proto_buf_reset(&email);
    proto_buf_reset(&name);
    *turn = (act_auth_turn_t){.id = id,
                              .token = record->id,
                              .epoch = record->epoch,
                              .from = from,
                              .deadline = now + record->deadline,
                              .email = email,
                              .name = name};
    act_auth_copy(turn->trace, sizeof turn->trace, record->trace);
    if (proto_value_check(record->claims) == 0)
        act_auth_copy(turn->address, sizeof turn->address,
                      proto_value_get_str(record->claims, "muster:address", ""));
    return turn;
}

/* Holds a request to what its endpoint file declares. -1 when it was refused, and answered. */
static int s_admit(act_auth_t *self, act_auth_turn_t *turn, const proto_record_t *record)
{
    static const uint8_t empty_map = 0x80;
    const proto_operation_t *operation = s_operation(self, record);
    proto_bytes_t values[S_PARAMS],
        arguments = record->body.size ? record->body : (proto_bytes_t){&empty_map, 1};
    if (!operation || operation->param_count > S_PARAMS) {
        act_auth_fail(self, turn, PROTO_ERROR_no_worker, "This worker does not offer the operation");
        return -1;
    }
    proto_error_t error = act_admit(operation, record);
    proto_buf_reset(&self->detail);
    if (!error && proto_param_bind(operation, arguments, values, &self->detail) < 0)
        error = PROTO_ERROR_invalid;
    if (!error)
        return 0;
    act_auth_fail(self, turn, error, self->detail.size ? proto_buf_text(&self->detail) : NULL);
    return -1;
}

/* bcrypt looks at no more than the first 72 bytes. */
static void s_take_password(act_auth_turn_t *turn, proto_bytes_t password)
{
    size_t size = password.size < ACT_PASSWORD_BYTES ? password.size : ACT_PASSWORD_BYTES;
    memcpy(turn->job.password, password.data, size);
    turn->job.password[size] = '\0';
}

static void s_register(act_auth_t *self, act_auth_turn_t *turn, const proto_record_t *record)
{
    proto_bytes_t password = proto_value_get_str(record->body, "password", "");
    proto_bytes_t name = proto_value_get_str(record->body, "name", "");
    const char *refusal = act_password_refusal(password);
    if (!act_password_is_email(proto_buf_bytes(&turn->email)))
        refusal = "email must be an e-mail address";
    if (refusal) {
        act_auth_fail(self, turn, PROTO_ERROR_invalid, refusal);
    } else if (turn->admin) {
        act_auth_refuse_taken(self, turn);
    } else {
        proto_buf_append(&turn->name, name.data, name.size);
        s_take_password(turn, password);
        act_auth_hash(self, turn, ACT_AUTH_HASH);
    }
}

static void s_begin(act_auth_t *self, act_auth_turn_t *turn, const proto_record_t *record)
{
    const char *field = proto_bytes_is(record->name, "login") ? "username" : "email";
    proto_bytes_t email = proto_value_get_str(record->body, field, "");
    proto_buf_append(&turn->email, email.data, email.size);
    turn->admin = act_password_same_email(email, self->config->admin_email);
    if (proto_bytes_is(record->name, "register")) {
        s_register(self, turn, record);
        return;
    }
    s_take_password(turn, proto_value_get_str(record->body, "password", ""));
    act_auth_ask_user(self, turn);
}

static void s_request(act_auth_t *self, int64_t now, act_broker_t *from, const proto_record_t *record)
{
    if (record->epoch != from->epoch)
        return;
    if (self->brokers.leaving) { /* it was on its way: for another worker */
        proto_record_t given_back = *record;
        given_back.type = PROTO_RETURN;
        given_back.flags = 0;
        given_back.deadline = 0;
        act_auth_put(from, &given_back);
        return;
    }
    act_auth_turn_t *turn = s_open(self, now, from, record);
    if (!turn) { /* more than the window: turns of earlier epochs are still open */
        proto_buf_reset(&self->body);
        proto_error_body(&self->body, PROTO_ERROR_overloaded, NULL);
        act_auth_put(from, &(proto_record_t){.type = PROTO_ERROR,
                                             .number = PROTO_ERROR_overloaded,
                                             .id = record->id,
                                             .epoch = record->epoch,
                                             .body = proto_buf_bytes(&self->body)});
        return;
    }
    if (s_admit(self, turn, record) == 0)
        s_begin(self, turn, record);
}

static void s_cancel(act_auth_t *self, const act_broker_t *from, uint64_t token)
{
    uint32_t at = 0;
    for (act_auth_turn_t *turn; (turn = proto_slab_next(&self->turns, &at));)
        if (turn->token == token && turn->from == from)
            turn->cancelled = true;
}

static void s_record(act_auth_t *self, int64_t now, act_broker_t *from, const proto_record_t *record)
{
    switch (record->type) {
    case PROTO_REQUEST:
        s_request(self, now, from, record);
        break;
    case PROTO_FINAL:
    case PROTO_ERROR:
        act_auth_answer(self, from, record);
        break;
    case PROTO_CANCEL:
        s_cancel(self, from, record->id);
        break;
    case PROTO_DISCONNECT:
        if (!self->stopping)
            act_brokers_refused(&self->brokers, now, from);
        break;
    default:
        break;
    }
}

/* ---- the loop ---- */

static void s_forget_secret(act_auth_t *self)
{
    explicit_bzero(self->secret, strlen(self->secret));
    freen(self->secret);
}

/* What tokens are signed with from now on. */
static void s_take_secret(act_auth_t *self)
{
    char *secret = zstr_recv(self->pipe);
    if (!secret)
        return;
    s_forget_secret(self);
    self->secret = secret;
}

static void s_drain_pipe(act_auth_t *self)
{
    while (!self->stopping && zsock_events(self->pipe) & ZMQ_POLLIN) {
        char *command = zstr_recv(self->pipe);
        if (command && strcmp(command, "RELOAD") == 0) {
            act_program_free(&self->program);
            self->program = act_current_hold(self->config->programs);
        } else if (command && strcmp(command, "SECRET") == 0) {
            s_take_secret(self);
        } else if (command && strcmp(command, "DRAIN") == 0) {
            act_brokers_withdraw(&self->brokers);
        } else if (!command || strcmp(command, "$TERM") == 0) {
            self->stopping = true;
        }
        freen(command);
    }
}

/* Tells main once nothing is under way, and nothing more can come. */
static void s_check_drained(act_auth_t *self, int64_t now)
{
    if (self->drained || self->turns.used || !act_brokers_withdrawn(&self->brokers, now))
        return;
    self->drained = true;
    zstr_send(self->pipe, "DRAINED");
}

static void s_turn_loop(act_auth_t *self)
{
    zmq_pollitem_t items[2 + ACT_BROKERS] = {{.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN},
                                             {.fd = act_passwords_fd(self->passwords), .events = ZMQ_POLLIN}};
    act_broker_t *from;
    proto_record_t record;
    act_password_job_t job;
    int64_t now = proto_clock_ms(), at = act_brokers_tick(&self->brokers, now);
    act_brokers_flush(&self->brokers, now);
    act_brokers_poll(&self->brokers, items + 2);
    (void)zmq_poll(items, 2 + (int)self->brokers.count, at > now ? (long)(at - now) : 0);
    now = proto_clock_ms();
    act_brokers_turn(&self->brokers, now);
    s_drain_pipe(self);
    while (act_passwords_take(self->passwords, &job)) {
        act_auth_hashed(self, &job);
        explicit_bzero(&job, sizeof job);
    }
    while (act_brokers_receive(&self->brokers, now, &from, &record) == 1)
        s_record(self, now, from, &record);
    s_check_drained(self, now);
}

static void s_finish_turn(void *item)
{
    act_auth_turn_t *turn = item;
    explicit_bzero(&turn->job, sizeof turn->job);
    proto_buf_free(&turn->email);
    proto_buf_free(&turn->name);
}

void act_auth_actor(zsock_t *pipe, void *config)
{
    pthread_setname_np(pthread_self(), "auth");
    act_auth_t self = {.config = config, .pipe = pipe};
    self.secret = strdup(self.config->secret);
    PROTO_ASSERT(self.secret != NULL);
    int64_t now = proto_clock_ms();
    self.program = act_current_hold(self.config->programs);
    self.passwords = act_passwords_new(self.config->threads, self.config->cost);
    proto_slab_init(&self.turns, sizeof(act_auth_turn_t), 4 * S_WINDOW);
    self.brokers = (act_brokers_t){
        .window = S_WINDOW, .service = "auth", .ready = s_ready, .lost = act_auth_lost, .arg = &self};
    bool begun = self.passwords && act_brokers_open(&self.brokers, self.config->context, self.config->brokers,
                                                    self.config->broker_count, now) == 0;
    if (begun)
        act_brokers_register(&self.brokers, now);
    zsock_signal(pipe, begun ? 0 : 1);
    while (begun && !self.stopping)
        s_turn_loop(&self);
    act_brokers_close(&self.brokers, proto_clock_ms(), S_LINGER_MS);
    act_passwords_free(&self.passwords);
    proto_slab_free(&self.turns, s_finish_turn);
    s_forget_secret(&self);
    proto_buf_free(&self.body);
    proto_buf_free(&self.detail);
    act_program_free(&self.program);
}
