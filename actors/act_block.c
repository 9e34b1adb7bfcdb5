/* SPDX-License-Identifier: MPL-2.0 */
/* Statements of a block, and what must fit together in it. Thread: any. */
#include "act_block.h"

#include <stdio.h>
#include <stdlib.h>

#include "act_directive.h"
#include "act_sqltext.h"
#include "act_variant.h"

enum { S_READ_MS = 30000, S_SERVICE_MS = 120000 };

void act_block_fail(act_block_t *self, uint32_t line, const char *what, proto_bytes_t about)
{
    proto_buf_printf(self->errors, "%s:%u: %s", self->file, line, what);
    if (about.size) {
        proto_buf_string(self->errors, ": ");
        proto_buf_append(self->errors, about.data, about.size);
    }
    proto_buf_byte(self->errors, '\n');
    self->failed = self->wrong = true;
}

uint32_t act_block_line(act_block_t *self, size_t offset)
{
    if (offset < self->counted_at || self->counted == 0) {
        self->counted_at = 0;
        self->counted = 1;
    }
    for (; self->counted_at < offset; self->counted_at++)
        self->counted += self->text.data[self->counted_at] == '\n';
    return self->counted;
}

static proto_arena_t *s_arena(act_block_t *self)
{
    return &self->program->catalogue->arena;
}

void act_block_begin(act_block_t *self)
{
    act_block_t kept = *self;
    memset(self, 0, sizeof *self);
    self->program = kept.program;
    self->file = kept.file;
    self->errors = kept.errors;
    self->failed = kept.failed;
    self->line = kept.line;
    self->text = kept.text;
    self->counted_at = kept.counted_at;
    self->counted = kept.counted;
    self->operation =
        (proto_operation_t){.service = "db", .summary = "", .returns = "none", .auth = PROTO_AUTH_USER};
}

proto_param_t *act_block_find_param(act_block_t *self, proto_bytes_t name, uint32_t *index)
{
    for (uint32_t i = 0; i < self->operation.param_count; i++) {
        if (proto_bytes_is(name, self->params[i].name)) {
            *index = i;
            return &self->params[i];
        }
    }
    return NULL;
}

proto_param_t *act_block_add_param(act_block_t *self)
{
    if (self->operation.param_count == ACT_ARGUMENTS) {
        act_block_fail(self, self->line, "an operation has at most 100 parameters", (proto_bytes_t){0});
        return NULL;
    }
    uint32_t index = self->operation.param_count++;
    self->param_lines[index] = self->line;
    self->params[index] = (proto_param_t){0};
    return &self->params[index];
}

/* A parameter of the statement: declared, or filled in by the server. */
static proto_param_t *s_resolve(act_block_t *self, proto_bytes_t name, uint32_t *index)
{
    static const struct {
        const char *name;
        proto_source_t source;
    } filled[] = {{"auth.sub", PROTO_SOURCE_AUTH_SUB},
                  {"auth.role", PROTO_SOURCE_AUTH_ROLE},
                  {"auth.email", PROTO_SOURCE_AUTH_EMAIL},
                  {"request.id", PROTO_SOURCE_REQUEST_ID}};
    proto_param_t *param = act_block_find_param(self, name, index);
    for (size_t i = 0; i < sizeof filled / sizeof *filled && !param; i++) {
        if (!proto_bytes_is(name, filled[i].name) || !(param = act_block_add_param(self)))
            continue;
        *index = self->operation.param_count - 1;
        *param = (proto_param_t){.name = filled[i].name, .source = filled[i].source, .data = PROTO_DATA_TEXT};
    }
    return param;
}

/* The number of the step of that name among those read, or -1. */
static int s_find_step(const act_block_t *self, proto_bytes_t name)
{
    for (uint32_t i = 0; i < self->step_count; i++)
        if (proto_bytes_is(name, self->steps[i].statement.step))
            return (int)i;
    return -1;
}

/* `:after.column`: the number of the cursor's column, or -1. */
static int s_find_after(const act_block_t *self, proto_bytes_t name)
{
    for (uint32_t i = 0; i < self->script.cursor_count; i++)
        if (proto_bytes_is(name, self->script.cursor[i]))
            return (int)i;
    return -1;
}

