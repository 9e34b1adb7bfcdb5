/* SPDX-License-Identifier: MPL-2.0 */
/* The chat actor. Thread: its own.
 * In: REQUEST (chat), FINAL and ERROR (of its own requests), CANCEL, DISCONNECT. Out: READY, REQUEST (db),
 * FINAL, ERROR, HEARTBEAT, DISCONNECT. */
#include "act_chat.h"

#include <pthread.h>
#include <stdlib.h>

#include "act_admit.h"
#include "proto_clock.h"
#include "proto_log.h"
#include "proto_param.h"
#include "proto_slab.h"
#include "proto_value.h"
#include "proto_wire.h"

enum { S_WINDOW = 128, S_PARAMS = 32, S_STOP_MS = 2000, S_LINGER_MS = 100, S_LEAVE_ID = 1 };

typedef enum { S_CONTEXT, S_PROVIDER, S_STORE } s_phase_t;

/* One conversation turn under way. Its id is also that of its requests to the database. */
typedef struct s_turn {
    uint64_t id, token;
    uint32_t epoch;
    s_phase_t phase;
    bool cancelled;
    int64_t deadline, started_us;
    int64_t agent_id, tokens;
    char subject[256], role[256], trace[256];
    proto_buf_t message, context, content, model;
    struct s_chat *chat;
} s_turn_t;

typedef struct s_chat {
    const act_chat_config_t *config;
    act_program_t *program; /* held */
    zsock_t *pipe;
    proto_wire_t *wire;
    proto_slab_t turns;
    uint32_t epoch;
    int64_t ticked, stop_at;
    bool stopping;
    bool leaving, left, drained; /* offers nothing more; the broker knows; main was told */
    proto_buf_t body, detail;
    int64_t registered_at, register_at; /* when READY was said last, and is to be said again (PROTO_NEVER) */
} s_chat_t;

static void s_put(s_chat_t *self, const proto_record_t *record)
{
    if (proto_wire_put(self->wire, record) < 0)
        proto_log(PROTO_LOG_ERROR, "actors", "chat: a %s could not be encoded",
                  proto_type_name(record->type));
}

/* READY once more, without offers: nothing more is to come. Its id comes back when the broker knows. */
static void s_say_leaving(s_chat_t *self)
{
    proto_buf_reset(&self->body);
    proto_write_map(&self->body, 1);
    proto_write_text(&self->body, "offers");
    proto_write_array(&self->body, 0);
    s_put(self, &(proto_record_t){
                    .type = PROTO_READY,
                    .number = S_WINDOW,
                    .id = S_LEAVE_ID,
                    .epoch = self->epoch,
                    .service = proto_bytes_of("chat"),
                    .body = proto_buf_bytes(&self->body),
                });
}

/* Tells main once nothing is under way, and nothing more can come. */
static void s_check_drained(s_chat_t *self, int64_t now)
{
    if (!self->leaving || self->drained || self->turns.used ||
        (!self->left && proto_wire_alive(self->wire, now)))
        return;
    self->drained = true;
    zstr_send(self->pipe, "DRAINED");
}

static void s_register(s_chat_t *self, int64_t now)
{
    self->registered_at = now;
    self->register_at = PROTO_NEVER;
    self->epoch = (uint32_t)proto_clock_random();
    proto_buf_reset(&self->body);
    proto_write_map(&self->body, 1);
    proto_write_text(&self->body, "version");
    proto_write_text(&self->body, MUSTER_VERSION);
    s_put(self, &(proto_record_t){
                    .type = PROTO_READY,
                    .number = S_WINDOW,
                    .epoch = self->epoch,
                    .service = proto_bytes_of("chat"),
                    .body = proto_buf_bytes(&self->body),
                });
}

static void s_reply(s_chat_t *self, s_turn_t *turn, proto_type_t type, uint16_t number, proto_bytes_t body)
{
    s_put(self, &(proto_record_t){
                    .type = type, .number = number, .id = turn->token, .epoch = turn->epoch, .body = body});
    proto_slab_release(&self->turns, turn->id);
}

static void s_fail(s_chat_t *self, s_turn_t *turn, proto_error_t error, const char *detail)
{
    proto_buf_reset(&self->body);
    proto_error_body(&self->body, error, detail);
    s_reply(self, turn, PROTO_ERROR, (uint16_t)error, proto_buf_bytes(&self->body));
}

