/* SPDX-License-Identifier: MPL-2.0 */
/* `muster check`: from the folder to the report. Thread: main. */
#include "check.h"

#include <stdlib.h>

#include "proto_clock.h"

static void s_add_operation(srv_check_t *self, const act_script_t *script)
{
    proto_arena_t *arena = &self->arena;
    srv_check_operation_t *operation = &self->operations[self->operation_count++];
    size_t count = script->operation->param_count;
    operation->script = script;
    operation->operation = *script->operation;
    operation->operation.params = proto_arena_alloc(arena, count * sizeof(proto_param_t));
    if (count)
        memcpy(operation->operation.params, script->operation->params, count * sizeof(proto_param_t));
    operation->params = proto_arena_alloc(arena, count * sizeof *operation->params);
    operation->stages = proto_arena_alloc(arena, script->statement_count * sizeof *operation->stages);
}

/* What has mistakes of form has been told of, and is left out. */
static int s_read(srv_check_t *self, proto_buf_t *why)
{
    proto_buf_t folder = PROTO_BUF_INIT, errors = PROTO_BUF_INIT;
    proto_buf_printf(&folder, "%s/endpoints", self->options->dir);
    self->program = act_program_read(proto_buf_text(&folder), 1, &errors);
    if (self->program) {
        srv_check_tell_errors(self, proto_buf_bytes(&errors));
        self->operations =
            proto_arena_alloc(&self->arena, self->program->script_count * sizeof *self->operations);
        for (uint32_t i = 0; i < self->program->script_count; i++)
            if (!self->program->scripts[i].wrong && self->program->scripts[i].file[0] != '(')
                s_add_operation(self, &self->program->scripts[i]);
    } else {
        proto_buf_append(why, errors.data, strcspn(proto_buf_text(&errors), "\n"));
    }
    proto_buf_free(&folder);
    proto_buf_free(&errors);
    return self->program ? 0 : -1;
}

static int s_judge(srv_check_t *self, proto_buf_t *why)
{
    for (uint32_t i = 0; i < self->operation_count && PQstatus(self->conn) == CONNECTION_OK; i++) {
        srv_check_operation_t *operation = &self->operations[i];
        srv_check_progress(self, "checking", i, self->operation_count);
        srv_check_types(self, operation);
        if (operation->script->statement_count)
            srv_check_prepare(self, operation);
        srv_check_params(self, operation);
        srv_check_answer(self, operation);
        srv_check_habits(self, operation);
    }
    srv_check_routes(self);
    for (uint32_t i = 0; i < self->operation_count && self->options->explain; i++) {
        srv_check_progress(self, "explaining", i, self->operation_count);
        srv_check_explain(self, &self->operations[i]);
    }
    srv_check_progress(self, "", self->operation_count, self->operation_count);
    if (PQstatus(self->conn) == CONNECTION_OK)
        return 0;
    proto_buf_string(why, "the connection to the database was lost");
    return -1;
}

static int s_verdict(srv_check_t *self)
{
    uint32_t wrong = srv_check_count(self, SRV_MISTAKE);
    srv_check_sort(self);
    if (self->options->json)
        srv_check_report_json(self);
    else
        srv_check_report(self);
    return wrong || (self->options->strict && self->finding_count) ? 1 : 0;
}

int srv_check(const srv_check_options_t *options, proto_buf_t *why)
{
    srv_check_t self = {.options = options, .started = proto_clock_ms()};
    int rc = s_read(&self, why);
    if (rc == 0)
        rc = srv_check_connect(&self, why);
    if (rc == 0)
        rc = s_judge(&self, why);
    if (rc == 0)
        rc = s_verdict(&self);
    if (self.conn)
        PQfinish(self.conn); /* which rolls back */
    act_program_free(&self.program);
    act_types_clear(&self.types);
    proto_arena_free(&self.arena);
    proto_buf_free(&self.text);
    free(self.findings);
    return rc;
}
