/* SPDX-License-Identifier: MPL-2.0 */
/* The report: operations, then what was found, for people or as JSON. Thread: main. */
#include "check.h"

#include <stdio.h>

#include "proto_json.h"

static const char *s_param_type(const proto_param_t *param)
{
    return param->sql_type ? param->sql_type : "unknown";
}

/* What the file does not say of a parameter's type. */
static void s_print_remark(const srv_check_t *self, const srv_check_operation_t *operation, uint32_t index)
{
    enum { S_TEXT = 25 /* what PostgreSQL takes when nothing tells: no news */ };
    const srv_check_param_t *known = &operation->params[index];
    bool written = operation->script->operation->params[index].sql_type;
    if (written && !known->declared && operation->script->statement_count)
        printf(" (not in the database)");
    else if (!written && known->inferred)
        printf(" (inferred)");
    else if (known->natural && known->natural != known->declared && known->natural != S_TEXT)
        printf(" (declared; %s without that)", srv_check_type_name(self, known->natural));
}

static void s_print_params(const srv_check_t *self, const srv_check_operation_t *operation)
{
    for (uint32_t i = 0; i < operation->operation.param_count; i++) {
        const proto_param_t *param = &operation->operation.params[i];
        if (param->source >= PROTO_SOURCE_AUTH_SUB) {
            printf("    %s, filled in\n", param->name);
            continue;
        }
        printf("    %s %s %s%s", proto_source_name(param->source), param->name, s_param_type(param),
               param->required ? "" : " ?");
        s_print_remark(self, operation, i);
        putchar('\n');
    }
}

static void s_print_columns(const srv_check_t *self, const srv_check_operation_t *operation)
{
    for (uint32_t s = 0; s < operation->script->statement_count; s++) {
        const srv_check_stage_t *stage = &operation->stages[s];
        const char *step = operation->script->statements[s].step;
        if (stage->column_count == 0)
            continue;
        printf("    %s%s->", step, *step ? " " : "");
        for (int i = 0; i < stage->column_count; i++)
            printf("%s %s %s", i ? "," : "", stage->columns[i].name,
                   srv_check_type_name(self, stage->columns[i].oid));
        putchar('\n');
    }
}

/* The combination of a step's lines that reads most for what comes of it. */
static void s_print_reading(const srv_check_reading_t *reading, uint32_t combinations)
{
    const srv_check_rows_t *rows = &reading->rows;
    printf("    %s%sreads %lld rows for %lld", reading->step, *reading->step ? " " : "",
           (long long)rows->whole.read, (long long)rows->whole.rows);
    if (rows->gathers)
        printf(", and %lld for %lld that it gathers", (long long)rows->gathered.read,
               (long long)rows->gathered.rows);
    if (combinations > 1)
        printf(" (%s%s; the most of %u combinations)", reading->with,
               reading->deep ? ", from the middle of the list" : "", combinations);
    putchar('\n');
}

static double s_times(const srv_check_reading_t *reading)
{
    const srv_check_tally_t *whole = &reading->rows.whole, *gathered = &reading->rows.gathered;
    double times = (double)whole->read / (double)(whole->rows ? whole->rows : 1);
    double more = (double)gathered->read / (double)(gathered->rows ? gathered->rows : 1);
    return times > more ? times : more;
}

/* The readings of an operation stand together, and in it those of a step. */
static void s_print_readings(const srv_check_t *self, const srv_check_operation_t *operation)
{
    const srv_check_reading_t *next;
    for (const srv_check_reading_t *first = self->readings; first; first = next) {
        const srv_check_reading_t *most = first;
        uint32_t count = 0;
        for (next = first; next && next->operation == first->operation && next->step == first->step;
             next = next->next) {
            most = s_times(next) > s_times(most) ? next : most;
            count++;
        }
        if (first->operation == operation->operation.name)
            s_print_reading(most, count);
    }
}

