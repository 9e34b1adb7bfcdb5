/* SPDX-License-Identifier: MPL-2.0 */
/* A program as a whole: reading its folder, checks across files, hashes. One file: act_parse.c. Thread: any.
 */
#include "act_program.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { S_FILE_BYTES = 1 << 20 };

act_program_t *act_program_new(void)
{
    act_program_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->catalogue = proto_catalogue_new();
    atomic_init(&self->holders, 1);
    return self;
}

act_program_t *act_program_hold(act_program_t *self)
{
    atomic_fetch_add(&self->holders, 1);
    return self;
}

void act_program_free(act_program_t **self_pointer)
{
    act_program_t *self = *self_pointer;
    *self_pointer = NULL;
    if (!self || atomic_fetch_sub(&self->holders, 1) > 1)
        return;
    proto_catalogue_free(&self->catalogue);
    free(self->scripts);
    free(self);
}

/* Doubles the room, so that a thousand operations cost a dozen copies; the arena keeps what was too small. */
static void s_grow(act_program_t *self)
{
    uint32_t room = self->room ? 2 * self->room : 64;
    proto_operation_t *operations = proto_arena_alloc(&self->catalogue->arena, room * sizeof *operations);
    if (self->script_count)
        memcpy(operations, self->catalogue->operations, self->script_count * sizeof *operations);
    self->catalogue->operations = operations;
    self->scripts = realloc(self->scripts, room * sizeof *self->scripts);
    PROTO_ASSERT(self->scripts != NULL);
    for (uint32_t i = 0; i < self->script_count; i++)
        self->scripts[i].operation = &operations[i];
    self->room = room;
}

void act_program_add(act_program_t *self, const proto_operation_t *operation, const act_script_t *script)
{
    if (self->script_count == self->room)
        s_grow(self);
    uint32_t at = self->script_count++;
    self->catalogue->operations[at] = *operation;
    self->catalogue->operation_count = self->script_count;
    self->scripts[at] = *script;
    self->scripts[at].operation = &self->catalogue->operations[at];
}

uint64_t act_program_signature(const proto_operation_t *operation, const act_script_t *script)
{
    proto_buf_t text = PROTO_BUF_INIT;
    for (uint32_t i = 0; i < script->statement_count; i++) {
        const act_statement_t *statement = &script->statements[i];
        proto_buf_printf(&text, "%s %d %s %s", statement->step, (int)statement->expect,
                         statement->refuse ? statement->refuse->name : "", statement->sql);
        for (uint32_t h = 0; h < statement->hole_count; h++)
            proto_buf_printf(&text, ",%d.%u.%s", (int)statement->holes[h].kind, statement->holes[h].index,
                             statement->holes[h].name ? statement->holes[h].name : "");
        for (uint32_t l = 0; l < statement->line_count; l++)
            proto_buf_printf(&text, ",%u-%u?%u", statement->lines[l].from, statement->lines[l].to,
                             script->conditions[statement->lines[l].condition]);
    }
    for (uint32_t i = 0; i < script->cursor_count; i++)
        proto_buf_printf(&text, ",%s", script->cursor[i]);
    if (script->claims)
        proto_buf_string(&text, ",claims");
    uint64_t hash = proto_operation_signature(operation, proto_buf_text(&text));
    proto_buf_free(&text);
    return hash;
}

/* Whether two templates match the same paths: {names} do not count. */
static bool s_same_path(const char *a, const char *b)
{
    while (*a && *b) {
        if (*a == '{' && *b == '{') {
            a += strcspn(a, "}");
            b += strcspn(b, "}");
        }
        if (*a != *b)
            return false;
        if (*a) {
            a++;
            b++;
        }
    }
    return *a == *b;
}

static bool s_same_name(const proto_operation_t *a, const proto_operation_t *b)
{
    return strcmp(a->name, b->name) == 0;
}

static bool s_same_route(const proto_operation_t *a, const proto_operation_t *b)
{
    return strcmp(a->method, b->method) == 0 && s_same_path(a->path, b->path);
}

/* The same for all paths that s_same_path takes for one. */
static uint64_t s_hash_route(const proto_operation_t *operation)
{
    uint64_t hash = proto_hash(PROTO_HASH_SEED, operation->method, strlen(operation->method));
    for (const char *at = operation->path; *at;) {
        size_t size = strcspn(at, "{") + (strchr(at, '{') != NULL);
        hash = proto_hash(hash, at, size);
        at += size;
        at += size && at[-1] == '{' ? strcspn(at, "}") : 0;
    }
    return hash;
}

/* Operations by name or by route: open addressing, index + 1. */
typedef struct s_table {
    uint32_t *slots, size;
    bool (*same)(const proto_operation_t *a, const proto_operation_t *b);
} s_table_t;

static s_table_t s_table(uint32_t count, bool (*same)(const proto_operation_t *, const proto_operation_t *))
{
    s_table_t self = {.size = 64, .same = same};
    while (self.size < 2 * count)
        self.size *= 2;
    self.slots = calloc(self.size, sizeof *self.slots);
    PROTO_ASSERT(self.slots != NULL);
    return self;
}

