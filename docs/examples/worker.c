/* A worker of Muster: the service `greeter`, with an operation that is also an HTTP endpoint, and one whose
 * answer comes in pieces.
 *
 *     cc worker.c -o worker $(pkg-config --cflags --libs muster)
 *     ./worker
 *     muster call greeter greet name=Ada
 *     muster call greeter count to=3
 *     curl -d '{"name": "Ada"}' -H 'Content-Type: application/json' http://127.0.0.1:8000/greet
 */
#include <muster.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static muster_worker_t *the_worker;

/* The only thing of the library that a signal handler may call. */
static void stop(int signal)
{
    (void)signal;
    muster_worker_stop(the_worker);
}

/* The arguments as JSON end up in the answer; any JSON or MessagePack library can look into them. */
static void greet(muster_job_t *job)
{
    const char *arguments = muster_job_json(job);
    size_t size = strlen(arguments) + 64;
    char *answer = malloc(size);
    snprintf(answer, size, "{\"greeting\": \"Hello\", \"to\": %s}", arguments);
    muster_reply_json(job, answer);
    free(answer);
}

static void count(muster_job_t *job)
{
    int to = 0;
    char piece[64];
    sscanf(muster_job_json(job), "{\"to\":%d", &to);
    for (int i = 1; i < to && muster_job_left(job) > 0; i++) {
        snprintf(piece, sizeof piece, "{\"n\": %d}", i);
        muster_partial_json(job, piece);
    }
    snprintf(piece, sizeof piece, "{\"n\": %d}", to);
    muster_reply_json(job, piece);
}

static void work(muster_job_t *job, void *arg)
{
    (void)arg;
    if (strcmp(muster_job_operation(job), "greet") == 0)
        greet(job);
    else
        count(job);
}

int main(void)
{
    char why[256];
    the_worker = muster_worker_new(NULL, "greeter", work, NULL, 8, why, sizeof why);
    if (!the_worker ||
        muster_worker_endpoint(the_worker, "POST /greet", "greet",
                               "[{\"name\": \"name\", \"data\": \"text\", \"required\": true}]", why,
                               sizeof why) < 0 ||
        muster_worker_endpoint(
            the_worker, NULL, "count",
            "[{\"name\": \"to\", \"data\": \"int4\", \"min\": 1, \"max\": 1000, \"default\": 3}]", why,
            sizeof why) < 0) {
        fprintf(stderr, "%s\n", why);
        return 2;
    }
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    int rc = muster_worker_run(the_worker);
    muster_worker_destroy(&the_worker);
    return rc ? 1 : 0;
}
