/* SPDX-License-Identifier: MPL-2.0 */
/* libmuster as test_libmuster.py drives it: a client or a worker that does what lines on standard input say,
 * and a client that many threads use. */
#include <muster.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static muster_worker_t *s_worker;

static int s_usage(const char *why)
{
    fprintf(stderr, "%s\n", why);
    return 2;
}

/* ---- client: lines of blanks: ask SERVICE OPERATION DEADLINE READS KEY|- BROKER callback|next ARGUMENTS */

static void s_print(muster_answer_t *answer, void *arg)
{
    printf("%s %llu %d %s %d %s\n", (const char *)arg, (unsigned long long)muster_answer_id(answer),
           muster_answer_status(answer), muster_answer_code(answer), muster_answer_more(answer),
           muster_answer_json(answer));
    muster_answer_destroy(&answer);
}

static void s_ask(muster_client_t *client, const char *line)
{
    char service[64], operation[64], key[64], how[16];
    unsigned deadline;
    int reads, broker, at = 0;
    if (sscanf(line, "ask %63s %63s %u %d %63s %d %15s %n", service, operation, &deadline, &reads, key,
               &broker, how, &at) < 7)
        return;
    muster_request_t request = {0};
    request.service = service;
    request.operation = operation;
    request.deadline_ms = deadline;
    request.reads = reads;
    request.key = strcmp(key, "-") == 0 ? NULL : key;
    request.broker = broker;
    request.args_json = line + at;
    request.trace = "probe";
    if (strcmp(how, "callback") == 0) {
        request.on_answer = s_print;
        request.arg = "callback";
    }
    printf("sent %llu\n", (unsigned long long)muster_send(client, &request));
}

static int s_client(void)
{
    char line[4096], why[256];
    muster_client_t *client = muster_client_new(NULL, why, sizeof why);
    if (!client)
        return s_usage(why);
    struct pollfd fds[2] = {{.fd = 0, .events = POLLIN}, {.fd = muster_client_fd(client), .events = POLLIN}};
    setvbuf(stdin, NULL, _IONBF, 0); /* poll must see what is not read yet */
    for (;;) {
        muster_answer_t *answer;
        fflush(stdout);
        if (poll(fds, 2, -1) < 0)
            break;
        if (fds[1].revents) {
            (void)muster_process(client);
            while (muster_next(client, &answer, 0) == 0)
                s_print(answer, "next");
        }
        if (!fds[0].revents)
            continue;
        if (!fgets(line, sizeof line, stdin))
            break;
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "cancel ", 7) == 0)
            muster_cancel(client, strtoull(line + 7, NULL, 10));
        else if (strcmp(line, "alive") == 0)
            for (int i = 0; i < muster_client_brokers(client); i++)
                printf("alive %d\n", muster_client_alive(client, i));
        else
            s_ask(client, line);
    }
    muster_client_destroy(&client);
    return 0;
}

/* ---- threads N: two clients, four threads, N calls each, and every answer is the one to its own question */

enum { THREADS = 4 };

typedef struct s_thread {
    pthread_t thread;
    muster_client_t *client;
    unsigned seed;
    int calls, good;
} s_thread_t;

static void *s_call(void *arg)
{
    s_thread_t *self = arg;
    for (int i = 0; i < self->calls; i++) {
        muster_answer_t *answer;
        char arguments[64], wanted[64];
        int number = rand_r(&self->seed) % 1000000;
        snprintf(arguments, sizeof arguments, "{\"n\": %d}", number);
        snprintf(wanted, sizeof wanted, "{\"n\":%d}", number);
        if (muster_call_json(self->client, "probe", "echo", arguments, 20000, &answer) == 0)
            self->good += strcmp(muster_answer_json(answer), wanted) == 0;
        muster_answer_destroy(&answer);
    }
    return NULL;
}

static int s_threads(int calls)
{
    s_thread_t threads[THREADS];
    muster_client_t *clients[2] = {muster_client_new(NULL, NULL, 0), muster_client_new(NULL, NULL, 0)};
    int good = 0;
    for (int i = 0; i < THREADS; i++) {
        threads[i] = (s_thread_t){.client = clients[i % 2], .seed = (unsigned)i + 1, .calls = calls};
        if (pthread_create(&threads[i].thread, NULL, s_call, &threads[i]) != 0)
            return s_usage("no threads");
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i].thread, NULL);
        good += threads[i].good;
    }
    muster_client_destroy(&clients[0]);
    muster_client_destroy(&clients[1]);
    printf("%d of %d\n", good, THREADS * calls);
    return good == THREADS * calls ? 0 : 1;
}

/* ---- calls: each blocking function once */

static void s_piece(muster_answer_t *answer, void *arg)
{
    ++*(int *)arg;
    muster_answer_destroy(&answer);
}

