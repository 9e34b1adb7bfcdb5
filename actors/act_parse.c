/* SPDX-License-Identifier: MPL-2.0 */
/* Reading one endpoint file: blocks of directives, each followed by one statement (or none, with @service).
 * Thread: any. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "act_directive.h"
#include "act_program.h"
#include "act_shape.h"
#include "act_sqltext.h"

enum { S_PARAMS = 100, S_REFUSALS = 100, S_READ_MS = 30000, S_SERVICE_MS = 120000 };

/* A block under way. */
typedef struct s_block {
    act_program_t *program;
    const char *file;
    proto_buf_t *errors;
    bool failed;
    uint32_t line; /* of the directive or statement being read */
    bool begun;    /* a directive was seen */
    bool has_endpoint, has_operation, reads, writes, has_auth, has_tier, has_returns;
    uint32_t first_line;
    proto_operation_t operation;
    act_statement_t statement;
    proto_param_t params[S_PARAMS];
    uint32_t param_lines[S_PARAMS];
    bool used[S_PARAMS]; /* by the statement */
    proto_refusal_t refusals[S_REFUSALS];
    proto_bytes_t empty; /* name of the refusal */
    uint32_t empty_line;
    uint32_t arguments[S_PARAMS];
    uint32_t argument_count;
    size_t statement_at; /* where the statement begins in the text */
    proto_bytes_t text;  /* of the whole file */
} s_block_t;

static void s_fail(s_block_t *self, uint32_t line, const char *what, proto_bytes_t about)
{
    proto_buf_printf(self->errors, "%s:%u: %s", self->file, line, what);
    if (about.size) {
        proto_buf_string(self->errors, ": ");
        proto_buf_append(self->errors, about.data, about.size);
    }
    proto_buf_byte(self->errors, '\n');
    self->failed = true;
}

static proto_arena_t *s_arena(s_block_t *self)
{
    return &self->program->catalogue->arena;
}

static void s_begin(s_block_t *self)
{
    act_program_t *program = self->program;
    *self = (s_block_t){.program = program,
                        .file = self->file,
                        .errors = self->errors,
                        .failed = self->failed,
                        .line = self->line,
                        .text = self->text};
    self->operation =
        (proto_operation_t){.service = "db", .summary = "", .returns = "none", .auth = PROTO_AUTH_USER};
}

static void s_endpoint(s_block_t *self, proto_bytes_t value)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    proto_bytes_t method = act_directive_word(&value);
    self->has_endpoint = true;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (proto_bytes_is(method, methods[i]))
            self->operation.method = methods[i];
    if (!self->operation.method)
        s_fail(self, self->line, "@endpoint begins with GET, POST, PUT, PATCH or DELETE", method);
    bool good = value.size && value.data[0] == '/' && !memchr(value.data, ' ', value.size);
    if (!good || (value.size > 1 && value.data[value.size - 1] == '/'))
        s_fail(self, self->line, "a path begins with / and does not end with it", value);
    self->operation.path = proto_arena_text(s_arena(self), value);
}

static proto_param_t *s_find_param(s_block_t *self, proto_bytes_t name, uint32_t *index)
{
    for (uint32_t i = 0; i < self->operation.param_count; i++) {
        if (proto_bytes_is(name, self->params[i].name)) {
            *index = i;
            return &self->params[i];
        }
    }
    return NULL;
}

static proto_param_t *s_add_param(s_block_t *self)
{
    if (self->operation.param_count == S_PARAMS) {
        s_fail(self, self->line, "an operation has at most 100 parameters", (proto_bytes_t){0});
        return NULL;
    }
    uint32_t index = self->operation.param_count++;
    self->param_lines[index] = self->line;
    self->params[index] = (proto_param_t){0};
    return &self->params[index];
}

static void s_param(s_block_t *self, proto_source_t source, proto_bytes_t value)
{
    const char *why = NULL;
    uint32_t index;
    proto_param_t param = {.source = source};
    if (act_directive_param(s_arena(self), value, &param, &why) < 0) {
        s_fail(self, self->line, why, value);
        return;
    }
    if (param.source == PROTO_SOURCE_WHOLE && source != PROTO_SOURCE_BODY)
        s_fail(self, self->line, "only @body takes *", value);
    if (s_find_param(self, proto_bytes_of(param.name), &index)) {
        s_fail(self, self->line, "the parameter is declared twice", proto_bytes_of(param.name));
        return;
    }
    proto_param_t *slot = s_add_param(self);
    if (slot)
        *slot = param;
}