/* What a name with a dot means: name.given, after.column, step.column. */
static bool s_dotted(act_block_t *self, proto_bytes_t first, proto_bytes_t second, act_hole_t *hole)
{
    uint32_t index;
    int found;
    if (proto_bytes_is(second, "given") && act_block_find_param(self, first, &index)) {
        self->used[index] = true;
        *hole = (act_hole_t){.kind = ACT_HOLE_GIVEN, .index = index};
    } else if (proto_bytes_is(first, "after") && (found = s_find_after(self, second)) >= 0) {
        *hole = (act_hole_t){.kind = ACT_HOLE_AFTER, .index = (uint32_t)found};
    } else if ((found = s_find_step(self, first)) >= 0) {
        *hole = (act_hole_t){
            .kind = ACT_HOLE_STEP, .index = (uint32_t)found, .name = proto_arena_text(s_arena(self), second)};
    } else {
        return false;
    }
    return true;
}

static bool s_hole(act_block_t *self, proto_bytes_t name, act_hole_t *hole)
{
    const uint8_t *dot = memchr(name.data, '.', name.size);
    uint32_t index;
    if (s_resolve(self, name, &index)) {
        self->used[index] = true;
        *hole = (act_hole_t){.kind = ACT_HOLE_PARAM, .index = index};
        return true;
    }
    size_t first = dot ? (size_t)(dot - name.data) : 0;
    return dot && s_dotted(self, (proto_bytes_t){name.data, first},
                           (proto_bytes_t){dot + 1, name.size - first - 1}, hole);
}

static int s_on_param(void *arg, proto_bytes_t name, size_t offset, proto_buf_t *out)
{
    act_block_t *self = arg;
    act_hole_t hole = {0};
    if (!s_hole(self, name, &hole)) {
        act_block_fail(self, act_block_line(self, self->statement_at + offset),
                       "this parameter is not declared", name);
    } else if (self->hole_count == ACT_HOLES) {
        act_block_fail(self, self->line, "a statement has at most 100 places for parameters", name);
        return -1;
    } else {
        hole.at = (uint32_t)out->size;
        self->holes[self->hole_count++] = hole;
    }
    proto_buf_byte(out, '$');
    return 0;
}

/* The bit of a condition on this parameter; -1 when there are too many. */
static int s_condition(act_block_t *self, uint32_t param)
{
    act_script_t *script = &self->script;
    for (uint32_t i = 0; i < script->condition_count; i++)
        if (script->conditions[i] == param)
            return (int)i;
    if (script->condition_count == ACT_CONDITIONS)
        return -1;
    script->conditions[script->condition_count] = param;
    return (int)script->condition_count++;
}

static int s_on_condition(void *arg, proto_bytes_t name, size_t offset, size_t from, size_t to)
{
    act_block_t *self = arg;
    uint32_t index = self->script.cursor_param, line = act_block_line(self, self->statement_at + offset);
    bool after = proto_bytes_is(name, "after") && self->has_cursor;
    const proto_param_t *param = after ? NULL : act_block_find_param(self, name, &index);
    if (!after && (!param || param->source >= PROTO_SOURCE_AUTH_SUB)) { /* nobody gives those */
        act_block_fail(self, line, "--? names no parameter", name);
        return 0;
    }
    int bit = s_condition(self, index);
    if (bit < 0 || self->line_count == ACT_LINES) {
        act_block_fail(self, line, "there are too many conditional lines", name);
        return -1;
    }
    self->used[index] = true;
    self->next.statement.conditions |= 1u << bit;
    self->lines[self->line_count++] =
        (act_line_t){.from = (uint32_t)from, .to = (uint32_t)to, .condition = (uint32_t)bit};
    return 0;
}

static void *s_keep(act_block_t *self, const void *items, size_t size)
{
    void *kept = proto_arena_alloc(s_arena(self), size);
    if (size)
        memcpy(kept, items, size);
    return kept;
}

