/* SPDX-License-Identifier: MPL-2.0 */
/* Migrations. Thread: main. */
#include "migrate.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto_clock.h"

enum { S_FILE_BYTES = 16 * 1024 * 1024, S_RETRY_MS = 100 };

/* pg_advisory_lock's key: "muster" as a number. */
static const char s_lock[] = "SELECT pg_advisory_lock(120252213193074)";

typedef struct s_migrate {
    const srv_migrate_options_t *options;
    PGconn *conn;
    proto_buf_t *why;
    struct dirent **names;
    int count;
    int applied;
} s_migrate_t;

static int s_fail(s_migrate_t *self, const char *what)
{
    proto_buf_string(self->why, what);
    return -1;
}

/* The first line of libpq's or PostgreSQL's message. */
static void s_append_line(proto_buf_t *why, const char *message)
{
    proto_buf_append(why, message, strcspn(message, "\n"));
}

static int s_connect(s_migrate_t *self)
{
    int64_t until = proto_clock_ms() + self->options->wait_ms;
    for (;;) {
        const char *const keywords[] = {"fallback_application_name", "dbname", "client_encoding", NULL};
        const char *const values[] = {"muster migrate", self->options->conninfo, "UTF8", NULL};
        self->conn = PQconnectdbParams(keywords, values, 1);
        if (PQstatus(self->conn) == CONNECTION_OK)
            return 0;
        if (proto_clock_ms() >= until)
            break;
        PQfinish(self->conn);
        usleep(S_RETRY_MS * 1000);
    }
    proto_buf_string(self->why, "no connection to the database: ");
    s_append_line(self->why, PQerrorMessage(self->conn));
    return -1;
}

/* Runs SQL of ours. */
static int s_run(s_migrate_t *self, const char *sql)
{
    PGresult *result = PQexec(self->conn, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return 0;
    s_append_line(self->why, PQerrorMessage(self->conn));
    return -1;
}

static int s_is_sql(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return size > 4 && entry->d_name[0] != '.' && strcmp(entry->d_name + size - 4, ".sql") == 0;
}

/* NNNN_name.sql; its number, or -1. */
static int s_number(const char *name)
{
    int number = 0;
    for (int i = 0; i < 4; i++) {
        if (!isdigit((unsigned char)name[i]))
            return -1;
        number = number * 10 + (name[i] - '0');
    }
    size_t size = strspn(name + 5, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return name[4] == '_' && size > 0 && strcmp(name + 5 + size, ".sql") == 0 ? number : -1;
}

/* An API over tables that somebody else makes has endpoints and no migrations: it gets the schema muster. */
static bool s_needs_none(const s_migrate_t *self)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/endpoints", self->options->dir);
    return (self->count == 0 || errno == ENOENT) && access(path, F_OK) == 0;
}

static int s_list(s_migrate_t *self)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/migrations", self->options->dir);
    self->count = scandir(path, &self->names, s_is_sql, alphasort);
    if (self->count <= 0 && !s_needs_none(self)) {
        proto_buf_printf(self->why, "%s: %s", path, self->count < 0 ? strerror(errno) : "holds no .sql file");
        return -1;
    }
    if (self->count < 0)
        self->count = 0;
    for (int i = 0; i < self->count; i++) {
        int number = s_number(self->names[i]->d_name);
        if (number == i + 1)
            continue;
        proto_buf_printf(self->why, "%s/%s: ", path, self->names[i]->d_name);
        if (number < 0)
            return s_fail(self, "a migration is named NNNN_name.sql, with name of a-z, 0-9 and _");
        proto_buf_printf(self->why, "number %04d was expected here: numbers go up from 0001 without gaps",
                         i + 1);
        return -1;
    }
    return 0;
}