static void s_refusal(s_block_t *self, proto_bytes_t value)
{
    const char *why = NULL;
    proto_refusal_t refusal = {0};
    if (self->operation.refusal_count == S_REFUSALS)
        s_fail(self, self->line, "an operation has at most 100 @errors", (proto_bytes_t){0});
    else if (act_directive_refusal(s_arena(self), value, &refusal, &why) < 0)
        s_fail(self, self->line, why, value);
    else
        self->refusals[self->operation.refusal_count++] = refusal;
}

static void s_returns(s_block_t *self, proto_bytes_t value)
{
    const char *why = NULL;
    self->has_returns = true;
    self->operation.returns = proto_arena_text(s_arena(self), value);
    if (act_shape_parse(s_arena(self), value, &self->statement, &why) < 0)
        s_fail(self, self->line, why, value);
}

static void s_status(s_block_t *self, proto_bytes_t value)
{
    if (value.size == 3 && value.data[0] == '2' && isdigit(value.data[1]) && isdigit(value.data[2]))
        self->operation.status = 200 + (value.data[1] - '0') * 10 + (value.data[2] - '0');
    else
        s_fail(self, self->line, "@status is one of success, 200 to 299", value);
}

static void s_name(s_block_t *self, const char **slot, proto_bytes_t value)
{
    if (!act_directive_is_name(value))
        s_fail(self, self->line, "a name is made of lower-case letters, digits and _", value);
    *slot = proto_arena_text(s_arena(self), value);
}

static void s_flag(s_block_t *self, bool *flag, proto_bytes_t value)
{
    *flag = true;
    if (value.size)
        s_fail(self, self->line, "this directive takes no value", value);
}

static void s_directive(s_block_t *self, const act_directive_t *directive)
{
    proto_bytes_t key = directive->key, value = directive->value;
    bool slow = false, deprecated = false;
    self->begun = true;
    if (proto_bytes_is(key, "endpoint"))
        s_endpoint(self, value);
    else if (proto_bytes_is(key, "operation")) {
        self->has_operation = true;
        s_name(self, &self->operation.name, value);
    } else if (proto_bytes_is(key, "summary"))
        self->operation.summary = proto_arena_text(s_arena(self), value);
    else if (proto_bytes_is(key, "tier")) {
        self->has_tier = true;
        if (proto_tier_parse(value, &self->operation.tier) < 0)
            s_fail(self, self->line, "@tier is auth, write, read, health or none", value);
    } else if (proto_bytes_is(key, "auth")) {
        if (proto_auth_parse(value, &self->operation.auth) < 0)
            s_fail(self, self->line, "@auth is public, user or admin", value);
    } else if (proto_bytes_is(key, "path"))
        s_param(self, PROTO_SOURCE_PATH, value);
    else if (proto_bytes_is(key, "query"))
        s_param(self, PROTO_SOURCE_QUERY, value);
    else if (proto_bytes_is(key, "body"))
        s_param(self, PROTO_SOURCE_BODY, value);
    else if (proto_bytes_is(key, "header"))
        s_param(self, PROTO_SOURCE_HEADER, value);
    else if (proto_bytes_is(key, "form"))
        s_param(self, PROTO_SOURCE_FORM, value);
    else if (proto_bytes_is(key, "file"))
        s_param(self, PROTO_SOURCE_FILE, value);
    else if (proto_bytes_is(key, "param"))
        s_param(self, PROTO_SOURCE_ARGUMENT, value);
    else if (proto_bytes_is(key, "returns"))
        s_returns(self, value);
    else if (proto_bytes_is(key, "empty")) {
        self->empty = value;
        self->empty_line = self->line;
    } else if (proto_bytes_is(key, "error"))
        s_refusal(self, value);
    else if (proto_bytes_is(key, "status"))
        s_status(self, value);
    else if (proto_bytes_is(key, "location"))
        self->operation.location = proto_arena_text(s_arena(self), value);
    else if (proto_bytes_is(key, "service"))
        s_name(self, &self->operation.service, value);
    else if (proto_bytes_is(key, "timeout")) {
        if (act_directive_duration(value, &self->operation.timeout_ms) < 0)
            s_fail(self, self->line, "@timeout is a time such as 500ms, 5s or 2m, at most an hour", value);
    } else if (proto_bytes_is(key, "slow"))
        s_flag(self, &slow, value);
    else if (proto_bytes_is(key, "reads"))
        s_flag(self, &self->reads, value);
    else if (proto_bytes_is(key, "writes"))
        s_flag(self, &self->writes, value);
    else if (proto_bytes_is(key, "deprecated"))
        s_flag(self, &deprecated, value);
    else
        s_fail(self, self->line, "an unknown directive", key);
    self->operation.flags |= slow ? PROTO_OP_EXCLUSIVE : 0u;
    self->operation.flags |= deprecated ? PROTO_OP_DEPRECATED : 0u;
}

