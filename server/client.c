/* SPDX-License-Identifier: MPL-2.0 */
/* A blocking client of the broker. Thread: the command's.
 * Out: HELLO, REQUEST, HEARTBEAT. In: PUBLISH, FINAL, ERROR, HEARTBEAT. */
#include "client.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "proto_clock.h"

enum { S_GREETING_MS = 2000 };

struct srv_client {
    void *context;
    proto_wire_t *wire;
    proto_catalogue_t *catalogue;
    uint64_t next_id;
    char user[64];
};

int srv_ipc_endpoint(const char *path, char *endpoint, size_t size)
{
    char made[256];
    if (!*path) {
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        if (runtime && *runtime)
            snprintf(made, sizeof made, "%s/muster/broker.sock", runtime);
        else
            snprintf(made, sizeof made, "/tmp/muster-%u/broker.sock", (unsigned)getuid());
        path = made;
    }
    if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return -1;
    int length = snprintf(endpoint, size, "ipc://%s", path);
    return length > 0 && (size_t)length < size ? 0 : -1;
}

static void s_learn(srv_client_t *self, const proto_record_t *record)
{
    proto_catalogue_t *catalogue;
    if (proto_catalogue_decode(record->body, &catalogue, NULL) < 0)
        return;
    if (self->catalogue && self->catalogue->generation > catalogue->generation) {
        proto_catalogue_free(&catalogue);
        return;
    }
    proto_catalogue_free(&self->catalogue);
    self->catalogue = catalogue;
}

/* Reads what has come; 1 when `answer` is now the answer to `id`. */
static int s_drain(srv_client_t *self, uint64_t id, proto_record_t *answer)
{
    proto_batch_t batch;
    while (proto_wire_receive(self->wire, proto_clock_ms(), &batch) == 1) {
        proto_record_t record;
        for (int rc; (rc = proto_batch_next(&batch, &record)) != 0;) {
            if (rc < 0)
                continue;
            if (record.type == PROTO_PUBLISH)
                s_learn(self, &record);
            if ((record.type == PROTO_FINAL || record.type == PROTO_ERROR) && record.id == id && answer) {
                *answer = record;
                return 1;
            }
        }
    }
    return 0;
}

/* Waits for something to read, at most until `until`; keeps the heartbeat. False when the time is up. */
static bool s_wait(srv_client_t *self, int64_t until)
{
    int64_t now = proto_clock_ms();
    if (now >= until)
        return false;
    int64_t tick = proto_wire_tick(self->wire, now);
    (void)proto_wire_flush(self->wire, now);
    int64_t wait = (tick < until ? tick : until) - now;
    zmq_pollitem_t item = {.socket = proto_wire_socket(self->wire), .events = ZMQ_POLLIN};
    (void)zmq_poll(&item, 1,
                   wait > 50 ? 50 : (long)wait); /* a batch that found no connection yet is tried again */
    return true;
}

srv_client_t *srv_client_open(const proto_address_t *address, proto_buf_t *why)
{
    srv_client_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    const struct passwd *user = getpwuid(getuid());
    snprintf(self->user, sizeof self->user, "%s", user ? user->pw_name : "unknown");
    self->next_id = proto_clock_random() | 1;
    self->context = zmq_ctx_new();
    int64_t start = proto_clock_ms();
    self->wire = self->context ? proto_wire_open(self->context, address, start) : NULL;
    if (!self->wire) {
        proto_buf_printf(why, "cannot connect to %s: %s", address->endpoint, zmq_strerror(errno));
        srv_client_close(&self);
        return NULL;
    }
    int rc = proto_wire_put(self->wire, &(proto_record_t){.type = PROTO_HELLO});
    PROTO_ASSERT(rc == 0);
    while (!proto_wire_alive(self->wire, proto_clock_ms())) {
        if (!s_wait(self, start + S_GREETING_MS)) {
            proto_buf_printf(why, "no broker answers at %s; %s", address->endpoint,
                             address->server_key
                                 ? "does it run, and does its rights file have the key of --cert?"
                                 : "is `muster serve` running? (--ipc PATH names another)");
            srv_client_close(&self);
            return NULL;
        }
        (void)s_drain(self, 0, NULL);
    }
    return self;
}

void srv_client_close(srv_client_t **self_pointer)
{
    srv_client_t *self = *self_pointer;
    if (!self)
        return;
    *self_pointer = NULL;
    if (self->wire && proto_wire_put(self->wire, &(proto_record_t){.type = PROTO_DISCONNECT}) == 0)
        (void)proto_wire_flush(self->wire, proto_clock_ms());
    proto_wire_close(&self->wire, 100);
    if (self->context)
        zmq_ctx_term(self->context);
    proto_catalogue_free(&self->catalogue);
    free(self);
}

const proto_catalogue_t *srv_client_catalogue(srv_client_t *self, int64_t wait_ms)
{
    int64_t until = proto_clock_ms() + wait_ms;
    do {
        (void)s_drain(self, 0, NULL);
    } while (!self->catalogue && s_wait(self, until));
    return self->catalogue;
}

int srv_client_call(srv_client_t *self, proto_record_t request, int64_t timeout_ms, proto_record_t *answer)
{
    request.type = PROTO_REQUEST;
    request.id = self->next_id++;
    request.deadline = (uint32_t)timeout_ms;
    request.subject = proto_bytes_of(self->user);
    request.role = proto_bytes_of("admin");
    if (proto_wire_put(self->wire, &request) < 0)
        return -1;
    (void)proto_wire_flush(self->wire, proto_clock_ms());
    /* The broker answers by the deadline; a little longer, so that its word is heard rather than ours. */
    int64_t until = proto_clock_ms() + timeout_ms + 500;
    while (!s_drain(self, request.id, answer))
        if (!s_wait(self, until))
            return -1;
    return 0;
}
