/* SPDX-License-Identifier: MPL-2.0 */
/* Reading one endpoint file: blocks of directives and statements. Statements and what must fit together:
 * act_block.c. Thread: any. */
#include <ctype.h>
#include <stdlib.h>

#include "act_block.h"
#include "act_directive.h"
#include "act_shape.h"
#include "act_sqltext.h"

enum { S_LINES = 64 /* most that a directive goes on in */ };

static proto_arena_t *s_arena(act_block_t *self)
{
    return &self->program->catalogue->arena;
}

static void s_endpoint(act_block_t *self, proto_bytes_t value)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    proto_bytes_t method = act_directive_word(&value);
    self->has_endpoint = true;
    self->places.endpoint = self->line;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (proto_bytes_is(method, methods[i]))
            self->operation.method = methods[i];
    if (!self->operation.method)
        act_block_fail(self, self->line, "@endpoint begins with GET, POST, PUT, PATCH or DELETE", method);
    bool good = value.size && value.data[0] == '/' && !memchr(value.data, ' ', value.size);
    if (!good || (value.size > 1 && value.data[value.size - 1] == '/'))
        act_block_fail(self, self->line, "a path begins with / and does not end with it", value);
    self->operation.path = proto_arena_text(s_arena(self), value);
}

static void s_param(act_block_t *self, proto_source_t source, proto_bytes_t value)
{
    const char *why = NULL;
    uint32_t index;
    proto_param_t param = {.source = source};
    if (act_directive_param(s_arena(self), value, &param, &why) < 0) {
        act_block_fail(self, self->line, why, value);
        return;
    }
    if (param.source == PROTO_SOURCE_WHOLE && source != PROTO_SOURCE_BODY)
        act_block_fail(self, self->line, "only @body takes *", value);
    if (act_block_find_param(self, proto_bytes_of(param.name), &index)) {
        act_block_fail(self, self->line, "the parameter is declared twice", proto_bytes_of(param.name));
        return;
    }
    proto_param_t *slot = act_block_add_param(self);
    if (slot)
        *slot = param;
}

static void s_refusal(act_block_t *self, proto_bytes_t value)
{
    const char *why = NULL;
    proto_refusal_t refusal = {0};
    if (self->operation.refusal_count == ACT_REFUSALS)
        act_block_fail(self, self->line, "an operation has at most 100 @errors", (proto_bytes_t){0});
    else if (act_directive_refusal(s_arena(self), value, &refusal, &why) < 0)
        act_block_fail(self, self->line, why, value);
    else {
        self->refusal_lines[self->operation.refusal_count] = self->line;
        self->refusals[self->operation.refusal_count++] = refusal;
    }
}

static void s_returns(act_block_t *self, proto_bytes_t value)
{
    const char *why = NULL;
    self->has_returns = true;
    self->returns_line = self->line;
    self->operation.returns = proto_arena_text(s_arena(self), value);
    if (act_shape_parse(s_arena(self), value, &self->script, &why) < 0)
        act_block_fail(self, self->line, why, value);
}

static void s_status(act_block_t *self, proto_bytes_t value)
{
    self->places.status = self->line;
    if (value.size == 3 && value.data[0] == '2' && isdigit(value.data[1]) && isdigit(value.data[2]))
        self->operation.status = 200 + (value.data[1] - '0') * 10 + (value.data[2] - '0');
    else
        act_block_fail(self, self->line, "@status is one of success, 200 to 299", value);
}

static void s_name(act_block_t *self, const char **slot, proto_bytes_t value)
{
    if (!act_directive_is_name(value))
        act_block_fail(self, self->line, "a name is made of lower-case letters, digits and _", value);
    *slot = proto_arena_text(s_arena(self), value);
}

static void s_flag(act_block_t *self, bool *flag, proto_bytes_t value)
{
    *flag = true;
    if (value.size)
        act_block_fail(self, self->line, "this directive takes no value", value);
}

static void s_empty(act_block_t *self, proto_bytes_t value)
{
    self->empty = value;
    self->empty_line = self->line;
}