static uint32_t s_line_of(const s_block_t *self, size_t offset)
{
    uint32_t line = 1;
    for (size_t i = 0; i < offset; i++)
        line += self->text.data[i] == '\n';
    return line;
}

/* A parameter of the statement: declared, or filled in by the server. */
static proto_param_t *s_resolve(s_block_t *self, proto_bytes_t name, uint32_t *index)
{
    static const struct {
        const char *name;
        proto_source_t source;
    } filled[] = {{"auth.sub", PROTO_SOURCE_AUTH_SUB},
                  {"auth.role", PROTO_SOURCE_AUTH_ROLE},
                  {"request.id", PROTO_SOURCE_REQUEST_ID}};
    proto_param_t *param = s_find_param(self, name, index);
    for (size_t i = 0; i < 3 && !param; i++) {
        if (!proto_bytes_is(name, filled[i].name) || !(param = s_add_param(self)))
            continue;
        *index = self->operation.param_count - 1;
        *param = (proto_param_t){.name = filled[i].name, .source = filled[i].source, .data = PROTO_DATA_TEXT};
    }
    return param;
}

static uint32_t s_on_param(void *arg, proto_bytes_t name, size_t offset)
{
    s_block_t *self = arg;
    uint32_t index = 0;
    if (!s_resolve(self, name, &index)) {
        s_fail(self, s_line_of(self, self->statement_at + offset), "this parameter is not declared", name);
        return 1; /* any number: there may be more to tell */
    }
    self->used[index] = true;
    for (uint32_t i = 0; i < self->argument_count; i++)
        if (self->arguments[i] == index)
            return i + 1;
    self->arguments[self->argument_count++] = index;
    return self->argument_count;
}

/* Each {name} of the path is a parameter, declared or not. */
static void s_path_params(s_block_t *self)
{
    const char *at = self->operation.path;
    while (at && (at = strchr(at, '{'))) {
        size_t size = strcspn(at, "}");
        proto_bytes_t name = {(const uint8_t *)at + 1, size - 1};
        uint32_t index;
        bool whole = at > self->operation.path && at[-1] == '/' && at[size] == '}' &&
                     (at[size + 1] == '/' || at[size + 1] == '\0');
        if (!whole || !act_directive_is_name(name)) {
            s_fail(self, self->first_line, "a {parameter} is a whole segment of the path", name);
            return;
        }
        proto_param_t *param = s_find_param(self, name, &index);
        if (!param && (param = s_add_param(self)))
            *param = (proto_param_t){
                .name = proto_arena_text(s_arena(self), name), .source = PROTO_SOURCE_PATH, .required = true};
        else if (param && param->source != PROTO_SOURCE_PATH)
            s_fail(self, self->first_line, "this name stands in the path already", name);
        at += size;
    }
}

/* A @path that the template does not have. */
static void s_check_path_params(s_block_t *self)
{
    for (uint32_t i = 0; i < self->operation.param_count; i++) {
        const proto_param_t *param = &self->params[i];
        if (param->source != PROTO_SOURCE_PATH)
            continue;
        char hole[80];
        snprintf(hole, sizeof hole, "{%s}", param->name);
        if (!self->operation.path || !strstr(self->operation.path, hole))
            s_fail(self, self->param_lines[i], "the path has no such parameter", proto_bytes_of(param->name));
    }
}

