/* SPDX-License-Identifier: MPL-2.0 */
/* Signals of the commands that serve. They come to main alone, and only when it waits for them. Thread: main.
 */
#ifndef SRV_SIGNALS_H
#define SRV_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

/* Takes SIGINT, SIGTERM and SIGHUP away from their default and from CZMQ. Call before any thread starts:
 * those inherit the mask. */
void srv_signals_take(void);
/* The next of the three that comes within `ms`; -1 when none does. */
int srv_signals_next(int64_t ms);
/* Whether SIGINT or SIGTERM comes within `ms`. */
bool srv_signals_stop(int64_t ms);
/* Whether one of these two has come since somebody first asked; stays true then. */
bool srv_signals_interrupted(void);

#endif