static int s_read(s_migrate_t *self, const char *path, proto_buf_t *text)
{
    FILE *file = fopen(path, "re");
    proto_buf_init(text, S_FILE_BYTES);
    while (file && !feof(file) && !ferror(file) && !text->failed) {
        uint8_t *to = proto_buf_extend(text, 65536);
        if (to)
            text->size -= 65536 - fread(to, 1, 65536, file);
    }
    int rc = file && !ferror(file) && !text->failed ? 0 : -1;
    if (rc < 0)
        proto_buf_printf(self->why, "%s cannot be read: %s", path,
                         text->failed ? "larger than 16 megabytes" : strerror(errno));
    else if (memchr(proto_buf_text(text), '\0', text->size)) {
        proto_buf_printf(self->why, "%s holds a NUL character", path);
        rc = -1;
    }
    if (file)
        fclose(file);
    return rc;
}

/* "file:line: message", the line counted from PostgreSQL's position, which counts characters. */
static void s_tell_mistake(s_migrate_t *self, const char *path, const char *text, const PGresult *result)
{
    const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    long characters = position ? strtol(position, NULL, 10) : 1;
    int line = 1;
    for (; *text && characters > 1; text++) {
        if ((*text & 0xc0) != 0x80)
            characters--;
        line += *text == '\n';
    }
    proto_buf_printf(self->why, "%s:%d: ", path, line);
    s_append_line(self->why, message ? message : PQerrorMessage(self->conn));
    if (detail) {
        proto_buf_string(self->why, "; ");
        s_append_line(self->why, detail);
    }
}

/* Runs a file inside the open transaction. */
static int s_run_file(s_migrate_t *self, const char *path, const char *text)
{
    PGresult *result = PQexec(self->conn, text);
    ExecStatusType status = PQresultStatus(result);
    int rc = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY ? 0 : -1;
    if (rc < 0)
        s_tell_mistake(self, path, text, result);
    PQclear(result);
    if (rc == 0 && PQtransactionStatus(self->conn) != PQTRANS_INTRANS) {
        proto_buf_printf(self->why, "%s ends its transaction itself; leave COMMIT and ROLLBACK out", path);
        rc = -1;
    }
    return rc;
}

static int s_in_transaction(s_migrate_t *self, const char *path, const char *text,
                            const char *const ledger[2])
{
    if (s_run(self, "BEGIN") < 0)
        return -1;
    int rc = s_run_file(self, path, text);
    if (rc == 0 && ledger) {
        PGresult *result =
            PQexecParams(self->conn,
                         "INSERT INTO muster.migrations (number, name, checksum) "
                         "VALUES ($1::text::integer, $2, encode(sha256(convert_to($3, 'UTF8')), 'hex'))",
                         3, NULL, (const char *const[]){ledger[0], ledger[1], text}, NULL, NULL, 0);
        rc = PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : -1;
        if (rc < 0)
            s_append_line(self->why, PQerrorMessage(self->conn));
        PQclear(result);
    }
    if (rc == 0)
        return s_run(self, "COMMIT");
    PQclear(PQexec(self->conn, "ROLLBACK"));
    return -1;
}

static int s_apply(s_migrate_t *self, const char *path, const char *name, const char *text)
{
    char number[8];
    snprintf(number, sizeof number, "%d", s_number(name));
    if (self->options->dry_run) {
        printf("would apply %s\n", name);
        return 0;
    }
    int64_t start = proto_clock_ms();
    if (s_in_transaction(self, path, text, (const char *const[]){number, name}) < 0)
        return -1;
    if (!self->options->quiet)
        printf("applied %s (%lld ms)\n", name, (long long)(proto_clock_ms() - start));
    fflush(stdout);
    self->applied++;
    return 0;
}

