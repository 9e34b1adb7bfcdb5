/* SPDX-License-Identifier: MPL-2.0 */
/* The last words of a process whose invariant broke. Thread: any. */
#include "proto_assert.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

void proto_assert_failed(const char *file, int line, const char *function, const char *condition)
{
    char thread[16] = "?";
    (void)pthread_getname_np(pthread_self(), thread, sizeof thread);
    fprintf(stderr, "muster: %s:%d: %s: invariant broken: %s (thread %s)\n", file, line, function, condition,
            thread);
    abort();
}
