/* SPDX-License-Identifier: MPL-2.0 */
/* The parts of a server as threads of this process: started in order, drained and stopped in the reverse one.
 * Thread: main. */
#ifndef SRV_SERVE_H
#define SRV_SERVE_H

#include "plan.h"

typedef struct srv_serve srv_serve_t;

/* Starts the plan's parts, each under way when this returns. The plan is borrowed until srv_serve_stop. NULL
 * with a sentence in `why`; then nothing runs. */
srv_serve_t *srv_serve_start(const srv_plan_t *plan, proto_buf_t *why);
/* Whether the parts can do what they are for: a database actor is registered with a broker, a gateway knows
 * endpoints. */
bool srv_serve_ready(const srv_serve_t *self);
/* plan->programs has a newer program: tells the actors. */
void srv_serve_reload(srv_serve_t *self);
/* plan->binds has a newer text of the rights file: tells the broker. */
void srv_serve_renew_rights(srv_serve_t *self, const srv_binds_t *binds);
/* Makes gateways take the newer keys of the plan's keyring. */
void srv_serve_renew_keys(srv_serve_t *self);
/* Makes the auth worker sign with another secret. */
void srv_serve_renew_secret(srv_serve_t *self, const char *secret);
/* Gateways serve on, but say that they are not ready, and close each connection behind its next answer. */
void srv_serve_leave(srv_serve_t *self);
/* Lets what is under way finish, for at most `drain_ms`: gateways first, then the broker, or actors that are
 * on their own. `interrupted` is asked meanwhile, and ends the wait. */
void srv_serve_drain(srv_serve_t *self, int64_t drain_ms, bool (*interrupted)(void));
/* Ends all threads. Nulls the pointer. */
void srv_serve_stop(srv_serve_t **self);

#endif
