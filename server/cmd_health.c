/* SPDX-License-Identifier: MPL-2.0 */
/* `muster health`: whether a running gateway says that it can serve, for container engines and scripts that
 * have no HTTP client. Thread: main. Out: one GET request. In: its answer, at most S_ANSWER_BYTES of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <http_parser.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "commands.h"
#include "config.h"
#include "proto_clock.h"
#include "proto_json.h"
#include "proto_log.h"

enum { S_DEFAULT_MS = 2000, S_LONGEST_MS = 3600000, S_ANSWER_BYTES = 8192, S_REASON_BYTES = 200 };

typedef struct s_health {
    bool live; /* asks for life only, not for readiness */
    int64_t timeout_ms;
    char address[64];
    uint16_t port;
    int64_t until;
    /* the answer */
    http_parser parser;
    proto_buf_t body;
    bool complete;
} s_health_t;

static void s_help(void)
{
    puts("usage: muster health [--ready|--live] [--timeout SECONDS] [--http ADDRESS:PORT]\n"
         "\n"
         "Asks a running gateway over HTTP whether it can serve, and says what is wrong when it cannot.\n"
         "Where the gateway serves on all addresses (0.0.0.0, [::]), it is asked over loopback.\n"
         "  --ready            whether requests can be answered, database included (/health/ready; default)\n"
         "  --live             whether the gateway runs (/health/live)\n"
         "  --timeout SECONDS  how long to wait (default 2)");
    srv_config_help(SRV_SET(SRV_OPT_http));
    puts("\nExit status: 0 healthy, 1 not, 2 not asked.");
}

static int s_parse_timeout(s_health_t *self, const char *text, proto_buf_t *why)
{
    char *end;
    double seconds = strtod(text, &end);
    if (end != text && *end == '\0' && seconds >= 0.001 && seconds <= S_LONGEST_MS / 1000.0) {
        self->timeout_ms = (int64_t)(seconds * 1000);
        return 0;
    }
    proto_buf_string(why, "--timeout must be a number of seconds between 0.001 and 3600");
    return -1;
}

/* Takes this command's own flags out of argv. */
static int s_parse(s_health_t *self, int *argc, char **argv, proto_buf_t *why)
{
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--live") == 0 || strcmp(argv[i], "--ready") == 0) {
            self->live = argv[i][2] == 'l';
        } else if (strncmp(argv[i], "--timeout", 9) == 0 && (argv[i][9] == '=' || !argv[i][9])) {
            const char *value = argv[i][9] ? argv[i] + 10 : i + 1 < *argc ? argv[++i] : "";
            if (s_parse_timeout(self, value, why) < 0)
                return -1;
        } else {
            argv[kept++] = argv[i];
        }
    }
    *argc = kept;
    return 0;
}

/* Where the gateway is to be asked. */
static int s_address(s_health_t *self, const char *http, proto_buf_t *why)
{
    if (srv_split_address(http, self->address, &self->port) < 0 || self->port == 0) {
        proto_buf_string(why, "--http is ADDRESS:PORT, as 127.0.0.1:8000");
        return -1;
    }
    if (strcmp(self->address, "0.0.0.0") == 0)
        strcpy(self->address, "127.0.0.1");
    else if (strcmp(self->address, "::") == 0)
        strcpy(self->address, "::1");
    return 0;
}

/* Waits for the socket; false when the time is up. */
static bool s_wait(const s_health_t *self, int fd, short events)
{
    for (;;) {
        int64_t left = self->until - proto_clock_ms();
        struct pollfd item = {.fd = fd, .events = events};
        int rc = left > 0 ? poll(&item, 1, (int)left) : 0;
        if (rc >= 0 || errno != EINTR)
            return rc > 0;
    }
}

/* A connected, non-blocking socket; -1 with a sentence in `why`. */
static int s_connect(const s_health_t *self, proto_buf_t *why)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(self->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(self->port)};
    bool six = inet_pton(AF_INET6, self->address, &in6.sin6_addr) == 1;
    int error = 0;
    socklen_t size = sizeof error;
    if (!six && inet_pton(AF_INET, self->address, &in.sin_addr) != 1)
        return -1; /* srv_split_address takes numeric addresses only */
    int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 ||
        connect(fd, six ? (struct sockaddr *)&in6 : (struct sockaddr *)&in, six ? sizeof in6 : sizeof in) < 0)
        error = errno;
    if (error == EINPROGRESS) {
        if (!s_wait(self, fd, POLLOUT))
            error = ETIMEDOUT;
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
            error = errno;
    }
    if (error == 0)
        return fd;
    proto_buf_printf(why, "cannot be reached: %s", strerror(error));
    if (fd >= 0)
        close(fd);
    return -1;
}

static int s_on_body(http_parser *parser, const char *bytes, size_t size)
{
    s_health_t *self = parser->data;
    proto_buf_append(&self->body, bytes, size);
    return 0;
}

static int s_on_complete(http_parser *parser)
{
    s_health_t *self = parser->data;
    self->complete = true;
    http_parser_pause(parser, 1); /* nothing behind the answer is of interest */
    return 0;
}

