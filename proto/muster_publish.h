/* SPDX-License-Identifier: MPL-2.0 */
/* What a worker publishes: operations given as JSON, completed to a catalogue; and the judging of requests by
 * it. A core: no I/O. Thread: the owner's. */
#ifndef MUSTER_PUBLISH_H
#define MUSTER_PUBLISH_H

#include "proto_catalogue.h"
#include "proto_error.h"
#include "proto_record.h"

typedef struct muster_publish {
    const char *service;          /* borrowed */
    proto_buf_t operations;       /* complete maps, one behind the other */
    uint32_t count;               /* of them */
    proto_catalogue_t *catalogue; /* of them; NULL: nothing is published */
} muster_publish_t;

void muster_publish_free(muster_publish_t *self);
/* Adds the operations of a JSON array. `generation` is that of the catalogue from now on. -1 with a sentence;
 * nothing has changed then. */
PROTO_MUST_CHECK int muster_publish_add(muster_publish_t *self, const char *operations, uint64_t generation,
                                        proto_buf_t *why);
/* Appends the body of a READY; `none`: the worker is ending and offers nothing any more. */
void muster_publish_ready(const muster_publish_t *self, bool none, proto_buf_t *out);
/* Judges a request: PROTO_ERROR_none, and in `arguments` the map of those that the operation has, defaults
 * filled in; else an error with a sentence in `detail`. Without anything published all that is well-formed
 * goes. */
proto_error_t muster_publish_admit(const muster_publish_t *self, const proto_record_t *request,
                                   proto_buf_t *arguments, proto_buf_t *detail);

#endif