static void s_print_operation(const srv_check_t *self, const srv_check_operation_t *operation)
{
    const proto_operation_t *source = &operation->operation;
    printf("%s%s%s%s", source->method ? source->method : "", source->method ? " " : "",
           source->path ? source->path : "", source->path ? "  " : "");
    if (operation->script->statement_count == 0)
        printf("%s: of the service %s\n", source->name, source->service);
    else if (operation->described)
        printf("%s: %s, %u round trip%s%s\n", source->name, act_mode_name(operation->mode), operation->trips,
               operation->trips == 1 ? "" : "s", source->flags & PROTO_OP_REPLICA ? ", or at a replica" : "");
    else
        printf("%s: not served\n", source->name);
    s_print_params(self, operation);
    if (operation->script->claims)
        puts("    request.jwt.claims, set");
    s_print_columns(self, operation);
    s_print_readings(self, operation);
}

static const char *const s_kinds[] = {"mistake", "warning", "plan"};

static void s_print_finding(const srv_finding_t *finding)
{
    printf("%s", finding->file);
    if (finding->line)
        printf(":%u", finding->line);
    printf(": %s: %s", s_kinds[finding->kind], finding->sentence);
    printf("%s%s\n", *finding->advice ? "; " : "", finding->advice);
}

static void s_print_count(uint32_t count, const char *what, const char *end)
{
    printf("%u %s%s%s", count, what, count == 1 ? "" : "s", end);
}

void srv_check_report(srv_check_t *self)
{
    for (uint32_t i = 0; i < self->operation_count; i++)
        s_print_operation(self, &self->operations[i]);
    if (self->operation_count)
        putchar('\n');
    for (uint32_t i = 0; i < self->finding_count; i++)
        s_print_finding(&self->findings[i]);
    if (self->finding_count)
        putchar('\n');
    s_print_count(self->operation_count, "operation", ": ");
    s_print_count(srv_check_count(self, SRV_MISTAKE), "mistake", ", ");
    s_print_count(srv_check_count(self, SRV_WARNING), "warning", self->options->explain ? ", " : "\n");
    if (self->options->explain)
        s_print_count(srv_check_count(self, SRV_PLAN), "slow plan", "\n");
}

static void s_write_text(proto_buf_t *out, const char *key, const char *value)
{
    proto_write_text(out, key);
    proto_write_text(out, value);
}

static void s_write_param(const srv_check_t *self, const srv_check_operation_t *operation, uint32_t i,
                          proto_buf_t *out)
{
    const proto_param_t *param = &operation->operation.params[i];
    const srv_check_param_t *known = &operation->params[i];
    uint32_t natural = known->natural ? known->natural : known->inferred;
    proto_write_map(out, 5);
    s_write_text(out, "name", param->name);
    s_write_text(out, "source", proto_source_name(param->source));
    s_write_text(out, "type", param->sql_type);
    s_write_text(out, "inferred", natural ? srv_check_type_name(self, natural) : NULL);
    proto_write_text(out, "required");
    proto_write_bool(out, param->required);
}

static void s_write_columns(const srv_check_t *self, const srv_check_operation_t *operation, proto_buf_t *out)
{
    proto_write_array(out, operation->script->statement_count);
    for (uint32_t s = 0; s < operation->script->statement_count; s++) {
        const srv_check_stage_t *stage = &operation->stages[s];
        proto_write_map(out, 2);
        s_write_text(out, "step", operation->script->statements[s].step);
        proto_write_text(out, "columns");
        proto_write_array(out, (uint32_t)stage->column_count);
        for (int i = 0; i < stage->column_count; i++) {
            proto_write_map(out, 2);
            s_write_text(out, "name", stage->columns[i].name);
            s_write_text(out, "type", srv_check_type_name(self, stage->columns[i].oid));
        }
    }
}