static int s_send(const s_health_t *self, int fd, proto_buf_t *why)
{
    char request[256];
    bool six = strchr(self->address, ':') != NULL;
    int size = snprintf(
        request, sizeof request, "GET /health/%s HTTP/1.1\r\nHost: %s%s%s:%u\r\nConnection: close\r\n\r\n",
        self->live ? "live" : "ready", six ? "[" : "", self->address, six ? "]" : "", self->port);
    /* A new connection takes so few bytes at once. */
    if (send(fd, request, (size_t)size, MSG_NOSIGNAL) == size)
        return 0;
    proto_buf_printf(why, "the request cannot be sent: %s", strerror(errno));
    return -1;
}

/* Reads the whole answer into `parser` and `body`. */
static int s_receive(s_health_t *self, int fd, proto_buf_t *why)
{
    http_parser_settings settings = {.on_body = s_on_body, .on_message_complete = s_on_complete};
    http_parser_init(&self->parser, HTTP_RESPONSE);
    self->parser.data = self;
    char piece[1024];
    for (size_t total = 0; !self->complete;) {
        if (!s_wait(self, fd, POLLIN)) {
            proto_buf_printf(why, "no answer within %g s", (double)self->timeout_ms / 1000);
            return -1;
        }
        ssize_t got = recv(fd, piece, sizeof piece, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got < 0) {
            proto_buf_printf(why, "the connection broke: %s", strerror(errno));
            return -1;
        }
        total += (size_t)got;
        size_t parsed = http_parser_execute(&self->parser, &settings, piece, (size_t)got);
        if (!self->complete && (got == 0 || parsed != (size_t)got || total > S_ANSWER_BYTES)) {
            proto_buf_string(why, total ? "what answers there does not speak HTTP as a gateway does"
                                        : "the connection was closed without an answer");
            return -1;
        }
    }
    return 0;
}

/* A healthy gateway answers 200 and {"ready":true} or {"alive":true}; another says why. */
static int s_judge(const s_health_t *self, proto_buf_t *why)
{
    proto_buf_t value = PROTO_BUF_INIT;
    proto_json_error_t error;
    if (proto_json_to_value(proto_buf_bytes(&self->body), &(proto_json_options_t){0}, &value, &error) < 0)
        proto_buf_reset(&value);
    proto_bytes_t document = proto_buf_bytes(&value);
    bool healthy = self->parser.status_code == 200 &&
                   proto_value_get_bool(document, self->live ? "alive" : "ready", false);
    if (!healthy) {
        proto_bytes_t reason = proto_value_get_str(document, "reason", "");
        if (reason.size > S_REASON_BYTES)
            reason.size = S_REASON_BYTES;
        proto_buf_printf(why, "%s: ", self->live ? "not alive" : "not ready");
        proto_log_escape(why, reason);
        proto_buf_printf(why, "%sstatus %u", reason.size ? ", " : "", self->parser.status_code);
    }
    proto_buf_free(&value);
    return healthy ? 0 : -1;
}

/* The exit status, with a sentence in `why` unless it is 0. */
static int s_ask(s_health_t *self, proto_buf_t *why)
{
    self->until = proto_clock_ms() + self->timeout_ms;
    int fd = s_connect(self, why);
    if (fd < 0)
        return 1;
    int rc = s_send(self, fd, why);
    if (rc == 0)
        rc = s_receive(self, fd, why);
    if (rc == 0)
        rc = s_judge(self, why);
    close(fd);
    return rc < 0 ? 1 : 0;
}

static void s_tell(const s_health_t *self, int rc, proto_buf_t *why)
{
    bool six = strchr(self->address, ':') != NULL;
    if (rc == 0)
        puts(self->live ? "alive" : "ready");
    else if (rc == 1)
        fprintf(stderr, "muster health: %s%s%s:%u: %s\n", six ? "[" : "", self->address, six ? "]" : "",
                self->port, proto_buf_text(why));
    else
        fprintf(stderr, "muster health: %s\n", proto_buf_text(why));
}

int srv_cmd_health(int argc, char **argv)
{
    s_health_t health = {.timeout_ms = S_DEFAULT_MS};
    srv_config_t config = {0};
    proto_buf_t why = PROTO_BUF_INIT;
    int rc = 2;
    if (srv_wants_help(argc, argv)) {
        s_help();
        return 0;
    }
    if (s_parse(&health, &argc, argv, &why) == 0 &&
        srv_config_read(&config, SRV_SET(SRV_OPT_http), &argc, argv, &why) == 0) {
        if (argc > 1)
            proto_buf_printf(&why, "unknown argument %s", argv[1]);
        else if (s_address(&health, srv_config_text(&config, SRV_OPT_http), &why) == 0)
            rc = s_ask(&health, &why);
    }
    s_tell(&health, rc, &why);
    proto_buf_free(&health.body);
    srv_config_free(&config);
    proto_buf_free(&why);
    return rc;
}
