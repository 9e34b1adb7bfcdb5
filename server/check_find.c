/* SPDX-License-Identifier: MPL-2.0 */
/* Findings. Thread: main. */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto_clock.h"

enum { S_QUIET_MS = 1000 /* before progress is shown */ };

static bool s_told(const srv_check_t *self, const srv_finding_t *finding)
{
    for (uint32_t i = 0; i < self->finding_count; i++) {
        const srv_finding_t *other = &self->findings[i];
        if (other->kind == finding->kind && other->line == finding->line &&
            strcmp(other->file, finding->file) == 0 && strcmp(other->sentence, finding->sentence) == 0)
            return true;
    }
    return false;
}

static void s_add(srv_check_t *self, srv_finding_t finding)
{
    if (s_told(self, &finding))
        return;
    if (self->finding_count == self->finding_room) {
        self->finding_room = self->finding_room ? 2 * self->finding_room : 64;
        self->findings = realloc(self->findings, self->finding_room * sizeof *self->findings);
        PROTO_ASSERT(self->findings != NULL);
    }
    self->findings[self->finding_count++] = finding;
}

void srv_check_tell(srv_check_t *self, srv_finding_kind_t kind, const act_script_t *script, uint32_t line,
                    const char *code, const char *advice, const char *format, ...)
{
    char sentence[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    for (char *c = sentence; *c; c++)
        if (*c == '\n')
            *c = ' ';
    s_add(self, (srv_finding_t){.kind = kind,
                                .file = script->file,
                                .line = line ? line : script->line,
                                .operation = script->operation->name,
                                .code = code,
                                .sentence = proto_arena_text(&self->arena, proto_bytes_of(sentence)),
                                .advice = proto_arena_text(&self->arena, proto_bytes_of(advice))});
}

/* "file:line: sentence"; a line without a number tells of the folder. */
static void s_take_error(srv_check_t *self, proto_bytes_t line)
{
    proto_arena_t *arena = &self->arena;
    srv_finding_t finding = {.kind = SRV_MISTAKE, .code = "form", .advice = ""};
    for (size_t i = 0; i + 1 < line.size; i++) {
        size_t digits = 0;
        while (i + 1 + digits < line.size && line.data[i + 1 + digits] >= '0' &&
               line.data[i + 1 + digits] <= '9')
            digits++;
        size_t behind = i + 1 + digits;
        if (line.data[i] != ':' || digits == 0 || behind + 2 > line.size || line.data[behind] != ':')
            continue;
        finding.file = proto_arena_text(arena, (proto_bytes_t){line.data, i});
        finding.line = (uint32_t)strtoul((const char *)line.data + i + 1, NULL, 10);
        finding.sentence =
            proto_arena_text(arena, (proto_bytes_t){line.data + behind + 2, line.size - behind - 2});
        s_add(self, finding);
        return;
    }
    finding.file = self->options->dir;
    finding.sentence = proto_arena_text(arena, line);
    s_add(self, finding);
}

void srv_check_tell_errors(srv_check_t *self, proto_bytes_t errors)
{
    while (errors.size) {
        const uint8_t *newline = memchr(errors.data, '\n', errors.size);
        size_t size = newline ? (size_t)(newline - errors.data) : errors.size;
        s_take_error(self, (proto_bytes_t){errors.data, size});
        size += newline != NULL;
        errors = (proto_bytes_t){errors.data + size, errors.size - size};
    }
}

static int s_compare(const void *a, const void *b)
{
    const srv_finding_t *one = a, *other = b;
    int files = strcmp(one->file, other->file);
    if (files)
        return files;
    if (one->line != other->line)
        return one->line < other->line ? -1 : 1;
    return one->kind != other->kind ? (int)one->kind - (int)other->kind
                                    : strcmp(one->sentence, other->sentence);
}

void srv_check_sort(srv_check_t *self)
{
    if (self->finding_count)
        qsort(self->findings, self->finding_count, sizeof *self->findings, s_compare);
}

uint32_t srv_check_count(const srv_check_t *self, srv_finding_kind_t kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < self->finding_count; i++)
        count += self->findings[i].kind == kind;
    return count;
}

void srv_check_progress(srv_check_t *self, const char *what, uint32_t done, uint32_t total)
{
    bool over = done == total;
    if (!isatty(STDERR_FILENO) || (over && !self->progress) ||
        (!over && proto_clock_ms() - self->started < S_QUIET_MS))
        return;
    self->progress = !over;
    fputs("\r\033[K", stderr);
    if (!over)
        fprintf(stderr, "%s: %u of %u operations", what, done + 1, total);
    fflush(stderr);
}
