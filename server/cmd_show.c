/* SPDX-License-Identifier: MPL-2.0 */
/* `muster show TABLE`: what running brokers know, aligned for people; once, or again and again. Thread: main.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "connect.h"
#include "table.h"

enum { S_TIMEOUT_MS = 2000, S_WATCH_MOST = 3600 };

static const char *const s_tables[] = {"services", "workers", "queues",     "inflight",
                                       "stats",    "config",  "operations", "catalogue"};
enum { S_TABLES = sizeof s_tables / sizeof s_tables[0] };

static void s_help(void)
{
    puts("usage: muster show [TABLE] [--watch [SECONDS]] [--json]\n"
         "\n"
         "Prints what a running broker knows (default: services); of several brokers one after the other.\n"
         "  services          who is served by how many workers; what is under way and waits\n"
         "  workers           each worker with its window, what it has under way and has answered\n"
         "  queues            what waits for a worker, by operation\n"
         "  inflight          what is at a worker now, and how long it may still take\n"
         "  operations        the operations of each service, with their counts and times\n"
         "  stats             counters since the broker's start\n"
         "  config            the settings of the broker's process\n"
         "  catalogue         the operations that workers publish, with endpoints and parameters\n"
         "  --watch [SECONDS] again every so many seconds (default 1), until Ctrl-C\n"
         "  --json            as JSON, one line a table");
    srv_config_help(SRV_SET_CLIENT);
    puts("\nExit status: 0 shown, 1 no broker answered, 2 not asked.");
}

typedef struct s_show {
    const char *table;
    bool json, watch;
    double seconds;
} s_show_t;

/* A table of one broker: rows, or a whole catalogue. -1 with a sentence. */
static int s_fetch(const s_show_t *self, muster_client_t *client, int broker, muster_answer_t **answer,
                   proto_buf_t *why)
{
    muster_request_t request = {.service = "muster",
                                .operation = self->table,
                                .reads = 1,
                                .deadline_ms = S_TIMEOUT_MS,
                                .broker = broker + 1};
    int rc = strcmp(self->table, "catalogue") == 0 ? muster_catalogue(client, NULL, S_TIMEOUT_MS, answer)
                                                   : muster_call_request(client, &request, answer);
    if (rc == 0)
        return 0;
    bool forbidden = strcmp(muster_answer_code(*answer), "forbidden") == 0;
    proto_buf_printf(why, "%s%s: %s", why->size ? "; " : "", muster_client_endpoint(client, broker),
                     forbidden ? "this needs the right admin" : muster_answer_detail(*answer));
    return -1;
}

static int s_append(const s_show_t *self, muster_answer_t *answer, proto_buf_t *out)
{
    proto_bytes_t body;
    proto_buf_t rows = PROTO_BUF_INIT;
    body.data = muster_answer_body(answer, &body.size);
    if (self->json) {
        proto_buf_printf(out, "%s\n", muster_answer_json(answer));
        return 0;
    }
    if (strcmp(self->table, "catalogue") != 0)
        return srv_table_print(body, out);
    int rc = srv_table_catalogue(body, &rows);
    if (rc == 0)
        rc = srv_table_print(proto_buf_bytes(&rows), out);
    proto_buf_free(&rows);
    return rc;
}

/* One round: the table of each broker. The catalogue is the same at all of them. */
static int s_round(const s_show_t *self, muster_client_t *client, proto_buf_t *out, proto_buf_t *why)
{
    int brokers = strcmp(self->table, "catalogue") == 0 ? 1 : muster_client_brokers(client), rc = 0;
    for (int i = 0; i < brokers; i++) {
        muster_answer_t *answer;
        if (brokers > 1 && !self->json)
            proto_buf_printf(out, "%sbroker %s\n", i ? "\n" : "", muster_client_endpoint(client, i));
        if (s_fetch(self, client, i, &answer, why) < 0) {
            rc = 1;
        } else if (s_append(self, answer, out) < 0) {
            proto_buf_printf(why, "%s%s gave no table", why->size ? "; " : "",
                             muster_client_endpoint(client, i));
            rc = 1;
        }
        muster_answer_destroy(&answer);
    }
    return rc;
}