static void s_write_operation(const srv_check_t *self, const srv_check_operation_t *operation,
                              proto_buf_t *out)
{
    const proto_operation_t *source = &operation->operation;
    proto_write_map(out, 11);
    s_write_text(out, "operation", source->name);
    s_write_text(out, "service", source->service);
    s_write_text(out, "method", source->method);
    s_write_text(out, "path", source->path);
    s_write_text(out, "file", operation->script->file);
    proto_write_text(out, "line");
    proto_write_int(out, operation->script->places.first);
    s_write_text(out, "mode", operation->described ? act_mode_name(operation->mode) : NULL);
    proto_write_text(out, "round_trips");
    if (operation->described)
        proto_write_int(out, operation->trips);
    else
        proto_write_nil(out);
    proto_write_text(out, "claims");
    proto_write_bool(out, operation->script->claims);
    proto_write_text(out, "parameters");
    proto_write_array(out, source->param_count);
    for (uint32_t i = 0; i < source->param_count; i++)
        s_write_param(self, operation, i, out);
    proto_write_text(out, "results");
    s_write_columns(self, operation, out);
}

static void s_write_findings(const srv_check_t *self, srv_finding_kind_t kind, proto_buf_t *out)
{
    proto_write_array(out, srv_check_count(self, kind));
    for (uint32_t i = 0; i < self->finding_count; i++) {
        const srv_finding_t *finding = &self->findings[i];
        if (finding->kind != kind)
            continue;
        proto_write_map(out, 6);
        s_write_text(out, "file", finding->file);
        proto_write_text(out, "line");
        proto_write_int(out, finding->line);
        s_write_text(out, "operation", finding->operation);
        s_write_text(out, "code", finding->code);
        s_write_text(out, "sentence", finding->sentence);
        s_write_text(out, "advice", finding->advice);
    }
}

static void s_write_tally(proto_buf_t *out, const char *read, const char *rows, srv_check_tally_t tally)
{
    proto_write_text(out, read);
    proto_write_int(out, tally.read);
    proto_write_text(out, rows);
    proto_write_int(out, tally.rows);
}

static void s_write_readings(const srv_check_t *self, proto_buf_t *out)
{
    uint32_t count = 0;
    proto_write_text(out, "readings");
    size_t place = proto_write_array_open(out);
    for (const srv_check_reading_t *reading = self->readings; reading; reading = reading->next, count++) {
        proto_write_map(out, reading->rows.gathers ? 8 : 6);
        s_write_text(out, "operation", reading->operation);
        s_write_text(out, "step", reading->step);
        s_write_text(out, "with", reading->with);
        proto_write_text(out, "deep");
        proto_write_bool(out, reading->deep);
        s_write_tally(out, "read", "returned", reading->rows.whole);
        if (reading->rows.gathers)
            s_write_tally(out, "read_to_gather", "gathered", reading->rows.gathered);
    }
    proto_write_close(out, place, count);
}

void srv_check_report_json(srv_check_t *self)
{
    static const char *const lists[] = {"mistakes", "warnings", "plans"};
    proto_buf_t value = PROTO_BUF_INIT, json = PROTO_BUF_INIT;
    proto_write_map(&value, 1 + SRV_FINDING_KINDS + (self->options->analyze ? 1 : 0));
    proto_write_text(&value, "operations");
    proto_write_array(&value, self->operation_count);
    for (uint32_t i = 0; i < self->operation_count; i++)
        s_write_operation(self, &self->operations[i], &value);
    for (int kind = 0; kind < SRV_FINDING_KINDS; kind++) {
        proto_write_text(&value, lists[kind]);
        s_write_findings(self, (srv_finding_kind_t)kind, &value);
    }
    if (self->options->analyze)
        s_write_readings(self, &value);
    int rc = value.failed ? -1 : proto_json_from_value(proto_buf_bytes(&value), &json);
    PROTO_ASSERT(rc == 0);
    puts(proto_buf_text(&json));
    proto_buf_free(&value);
    proto_buf_free(&json);
}