/* @step name [expect one|none|some else error] */
static void s_step(act_block_t *self, proto_bytes_t value)
{
    static const char form[] = "@step is: name [expect one|none|some else error]";
    static const char *const counts[] = {"any", "one", "none", "some"};
    proto_bytes_t name = act_directive_word(&value);
    if (self->stepping)
        act_block_fail(self, self->line, "the @step before has no statement", name);
    for (uint32_t i = 0; i < self->step_count; i++)
        if (proto_bytes_is(name, self->steps[i].statement.step))
            act_block_fail(self, self->line, "there are two steps of this name", name);
    self->stepping = true;
    self->next = (act_block_step_t){.refuse_line = self->line};
    s_name(self, &self->next.statement.step, name);
    if (value.size == 0)
        return;
    proto_bytes_t expect = act_directive_word(&value), count = act_directive_word(&value),
                  otherwise = act_directive_word(&value);
    for (int i = ACT_EXPECT_ONE; i <= ACT_EXPECT_SOME; i++)
        if (proto_bytes_is(count, counts[i]))
            self->next.statement.expect = (act_expect_t)i;
    self->next.refuse = act_directive_trim(value);
    if (!proto_bytes_is(expect, "expect") || !self->next.statement.expect ||
        !proto_bytes_is(otherwise, "else") || self->next.refuse.size == 0)
        act_block_fail(self, self->line, form, name);
}

/* @cursor column [asc|desc], ...: the directions are for people, the statement's ORDER BY decides. */
static void s_cursor(act_block_t *self, proto_bytes_t value)
{
    act_script_t *script = &self->script;
    uint32_t index;
    bool more = true;
    proto_param_t *param = NULL;
    self->cursor_line = self->line;
    if (act_block_find_param(self, proto_bytes_of("cursor"), &index))
        act_block_fail(self, self->line, "the parameter is declared twice", proto_bytes_of("cursor"));
    else
        param = act_block_add_param(self);
    if (!param)
        return;
    self->has_cursor = true;
    script->cursor_param = self->operation.param_count - 1;
    *param = (proto_param_t){
        .name = "cursor", .source = PROTO_SOURCE_QUERY, .data = PROTO_DATA_TEXT, .sql_type = "text"};
    while (more) {
        const uint8_t *comma = value.size ? memchr(value.data, ',', value.size) : NULL;
        size_t size = comma ? (size_t)(comma - value.data) : value.size;
        proto_bytes_t item = act_directive_trim((proto_bytes_t){value.data, size});
        value = (proto_bytes_t){value.data + size + (comma != NULL), value.size - size - (comma != NULL)};
        more = comma != NULL;
        proto_bytes_t name = act_directive_word(&item);
        bool good = act_directive_is_name(name) &&
                    (item.size == 0 || proto_bytes_is(item, "asc") || proto_bytes_is(item, "desc"));
        if (!good || script->cursor_count == ACT_CURSOR_COLUMNS) {
            act_block_fail(self, self->line, "@cursor is: column [asc|desc], ..., of at most 8 columns",
                           name);
            return;
        }
        script->cursor[script->cursor_count++] = proto_arena_text(s_arena(self), name);
    }
}

static void s_service(act_block_t *self, proto_bytes_t value)
{
    s_name(self, &self->operation.service, value);
}

static void s_operation(act_block_t *self, proto_bytes_t value)
{
    self->has_operation = true;
    s_name(self, &self->operation.name, value);
}

static void s_summary(act_block_t *self, proto_bytes_t value)
{
    self->places.summary = self->line;
    self->operation.summary = proto_arena_text(s_arena(self), value);
}

static void s_location(act_block_t *self, proto_bytes_t value)
{
    self->places.location = self->line;
    self->operation.location = proto_arena_text(s_arena(self), value);
}

static void s_tier(act_block_t *self, proto_bytes_t value)
{
    self->has_tier = true;
    self->places.tier = self->line;
    if (proto_tier_parse(value, &self->operation.tier) < 0)
        act_block_fail(self, self->line, "@tier is auth, write, read, health or none", value);
}

static void s_auth(act_block_t *self, proto_bytes_t value)
{
    proto_bytes_t role;
    if (proto_auth_parse(value, &self->operation.auth, &role) < 0)
        act_block_fail(self, self->line, "@auth is public, user, admin or role NAME", value);
    else if (role.size)
        self->operation.role = proto_arena_text(s_arena(self), role);
}

