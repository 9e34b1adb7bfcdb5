/* SPDX-License-Identifier: MPL-2.0 */
/* From a request's arguments to the texts that statements run with. Thread: the actor's. */
#include "act_composite.h"
#include "act_cursor.h"
#include "act_internal.h"
#include "act_value.h"
#include "act_variant.h"
#include "proto_param.h"

/* Where the page before ended, when the client says so. */
static int s_bind_cursor(act_db_t *self, const act_job_t *job, act_bound_t *bound)
{
    const act_script_t *script = job->plan->script;
    proto_bytes_t value = bound->values[script->cursor_param];
    proto_reader_t reader = proto_reader(value);
    proto_value_t token;
    bound->filter = act_cursor_filter(script, bound->values);
    if (value.size == 0 || proto_value_read(&reader, &token) < 0 || token.kind != PROTO_STR) {
        bound->given[script->cursor_param] = false; /* null is no cursor */
        return 0;
    }
    if (act_cursor_read(script, job->plan->operation->hash, bound->filter, token.bytes, &self->token,
                        bound->after) == 0)
        return 0;
    proto_buf_string(&self->detail, "cursor must be one that this list gave, with the same filters");
    return -1;
}

/* Whether a judged value of this parameter always has a text. */
static bool s_simple(const proto_param_t *param)
{
    return !param->array && (param->data <= PROTO_DATA_INT8 || param->data == PROTO_DATA_TEXT ||
                             param->data == PROTO_DATA_UUID || param->data == PROTO_DATA_ENUM);
}

/* The text of a parameter's value in self->text. -1 with a sentence in self->detail. */
static int s_text(act_db_t *self, const act_plan_t *plan, uint32_t index, proto_bytes_t value, bool *null)
{
    const proto_param_t *param = &plan->operation->params[index];
    if (plan->composites[index])
        return act_composite_to_text(&plan->generation->types, plan->composites[index], param->name, value,
                                     &self->text, null, &self->detail);
    if (act_value_to_text(param, value, &self->text, null) == 0)
        return 0;
    proto_buf_printf(&self->detail, "%s has a form that its type does not take", param->name);
    return -1;
}

/* Whether it is a bytea's bytes, which are sent as they are: a text would be twice as much, and libpq moves
 * what it has not sent yet with every write. */
static bool s_bytes(const proto_param_t *param, proto_bytes_t value, proto_bytes_t *bytes)
{
    proto_reader_t reader = proto_reader(value);
    proto_value_t read;
    if (param->data != PROTO_DATA_BYTEA || param->array || !param->sql_type || value.size == 0 ||
        proto_value_read(&reader, &read) < 0 || read.kind != PROTO_BIN)
        return false;
    *bytes = read.bytes;
    return true;
}

/* Values that pass the check but have no text are refused now, before anything is sent. */
static int s_check_texts(act_db_t *self, const act_plan_t *plan, const act_bound_t *bound)
{
    const proto_operation_t *operation = plan->operation;
    bool null;
    proto_bytes_t bytes;
    for (uint32_t i = 0; i < operation->param_count; i++) {
        if (s_simple(&operation->params[i]) || s_bytes(&operation->params[i], bound->values[i], &bytes))
            continue;
        proto_buf_reset(&self->text);
        if (s_text(self, plan, i, bound->values[i], &null) < 0)
            return -1;
    }
    return 0;
}

int act_bind(act_db_t *self, const act_job_t *job, act_bound_t *bound)
{
    static const uint8_t empty_map = 0x80;
    const act_plan_t *plan = job->plan;
    proto_bytes_t arguments = job->request.body;
    if (arguments.size == 0)
        arguments = (proto_bytes_t){&empty_map, 1};
    proto_buf_reset(&self->detail);
    if (proto_param_bind_given(plan->operation, arguments, bound->values, bound->given, &self->detail) < 0 ||
        s_check_texts(self, plan, bound) < 0)
        return -1;
    if (plan->script->cursor_count && s_bind_cursor(self, job, bound) < 0)
        return -1;
    bound->mask = act_variant_mask(plan->script, plan->operation, bound->values, bound->given);
    return 0;
}

/* The claim `email`; empty when there is none that PostgreSQL could read. */
static proto_bytes_t s_email(const act_job_t *job)
{
    proto_bytes_t email = proto_value_get_str(job->request.claims, "email", "");
    bool good = email.size && proto_utf8_valid(email) && !memchr(email.data, '\0', email.size);
    return good ? email : (proto_bytes_t){0};
}