/* The earlier script that is the same; NULL when there is none, and this one joins the table. */
static const act_script_t *s_earlier(s_table_t *self, const act_program_t *program, uint64_t hash, uint32_t i)
{
    uint32_t at = (uint32_t)(hash ^ hash >> 32) & (self->size - 1);
    for (; self->slots[at]; at = (at + 1) & (self->size - 1)) {
        const act_script_t *other = &program->scripts[self->slots[at] - 1];
        if (self->same(other->operation, program->scripts[i].operation))
            return other;
    }
    self->slots[at] = i + 1;
    return NULL;
}

/* Tells when the name of an operation, or else its route, is taken. */
static int s_check_doubles(const act_program_t *self, s_table_t *names, s_table_t *routes, uint32_t i,
                           proto_buf_t *errors)
{
    const act_script_t *later = &self->scripts[i], *earlier;
    const proto_operation_t *operation = later->operation;
    if (!operation->name)
        return 0; /* has been told */
    if ((earlier = s_earlier(names, self,
                             proto_hash(PROTO_HASH_SEED, operation->name, strlen(operation->name)), i))) {
        proto_buf_printf(errors, "%s:%u: the operation %s is already in %s:%u\n", later->file, later->line,
                         operation->name, earlier->file, earlier->line);
        return -1;
    }
    if (operation->method && operation->path &&
        (earlier = s_earlier(routes, self, s_hash_route(operation), i))) {
        proto_buf_printf(errors, "%s:%u: %s %s is already served by %s in %s:%u\n", later->file, later->line,
                         operation->method, operation->path, earlier->operation->name, earlier->file,
                         earlier->line);
        return -1;
    }
    return 0;
}

int act_program_finish(act_program_t *self, uint64_t generation, proto_buf_t *errors)
{
    int rc = 0;
    proto_catalogue_t *catalogue = self->catalogue;
    s_table_t names = s_table(self->script_count, s_same_name),
              routes = s_table(self->script_count, s_same_route);
    for (uint32_t i = 0; i < self->script_count; i++) {
        catalogue->operations[i].hash = act_program_signature(&catalogue->operations[i], &self->scripts[i]);
        if (s_check_doubles(self, &names, &routes, i, errors) < 0)
            rc = -1;
    }
    free(names.slots);
    free(routes.slots);
    catalogue->generation = generation;
    proto_catalogue_seal(catalogue);
    return rc;
}

static int s_read_file(const char *path, proto_buf_t *text, proto_buf_t *errors)
{
    FILE *file = fopen(path, "re");
    proto_buf_init(text, S_FILE_BYTES);
    while (file && !feof(file) && !ferror(file)) {
        uint8_t *to = proto_buf_extend(text, 4096);
        if (!to)
            break;
        text->size -= 4096 - fread(to, 1, 4096, file);
    }
    int rc = file && !ferror(file) && !text->failed ? 0 : -1;
    if (rc < 0)
        proto_buf_printf(errors, "%s:1: cannot be read: %s\n", path,
                         text->failed ? "larger than a megabyte" : strerror(errno));
    if (file)
        fclose(file);
    return rc;
}

static int s_is_sql(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return size > 4 && strcmp(entry->d_name + size - 4, ".sql") == 0 && entry->d_name[0] != '.';
}

static int s_load_file(act_program_t *self, const char *folder, const char *name, proto_buf_t *errors)
{
    proto_buf_t text = PROTO_BUF_INIT, path = PROTO_BUF_INIT;
    proto_buf_printf(&path, "%s/%s", folder, name);
    int rc = s_read_file(proto_buf_text(&path), &text, errors);
    if (rc == 0)
        rc = act_program_parse(self, proto_buf_text(&path), proto_buf_bytes(&text), errors);
    proto_buf_free(&text);
    proto_buf_free(&path);
    return rc;
}

/* What the gateway's health check asks when an API has no operation of its own for that. */
static const char s_builtin[] = "-- @operation muster_ping\n-- @reads\n-- @auth public\n-- @returns row\n"
                                "SELECT true AS ok;\n";

act_program_t *act_program_read(const char *folder, uint64_t generation, proto_buf_t *errors)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, s_is_sql, alphasort);
    if (count <= 0) {
        proto_buf_printf(errors, "%s: %s\n", folder, count < 0 ? strerror(errno) : "holds no .sql file");
        free(names);
        return NULL;
    }
    act_program_t *self = act_program_new();
    bool sound = true;
    for (int i = 0; i < count; i++) {
        sound = s_load_file(self, folder, names[i]->d_name, errors) == 0 && sound;
        free(names[i]);
    }
    free(names);
    sound = act_program_parse(self, "(built in)", proto_bytes_of(s_builtin), errors) == 0 && sound;
    sound = act_program_finish(self, generation, errors) == 0 && sound;
    PROTO_ASSERT(sound || errors->size || errors->failed);
    return self;
}

act_program_t *act_program_load(const char *folder, uint64_t generation, proto_buf_t *errors)
{
    size_t told = errors->size;
    act_program_t *self = act_program_read(folder, generation, errors);
    if (errors->size > told || errors->failed)
        act_program_free(&self);
    return self;
}