static void s_timeout(act_block_t *self, proto_bytes_t value)
{
    if (act_directive_duration(value, &self->operation.timeout_ms) < 0)
        act_block_fail(self, self->line, "@timeout is a time such as 500ms, 5s or 2m, at most an hour",
                       value);
}

static void s_claims(act_block_t *self, proto_bytes_t value)
{
    self->places.claims = self->line;
    s_flag(self, &self->script.claims, value);
}

static void s_slow(act_block_t *self, proto_bytes_t value)
{
    bool slow;
    s_flag(self, &slow, value);
    self->operation.flags |= PROTO_OP_EXCLUSIVE;
}

static void s_replica(act_block_t *self, proto_bytes_t value)
{
    bool replica;
    s_flag(self, &replica, value);
    self->replica_line = self->line;
    self->operation.flags |= PROTO_OP_REPLICA;
}

static void s_deprecated(act_block_t *self, proto_bytes_t value)
{
    bool deprecated;
    s_flag(self, &deprecated, value);
    self->operation.flags |= PROTO_OP_DEPRECATED;
}

static void s_reads(act_block_t *self, proto_bytes_t value)
{
    s_flag(self, &self->reads, value);
}

static void s_writes(act_block_t *self, proto_bytes_t value)
{
    self->places.writes = self->line;
    s_flag(self, &self->writes, value);
}

/* Directives that declare a parameter ... */
static const struct {
    const char *key;
    proto_source_t source;
} s_sources[] = {{"path", PROTO_SOURCE_PATH},     {"query", PROTO_SOURCE_QUERY}, {"body", PROTO_SOURCE_BODY},
                 {"header", PROTO_SOURCE_HEADER}, {"form", PROTO_SOURCE_FORM},   {"file", PROTO_SOURCE_FILE},
                 {"param", PROTO_SOURCE_ARGUMENT}};

/* ... and all others. */
static const struct {
    const char *key;
    void (*take)(act_block_t *self, proto_bytes_t value);
} s_directives[] = {{"endpoint", s_endpoint}, {"operation", s_operation},
                    {"summary", s_summary},   {"tier", s_tier},
                    {"auth", s_auth},         {"returns", s_returns},
                    {"empty", s_empty},       {"error", s_refusal},
                    {"status", s_status},     {"location", s_location},
                    {"service", s_service},   {"timeout", s_timeout},
                    {"step", s_step},         {"cursor", s_cursor},
                    {"slow", s_slow},         {"deprecated", s_deprecated},
                    {"reads", s_reads},       {"writes", s_writes},
                    {"replica", s_replica},   {"claims", s_claims}};

static void s_directive(act_block_t *self, const act_directive_t *directive)
{
    self->begun = true;
    for (size_t i = 0; i < sizeof s_sources / sizeof *s_sources; i++) {
        if (proto_bytes_is(directive->key, s_sources[i].key)) {
            s_param(self, s_sources[i].source, directive->value);
            return;
        }
    }
    for (size_t i = 0; i < sizeof s_directives / sizeof *s_directives; i++) {
        if (proto_bytes_is(directive->key, s_directives[i].key)) {
            s_directives[i].take(self, directive->value);
            return;
        }
    }
    act_block_fail(self, self->line, "an unknown directive", directive->key);
}

/* Whether a directive begins another block: after statements everything but @step does. */
static bool s_starts_block(const act_block_t *self, const act_directive_t *directive)
{
    if (proto_bytes_is(directive->key, "step"))
        return false;
    return (self->step_count && !self->stepping) ||
           (self->has_endpoint && proto_bytes_is(directive->key, "endpoint")) ||
           (self->has_operation && proto_bytes_is(directive->key, "operation"));
}

static void s_read_directives(act_block_t *self, proto_bytes_t line)
{
    act_directive_t directive;
    while (act_directive_next(&line, &directive)) {
        if (self->begun && s_starts_block(self, &directive)) {
            act_block_finish(self);
            act_block_begin(self);
        }
        if (!self->begun)
            self->first_line = self->line;
        s_directive(self, &directive);
    }
}

