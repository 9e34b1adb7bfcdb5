/* SPDX-License-Identifier: MPL-2.0 */
/* Looking up names. Thread: the owner's, and one for each name being looked up. */
#include "proto_lookup.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char s_scheme[] = "tcp://";

typedef enum s_state { S_UNDER_WAY, S_DONE, S_UNHEARD } s_state_t;

/* Its owner's and its thread's: whoever is last frees it. */
struct proto_lookup {
    atomic_int state;
    char host[PROTO_LOOKUP_ENDPOINT], port[8];
    char address[INET_ADDRSTRLEN]; /* "" when there is none; the thread's until S_DONE */
};

/* Takes the endpoint apart. False when it is not tcp://NAME:PORT. */
static bool s_split(const char *endpoint, proto_lookup_t *self)
{
    size_t scheme = sizeof s_scheme - 1, size = strlen(endpoint);
    struct in_addr number;
    if (size >= PROTO_LOOKUP_ENDPOINT || strncmp(endpoint, s_scheme, scheme) != 0)
        return false;
    const char *host = endpoint + scheme, *colon = strrchr(host, ':');
    if (!colon || colon == host || strpbrk(host, ";[]*") || strchr(host, ':') != colon)
        return false;
    size_t digits = strspn(colon + 1, "0123456789");
    if (digits == 0 || digits > 5 || colon[1 + digits])
        return false;
    snprintf(self->host, sizeof self->host, "%.*s", (int)(colon - host), host);
    snprintf(self->port, sizeof self->port, "%.5s", colon + 1);
    return inet_aton(self->host, &number) == 0;
}

bool proto_lookup_needed(const char *endpoint)
{
    proto_lookup_t parts;
    return s_split(endpoint, &parts);
}

static void *s_look_up(void *arg)
{
    proto_lookup_t *self = arg;
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    if (getaddrinfo(self->host, NULL, &hints, &list) == 0) {
        const struct sockaddr_in *first = (const struct sockaddr_in *)(const void *)list->ai_addr;
        inet_ntop(AF_INET, &first->sin_addr, self->address, sizeof self->address);
        freeaddrinfo(list);
    }
    if (atomic_exchange(&self->state, S_DONE) == S_UNHEARD)
        free(self);
    return NULL;
}

/* A detached thread that gets no signals: those are the main thread's. */
static bool s_start(proto_lookup_t *self)
{
    sigset_t all, former;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    int rc = pthread_create(&thread, NULL, s_look_up, self);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    return rc == 0 && pthread_detach(thread) == 0;
}

proto_lookup_t *proto_lookup_start(const char *endpoint)
{
    proto_lookup_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    PROTO_ASSERT(s_split(endpoint, self));
    atomic_init(&self->state, S_UNDER_WAY);
    if (s_start(self))
        return self;
    free(self);
    return NULL;
}

int proto_lookup_result(const proto_lookup_t *self, char endpoint[PROTO_LOOKUP_ENDPOINT])
{
    if (atomic_load(&self->state) == S_UNDER_WAY)
        return 0;
    if (!*self->address)
        return -1;
    snprintf(endpoint, PROTO_LOOKUP_ENDPOINT, "%s%s:%s", s_scheme, self->address, self->port);
    return 1;
}

void proto_lookup_free(proto_lookup_t **self_pointer)
{
    proto_lookup_t *self = *self_pointer;
    *self_pointer = NULL;
    if (self && atomic_exchange(&self->state, S_UNHEARD) == S_DONE)
        free(self);
}
