/* SPDX-License-Identifier: MPL-2.0 */
/* Error bodies: application/problem+json (RFC 9457) with type, title, status, detail (a sentence), code and
 * request_id. A core: no I/O. Thread: any. */
#ifndef GW_PROBLEM_H
#define GW_PROBLEM_H

#include "proto_catalogue.h"
#include "proto_error.h"

#define GW_PROBLEM_TYPE "application/problem+json"

typedef struct gw_problem {
    int status;
    proto_bytes_t code, title;
    proto_bytes_t detail;               /* made a sentence: capital first letter, full stop */
    const proto_operation_t *operation; /* NULL, or whose parameters keep their spelling as first words */
    proto_error_t error;                /* of the table, for the figures */
} gw_problem_t;

/* The problem for an error of the table. An empty `detail` becomes the title. */
gw_problem_t gw_problem_of(proto_error_t error, proto_bytes_t detail);
/* What an ERROR record says: its body {code, status, title, detail} where it is well-formed, else the table's
 * entry of `number` (`none` reads as `internal`). Borrows from `body`. */
gw_problem_t gw_problem_from_record(uint16_t number, proto_bytes_t body);
/* Appends the JSON text. */
void gw_problem_write(const gw_problem_t *self, proto_bytes_t request_id, proto_buf_t *out);

#endif