static int s_calls(void)
{
    static const unsigned char map[] = {0x81, 0xa1, 'n', 7};
    muster_client_t *client = muster_client_new(NULL, NULL, 0);
    muster_answer_t *answer;
    muster_request_t request = {0};
    size_t size;
    int pieces = 0;
    printf("wait %d\n", muster_client_wait(client, 5000));
    printf("binary %d", muster_call(client, "probe", "echo", map, sizeof map, 5000, &answer));
    const void *body = muster_answer_body(answer, &size);
    printf(" %d\n", size == sizeof map && memcmp(body, map, size) == 0);
    muster_answer_destroy(&answer);
    printf("json %d", muster_call_json(client, "probe", "echo", "{\"n\": [1.50]}", 5000, &answer));
    printf(" %s\n", muster_answer_json(answer));
    muster_answer_destroy(&answer);
    printf("none %d", muster_call_json(client, "probe", "echo", NULL, 5000, &answer));
    printf(" %s\n", muster_answer_json(answer));
    muster_answer_destroy(&answer);
    printf("broken %d", muster_call_json(client, "probe", "echo", "{", 5000, &answer));
    printf(" %d %s\n", muster_answer_status(answer), muster_answer_code(answer));
    muster_answer_destroy(&answer);
    printf("nobody %d", muster_call_json(client, "nobody", "", "{}", 5000, &answer));
    printf(" %d %s\n", muster_answer_status(answer), muster_answer_code(answer));
    muster_answer_destroy(&answer);
    request.service = "probe";
    request.operation = "pieces";
    request.on_answer = s_piece;
    request.arg = &pieces;
    printf("pieces %d", muster_call_request(client, &request, &answer));
    printf(" %d %s\n", pieces, muster_answer_json(answer));
    muster_answer_destroy(&answer);
    printf("catalogue %d", muster_catalogue(client, "db", 5000, &answer));
    printf(" %d\n", strstr(muster_answer_json(answer), "list_providers") != NULL);
    muster_answer_destroy(&answer);
    printf("nothing %d\n", muster_next(client, &answer, 0));
    muster_client_destroy(&client);
    muster_client_destroy(&client);
    return 0;
}

/* ---- worker SERVICE WINDOW THREADS */

static void s_stop(int signal)
{
    (void)signal;
    muster_worker_stop(s_worker);
}

static void s_odd(muster_job_t *job, const char *operation)
{
    static char big[65 * 1024 * 1024];
    size_t size;
    const void *args = muster_job_args(job, &size);
    if (strcmp(operation, "twice") == 0) {
        printf("first %d\n", muster_reply(job, args, size));
        printf("second %d\n", muster_reply(job, args, size));
    } else if (strcmp(operation, "bad") == 0) {
        printf("bad %d %d\n", muster_reply_json(job, "nonsense"), muster_reply(job, "\xc1", 1));
        muster_reply_json(job, "\"good\"");
    } else if (strcmp(operation, "big") == 0) {
        memset(big, 'x', sizeof big);
        memcpy(big, "\xc6\x04\x0f\xff\xfb", 5); /* a bin of 65 MiB - 5 */
        printf("big %d\n", muster_reply(job, big, sizeof big));
        muster_reply_json(job, "\"small\"");
    } else if (strcmp(operation, "refuse") == 0) {
        muster_fail(job, 409, "taken", "It is taken");
    } else if (strcmp(operation, "conflict") == 0) {
        muster_fail(job, 0, "conflict", NULL);
    } else if (strcmp(operation, "who") == 0) {
        char who[256];
        snprintf(who, sizeof who, "[\"%s\", \"%s\", \"%s\", \"%s\"]", muster_job_subject(job),
                 muster_job_role(job), muster_job_trace(job), muster_job_key(job));
        muster_reply_json(job, who);
    } /* "silent" answers nothing */
}

static void s_work(muster_job_t *job, void *arg)
{
    const char *operation = muster_job_operation(job);
    char line[64];
    (void)arg;
    if (strcmp(operation, "echo") == 0) {
        muster_reply_json(job, muster_job_json(job));
    } else if (strcmp(operation, "pieces") == 0) {
        for (int i = 0; i < 100; i++)
            muster_partial_json(job, "1");
        muster_reply_json(job, "\"done\"");
    } else if (strcmp(operation, "block") == 0) {
        printf("begun\n");
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin))
            return;
        printf("left %d\n", muster_job_left(job) > 0);
        muster_reply_json(job, "\"unblocked\"");
    } else {
        s_odd(job, operation);
    }
    fflush(stdout);
}

static void *s_run(void *arg)
{
    muster_worker_run(arg);
    return NULL;
}

static int s_be_worker(const char *service, unsigned window, int count)
{
    char why[256];
    pthread_t threads[8];
    s_worker = muster_worker_new(NULL, service, s_work, NULL, window, why, sizeof why);
    if (!s_worker)
        return s_usage(why);
    struct sigaction action = {.sa_handler = s_stop, .sa_flags = SA_RESTART}; /* "block" reads on */
    sigaction(SIGTERM, &action, NULL);
    for (int i = 1; i < count && i < 8; i++)
        pthread_create(&threads[i], NULL, s_run, s_worker);
    int rc = muster_worker_run(s_worker);
    for (int i = 1; i < count && i < 8; i++)
        pthread_join(threads[i], NULL);
    printf("ended %d\n", rc);
    muster_worker_destroy(&s_worker);
    return rc;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "client") == 0)
        return s_client();
    if (strcmp(what, "threads") == 0 && argc == 3)
        return s_threads(atoi(argv[2]));
    if (strcmp(what, "calls") == 0)
        return s_calls();
    if (strcmp(what, "worker") == 0 && argc == 5)
        return s_be_worker(argv[2], (unsigned)atoi(argv[3]), atoi(argv[4]));
    return s_usage("usage: client | threads N | calls | worker SERVICE WINDOW THREADS");
}