/* 1 when the file was applied as it is, 0 when it was not applied, -1 when it was another one. */
static int s_compare(s_migrate_t *self, const char *path, const char *name, const char *text)
{
    char number[8];
    snprintf(number, sizeof number, "%d", s_number(name));
    PGresult *result = PQexecParams(self->conn,
                                    "SELECT name, checksum = encode(sha256(convert_to($2, 'UTF8')), 'hex') "
                                    "FROM muster.migrations WHERE number = $1::text::integer",
                                    2, NULL, (const char *const[]){number, text}, NULL, NULL, 0);
    int rc = 0;
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        s_append_line(self->why, PQerrorMessage(self->conn));
        rc = -1;
    } else if (PQntuples(result) &&
               (PQgetvalue(result, 0, 1)[0] != 't' || strcmp(PQgetvalue(result, 0, 0), name))) {
        proto_buf_printf(
            self->why,
            "%s is not the file that was applied as %s; put that one back and make the change in a new "
            "migration",
            path, PQgetvalue(result, 0, 0));
        rc = -1;
    } else {
        rc = PQntuples(result);
    }
    PQclear(result);
    return rc;
}

static int s_migrate_file(s_migrate_t *self, const char *name)
{
    char path[4096];
    proto_buf_t text = PROTO_BUF_INIT;
    snprintf(path, sizeof path, "%s/migrations/%s", self->options->dir, name);
    int rc = s_read(self, path, &text);
    if (rc == 0)
        rc = s_compare(self, path, name, proto_buf_text(&text));
    if (rc == 0)
        rc = s_apply(self, path, name, proto_buf_text(&text));
    proto_buf_free(&text);
    return rc < 0 ? -1 : 0;
}

/* Migrations that the database has and the folder has not. */
static int s_check_unknown(s_migrate_t *self)
{
    char last[16];
    snprintf(last, sizeof last, "%d", self->count);
    PGresult *result = PQexecParams(
        self->conn, "SELECT name FROM muster.migrations WHERE number > $1::text::integer ORDER BY number", 1,
        NULL, (const char *const[]){last}, NULL, NULL, 0);
    int rc = PQntuples(result) ? -1 : 0;
    if (rc < 0)
        proto_buf_printf(self->why,
                         "the database has %s, which is not in %s/migrations: is the program too old?",
                         PQgetvalue(result, 0, 0), self->options->dir);
    PQclear(result);
    return rc;
}

static int s_seed(s_migrate_t *self)
{
    char path[4096], file[8192];
    struct dirent **names = NULL;
    snprintf(path, sizeof path, "%s/seed", self->options->dir);
    int count = scandir(path, &names, s_is_sql, alphasort), rc = 0;
    for (int i = 0; i < count; i++) {
        proto_buf_t text = PROTO_BUF_INIT;
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (rc == 0)
            rc = s_read(self, file, &text);
        if (rc == 0)
            rc = s_in_transaction(self, file, proto_buf_text(&text), NULL);
        proto_buf_free(&text);
        free(names[i]);
    }
    free(names);
    if (rc == 0)
        printf("seeded from %d files\n", count < 0 ? 0 : count);
    return rc;
}

static int s_work(s_migrate_t *self)
{
    if (s_connect(self) < 0 || s_run(self, "SET client_min_messages = warning") < 0 ||
        s_run(self, s_lock) < 0)
        return -1;
    /* What only looks does so in a transaction that never commits. */
    if ((self->options->dry_run && s_run(self, "BEGIN") < 0) ||
        s_run(self, (const char *)srv_muster_sql.data) < 0 || s_check_unknown(self) < 0)
        return -1;
    for (int i = 0; i < self->count; i++)
        if (s_migrate_file(self, self->names[i]->d_name) < 0)
            return -1;
    if (self->applied == 0 && !self->options->dry_run)
        printf("up to date, %d migrations\n", self->count);
    else if (self->options->quiet && !self->options->dry_run)
        printf("applied %d migrations\n", self->applied);
    return self->options->seed && !self->options->dry_run ? s_seed(self) : 0;
}

int srv_migrate(const srv_migrate_options_t *options, proto_buf_t *why)
{
    s_migrate_t self = {.options = options, .why = why};
    int rc = s_list(&self);
    if (rc == 0)
        rc = s_work(&self);
    if (self.conn)
        PQfinish(self.conn);
    for (int i = 0; i < self.count; i++)
        free(self.names[i]);
    free(self.names);
    return rc;
}
