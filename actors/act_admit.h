/* SPDX-License-Identifier: MPL-2.0 */
/* Whether a request may run: what every worker asks before it begins. Gateways ask the same, but others speak
 * to the broker too. A core: no I/O. Thread: the actor's. */
#ifndef ACT_ADMIT_H
#define ACT_ADMIT_H

#include "proto_catalogue.h"
#include "proto_error.h"
#include "proto_record.h"

/* PROTO_ERROR_none when the operation's `auth` lets the record's subject and role in and the body is one
 * well-formed MessagePack value or nothing; else unauthenticated, forbidden or malformed. The arguments
 * themselves are judged by proto_param_bind. */
proto_error_t act_admit(const proto_operation_t *operation, const proto_record_t *request);

#endif