/* What is left when no condition holds must run: PostgreSQL answers an empty text with no result at all. */
static void s_check_lines(act_block_t *self, const act_statement_t *statement)
{
    const act_hole_t *arguments[ACT_ARGUMENTS];
    proto_buf_t sql = PROTO_BUF_INIT;
    (void)act_variant_render(statement, 0, &sql, arguments);
    if (statement->line_count && !act_sqltext_allowed(proto_buf_text(&sql)))
        act_block_fail(self, statement->line, "without its conditional lines nothing is left that could run",
                       (proto_bytes_t){0});
    proto_buf_free(&sql);
}

/* The statement was cut whole: it joins the block's. */
static void s_add_statement(act_block_t *self, const proto_buf_t *sql)
{
    act_block_step_t *next = &self->next;
    act_statement_t *statement = &next->statement;
    if (!act_sqltext_allowed(proto_buf_text((proto_buf_t *)sql)))
        act_block_fail(self, statement->line,
                       "a statement begins with SELECT, INSERT, UPDATE, DELETE, MERGE, WITH, VALUES or TABLE",
                       (proto_bytes_t){0});
    statement->sql = proto_arena_text(s_arena(self), proto_buf_bytes(sql));
    statement->holes = s_keep(self, self->holes, self->hole_count * sizeof *self->holes);
    statement->hole_count = self->hole_count;
    statement->lines = s_keep(self, self->lines, self->line_count * sizeof *self->lines);
    statement->line_count = self->line_count;
    s_check_lines(self, statement);
    if (!statement->step)
        statement->step = "";
    if (self->step_count == ACT_STATEMENTS)
        act_block_fail(self, statement->line, "an operation has at most 16 steps", (proto_bytes_t){0});
    else
        self->steps[self->step_count++] = *next;
    if (self->step_count == 2 && !*self->steps[0].statement.step)
        act_block_fail(self, self->steps[0].statement.line,
                       "the first of several statements needs a @step, too", (proto_bytes_t){0});
}

/* Each {name} of the path is a parameter, declared or not. */
static void s_path_params(act_block_t *self)
{
    const char *at = self->operation.path;
    while (at && (at = strchr(at, '{'))) {
        size_t size = strcspn(at, "}");
        proto_bytes_t name = {(const uint8_t *)at + 1, size - 1};
        uint32_t index;
        bool whole = at > self->operation.path && at[-1] == '/' && at[size] == '}' &&
                     (at[size + 1] == '/' || at[size + 1] == '\0');
        if (!whole || !act_directive_is_name(name)) {
            act_block_fail(self, self->first_line, "a {parameter} is a whole segment of the path", name);
            return;
        }
        proto_param_t *param = act_block_find_param(self, name, &index);
        if (!param && (param = act_block_add_param(self)))
            *param = (proto_param_t){
                .name = proto_arena_text(s_arena(self), name), .source = PROTO_SOURCE_PATH, .required = true};
        else if (param && param->source != PROTO_SOURCE_PATH)
            act_block_fail(self, self->first_line, "this name stands in the path already", name);
        at += size;
    }
}

size_t act_block_statement(act_block_t *self, size_t at)
{
    proto_buf_t sql = PROTO_BUF_INIT;
    size_t used = 0;
    const char *why = NULL;
    proto_bytes_t rest = {self->text.data + at, self->text.size - at};
    const act_sqltext_hooks_t hooks = {.param = s_on_param, .condition = s_on_condition, .arg = self};
    if (!self->stepping)
        self->next = (act_block_step_t){0};
    self->next.statement.line = self->line;
    self->next.statement.at = (uint32_t)at;
    self->statement_at = at;
    self->hole_count = self->line_count = 0;
    if (self->step_count == 0)
        s_path_params(self);
    int rc = act_sqltext_cut(rest, &hooks, &sql, &used, &why);
    if (rc < 0) {
        if (why)
            act_block_fail(self, act_block_line(self, at + used), why, (proto_bytes_t){0});
        used = rest.size; /* where the next block begins cannot be told */
        self->begun = false;
    } else if (rc > 0) {
        s_add_statement(self, &sql);
    }
    self->stepping = false;
    proto_buf_free(&sql);
    return used;
}

