/* SPDX-License-Identifier: MPL-2.0 */
/* The catalogues that a client has heard: the newest of each service. A core: no I/O. Thread: the owner's. */
#ifndef MUSTER_SHELF_H
#define MUSTER_SHELF_H

#include "proto_catalogue.h"
#include "proto_record.h"

enum { MUSTER_SHELF_SERVICES = 256 };

typedef struct muster_shelf_book {
    char service[256];
    proto_catalogue_t *catalogue; /* its operations in the order of their names */
    proto_buf_t body;
} muster_shelf_book_t;

typedef struct muster_shelf {
    muster_shelf_book_t *books;
    int count;
} muster_shelf_t;

void muster_shelf_free(muster_shelf_t *self);
/* Keeps the catalogue of a PUBLISH when it is newer than the service's; true then. */
bool muster_shelf_learn(muster_shelf_t *self, const proto_record_t *publish);
/* Whether some catalogue says that the operation only reads. */
bool muster_shelf_reads(const muster_shelf_t *self, const char *service, const char *operation);
/* Appends the catalogue published for that service, or one with the operations of all (NULL). -1 when there
 * is none. */
PROTO_MUST_CHECK int muster_shelf_show(const muster_shelf_t *self, const char *service, proto_buf_t *out);

#endif
