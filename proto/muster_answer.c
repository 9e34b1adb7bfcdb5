/* SPDX-License-Identifier: MPL-2.0 */
/* Answers. Thread: the owner's. */
#include "muster_answer.h"

#include <stdlib.h>

#include "proto_json.h"

static char *s_copy(proto_bytes_t text)
{
    char *copy = strndup(text.size ? (const char *)text.data : "", text.size);
    PROTO_ASSERT(copy != NULL);
    return copy;
}

static muster_answer_t *s_new(uint64_t id)
{
    muster_answer_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->id = id;
    return self;
}

/* The members of a problem's body, of the table what it lacks. */
static void s_read_problem(muster_answer_t *self, proto_error_t error)
{
    proto_bytes_t body = proto_buf_bytes(&self->body);
    int64_t status = proto_value_get_int(body, "status", proto_error_status(error));
    self->status = status >= 400 && status <= 599 ? (int)status : 500;
    self->code = s_copy(proto_value_get_str(body, "code", proto_error_code(error)));
    self->title = s_copy(proto_value_get_str(body, "title", proto_error_title(error)));
    self->detail = s_copy(proto_value_get_str(body, "detail", proto_error_title(error)));
}

muster_answer_t *muster_answer_problem(uint64_t id, proto_error_t error, const char *detail)
{
    muster_answer_t *self = s_new(id);
    proto_error_body(&self->body, error, detail);
    s_read_problem(self, error);
    self->cursor = s_copy(proto_bytes_of(""));
    return self;
}

muster_answer_t *muster_answer_new(const proto_record_t *record)
{
    bool empty = record->body.size == 0;
    if (!empty && proto_value_check(record->body) < 0)
        return muster_answer_problem(record->id, PROTO_ERROR_internal, "The answer is no MessagePack");
    muster_answer_t *self = s_new(record->id);
    if (!empty)
        proto_buf_append(&self->body, record->body.data, record->body.size);
    else if (record->type == PROTO_ERROR)
        proto_write_map(&self->body, 0);
    else
        proto_write_nil(&self->body);
    self->ok = record->type != PROTO_ERROR;
    self->more = record->type == PROTO_PARTIAL;
    self->cursor = s_copy(self->ok ? record->key : proto_bytes_of(""));
    if (!self->ok)
        s_read_problem(self, (proto_error_t)record->number);
    return self;
}

muster_answer_t *muster_answer_of(proto_bytes_t body)
{
    return muster_answer_new(&(proto_record_t){.type = PROTO_FINAL, .body = body});
}

void muster_answer_destroy(muster_answer_t **self_pointer)
{
    muster_answer_t *self = *self_pointer;
    if (!self)
        return;
    *self_pointer = NULL;
    free(self->code);
    free(self->title);
    free(self->detail);
    free(self->cursor);
    proto_buf_free(&self->body);
    proto_buf_free(&self->json);
    free(self);
}

uint64_t muster_answer_id(const muster_answer_t *self)
{
    return self->id;
}

int muster_answer_ok(const muster_answer_t *self)
{
    return self->ok;
}

int muster_answer_more(const muster_answer_t *self)
{
    return self->more;
}

const void *muster_answer_body(const muster_answer_t *self, size_t *size)
{
    *size = self->body.size;
    return self->body.data;
}

const char *muster_answer_json(muster_answer_t *self)
{
    if (self->json.size == 0 && proto_json_from_value(proto_buf_bytes(&self->body), &self->json) < 0) {
        proto_buf_reset(&self->json); /* nested too deep, say */
        proto_buf_string(&self->json, "null");
    }
    return proto_buf_text(&self->json);
}

const char *muster_answer_cursor(const muster_answer_t *self)
{
    return self->cursor;
}

int muster_answer_status(const muster_answer_t *self)
{
    return self->ok ? 200 : self->status;
}

const char *muster_answer_code(const muster_answer_t *self)
{
    return self->ok ? "none" : self->code;
}

const char *muster_answer_title(const muster_answer_t *self)
{
    return self->ok ? "OK" : self->title;
}

const char *muster_answer_detail(const muster_answer_t *self)
{
    return self->ok ? "" : self->detail;
}

void muster_answers_init(muster_answers_t *self)
{
    *self = (muster_answers_t){.end = &self->first};
}

void muster_answers_put(muster_answers_t *self, muster_answer_t *answer)
{
    answer->next = NULL;
    *self->end = answer;
    self->end = &answer->next;
    self->bytes += answer->body.size;
}

muster_answer_t *muster_answers_take(muster_answers_t *self)
{
    muster_answer_t *answer = self->first;
    if (!answer)
        return NULL;
    self->first = answer->next;
    if (!self->first)
        self->end = &self->first;
    self->bytes -= answer->body.size;
    return answer;
}

void muster_answers_drop(muster_answers_t *self, uint64_t id)
{
    muster_answers_t all = *self;
    if (!all.first)
        return;
    muster_answers_init(self);
    for (muster_answer_t *answer; (answer = muster_answers_take(&all));) {
        if (id && answer->id != id)
            muster_answers_put(self, answer);
        else
            muster_answer_destroy(&answer);
    }
}
