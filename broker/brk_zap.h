/* SPDX-License-Identifier: MPL-2.0 */
/* A shell: the ZAP handler (ZeroMQ RFC 27), which libzmq asks about every CURVE client (RFC 26) during its
 * handshake. It answers from the rights file: a key that stands there is let in, with the key as User-Id, any
 * other is turned away.
 *
 * czmq's zauth is a thread that reads a directory of certificates; here the rights file is the one list, and
 * the broker answers between two batches, from the same rights as everything else, so that a reload is one
 * assignment. Thread: the broker's. In: ZAP requests. Out: ZAP replies. */
#ifndef BRK_ZAP_H
#define BRK_ZAP_H

#include "brk_rights.h"

typedef struct brk_zap {
    void *socket;        /* REP at inproc://zeromq.zap.01 of the context */
    int64_t quiet_until; /* no further line in the log before, ms */
    uint64_t unsaid;     /* turned away since the last line */
} brk_zap_t;

/* Binds it; before the sockets that need it. -1 and a log line when the context has one already. */
PROTO_MUST_CHECK int brk_zap_open(brk_zap_t *self, void *context);
/* Closes it; after the sockets that need it. */
void brk_zap_close(brk_zap_t *self);
/* Answers what has been asked; the number of peers turned away. */
uint32_t brk_zap_answer(brk_zap_t *self, const brk_rights_t *rights, int64_t now);

#endif