/* Asks the database, on behalf of whoever asked us. */
static void s_ask(s_chat_t *self, s_turn_t *turn, const char *operation, uint8_t flags)
{
    int64_t left = turn->deadline - proto_clock_ms();
    if (left <= 0) {
        s_fail(self, turn, PROTO_ERROR_expired, NULL);
        return;
    }
    s_put(self, &(proto_record_t){
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

static s_turn_t *s_open(s_chat_t *self, int64_t now, const proto_record_t *record)
{
    uint64_t id;
    s_turn_t *turn = proto_slab_take(&self->turns, &id);
    if (!turn)
        return NULL;
    proto_buf_reset(&turn->message);
    proto_buf_reset(&turn->context);
    proto_buf_reset(&turn->content);
    proto_buf_reset(&turn->model);
    turn->id = id;
    turn->token = record->id;
    turn->epoch = record->epoch;
    turn->phase = S_CONTEXT;
    turn->cancelled = false;
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
    if (!error)
        return 0;
    s_fail(self, turn, error, self->detail.size ? proto_buf_text(&self->detail) : NULL);
    return -1;
}

static void s_request(s_chat_t *self, int64_t now, const proto_record_t *record)
{
    if (record->epoch != self->epoch)
        return;
    if (self->leaving) { /* it was on its way: for another worker */
        proto_record_t given_back = *record;
        given_back.type = PROTO_RETURN;
        given_back.flags = 0;
        given_back.deadline = 0;
        s_put(self, &given_back);
        return;
    }
    s_turn_t *turn = s_open(self, now, record);
    if (!turn) { /* more than the window: turns of earlier epochs are still open */
        proto_buf_reset(&self->body);
        proto_error_body(&self->body, PROTO_ERROR_overloaded, NULL);
        s_put(self, &(proto_record_t){.type = PROTO_ERROR,
                                      .number = PROTO_ERROR_overloaded,
                                      .id = record->id,
                                      .epoch = record->epoch,
                                      .body = proto_buf_bytes(&self->body)});
        return;
    }
    if (s_admit(self, turn, record) < 0)
        return;
    proto_bytes_t message = proto_value_get_str(record->body, "message", "");
    turn->agent_id = proto_value_get_int(record->body, "id", -1);
    proto_buf_append(&turn->message, message.data, message.size);
    proto_buf_reset(&self->body);
    proto_write_map(&self->body, 1);
    proto_write_text(&self->body, "id");
    proto_write_int(&self->body, turn->agent_id);
    s_ask(self, turn, "chat_context", PROTO_FLAG_READ);
}

static void s_store(void *arg, const act_completion_t *completion)
{
    s_turn_t *turn = arg;
    s_chat_t *self = turn->chat;
    if (completion->error) {
        s_fail(self, turn, completion->error, "The model provider gave no answer");
        return;
    }
    proto_buf_append(&turn->content, completion->content.data, completion->content.size);
    proto_buf_append(&turn->model, completion->model.data, completion->model.size);
    turn->tokens = completion->tokens;
    turn->phase = S_STORE;
    proto_buf_reset(&self->body);
    proto_write_map(&self->body, 4);
    proto_write_text(&self->body, "agent_id");
    proto_write_int(&self->body, turn->agent_id);
    proto_write_text(&self->body, "user_message");
    proto_write_str(&self->body, proto_buf_bytes(&turn->message));
    proto_write_text(&self->body, "assistant_message");
    proto_write_str(&self->body, proto_buf_bytes(&turn->content));
    proto_write_text(&self->body, "model");
    proto_write_str(&self->body, proto_buf_bytes(&turn->model));
    s_ask(self, turn, "chat_store", 0);
}

static void s_complete(s_chat_t *self, s_turn_t *turn, proto_bytes_t context)
{
    if (turn->cancelled) {
        s_fail(self, turn, PROTO_ERROR_expired, "Nobody waits for it any more");
        return;
    }
    proto_bytes_t history = {0};
    proto_buf_append(&turn->context, context.data, context.size);
    context = proto_buf_bytes(&turn->context);
    if (proto_value_get(context, "history", &history) < 0)
        history = (proto_bytes_t){0};
    turn->phase = S_PROVIDER;
    act_prompt_t prompt = {
        .model = proto_value_get_str(context, "model", ""),
        .system = proto_value_get_str(context, "system_prompt", ""),
        .history = history,
        .message = proto_buf_bytes(&turn->message),
    };
    self->config->provider->complete(self->config->provider, &prompt, s_store, turn);
}

/* Both messages are in the database: now it may be said. */
static void s_finish(s_chat_t *self, s_turn_t *turn)
{
    proto_buf_t *out = &self->body;
    proto_buf_reset(out);
    proto_write_map(out, 8);
    proto_write_text(out, "content");
    proto_write_str(out, proto_buf_bytes(&turn->content));
    proto_write_text(out, "agent_id");
    proto_write_int(out, turn->agent_id);
    proto_write_text(out, "agent_name");
    proto_write_str(out, proto_value_get_str(proto_buf_bytes(&turn->context), "agent_name", ""));
    proto_write_text(out, "model");
    proto_write_str(out, proto_buf_bytes(&turn->model));
    proto_write_text(out, "duration_ms");
    proto_write_int(out, (proto_clock_us() - turn->started_us) / 1000);
    proto_write_text(out, "tool_calls");
    proto_write_array(out, 0);
    proto_write_text(out, "tool_results");
    proto_write_array(out, 0);
    proto_write_text(out, "tokens_used");
    proto_write_int(out, turn->tokens);
    s_reply(self, turn, PROTO_FINAL, 0, proto_buf_bytes(out));
}

static void s_answer(s_chat_t *self, const proto_record_t *record)
{
    s_turn_t *turn = proto_slab_find(&self->turns, record->id);
    if (!turn || turn->phase == S_PROVIDER)
        return;
    if (record->type == PROTO_ERROR) /* the database's refusals are ours: agent_not_found, 503 ... */
        s_reply(self, turn, PROTO_ERROR, record->number, record->body);
    else if (turn->phase == S_CONTEXT)
        s_complete(self, turn, record->body);
    else
        s_finish(self, turn);
}

static void s_cancel(s_chat_t *self, uint64_t token)
{
    uint32_t at = 0;
    for (s_turn_t *turn; (turn = proto_slab_next(&self->turns, &at));)
        if (turn->token == token)
            turn->cancelled = true;
}

static void s_record(s_chat_t *self, int64_t now, const proto_record_t *record)
{
    switch (record->type) {
    case PROTO_REQUEST:
        s_request(self, now, record);
        break;
    case PROTO_FINAL:
    case PROTO_ERROR:
        s_answer(self, record);
        break;
    case PROTO_CANCEL:
        s_cancel(self, record->id);
        break;
    case PROTO_HEARTBEAT:
        self->left = self->left || record->id == S_LEAVE_ID;
        break;
    case PROTO_DISCONNECT:
        if (!self->stopping) /* forgotten; or refused, and then not at once again */
            self->register_at = self->registered_at + PROTO_HEARTBEAT_MS;
        break;
    default:
        break;
    }
}

static void s_drain_wire(s_chat_t *self, int64_t now)
{
    proto_batch_t batch;
    while (proto_wire_receive(self->wire, now, &batch) == 1) {
        proto_record_t record;
        for (int rc; (rc = proto_batch_next(&batch, &record)) != 0;)
            if (rc > 0)
                s_record(self, now, &record);
    }
}

static void s_drain_pipe(s_chat_t *self, int64_t now)
{
    while (!self->stopping && zsock_events(self->pipe) & ZMQ_POLLIN) {
        char *command = zstr_recv(self->pipe);
        if (command && strcmp(command, "RELOAD") == 0) {
            act_program_free(&self->program);
            self->program = act_current_hold(self->config->programs);
        } else if (command && strcmp(command, "DRAIN") == 0) {
            self->leaving = true;
            s_say_leaving(self);
        } else if (!command || strcmp(command, "$TERM") == 0) {
            self->stopping = true;
            self->stop_at = now + S_STOP_MS;
        }
        freen(command);
    }
}

static void s_turn_loop(s_chat_t *self)
{
    int64_t now = proto_clock_ms();
    int64_t at = proto_wire_tick(self->wire, now);
    if (!proto_wire_flush(self->wire, now))
        at = now + 10;
    if (self->stopping && self->stop_at < at)
        at = self->stop_at;
    if (self->register_at < at)
        at = self->register_at;
    zmq_pollitem_t items[] = {{.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN},
                              {.socket = proto_wire_socket(self->wire), .events = ZMQ_POLLIN}};
    (void)zmq_poll(items, 2, at > now ? (long)(at - now) : 0);
    now = proto_clock_ms();
    if (now - self->ticked > PROTO_EXPIRY_MS) /* stopped for long: the broker has given us up */
        s_register(self, now);
    self->ticked = now;
    if (items[0].revents)
        s_drain_pipe(self, now);
    s_drain_wire(self, now);
    if (now >= self->register_at)
        s_register(self, now);
    s_check_drained(self, now);
}

static void s_finish_turn(void *item)
{
    s_turn_t *turn = item;
    proto_buf_free(&turn->message);
    proto_buf_free(&turn->context);
    proto_buf_free(&turn->content);
    proto_buf_free(&turn->model);
}

void act_chat_actor(zsock_t *pipe, void *config)
{
    pthread_setname_np(pthread_self(), "chat");
    zsock_signal(pipe, 0);
    s_chat_t self = {.config = config, .pipe = pipe, .ticked = proto_clock_ms()};
    self.program = act_current_hold(self.config->programs);
    proto_slab_init(&self.turns, sizeof(s_turn_t), 4 * S_WINDOW);
    self.wire = proto_wire_open(self.config->context, self.config->brokers, self.ticked);
    if (self.wire)
        s_register(&self, self.ticked);
    zsock_signal(pipe, self.wire ? 0 : 1);
    if (self.wire) {
        while (!self.stopping || (self.turns.used && proto_clock_ms() < self.stop_at))
            s_turn_loop(&self);
        s_put(&self, &(proto_record_t){.type = PROTO_DISCONNECT});
        (void)proto_wire_flush(self.wire, proto_clock_ms());
        proto_wire_close(&self.wire, S_LINGER_MS);
    }
    proto_slab_free(&self.turns, s_finish_turn);
    proto_buf_free(&self.body);
    proto_buf_free(&self.detail);
    act_program_free(&self.program);
}
