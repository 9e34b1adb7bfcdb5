/* SPDX-License-Identifier: MPL-2.0 */
/* A new API folder. Thread: main. */
#include "scaffold.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

enum { S_PATH = 4096, S_FILE_BYTES = 65536, S_NAME = 63 };

const char *const srv_scaffold_files[] = {"README.md", "endpoints/hello.sql", "migrations/0001_greetings.sql",
                                          "seed/0001_greetings.sql", NULL};
static const char s_mark[] = "@NAME@";

static bool s_is_name(proto_bytes_t name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!word && (i == 0 || (c != '-' && c != '_' && c != '.')))
            return false;
    }
    return name.size >= 1 && name.size <= S_NAME;
}

int srv_scaffold_name(const char *path, proto_bytes_t *name, proto_buf_t *why)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    *name = (proto_bytes_t){(const uint8_t *)path + begin, end - begin};
    if (s_is_name(*name))
        return 0;
    proto_buf_printf(
        why, "a name has 1 to %d letters, digits, -, _ and ., and begins with a letter or digit: \"%s\"",
        S_NAME, path);
    return -1;
}

static int s_fail(const char *path, proto_buf_t *why)
{
    proto_buf_printf(why, "%s: %s", path, strerror(errno));
    return -1;
}

/* 0 when the folder is empty. */
static int s_check_empty(const char *path, proto_buf_t *why)
{
    DIR *dir = opendir(path);
    if (!dir)
        return s_fail(path, why);
    int rc = 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = -1;
    closedir(dir);
    if (rc < 0)
        proto_buf_printf(why, "%s exists and is not empty", path);
    return rc;
}

/* Makes the folder, or takes one that is there. */
static int s_make_dir(const char *path, proto_buf_t *why)
{
    return mkdir(path, 0777) < 0 && errno != EEXIST ? s_fail(path, why) : 0;
}

static int s_read(const char *path, proto_buf_t *text, proto_buf_t *why)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return s_fail(path, why);
    uint8_t *to = proto_buf_extend(text, S_FILE_BYTES);
    PROTO_ASSERT(to != NULL);
    text->size = fread(to, 1, S_FILE_BYTES, file);
    bool whole = !ferror(file) && text->size < S_FILE_BYTES;
    fclose(file);
    if (!whole)
        proto_buf_printf(why, "%s cannot be read", path);
    return whole ? 0 : -1;
}

/* Appends the template's text with the name in it. */
static void s_fill_in(proto_bytes_t text, proto_bytes_t name, proto_buf_t *out)
{
    const size_t size = sizeof s_mark - 1;
    for (const uint8_t *at; text.size && (at = memmem(text.data, text.size, s_mark, size));) {
        size_t before = (size_t)(at - text.data);
        proto_buf_append(out, text.data, before);
        proto_buf_append(out, name.data, name.size);
        text = (proto_bytes_t){at + size, text.size - before - size};
    }
    proto_buf_append(out, text.data, text.size);
}

static int s_write(const char *path, proto_bytes_t text, proto_buf_t *why)
{
    FILE *file = fopen(path, "wxe");
    if (!file)
        return s_fail(path, why);
    bool good = fwrite(text.data, 1, text.size, file) == text.size;
    good = fclose(file) == 0 && good; /* a full disk shows here at the latest */
    return good ? 0 : s_fail(path, why);
}

static int s_copy(const char *from, const char *to, proto_bytes_t name, proto_buf_t *why)
{
    proto_buf_t text = PROTO_BUF_INIT, filled = PROTO_BUF_INIT;
    int rc = s_read(from, &text, why);
    if (rc == 0) {
        s_fill_in(proto_buf_bytes(&text), name, &filled);
        rc = s_write(to, proto_buf_bytes(&filled), why);
    }
    proto_buf_free(&text);
    proto_buf_free(&filled);
    return rc;
}

int srv_scaffold_make(const char *path, proto_bytes_t name, const char *template_dir, proto_buf_t *why)
{
    char from[S_PATH], to[S_PATH];
    if (strlen(path) + 64 > S_PATH || strlen(template_dir) + 64 > S_PATH) {
        proto_buf_string(why, "the path is too long");
        return -1;
    }
    if (s_make_dir(path, why) < 0 || s_check_empty(path, why) < 0)
        return -1;
    for (const char *const *file = srv_scaffold_files; *file; file++) {
        const char *slash = strchr(*file, '/');
        snprintf(to, sizeof to, "%s/%.*s", path, slash ? (int)(slash - *file) : 0, *file);
        if (slash && s_make_dir(to, why) < 0)
            return -1;
        snprintf(from, sizeof from, "%s/%s", template_dir, *file);
        snprintf(to, sizeof to, "%s/%s", path, *file);
        if (s_copy(from, to, name, why) < 0)
            return -1;
    }
    return 0;
}
