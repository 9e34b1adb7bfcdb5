/* SPDX-License-Identifier: MPL-2.0 */
/* The chat actor. Thread: its own.
 * In: REQUEST (chat), FINAL and ERROR (of its own requests), CANCEL, DISCONNECT. Out: READY, REQUEST (db),
 * FINAL, ERROR, HEARTBEAT, DISCONNECT. */
#include "act_chat.h"

#include <pthread.h>
#include <stdlib.h>

#include "act_admit.h"
#include "act_brokers.h"
#include "act_chat_talk.h"
#include "proto_clock.h"
#include "proto_least.h"
#include "proto_log.h"
#include "proto_param.h"
#include "proto_slab.h"
#include "proto_value.h"

enum { S_WINDOW = 128, S_PARAMS = 32, S_STOP_MS = 2000, S_LINGER_MS = 100, S_RELEASE_MS = 10000 };

typedef enum { S_CLAIM, S_CONTEXT, S_PROVIDER, S_STORE } s_phase_t;

/* One conversation turn under way. Its id is also that of its requests to the database. */
typedef struct s_turn {
    uint64_t id, token;
    uint32_t epoch;
    act_broker_t *from;  /* it came by this broker; its answer goes there, if the epoch is still the same */
    act_broker_t *asked; /* its request to the database went this way */
    s_phase_t phase;
    bool cancelled, asked_again;
    int64_t deadline, started_us;
    char subject[256], role[256], trace[256];
    act_talk_t talk;
    struct s_chat *chat;
} s_turn_t;

typedef struct s_chat {
    const act_chat_config_t *config;
    act_program_t *program; /* held */
    zsock_t *pipe;
    act_brokers_t brokers;
    uint32_t under_way[ACT_BROKERS]; /* requests to the database, by broker */
    uint32_t next;                   /* the broker that is asked first among equals */
    proto_slab_t turns;
    int64_t stop_at;
    bool stopping, drained; /* drained: main was told */
    proto_buf_t body, detail;
} s_chat_t;

static void s_put(act_broker_t *broker, const proto_record_t *record)
{
    if (act_brokers_put(broker, record) < 0)
        proto_log(PROTO_LOG_ERROR, "actors", "chat: a %s could not be encoded",
                  proto_type_name(record->type));
}

/* Says READY to one broker. */
static void s_ready(void *arg, act_broker_t *broker)
{
    s_chat_t *self = arg;
    proto_buf_reset(&self->detail);
    proto_write_map(&self->detail, 1);
    proto_write_text(&self->detail, "version");
    proto_write_text(&self->detail, MUSTER_VERSION);
    s_put(broker, &(proto_record_t){
                      .type = PROTO_READY,
                      .number = broker->share,
                      .epoch = broker->epoch,
                      .service = proto_bytes_of("chat"),
                      .body = proto_buf_bytes(&self->detail),
                  });
}

/* Nothing of it is asked of the database any more. */
static void s_unask(s_chat_t *self, s_turn_t *turn)
{
    if (turn->asked)
        self->under_way[turn->asked - self->brokers.list]--;
    turn->asked = NULL;
}

static void s_reply(s_chat_t *self, s_turn_t *turn, proto_type_t type, uint16_t number, proto_bytes_t body)
{
    if (turn->epoch == turn->from->epoch)
        s_put(turn->from,
              &(proto_record_t){
                  .type = type, .number = number, .id = turn->token, .epoch = turn->epoch, .body = body});
    s_unask(self, turn);
    proto_slab_release(&self->turns, turn->id);
}

/* The broker to ask: one that lives, with the fewest requests of ours under way. NULL when none lives. */
static act_broker_t *s_choose(s_chat_t *self)
{
    uint64_t alive = 0;
    for (uint32_t i = 0; i < self->brokers.count; i++)
        alive |= (uint64_t)self->brokers.list[i].alive << i;
    uint32_t chosen = proto_least(self->under_way, alive, self->brokers.count, &self->next);
    return chosen == self->brokers.count ? NULL : &self->brokers.list[chosen];
}

static void s_put_operation(const s_chat_t *self, const s_turn_t *turn, act_broker_t *broker, int64_t left,
                            const char *operation, uint8_t flags)
{
    s_put(broker, &(proto_record_t){
                      .type = PROTO_REQUEST,
                      .id = turn->id,
                      .deadline = (uint32_t)left,
                      .flags = flags,
                      .service = proto_bytes_of("db"),
                      .name = proto_bytes_of(operation),
                      .subject = proto_bytes_of(turn->subject),
                      .role = proto_bytes_of(turn->role),
                      .trace = proto_bytes_of(turn->trace),
                      .body = proto_buf_bytes(&self->body),
                  });
}