/* A @path that the template does not have. */
static void s_check_path_params(act_block_t *self)
{
    for (uint32_t i = 0; i < self->operation.param_count; i++) {
        const proto_param_t *param = &self->params[i];
        if (param->source != PROTO_SOURCE_PATH)
            continue;
        char hole[80];
        snprintf(hole, sizeof hole, "{%s}", param->name);
        if (!self->operation.path || !strstr(self->operation.path, hole))
            act_block_fail(self, self->param_lines[i], "the path has no such parameter",
                           proto_bytes_of(param->name));
    }
}

/* A body is JSON or a form, so one request cannot fill both. */
static void s_check_body(act_block_t *self)
{
    bool json = false;
    for (uint32_t i = 0; i < self->operation.param_count; i++)
        json = json || self->params[i].source == PROTO_SOURCE_BODY ||
               self->params[i].source == PROTO_SOURCE_WHOLE;
    for (uint32_t i = 0; i < self->operation.param_count && json; i++) {
        const proto_param_t *param = &self->params[i];
        if (param->source == PROTO_SOURCE_FORM || param->source == PROTO_SOURCE_FILE)
            act_block_fail(self, self->param_lines[i],
                           "a body is JSON (@body) or a form (@form, @file), not both",
                           proto_bytes_of(param->name));
    }
}

static void s_check_used(act_block_t *self)
{
    for (uint32_t i = 0; i < self->operation.param_count; i++)
        if (!self->used[i])
            act_block_fail(self, self->param_lines[i] ? self->param_lines[i] : self->first_line,
                           self->has_cursor && i == self->script.cursor_param
                               ? "a @cursor needs a line that ends in --? after"
                               : "this parameter is not used by the statement",
                           proto_bytes_of(self->params[i].name));
}

static const proto_refusal_t *s_find_refusal(const act_block_t *self, proto_bytes_t name)
{
    for (uint32_t i = 0; i < self->operation.refusal_count; i++)
        if (proto_bytes_is(name, self->operation.refusals[i].name))
            return &self->operation.refusals[i];
    return NULL;
}

/* @empty is an expectation of the first statement; all expectations find their refusals. */
static void s_link_refusals(act_block_t *self)
{
    if (self->empty_line && self->step_count) {
        act_statement_t *first = &self->steps[0].statement;
        if (first->expect)
            act_block_fail(self, self->empty_line, "@empty and the first step's expect exclude each other",
                           self->empty);
        first->expect = ACT_EXPECT_SOME;
        first->refuse = s_find_refusal(self, self->empty);
        if (!first->refuse)
            act_block_fail(self, self->empty_line, "@empty names an @error that is not there", self->empty);
    }
    for (uint32_t i = 0; i < self->step_count; i++) {
        act_block_step_t *step = &self->steps[i];
        if (step->refuse.size == 0)
            continue;
        step->statement.refuse = s_find_refusal(self, step->refuse);
        if (!step->statement.refuse)
            act_block_fail(self, step->refuse_line, "expect names an @error that is not there", step->refuse);
    }
}

/* Leaves of the shape find their steps. */
static void s_link_shape(act_block_t *self)
{
    act_shape_node_t *nodes = (act_shape_node_t *)self->script.shape; /* our own still */
    for (uint32_t i = 0; i < self->script.shape_count; i++) {
        act_shape_node_t *node = &nodes[i];
        if (node->kind == ACT_SHAPE_CONSTANT)
            continue;
        if (node->kind == ACT_SHAPE_NEXT_CURSOR) {
            if (!self->has_cursor)
                act_block_fail(self, self->returns_line, "next_cursor needs a @cursor", (proto_bytes_t){0});
            continue;
        }
        int step = node->step.size ? s_find_step(self, node->step) : (int)self->step_count - 1;
        if (step < 0 && node->step.size)
            act_block_fail(self, self->returns_line, "@returns names a step that is not there", node->step);
        node->statement = step < 0 ? 0 : (uint32_t)step;
    }
}

/* A cursor pages the rows of the one statement that looks at it, as many as `limit` says. */
static void s_link_cursor(act_block_t *self)
{
    act_script_t *script = &self->script;
    if (!self->has_cursor)
        return;
    for (uint32_t i = 0; i < script->condition_count; i++)
        for (uint32_t s = 0; s < self->step_count; s++)
            if (script->conditions[i] == script->cursor_param && self->steps[s].statement.conditions >> i & 1)
                script->cursor_statement = s;
    const proto_param_t *limit = act_block_find_param(self, proto_bytes_of("limit"), &script->limit_param);
    if (!limit)
        act_block_fail(self, self->cursor_line, "a @cursor needs a parameter limit", (proto_bytes_t){0});
}

