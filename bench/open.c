/* SPDX-License-Identifier: MPL-2.0 */
/* bench_open PORT RATE SECONDS [EVERY]: an open loop. Sends GET /one/{random id} to 127.0.0.1 at a constant
 * rate, whatever the answers do: each goes on a connection that has nothing under way, a new one when there
 * is none. With EVERY each EVERY-th request is GET /slow instead. A latency counts from the moment at which a
 * request was due, so that waiting for one's turn is not left out. Prints count, errors and percentiles of
 * the requests for rows, in microseconds, and how many were slow. One thread. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { S_ROWS = 10000, S_CONNECTIONS = 1024, S_ANSWER = 8192, S_EVENTS = 64, S_GRACE = 10 };

typedef struct s_connection {
    int fd;
    bool slow;
    double due;
    size_t size;
    char answer[S_ANSWER + 1];
} s_connection_t;

static s_connection_t s_all[S_CONNECTIONS];
static int s_idle[S_CONNECTIONS], s_idle_count, s_open_count, s_poll, s_port;
static double *s_latencies;
static size_t s_done, s_errors, s_slow, s_waiting;

static double s_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void s_fail(const char *what)
{
    fprintf(stderr, "bench_open: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void s_connect(void)
{
    int on = 1, index = s_open_count++;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s_port)};
    struct epoll_event event = {.events = EPOLLIN, .data.fd = index};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s_all[index].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s_all[index].fd < 0 || connect(s_all[index].fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        setsockopt(s_all[index].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
        epoll_ctl(s_poll, EPOLL_CTL_ADD, s_all[index].fd, &event) < 0)
        s_fail("connect");
    s_idle[s_idle_count++] = index;
}

/* One request; false when all connections are taken. */
static bool s_ask(double due, bool slow)
{
    char request[128];
    if (!s_idle_count && s_open_count < S_CONNECTIONS)
        s_connect();
    if (!s_idle_count)
        return false;
    s_connection_t *self = &s_all[s_idle[--s_idle_count]];
    int size = slow ? snprintf(request, sizeof request, "GET /slow HTTP/1.1\r\nHost: bench\r\n\r\n")
                    : snprintf(request, sizeof request, "GET /one/%d HTTP/1.1\r\nHost: bench\r\n\r\n",
                               1 + rand() % S_ROWS);
    self->due = due;
    self->slow = slow;
    self->size = 0;
    if (send(self->fd, request, (size_t)size, MSG_NOSIGNAL) != size)
        s_fail("send");
    s_waiting++;
    return true;
}

/* The answer is whole: its head, and as many bytes as that says. */
static bool s_whole(s_connection_t *self)
{
    self->answer[self->size] = 0;
    const char *end = strstr(self->answer, "\r\n\r\n"),
               *length = strcasestr(self->answer, "\r\nContent-Length:");
    if (!end)
        return false;
    if (!length || length > end) {
        errno = EPROTO;
        s_fail("an answer without Content-Length");
    }
    return self->size >= (size_t)(end + 4 - self->answer) + strtoul(length + 17, NULL, 10);
}

static void s_read(int index)
{
    s_connection_t *self = &s_all[index];
    ssize_t got = recv(self->fd, self->answer + self->size, S_ANSWER - self->size, MSG_DONTWAIT);
    if (got <= 0 && (got == 0 || errno != EAGAIN))
        s_fail("the server closed a connection");
    if (got <= 0)
        return;
    self->size += (size_t)got;
    if (!s_whole(self))
        return;
    if (memcmp(self->answer, "HTTP/1.1 200", 12) != 0)
        s_errors++;
    else if (self->slow)
        s_slow++;
    else
        s_latencies[s_done++] = s_now() - self->due;
    s_waiting--;
    s_idle[s_idle_count++] = index;
}

static void s_wait(double seconds)
{
    struct epoll_event events[S_EVENTS];
    long ns = seconds > 0 ? (long)(seconds * 1e9) : 0;
    struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    int count = epoll_pwait2(s_poll, events, S_EVENTS, &time, NULL);
    for (int i = 0; i < count; i++)
        s_read(events[i].data.fd);
}

static int s_compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double s_percentile(double share)
{
    return s_done ? 1e6 * s_latencies[(size_t)(share * (double)(s_done - 1))] : 0;
}

int main(int argc, char **argv)
{
    double rate = argc > 2 ? atof(argv[2]) : 0, seconds = argc > 3 ? atof(argv[3]) : 0;
    int every = argc > 4 ? atoi(argv[4]) : 0;
    s_port = argc > 1 ? atoi(argv[1]) : 0;
    if (s_port <= 0 || rate <= 0 || seconds <= 0) {
        fprintf(stderr, "usage: bench_open PORT RATE SECONDS [EVERY]\n");
        return 2;
    }
    size_t count = (size_t)(rate * seconds), next = 0;
    s_latencies = calloc(count + 1, sizeof *s_latencies);
    s_poll = epoll_create1(EPOLL_CLOEXEC);
    if (!s_latencies || s_poll < 0 || prctl(PR_SET_TIMERSLACK, 1000UL) < 0)
        s_fail("set-up");
    srand((unsigned)time(NULL));
    double from = s_now(), last = from + seconds + S_GRACE;
    while ((next < count || s_waiting) && s_now() < last) {
        double due = from + (double)next / rate, now = s_now();
        while (next < count && due <= now && s_ask(due, every && next % (size_t)every == (size_t)every - 1))
            due = from + (double)++next / rate;
        s_wait(next < count && due > now ? due - now : 0.01);
    }
    s_errors += s_waiting + (count - next);
    qsort(s_latencies, s_done, sizeof *s_latencies, s_compare);
    printf("requests %zu errors %zu p50 %.1f p99 %.1f max %.1f slow %zu connections %d\n", s_done, s_errors,
           s_percentile(0.5), s_percentile(0.99), s_percentile(1), s_slow, s_open_count);
    return 0;
}
