/* SPDX-License-Identifier: MPL-2.0 */
/* Signals, waited for instead of handled. Thread: main. */
#include "signals.h"

#include <czmq.h>
#include <signal.h>

static void s_stop_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

static int s_wait(const sigset_t *set, int64_t ms)
{
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    return sigtimedwait(set, NULL, &wait);
}

void srv_signals_take(void)
{
    sigset_t set;
    s_stop_set(&set);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN); /* a terminal that went away must not kill a write half said */
    zsys_init();
    zsys_handler_set(NULL);
}

int srv_signals_next(int64_t ms)
{
    sigset_t set;
    s_stop_set(&set);
    sigaddset(&set, SIGHUP);
    return s_wait(&set, ms);
}

bool srv_signals_stop(int64_t ms)
{
    sigset_t set;
    s_stop_set(&set);
    return s_wait(&set, ms) > 0;
}

bool srv_signals_interrupted(void)
{
    static bool interrupted;
    interrupted = interrupted || srv_signals_stop(0);
    return interrupted;
}
