/* SPDX-License-Identifier: MPL-2.0 */
/* From what PostgreSQL was sent back to what stands in the file. Thread: main. */
#include "check.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "act_sqltext.h"
#include "act_variant.h"

/* The file of a script, read once for all questions in a row. */
static proto_bytes_t s_text(srv_check_t *self, const char *path)
{
    if (self->text_of && strcmp(self->text_of, path) == 0)
        return proto_buf_bytes(&self->text);
    FILE *file = fopen(path, "re");
    proto_buf_reset(&self->text);
    self->text_of = path;
    while (file && !feof(file) && !ferror(file)) {
        uint8_t *to = proto_buf_extend(&self->text, 4096);
        PROTO_ASSERT(to != NULL);
        self->text.size -= 4096 - fread(to, 1, 4096, file);
    }
    if (file)
        fclose(file);
    return proto_buf_bytes(&self->text);
}

static int s_on_param(void *arg, proto_bytes_t name, size_t offset, proto_buf_t *out)
{
    (void)arg, (void)name, (void)offset;
    proto_buf_byte(out, '$');
    return 0;
}

static int s_on_condition(void *arg, proto_bytes_t name, size_t offset, size_t from, size_t to)
{
    (void)arg, (void)name, (void)offset, (void)from, (void)to;
    return 0;
}

/* How much of the statement's text the first bytes of the file's make. */
static size_t s_cut(proto_bytes_t text)
{
    const act_sqltext_hooks_t hooks = {.param = s_on_param, .condition = s_on_condition};
    proto_buf_t out = PROTO_BUF_INIT;
    const char *why;
    size_t used, size;
    int rc = act_sqltext_cut(text, &hooks, &out, &used, &why);
    size = rc ? out.size : 0; /* -1: it was cut short, as was meant */
    proto_buf_free(&out);
    return size;
}

/* Line by line the same cut as the parser's, until it has come that far. */
uint32_t srv_check_line(srv_check_t *self, const act_script_t *script, const act_statement_t *statement,
                        uint32_t offset)
{
    proto_bytes_t text = s_text(self, script->file);
    uint32_t line = statement->line;
    for (size_t end = statement->at; end < text.size; end++) {
        if (text.data[end] != '\n')
            continue;
        if (s_cut((proto_bytes_t){text.data + statement->at, end - statement->at}) > offset)
            return line;
        line++;
    }
    return line;
}

/* The size of the variant of the statement's first bytes. */
static size_t s_rendered(const act_statement_t *statement, uint32_t mask, uint32_t size)
{
    act_statement_t part = *statement;
    const act_hole_t *arguments[ACT_ARGUMENTS];
    proto_buf_t text = PROTO_BUF_INIT, sql = PROTO_BUF_INIT;
    proto_buf_append(&text, statement->sql, size);
    part.sql = proto_buf_text(&text);
    while (part.hole_count && part.holes[part.hole_count - 1].at >= size)
        part.hole_count--;
    while (part.line_count && part.lines[part.line_count - 1].from >= size)
        part.line_count--;
    (void)act_variant_render(&part, mask, &sql, arguments);
    size_t rendered = sql.size;
    proto_buf_free(&text);
    proto_buf_free(&sql);
    return rendered;
}

uint32_t srv_check_unrender(const act_statement_t *statement, uint32_t mask, uint32_t offset)
{
    uint32_t size = (uint32_t)strlen(statement->sql);
    for (uint32_t at = 0; at < size; at++)
        if (s_rendered(statement, mask, at + 1) > offset)
            return at;
    return size ? size - 1 : 0;
}

void srv_check_hole_name(const act_script_t *script, const act_hole_t *hole, proto_buf_t *out)
{
    proto_buf_byte(out, ':');
    if (hole->kind == ACT_HOLE_STEP)
        proto_buf_printf(out, "%s.%s", script->statements[hole->index].step, hole->name);
    else if (hole->kind == ACT_HOLE_AFTER)
        proto_buf_printf(out, "after.%s", script->cursor[hole->index]);
    else
        proto_buf_printf(out, "%s%s", script->operation->params[hole->index].name,
                         hole->kind == ACT_HOLE_GIVEN ? ".given" : "");
}

void srv_check_mask_name(const act_script_t *script, const act_statement_t *statement, uint32_t mask,
                         proto_buf_t *out)
{
    mask &= statement->conditions;
    if (mask == 0)
        proto_buf_string(out, "with no conditional line");
    for (uint32_t i = 0, count = 0; i < script->condition_count; i++) {
        if (!(mask >> i & 1))
            continue;
        proto_buf_printf(out, "%s%s", count++ ? ", " : "with ",
                         script->operation->params[script->conditions[i]].name);
    }
}

static bool s_is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Behind the string, quoted name or dollar quote that begins here. */
static const char *s_skip_quoted(const char *sql)
{
    if (*sql != '$') {
        const char *end = strchr(sql + 1, *sql);
        return end ? end + 1 : sql + strlen(sql);
    }
    const char *tag = strchr(sql + 1, '$');
    if (!tag)
        return sql + 1;
    size_t size = (size_t)(tag - sql) + 1;
    for (size_t i = 1; i + 1 < size; i++)
        if (!s_is_word(sql[i]))
            return sql + 1; /* a parameter */
    const char *end = memmem(tag + 1, strlen(tag + 1), sql, size);
    return end ? end + size : sql + strlen(sql);
}

bool srv_check_has_word(const char *sql, const char *word)
{
    size_t size = strlen(word);
    while (*sql) {
        if (*sql == '\'' || *sql == '"' || *sql == '$') {
            sql = s_skip_quoted(sql);
        } else if (s_is_word(*sql)) {
            size_t length = 0;
            while (s_is_word(sql[length]))
                length++;
            if (length == size && strncasecmp(sql, word, size) == 0)
                return true;
            sql += length;
        } else {
            sql++;
        }
    }
    return false;
}