/* The turn has failed, and gives its key back. Nobody hears the answer: the turn is gone by then. */
static void s_release(s_chat_t *self, const s_turn_t *turn, uint16_t error)
{
    if (!*turn->talk.key || (turn->phase == S_STORE && error == PROTO_ERROR_outcome_unknown))
        return;
    act_broker_t *broker = s_choose(self);
    if (!broker)
        return; /* the claim ends at its time */
    act_talk_write_release(&turn->talk, &self->body);
    s_put_operation(self, turn, broker, S_RELEASE_MS, "chat_release", 0);
}

static void s_fail(s_chat_t *self, s_turn_t *turn, proto_error_t error, const char *detail)
{
    s_release(self, turn, (uint16_t)error);
    proto_buf_reset(&self->body);
    proto_error_body(&self->body, error, detail);
    s_reply(self, turn, PROTO_ERROR, (uint16_t)error, proto_buf_bytes(&self->body));
}

/* Asks the database for what stands in self->body, on behalf of whoever asked us. */
static void s_ask(s_chat_t *self, s_turn_t *turn, const char *operation, uint8_t flags)
{
    int64_t left = turn->deadline - proto_clock_ms();
    s_unask(self, turn);
    turn->asked = left > 0 ? s_choose(self) : NULL;
    if (!turn->asked) {
        s_fail(self, turn, left > 0 ? PROTO_ERROR_no_worker : PROTO_ERROR_expired, NULL);
        return;
    }
    self->under_way[turn->asked - self->brokers.list]++;
    s_put_operation(self, turn, turn->asked, left, operation, flags);
}

/* The first two questions; each may be asked twice. */
static void s_begin(s_chat_t *self, s_turn_t *turn)
{
    int64_t left = turn->deadline - proto_clock_ms();
    if (turn->phase == S_CLAIM) {
        act_talk_write_claim(&turn->talk, left > 0 ? left : 1, &self->body);
        s_ask(self, turn, "chat_claim", 0);
    } else {
        act_talk_write_context(&turn->talk, &self->body);
        s_ask(self, turn, "chat_context", PROTO_FLAG_READ);
    }
}

/* A broker has died, or has forgotten us. What it was asked is read again, once, or has an unknown end; what
 * came by it nobody waits for. */
static void s_lost(void *arg, act_broker_t *broker)
{
    s_chat_t *self = arg;
    uint32_t at = 0;
    for (s_turn_t *turn; (turn = proto_slab_next(&self->turns, &at));) {
        turn->cancelled = turn->cancelled || turn->epoch != turn->from->epoch;
        if (turn->asked != broker)
            continue;
        if (turn->phase == S_STORE) {
            s_fail(self, turn, PROTO_ERROR_outcome_unknown, NULL);
        } else if (turn->asked_again || turn->cancelled) {
            s_fail(self, turn, PROTO_ERROR_worker_lost, NULL);
        } else {
            turn->asked_again = true;
            s_begin(self, turn);
        }
    }
}

static void s_copy(char to[256], proto_bytes_t text)
{
    memcpy(to, text.data ? text.data : (const uint8_t *)"", text.size);
    to[text.size] = '\0';
}

/* What the record asks for, as the endpoint files declare it; NULL when they do not, or for another service.
 */
static const proto_operation_t *s_operation(const s_chat_t *self, const proto_record_t *record)
{
    const proto_catalogue_t *catalogue = self->program->catalogue;
    for (uint32_t i = 0; i < catalogue->operation_count; i++) {
        const proto_operation_t *operation = &catalogue->operations[i];
        if (strcmp(operation->service, "chat") == 0 && proto_bytes_is(record->name, operation->name))
            return operation;
    }
    return NULL;
}

static s_turn_t *s_open(s_chat_t *self, int64_t now, act_broker_t *from, const proto_record_t *record)
{
    uint64_t id;
    s_turn_t *turn = proto_slab_take(&self->turns, &id);
    if (!turn)
        return NULL;
    act_talk_reset(&turn->talk);
    turn->id = id;
    turn->token = record->id;
    turn->epoch = record->epoch;
    turn->from = from;
    turn->asked = NULL;
    turn->phase = record->key.size ? S_CLAIM : S_CONTEXT;
    turn->cancelled = turn->asked_again = false;
    turn->deadline = now + record->deadline;
    turn->started_us = proto_clock_us();
    turn->chat = self;
    s_copy(turn->subject, record->subject);
    s_copy(turn->role, record->role);
    s_copy(turn->trace, record->trace);
    return turn;
}

