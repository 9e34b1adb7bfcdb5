/* SPDX-License-Identifier: MPL-2.0 */
/* Claims of whoever asks, as the database gets them for row-level security. A core: no I/O. Thread: any. */
#ifndef ACT_CLAIMS_H
#define ACT_CLAIMS_H

#include "proto_error.h"
#include "proto_record.h"

/* Writes the JSON object that request.jwt.claims shall hold, and nothing else, into `out`: the record's
 * claims as they are; without any, its subject and role as "sub" and "role"; without these, an empty text. -1
 * when the claims are not a well-formed MessagePack map that JSON can hold. */
PROTO_MUST_CHECK int act_claims_json(const proto_record_t *request, proto_buf_t *out);
/* Whether whoever asks may be a role of the database: `roles` is a comma list without blanks. Nobody is
 * unauthenticated, and a role that is not in the list forbidden: going on as the connection's own user would
 * give them more. */
proto_error_t act_claims_role(const proto_record_t *request, const char *roles);
/* Whether a text is such a list: no name is empty, or `none`, which would mean the connection's user. */
bool act_claims_roles_valid(const char *roles);

#endif