static void s_check_used(s_block_t *self)
{
    for (uint32_t i = 0; i < self->operation.param_count; i++)
        if (!self->used[i])
            s_fail(self, self->param_lines[i] ? self->param_lines[i] : self->first_line,
                   "this parameter is not used by the statement", proto_bytes_of(self->params[i].name));
}

static void s_link_empty(s_block_t *self, const proto_operation_t *operation)
{
    if (self->empty_line == 0)
        return;
    for (uint32_t i = 0; i < operation->refusal_count; i++)
        if (proto_bytes_is(self->empty, operation->refusals[i].name))
            self->statement.empty = &operation->refusals[i];
    if (!self->statement.empty)
        s_fail(self, self->empty_line, "@empty names an @error that is not there", self->empty);
}

static void *s_keep(s_block_t *self, const void *items, size_t size)
{
    void *kept = proto_arena_alloc(s_arena(self), size);
    if (size)
        memcpy(kept, items, size);
    return kept;
}

static void s_defaults(s_block_t *self, bool service)
{
    proto_operation_t *operation = &self->operation;
    bool get = operation->method && strcmp(operation->method, "GET") == 0;
    bool reads = self->reads || (get && !self->writes);
    if (reads)
        operation->flags |= PROTO_OP_READS;
    if (!self->has_tier)
        operation->tier = reads ? PROTO_TIER_READ : PROTO_TIER_WRITE;
    if (operation->timeout_ms == 0)
        operation->timeout_ms = service ? S_SERVICE_MS : S_READ_MS;
    if (operation->status == 0)
        operation->status = self->has_returns && strcmp(operation->returns, "none") != 0 ? 200 : 204;
}

/* Grows the program by the finished block. The arena keeps the old arrays, which are small. */
static void s_commit(s_block_t *self)
{
    act_program_t *program = self->program;
    proto_catalogue_t *catalogue = program->catalogue;
    uint32_t count = program->statement_count;
    proto_operation_t *operations = proto_arena_alloc(s_arena(self), (count + 1) * sizeof *operations);
    act_statement_t *statements = proto_arena_alloc(s_arena(self), (count + 1) * sizeof *statements);
    if (count) {
        memcpy(operations, catalogue->operations, count * sizeof *operations);
        memcpy(statements, program->statements, count * sizeof *statements);
    }
    self->operation.params =
        s_keep(self, self->params, self->operation.param_count * sizeof *self->operation.params);
    self->operation.refusals =
        s_keep(self, self->refusals, self->operation.refusal_count * sizeof *self->operation.refusals);
    operations[count] = self->operation;
    self->statement.arguments = s_keep(self, self->arguments, self->argument_count * sizeof *self->arguments);
    self->statement.argument_count = self->argument_count;
    self->statement.file = self->file;
    s_link_empty(self, &self->operation);
    statements[count] = self->statement;
    for (uint32_t i = 0; i <= count; i++)
        statements[i].operation = &operations[i];
    catalogue->operations = operations;
    catalogue->operation_count = program->statement_count = count + 1;
    program->statements = statements;
}

/* A block is complete: `sql` is its statement, or "" for a service. */
static void s_finish(s_block_t *self, const char *sql)
{
    bool service = strcmp(self->operation.service, "db") != 0;
    if (!self->has_operation)
        s_fail(self, self->first_line, "a block needs an @operation", (proto_bytes_t){0});
    if (self->reads && self->writes)
        s_fail(self, self->first_line, "@reads and @writes exclude each other", (proto_bytes_t){0});
    if (!service && !*sql)
        s_fail(self, self->first_line, "there is no statement", (proto_bytes_t){0});
    if (service && *sql)
        s_fail(self, self->statement.line, "a @service block has no statement", (proto_bytes_t){0});
    if (*sql && !act_sqltext_allowed(sql))
        s_fail(self, self->statement.line,
               "a statement begins with SELECT, INSERT, UPDATE, DELETE, MERGE, WITH, VALUES or TABLE",
               (proto_bytes_t){0});
    s_check_path_params(self);
    if (!service)
        s_check_used(self);
    for (uint32_t i = 0; service && i < self->operation.param_count; i++)
        if (!self->params[i].sql_type)
            s_fail(self, self->param_lines[i] ? self->param_lines[i] : self->first_line,
                   "a parameter of a @service block needs a type", proto_bytes_of(self->params[i].name));
    s_defaults(self, service);
    self->statement.sql = proto_arena_text(s_arena(self), proto_bytes_of(sql));
    if (!self->statement.line)
        self->statement.line = self->first_line;
    s_commit(self);
}