/* Holds a request to what its endpoint file declares. -1 when it was refused, and answered. */
static int s_admit(s_chat_t *self, s_turn_t *turn, const proto_record_t *record)
{
    static const uint8_t empty_map = 0x80;
    const proto_operation_t *operation = s_operation(self, record);
    proto_bytes_t values[S_PARAMS],
        arguments = record->body.size ? record->body : (proto_bytes_t){&empty_map, 1};
    if (!operation || operation->param_count > S_PARAMS) {
        s_fail(self, turn, PROTO_ERROR_no_worker, "This worker does not offer the operation");
        return -1;
    }
    proto_error_t error = act_admit(operation, record);
    proto_buf_reset(&self->detail);
    if (!error && proto_param_bind(operation, arguments, values, &self->detail) < 0)
        error = PROTO_ERROR_invalid;
    if (!error) {
        act_talk_take(&turn->talk, operation, record->key, arguments, values);
        return 0;
    }
    s_fail(self, turn, error, self->detail.size ? proto_buf_text(&self->detail) : NULL);
    return -1;
}

static void s_request(s_chat_t *self, int64_t now, act_broker_t *from, const proto_record_t *record)
{
    if (record->epoch != from->epoch)
        return;
    if (self->brokers.leaving) { /* it was on its way: for another worker */
        proto_record_t given_back = *record;
        given_back.type = PROTO_RETURN;
        given_back.flags = 0;
        given_back.deadline = 0;
        s_put(from, &given_back);
        return;
    }
    s_turn_t *turn = s_open(self, now, from, record);
    if (!turn) { /* more than the window: turns of earlier epochs are still open */
        proto_buf_reset(&self->body);
        proto_error_body(&self->body, PROTO_ERROR_overloaded, NULL);
        s_put(from, &(proto_record_t){.type = PROTO_ERROR,
                                      .number = PROTO_ERROR_overloaded,
                                      .id = record->id,
                                      .epoch = record->epoch,
                                      .body = proto_buf_bytes(&self->body)});
        return;
    }
    if (s_admit(self, turn, record) < 0)
        return;
    s_begin(self, turn);
}

static void s_store(void *arg, const act_completion_t *completion)
{
    s_turn_t *turn = arg;
    s_chat_t *self = turn->chat;
    if (completion->error) {
        s_fail(self, turn, completion->error, "The model provider gave no answer");
        return;
    }
    act_talk_t *talk = &turn->talk;
    proto_buf_append(&talk->content, completion->content.data, completion->content.size);
    proto_buf_append(&talk->model, completion->model.data, completion->model.size);
    talk->tokens = completion->tokens;
    turn->phase = S_STORE;
    act_talk_finish(talk, (proto_clock_us() - turn->started_us) / 1000);
    act_talk_write_store(talk, &self->body);
    s_ask(self, turn, *talk->key ? "chat_keep" : "chat_store", 0);
}

static void s_complete(s_chat_t *self, s_turn_t *turn, proto_bytes_t context)
{
    if (turn->cancelled) {
        s_fail(self, turn, PROTO_ERROR_expired, "Nobody waits for it any more");
        return;
    }
    proto_bytes_t history = {0};
    proto_buf_append(&turn->talk.context, context.data, context.size);
    context = proto_buf_bytes(&turn->talk.context);
    if (proto_value_get(context, "history", &history) < 0)
        history = (proto_bytes_t){0};
    turn->phase = S_PROVIDER;
    act_prompt_t prompt = {
        .model = proto_value_get_str(context, "model", ""),
        .system = proto_value_get_str(context, "system_prompt", ""),
        .history = history,
        .message = proto_buf_bytes(&turn->talk.message),
    };
    self->config->provider->complete(self->config->provider, &prompt, s_store, turn);
}

/* The key is this turn's, or another has it, or had. */
static void s_claimed(s_chat_t *self, s_turn_t *turn, proto_bytes_t document)
{
    proto_bytes_t body;
    switch (act_talk_read_claim(document, &body)) {
    case ACT_CLAIM_MINE:
        turn->phase = S_CONTEXT;
        s_begin(self, turn);
        break;
    case ACT_CLAIM_ANSWERED:
        s_reply(self, turn, PROTO_FINAL, PROTO_REPLAYED, body);
        break;
    case ACT_CLAIM_REUSED:
        s_fail(self, turn, PROTO_ERROR_key_reused, NULL);
        break;
    case ACT_CLAIM_BUSY:
        s_fail(self, turn, PROTO_ERROR_key_busy, NULL);
        break;
    }
}