/* What the record's header says of who asks; false for other parameters. */
static bool s_filled(const act_job_t *job, const proto_param_t *param, proto_bytes_t *value)
{
    switch (param->source) {
    case PROTO_SOURCE_AUTH_SUB:
        *value = job->request.subject;
        return true;
    case PROTO_SOURCE_AUTH_ROLE:
        *value = job->request.role;
        return true;
    case PROTO_SOURCE_AUTH_EMAIL:
        *value = s_email(job);
        return true;
    case PROTO_SOURCE_REQUEST_ID:
        *value = job->trace.request_id;
        return true;
    default:
        return false;
    }
}

int act_bind_print(act_db_t *self, const act_job_t *job, const act_bound_t *bound, proto_buf_t *out)
{
    const proto_operation_t *operation = job->plan->operation;
    proto_buf_reset(out);
    proto_buf_string(out, operation->name);
    for (uint32_t i = 0; i < operation->param_count; i++) {
        bool null = false;
        proto_bytes_t filled;
        if (s_filled(job, &operation->params[i], &filled))
            continue;
        proto_buf_reset(&self->text);
        if (s_text(self, job->plan, i, bound->values[i], &null) < 0)
            return -1;
        proto_buf_printf(out, "\n%s %d%d %zu ", operation->params[i].name, bound->given[i], null,
                         self->text.size);
        proto_buf_append(out, self->text.data, self->text.size);
    }
    return out->failed ? -1 : 0;
}

/* A text from a result of this request. */
static void s_bind_step(act_db_t *self, const act_job_t *job, const act_hole_t *hole, bool *null)
{
    const PGresult *result = job->results[hole->index];
    int column = result && PQntuples(result) ? act_document_column(result, hole->name) : -1;
    *null = column < 0 || PQgetisnull(result, 0, column);
    if (!*null)
        proto_buf_append(&self->text, PQgetvalue(result, 0, column), (size_t)PQgetlength(result, 0, column));
}

static int s_bind_param(act_db_t *self, const act_job_t *job, const act_bound_t *bound, uint32_t index,
                        bool *null)
{
    const proto_param_t *param = &job->plan->operation->params[index];
    proto_bytes_t filled;
    if (s_filled(job, param, &filled)) {
        proto_buf_append(&self->text, filled.data, filled.size);
        *null = filled.size == 0;
        return 0;
    }
    return s_text(self, job->plan, index, bound->values[index], null);
}

static int s_bind_hole(act_db_t *self, const act_job_t *job, const act_bound_t *bound, const act_hole_t *hole,
                       bool *null)
{
    *null = false;
    switch (hole->kind) {
    case ACT_HOLE_PARAM:
        return s_bind_param(self, job, bound, hole->index, null);
    case ACT_HOLE_GIVEN:
        proto_buf_string(&self->text, bound->given[hole->index] ? "true" : "false");
        return 0;
    case ACT_HOLE_STEP:
        s_bind_step(self, job, hole, null);
        return 0;
    case ACT_HOLE_AFTER:
        *null = !bound->given[job->plan->script->cursor_param];
        if (!*null)
            proto_buf_append(&self->text, bound->after[hole->index].data, bound->after[hole->index].size);
        return 0;
    }
    return -1;
}

static bool s_bind_bytes(const act_job_t *job, const act_bound_t *bound, const act_hole_t *hole,
                         act_values_t *values, uint32_t i)
{
    proto_bytes_t bytes = {0};
    bool binary = hole->kind == ACT_HOLE_PARAM &&
                  s_bytes(&job->plan->operation->params[hole->index], bound->values[hole->index], &bytes);
    values->data[i] = (const char *)bytes.data;
    values->lengths[i] = (int)bytes.size;
    values->formats[i] = binary;
    values->binary = values->binary || binary;
    return binary;
}

int act_bind_variant(act_db_t *self, const act_job_t *job, const act_bound_t *bound,
                     const act_variant_t *variant, act_values_t *values)
{
    size_t offsets[ACT_ARGUMENTS];
    bool nulls[ACT_ARGUMENTS];
    values->binary = false;
    proto_buf_reset(&self->text);
    for (uint32_t i = 0; i < variant->argument_count; i++) {
        offsets[i] = self->text.size;
        if (s_bind_bytes(job, bound, variant->arguments[i], values, i))
            continue;
        if (s_bind_hole(self, job, bound, variant->arguments[i], &nulls[i]) < 0)
            return -1;
        proto_buf_byte(&self->text, 0);
    }
    for (uint32_t i = 0; i < variant->argument_count; i++)
        if (!values->formats[i])
            values->data[i] = nulls[i] ? NULL : (const char *)self->text.data + offsets[i];
    return self->text.failed ? -1 : 0;
}