/* A statement; one without a @step before it follows directives of its own. */
static size_t s_read_statement(act_block_t *self, size_t at)
{
    if (self->begun && self->step_count && !self->stepping) {
        act_block_finish(self);
        act_block_begin(self);
    }
    if (!self->begun) {
        act_block_fail(self, self->line, "a statement needs directives before it", (proto_bytes_t){0});
        self->first_line = self->line;
        self->begun = true;
    }
    return act_block_statement(self, at);
}

/* Where the line that begins at `at` ends, its newline included. */
static size_t s_line_end(const act_block_t *self, size_t at)
{
    const uint8_t *newline = memchr(self->text.data + at, '\n', self->text.size - at);
    return newline ? (size_t)(newline - self->text.data) + 1 : self->text.size;
}

/* The next comment line's text, unless it begins with a directive; false when that is not what comes. */
static bool s_more(const act_block_t *self, size_t at, proto_bytes_t *more)
{
    proto_bytes_t line = act_directive_trim((proto_bytes_t){self->text.data + at, s_line_end(self, at) - at});
    if (line.size < 2 || memcmp(line.data, "--", 2) != 0)
        return false;
    *more = act_directive_trim((proto_bytes_t){line.data + 2, line.size - 2});
    return more->size == 0 || more->data[0] != '@';
}

/* A comment line's text, with those below it that it goes on in; *end moves behind them. */
static proto_bytes_t s_whole(act_block_t *self, proto_bytes_t line, size_t *end)
{
    proto_buf_t joined = PROTO_BUF_INIT;
    proto_bytes_t more;
    for (int i = 0; i < S_LINES && act_directive_goes_on(line) && s_more(self, *end, &more); i++) {
        proto_buf_reset(&joined);
        proto_buf_append(&joined, line.data, line.size);
        proto_buf_byte(&joined, ' ');
        proto_buf_append(&joined, more.data, more.size);
        line = proto_arena_bytes(s_arena(self), proto_buf_bytes(&joined));
        *end = s_line_end(self, *end);
    }
    proto_buf_free(&joined);
    return line;
}

/* One line, comment or statement that begins at `at`; the bytes it took. */
static size_t s_read(act_block_t *self, size_t at)
{
    proto_bytes_t text = self->text;
    size_t end = s_line_end(self, at);
    proto_bytes_t line = act_directive_trim((proto_bytes_t){text.data + at, end - at});
    if (line.size == 0)
        return end - at;
    size_t from = (size_t)(line.data - text.data);
    self->line = act_block_line(self, from);
    if (line.size >= 2 && memcmp(line.data, "--", 2) == 0) {
        if (line.size > 2 && line.data[2] == '?')
            act_block_fail(self, self->line, "nothing stands before --?", (proto_bytes_t){0});
        s_read_directives(self, s_whole(self, (proto_bytes_t){line.data + 2, line.size - 2}, &end));
        return end - at;
    }
    size_t skip = act_sqltext_comment((proto_bytes_t){line.data, text.size - from});
    return skip ? from + skip - at : from + s_read_statement(self, from) - at;
}

int act_program_parse(act_program_t *self, const char *file, proto_bytes_t text, proto_buf_t *errors)
{
    act_block_t *block = calloc(1, sizeof *block);
    PROTO_ASSERT(block != NULL);
    block->program = self;
    block->file = proto_arena_text(&self->catalogue->arena, proto_bytes_of(file));
    block->errors = errors;
    block->text = text;
    const uint8_t *nul = text.size ? memchr(text.data, '\0', text.size) : NULL;
    bool readable = proto_utf8_valid(text) && !nul;
    if (nul)
        act_block_fail(block, act_block_line(block, (size_t)(nul - text.data)), "the file holds a NUL byte",
                       (proto_bytes_t){0});
    else if (!readable)
        act_block_fail(block, 1, "the file is not UTF-8", (proto_bytes_t){0});
    act_block_begin(block);
    for (size_t at = 0; at < text.size && readable;)
        at += s_read(block, at);
    if (block->begun)
        act_block_finish(block);
    int rc = block->failed ? -1 : 0;
    free(block);
    return rc;
}