/* A directive that cannot belong to the block under way. */
static bool s_starts_block(const s_block_t *self, const act_directive_t *directive)
{
    return (self->has_endpoint && proto_bytes_is(directive->key, "endpoint")) ||
           (self->has_operation && proto_bytes_is(directive->key, "operation"));
}

static void s_read_directives(s_block_t *self, proto_bytes_t line)
{
    act_directive_t directive;
    while (act_directive_next(&line, &directive)) {
        if (s_starts_block(self, &directive)) { /* the one before had no statement */
            s_path_params(self);
            s_finish(self, "");
            s_begin(self);
        }
        if (!self->begun)
            self->first_line = self->line;
        s_directive(self, &directive);
    }
}

/* Reads the statement that begins at *at. */
static void s_read_statement(s_block_t *self, size_t *at)
{
    proto_buf_t sql = PROTO_BUF_INIT;
    size_t used = 0;
    const char *why = NULL;
    self->statement.line = self->line;
    if (!self->begun) {
        s_fail(self, self->line, "a statement needs directives before it", (proto_bytes_t){0});
        self->first_line = self->line;
    }
    s_path_params(self);
    self->statement_at = *at;
    proto_bytes_t rest = {self->text.data + *at, self->text.size - *at};
    if (act_sqltext_cut(rest, s_on_param, self, &sql, &used, &why) < 0) {
        if (why)
            s_fail(self, s_line_of(self, *at + used), why, (proto_bytes_t){0});
        *at = self->text.size; /* where the next block begins cannot be told */
        self->begun = false;
    } else {
        s_finish(self, proto_buf_text(&sql));
        *at += used;
        s_begin(self);
    }
    proto_buf_free(&sql);
}

int act_program_parse(act_program_t *self, const char *file, proto_bytes_t text, proto_buf_t *errors)
{
    s_block_t *block = calloc(1, sizeof *block);
    PROTO_ASSERT(block != NULL);
    block->program = self;
    block->file = proto_arena_text(&self->catalogue->arena, proto_bytes_of(file));
    block->errors = errors;
    block->text = text;
    const uint8_t *nul = text.size ? memchr(text.data, '\0', text.size) : NULL;
    bool readable = proto_utf8_valid(text) && !nul;
    if (nul)
        s_fail(block, s_line_of(block, (size_t)(nul - text.data)), "the file holds a NUL byte",
               (proto_bytes_t){0});
    else if (!readable)
        s_fail(block, 1, "the file is not UTF-8", (proto_bytes_t){0});
    s_begin(block);
    for (size_t at = 0; at < text.size && readable;) {
        const uint8_t *newline = memchr(text.data + at, '\n', text.size - at);
        size_t end = newline ? (size_t)(newline - text.data) + 1 : text.size;
        proto_bytes_t line = act_directive_trim((proto_bytes_t){text.data + at, end - at});
        block->line = s_line_of(block, at);
        bool comment = line.size >= 2 && memcmp(line.data, "--", 2) == 0;
        size_t from = line.size ? (size_t)(line.data - text.data) : 0;
        size_t skip = line.size ? act_sqltext_comment((proto_bytes_t){line.data, text.size - from}) : 0;
        if (comment)
            s_read_directives(block, (proto_bytes_t){line.data + 2, line.size - 2});
        if (comment || line.size == 0)
            at = end;
        else if (skip)
            at = from + skip;
        else
            s_read_statement(block, &at);
    }
    if (block->begun) {
        s_path_params(block);
        s_finish(block, "");
    }
    int rc = block->failed ? -1 : 0;
    free(block);
    return rc;
}