static void s_defaults(act_block_t *self, bool service)
{
    proto_operation_t *operation = &self->operation;
    bool get = operation->method && strcmp(operation->method, "GET") == 0;
    bool reads = self->reads || (get && !self->writes);
    if (reads)
        operation->flags |= PROTO_OP_READS;
    if (operation->flags & PROTO_OP_REPLICA && (service || !reads))
        act_block_fail(self, self->replica_line, "@replica is for statements that only read",
                       (proto_bytes_t){0});
    if (!self->has_tier)
        operation->tier = reads ? PROTO_TIER_READ : PROTO_TIER_WRITE;
    if (operation->timeout_ms == 0)
        operation->timeout_ms = service ? S_SERVICE_MS : S_READ_MS;
    if (operation->status == 0)
        operation->status = self->has_returns && strcmp(operation->returns, "none") != 0 ? 200 : 204;
}

static void s_keep_places(act_block_t *self)
{
    act_places_t *places = &self->places;
    places->first = self->first_line;
    places->returns = self->returns_line;
    places->cursor = self->cursor_line;
    places->params = s_keep(self, self->param_lines, self->operation.param_count * sizeof *self->param_lines);
    places->refusals =
        s_keep(self, self->refusal_lines, self->operation.refusal_count * sizeof *self->refusal_lines);
    self->script.places = *places;
    self->script.wrong = self->wrong;
}

static void s_commit(act_block_t *self)
{
    act_script_t *script = &self->script;
    act_statement_t statements[ACT_STATEMENTS];
    self->operation.params = s_keep(self, self->params, self->operation.param_count * sizeof *self->params);
    self->operation.refusals =
        s_keep(self, self->refusals, self->operation.refusal_count * sizeof *self->refusals);
    s_link_refusals(self);
    s_link_shape(self);
    s_link_cursor(self);
    for (uint32_t i = 0; i < self->step_count; i++)
        statements[i] = self->steps[i].statement;
    script->statements = s_keep(self, statements, self->step_count * sizeof *statements);
    script->statement_count = self->step_count;
    s_keep_places(self);
    script->file = self->file;
    script->line = self->step_count ? statements[0].line : self->first_line;
    act_program_add(self->program, &self->operation, script);
}

/* What a block of another service needs: no statement, and types that no database tells. */
static void s_check_service(act_block_t *self)
{
    if (self->step_count)
        act_block_fail(self, self->steps[0].statement.line, "a @service block has no statement",
                       (proto_bytes_t){0});
    if (self->script.claims)
        act_block_fail(self, self->places.claims, "@claims is for statements: a worker is told them anyway",
                       (proto_bytes_t){0});
    for (uint32_t i = 0; i < self->operation.param_count; i++)
        if (!self->params[i].sql_type)
            act_block_fail(self, self->param_lines[i] ? self->param_lines[i] : self->first_line,
                           "a parameter of a @service block needs a type",
                           proto_bytes_of(self->params[i].name));
}

void act_block_finish(act_block_t *self)
{
    bool service = strcmp(self->operation.service, "db") != 0;
    if (self->step_count == 0)
        s_path_params(self);
    if (!self->has_operation)
        act_block_fail(self, self->first_line, "a block needs an @operation", (proto_bytes_t){0});
    if (self->reads && self->writes)
        act_block_fail(self, self->first_line, "@reads and @writes exclude each other", (proto_bytes_t){0});
    if (self->stepping)
        act_block_fail(self, self->next.refuse_line, "this @step has no statement", (proto_bytes_t){0});
    else if (!service && self->step_count == 0)
        act_block_fail(self, self->first_line, "there is no statement", (proto_bytes_t){0});
    s_check_path_params(self);
    s_check_body(self);
    if (service)
        s_check_service(self);
    else if (self->step_count)
        s_check_used(self);
    s_defaults(self, service);
    s_commit(self);
}
