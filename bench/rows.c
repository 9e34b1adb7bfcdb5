/* SPDX-License-Identifier: MPL-2.0 */
/* bench_rows CONNINFO SECONDS CONNECTIONS: what GET /rows reads, with libpq and nothing around it. Runs the
 * query of that endpoint as a prepared statement on so many connections at once, one at a time on each, as
 * pgbench would; reads the results and drops them. Prints how many rows came and in what time. One thread. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <libpq-fe.h>

enum { S_LAST = 9900, S_CONNECTIONS = 64 };

static const char s_query[] = "SELECT id, name, kind, price, active, score, note, created_at FROM wide"
                              " WHERE id > $1::int4 ORDER BY id LIMIT 100";

static double s_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void s_fail(PGconn *pg)
{
    fprintf(stderr, "bench_rows: %s", PQerrorMessage(pg));
    exit(1);
}

static PGconn *s_connect(const char *conninfo)
{
    PGconn *pg = PQconnectdb(conninfo);
    PGresult *result = PQprepare(pg, "rows", s_query, 1, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK || PQsetnonblocking(pg, 1) < 0)
        s_fail(pg);
    PQclear(result);
    return pg;
}

static void s_ask(PGconn *pg)
{
    char after[16];
    const char *values[] = {after};
    snprintf(after, sizeof after, "%d", rand() % S_LAST);
    if (!PQsendQueryPrepared(pg, "rows", 1, values, NULL, NULL, 0) || PQflush(pg) != 0)
        s_fail(pg);
}

/* What has come; the rows of a result that is whole, after which it asks again. */
static int s_take(PGconn *pg)
{
    int rows = 0;
    if (!PQconsumeInput(pg))
        s_fail(pg);
    while (!PQisBusy(pg)) {
        PGresult *result = PQgetResult(pg);
        if (!result) {
            s_ask(pg);
            break;
        }
        if (PQresultStatus(result) != PGRES_TUPLES_OK)
            s_fail(pg);
        rows += PQntuples(result);
        PQclear(result);
    }
    return rows;
}

int main(int argc, char **argv)
{
    double seconds = argc == 4 ? atof(argv[2]) : 0;
    int connections = argc == 4 ? atoi(argv[3]) : 0;
    if (seconds <= 0 || connections <= 0 || connections > S_CONNECTIONS) {
        fprintf(stderr, "usage: bench_rows CONNINFO SECONDS CONNECTIONS (1 to %d)\n", S_CONNECTIONS);
        return 2;
    }
    PGconn *pgs[S_CONNECTIONS];
    struct pollfd polled[S_CONNECTIONS];
    for (int i = 0; i < connections; i++) {
        pgs[i] = s_connect(argv[1]);
        polled[i] = (struct pollfd){.fd = PQsocket(pgs[i]), .events = POLLIN};
        s_ask(pgs[i]);
    }
    unsigned long rows = 0;
    double from = s_now(), now = from;
    for (; now < from + seconds; now = s_now()) {
        (void)poll(polled, (nfds_t)connections, 100);
        for (int i = 0; i < connections; i++)
            if (polled[i].revents)
                rows += (unsigned long)s_take(pgs[i]);
    }
    printf("rows %lu seconds %.6f\n", rows, now - from);
    for (int i = 0; i < connections; i++)
        PQfinish(pgs[i]);
    return 0;
}