static void s_answer(s_chat_t *self, const act_broker_t *from, const proto_record_t *record)
{
    s_turn_t *turn = proto_slab_find(&self->turns, record->id);
    if (!turn || turn->asked != from)
        return; /* late: another broker was asked meanwhile */
    s_unask(self, turn);
    if (record->type == PROTO_ERROR && record->number == PROTO_ERROR_outcome_unknown &&
        turn->phase == S_CLAIM) {
        s_fail(self, turn, PROTO_ERROR_worker_lost, NULL); /* perhaps claimed, and certainly nothing else */
    } else if (record->type == PROTO_ERROR) { /* the database's refusals are ours: agent_not_found, 503 ... */
        s_release(self, turn, record->number);
        s_reply(self, turn, PROTO_ERROR, record->number, record->body);
    } else if (turn->phase == S_CLAIM)
        s_claimed(self, turn, record->body);
    else if (turn->phase == S_CONTEXT)
        s_complete(self, turn, record->body);
    else
        s_reply(self, turn, PROTO_FINAL, 0,
                proto_buf_bytes(&turn->talk.answer)); /* both messages are stored */
}

static void s_cancel(s_chat_t *self, const act_broker_t *from, uint64_t token)
{
    uint32_t at = 0;
    for (s_turn_t *turn; (turn = proto_slab_next(&self->turns, &at));)
        if (turn->token == token && turn->from == from)
            turn->cancelled = true;
}

static void s_record(s_chat_t *self, int64_t now, act_broker_t *from, const proto_record_t *record)
{
    switch (record->type) {
    case PROTO_REQUEST:
        s_request(self, now, from, record);
        break;
    case PROTO_FINAL:
    case PROTO_ERROR:
        s_answer(self, from, record);
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

static void s_drain_brokers(s_chat_t *self, int64_t now)
{
    act_broker_t *from;
    proto_record_t record;
    while (act_brokers_receive(&self->brokers, now, &from, &record) == 1)
        s_record(self, now, from, &record);
}

static void s_drain_pipe(s_chat_t *self, int64_t now)
{
    while (!self->stopping && zsock_events(self->pipe) & ZMQ_POLLIN) {
        char *command = zstr_recv(self->pipe);
        if (command && strcmp(command, "RELOAD") == 0) {
            act_program_free(&self->program);
            self->program = act_current_hold(self->config->programs);
        } else if (command && strcmp(command, "DRAIN") == 0) {
            act_brokers_withdraw(&self->brokers);
        } else if (!command || strcmp(command, "$TERM") == 0) {
            self->stopping = true;
            self->stop_at = now + S_STOP_MS;
        }
        freen(command);
    }
}

/* Tells main once nothing is under way, and nothing more can come. */
static void s_check_drained(s_chat_t *self, int64_t now)
{
    if (self->drained || self->turns.used || !act_brokers_withdrawn(&self->brokers, now))
        return;
    self->drained = true;
    zstr_send(self->pipe, "DRAINED");
}

static void s_turn_loop(s_chat_t *self)
{
    zmq_pollitem_t items[1 + ACT_BROKERS] = {{.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN}};
    int64_t now = proto_clock_ms();
    int64_t at = act_brokers_tick(&self->brokers, now);
    act_brokers_flush(&self->brokers, now);
    act_brokers_poll(&self->brokers, items + 1);
    if (self->stopping && self->stop_at < at)
        at = self->stop_at;
    (void)zmq_poll(items, 1 + (int)self->brokers.count, at > now ? (long)(at - now) : 0);
    now = proto_clock_ms();
    act_brokers_turn(&self->brokers, now);
    s_drain_pipe(self, now);
    s_drain_brokers(self, now);
    s_check_drained(self, now);
}

static void s_finish_turn(void *item)
{
    s_turn_t *turn = item;
    act_talk_free(&turn->talk);
}

void act_chat_actor(zsock_t *pipe, void *config)
{
    pthread_setname_np(pthread_self(), "chat");
    s_chat_t self = {.config = config, .pipe = pipe};
    self.next = 1 % self.config->broker_count; /* gateways begin with the first */
    int64_t now = proto_clock_ms();
    self.program = act_current_hold(self.config->programs);
    proto_slab_init(&self.turns, sizeof(s_turn_t), 4 * S_WINDOW);
    self.brokers = (act_brokers_t){
        .window = S_WINDOW, .service = "chat", .ready = s_ready, .lost = s_lost, .arg = &self};
    bool begun = act_brokers_open(&self.brokers, self.config->context, self.config->brokers,
                                  self.config->broker_count, now) == 0;
    if (begun)
        act_brokers_register(&self.brokers, now);
    zsock_signal(pipe, begun ? 0 : 1);
    while (begun && (!self.stopping || (self.turns.used && proto_clock_ms() < self.stop_at)))
        s_turn_loop(&self);
    act_brokers_close(&self.brokers, proto_clock_ms(), S_LINGER_MS);
    proto_slab_free(&self.turns, s_finish_turn);
    proto_buf_free(&self.body);
    proto_buf_free(&self.detail);
    act_program_free(&self.program);
}
