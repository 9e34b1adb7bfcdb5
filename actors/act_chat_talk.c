/* SPDX-License-Identifier: MPL-2.0 */
/* Bodies of the chat worker's messages. Thread: the chat worker's. */
#include "act_chat_talk.h"

#include <stdio.h>

#include "proto_clock.h"
#include "proto_value.h"

void act_talk_reset(act_talk_t *self)
{
    proto_buf_t *const bufs[] = {&self->print,   &self->message, &self->context,
                                 &self->content, &self->model,   &self->answer};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        proto_buf_reset(bufs[i]);
    self->key[0] = self->claim[0] = '\0';
    self->agent_id = self->tokens = 0;
}

void act_talk_free(act_talk_t *self)
{
    proto_buf_t *const bufs[] = {&self->print,   &self->message, &self->context,
                                 &self->content, &self->model,   &self->answer};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        proto_buf_free(bufs[i]);
}

void act_talk_take(act_talk_t *self, const proto_operation_t *operation, proto_bytes_t key,
                   proto_bytes_t arguments, const proto_bytes_t *values)
{
    proto_bytes_t message = proto_value_get_str(arguments, "message", "");
    proto_buf_append(&self->message, message.data, message.size);
    self->agent_id = proto_value_get_int(arguments, "id", -1);
    if (key.size == 0)
        return;
    memcpy(self->key, key.data, key.size);
    self->key[key.size] = '\0';
    snprintf(self->claim, sizeof self->claim, "%016llx%016llx", (unsigned long long)proto_clock_random(),
             (unsigned long long)proto_clock_random());
    proto_buf_string(&self->print, operation->name);
    proto_buf_byte(&self->print, 0);
    for (uint32_t i = 0; i < operation->param_count;
         i++) { /* one missing is nil: each is told from the next */
        proto_buf_append(&self->print, values[i].data, values[i].size);
        if (values[i].size == 0)
            proto_write_nil(&self->print);
    }
}

static void s_text(proto_buf_t *out, const char *name, proto_bytes_t text)
{
    proto_write_text(out, name);
    proto_write_str(out, text);
}

static void s_int(proto_buf_t *out, const char *name, int64_t number)
{
    proto_write_text(out, name);
    proto_write_int(out, number);
}

void act_talk_write_claim(const act_talk_t *self, int64_t left_ms, proto_buf_t *out)
{
    proto_buf_reset(out);
    proto_write_map(out, 4);
    s_text(out, "key", proto_bytes_of(self->key));
    s_text(out, "claim", proto_bytes_of(self->claim));
    s_int(out, "milliseconds", left_ms);
    proto_write_text(out, "request");
    proto_write_bin(out, proto_buf_bytes(&self->print));
}

void act_talk_write_context(const act_talk_t *self, proto_buf_t *out)
{
    proto_buf_reset(out);
    proto_write_map(out, 1);
    s_int(out, "id", self->agent_id);
}

void act_talk_write_store(const act_talk_t *self, proto_buf_t *out)
{
    proto_buf_reset(out);
    proto_write_map(out, *self->key ? 7 : 4);
    s_int(out, "agent_id", self->agent_id);
    s_text(out, "user_message", proto_buf_bytes(&self->message));
    s_text(out, "assistant_message", proto_buf_bytes(&self->content));
    s_text(out, "model", proto_buf_bytes(&self->model));
    if (!*self->key)
        return;
    s_text(out, "key", proto_bytes_of(self->key));
    s_text(out, "claim", proto_bytes_of(self->claim));
    proto_write_text(out, "answer");
    proto_write_bin(out, proto_buf_bytes(&self->answer));
}

void act_talk_write_release(const act_talk_t *self, proto_buf_t *out)
{
    proto_buf_reset(out);
    proto_write_map(out, 2);
    s_text(out, "key", proto_bytes_of(self->key));
    s_text(out, "claim", proto_bytes_of(self->claim));
}

static bool s_read(proto_bytes_t map, const char *name, proto_value_t *value)
{
    proto_bytes_t bytes;
    if (proto_value_get(map, name, &bytes) < 0)
        return false;
    proto_reader_t reader = proto_reader(bytes);
    return proto_value_read(&reader, value) == 0;
}

act_claim_t act_talk_read_claim(proto_bytes_t document, proto_bytes_t *body)
{
    proto_bytes_t answer;
    proto_value_t value;
    if (proto_value_get_int(document, "claimed", 0) == 1)
        return ACT_CLAIM_MINE;
    if (proto_value_get(document, "answer", &answer) < 0 || !s_read(answer, "same", &value))
        return ACT_CLAIM_BUSY; /* it was released between the two looks at it */
    if (value.kind != PROTO_BOOL || !value.boolean)
        return ACT_CLAIM_REUSED;
    if (!s_read(answer, "body", &value) || value.kind != PROTO_BIN)
        return ACT_CLAIM_BUSY;
    *body = value.bytes;
    return ACT_CLAIM_ANSWERED;
}

void act_talk_finish(act_talk_t *self, int64_t duration_ms)
{
    proto_buf_t *out = &self->answer;
    proto_write_map(out, 8);
    s_text(out, "content", proto_buf_bytes(&self->content));
    s_int(out, "agent_id", self->agent_id);
    s_text(out, "agent_name", proto_value_get_str(proto_buf_bytes(&self->context), "agent_name", ""));
    s_text(out, "model", proto_buf_bytes(&self->model));
    s_int(out, "duration_ms", duration_ms);
    proto_write_text(out, "tool_calls");
    proto_write_array(out, 0);
    proto_write_text(out, "tool_results");
    proto_write_array(out, 0);
    s_int(out, "tokens_used", self->tokens);
}
