/* A client of Muster: asks for one operation, waiting; then for many at once, without.
 *
 *     cc client.c -o client $(pkg-config --cflags --libs muster)
 *     ./client get_provider '{"id": 1}'
 *
 * It speaks to the broker of this machine and user, or to those of $MUSTER_BROKERS. */
#include <muster.h>
#include <stdio.h>

enum { MANY = 10 };

/* One request, and wait for its answer. */
static int ask(muster_client_t *client, const char *operation, const char *arguments)
{
    muster_answer_t *answer;
    int rc = muster_call_json(client, "db", operation, arguments, 5000, &answer);
    if (rc == 0)
        printf("%s\n", muster_answer_json(answer));
    else
        fprintf(stderr, "%d %s: %s\n", muster_answer_status(answer), muster_answer_code(answer),
                muster_answer_detail(answer));
    muster_answer_destroy(&answer);
    return rc;
}

/* Many requests under way at the same time; their answers come in any order. */
static int ask_many(muster_client_t *client, const char *operation, const char *arguments)
{
    muster_request_t request = {0};
    muster_answer_t *answer;
    int good = 0;
    request.service = "db";
    request.operation = operation;
    request.args_json = arguments;
    request.deadline_ms = 5000;
    for (int i = 0; i < MANY; i++)
        muster_send(client, &request);
    for (int i = 0; i < MANY; i++) {
        muster_next(client, &answer, -1); /* every request gets an answer, so this ends */
        good += muster_answer_ok(answer);
        muster_answer_destroy(&answer);
    }
    printf("%d of %d answered\n", good, MANY);
    return good == MANY ? 0 : -1;
}

int main(int argc, char **argv)
{
    const char *operation = argc > 1 ? argv[1] : "list_providers", *arguments = argc > 2 ? argv[2] : "{}";
    char why[256];
    muster_client_t *client = muster_client_new(NULL, why, sizeof why);
    if (!client) {
        fprintf(stderr, "%s\n", why);
        return 2;
    }
    int rc = ask(client, operation, arguments);
    if (rc == 0)
        rc = ask_many(client, operation, arguments);
    muster_client_destroy(&client);
    return rc ? 1 : 0;
}