/* Over what stood there before, without a flicker: each line erases the rest of its own, the last what
 * follows. */
static void s_in_place(proto_buf_t *out)
{
    const char *text = proto_buf_text(out);
    fputs("\033[H", stdout);
    for (size_t size; *text; text += size + (text[size] == '\n')) {
        size = strcspn(text, "\n");
        printf("%.*s\033[K\n", (int)size, text);
    }
    fputs("\033[J", stdout);
}

/* Ctrl-C is how one leaves it. */
static void s_leave(int signal)
{
    (void)signal;
    _exit(0);
}

static int s_watch(const s_show_t *self, muster_client_t *client)
{
    struct sigaction action = {.sa_handler = s_leave};
    bool terminal = isatty(STDOUT_FILENO) && !self->json;
    proto_buf_t out = PROTO_BUF_INIT, why = PROTO_BUF_INIT;
    struct timespec pause = {.tv_sec = (time_t)self->seconds,
                             .tv_nsec = (long)((self->seconds - (double)(time_t)self->seconds) * 1e9)};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (terminal)
        fputs("\033[2J", stdout);
    do {
        proto_buf_reset(&out);
        proto_buf_reset(&why);
        if (s_round(self, client, &out, &why) != 0) /* it may come back: go on */
            proto_buf_printf(&out, "%s\n", proto_buf_text(&why));
        if (terminal)
            s_in_place(&out);
        else
            printf("%s%s", proto_buf_text(&out), self->json ? "" : "\n");
    } while (fflush(stdout) == 0 && nanosleep(&pause, NULL) == 0);
    proto_buf_free(&out);
    proto_buf_free(&why);
    return 1; /* nobody reads it any more */
}

static int s_once(const s_show_t *self, muster_client_t *client, proto_buf_t *why)
{
    proto_buf_t out = PROTO_BUF_INIT;
    int rc = s_round(self, client, &out, why);
    fputs(proto_buf_text(&out), stdout);
    proto_buf_free(&out);
    return rc;
}

static bool s_is_table(const char *name)
{
    for (size_t i = 0; i < S_TABLES; i++)
        if (strcmp(name, s_tables[i]) == 0)
            return true;
    return false;
}

/* Takes this command's own flags out of argv. */
static int s_parse(s_show_t *self, int *argc, char **argv, proto_buf_t *why)
{
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            self->json = true;
        } else if (strcmp(argv[i], "--watch") == 0) {
            char *end = "";
            self->watch = true;
            if (i + 1 < *argc && argv[i + 1][0] >= '0' && argv[i + 1][0] <= '9')
                self->seconds = strtod(argv[++i], &end);
            if (*end || !(self->seconds >= 0.01 && self->seconds <= S_WATCH_MOST)) {
                proto_buf_printf(why, "--watch takes seconds, from 0.01 to %d", S_WATCH_MOST);
                return -1;
            }
        } else {
            argv[kept++] = argv[i];
        }
    }
    *argc = kept;
    return 0;
}

int srv_cmd_show(int argc, char **argv)
{
    srv_config_t config = {0};
    s_show_t show = {.seconds = 1};
    proto_buf_t why = PROTO_BUF_INIT;
    int rc = 2;
    if (srv_wants_help(argc, argv)) {
        s_help();
        return 0;
    }
    if (s_parse(&show, &argc, argv, &why) == 0 &&
        srv_config_read(&config, SRV_SET_CLIENT, &argc, argv, &why) == 0) {
        show.table = argc > 1 ? argv[1] : s_tables[0];
        if (argc > 2 || !s_is_table(show.table)) {
            proto_buf_string(&why, "there are the tables");
            for (size_t i = 0; i < S_TABLES; i++)
                proto_buf_printf(&why, "%s %s", i ? "," : "", s_tables[i]);
        } else {
            muster_client_t *client = srv_connect(&config, &why);
            rc = !client ? 1 : show.watch ? s_watch(&show, client) : s_once(&show, client, &why);
            muster_client_destroy(&client);
        }
    }
    srv_config_free(&config);
    if (why.size)
        fprintf(stderr, "muster show: %s\n", proto_buf_text(&why));
    proto_buf_free(&why);
    return rc;
}
