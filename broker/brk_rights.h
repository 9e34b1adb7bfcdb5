/* SPDX-License-Identifier: MPL-2.0 */
/* Who a peer is and what it may do. A rights file (ZPL, ZeroMQ RFC 4; docs/operations.md is its reference)
 * names peers by their CURVE key (RFC 26) and grants to each: operations to call, services to register, HTTP
 * paths to publish, the right `gateway` (to name whom it speaks for) and `admin` (to ask for the broker's
 * tables). What is not granted is refused. Built once, then only read; a reload builds another one. A core:
 * no I/O. Thread: any, once built; the broker's uses it. */
#ifndef BRK_RIGHTS_H
#define BRK_RIGHTS_H

#include "proto_buf.h"

enum { BRK_KEY_TEXT = 40 /* characters of a key in Z85 (RFC 32) */ };

/* The service whose workers tell gateways which tokens were revoked (docs/protocol.md). */
#define BRK_FEED "muster.revoked"

/* A name, or with `prefix` whatever begins with it. */
typedef struct brk_pattern {
    proto_bytes_t text;
    bool prefix;
} brk_pattern_t;

typedef struct brk_patterns {
    const brk_pattern_t *items;
    uint32_t count;
} brk_patterns_t;

/* The rights of one peer. The flags *_all are there so that whoever may do everything costs one test. */
typedef struct brk_right {
    proto_bytes_t name;          /* of the entry, for the log */
    proto_bytes_t subject, role; /* what its requests are stamped with */
    bool denied;                 /* nothing at all: its key is not in the file any more */
    bool calls_all, registers_all, publishes_all;
    bool spares_db; /* registers_all, but not for the database's services and the feed's */
    bool gateway, admin;
    brk_patterns_t services, operations; /* to call: the n-th of one with the n-th of the other */
    brk_patterns_t registers;            /* names of services */
    brk_patterns_t paths;                /* prefixes of path templates */
} brk_right_t;

typedef struct brk_rights brk_rights_t;

/* Reads the text of a rights file. NULL with a sentence in `why` that begins with the line's number: an
 * unknown section or property, one given twice, a key that is no Z85 or stands in two entries, a pattern that
 * is none ... The text is not kept. */
brk_rights_t *brk_rights_parse(proto_bytes_t text, proto_buf_t *why);
void brk_rights_free(brk_rights_t **self);
/* The rights of a public key (Z85); NULL when the file does not name it. Valid as long as `self`. */
const brk_right_t *brk_rights_find(const brk_rights_t *self, proto_bytes_t key);
/* The rights of peers on the local socket: those of the section `local`, else all. `self` may be NULL. */
const brk_right_t *brk_rights_local(const brk_rights_t *self);
uint32_t brk_rights_count(const brk_rights_t *self);

/* Rights that are in no file. All of them: peers inside the process, and this user's. They name the identity
 * themselves; who cannot is the admin "local". */
const brk_right_t *brk_right_all(void);
/* Of the endpoint that --dev opens: calls everything as admin "dev", registers any service, the database's
 * only where `database` says so, speaks for nobody else. */
const brk_right_t *brk_right_dev(bool database);
/* Of a key that was taken out of the file. */
const brk_right_t *brk_right_none(void);

/* Whether it may call this operation; a gateway may always ask the feed. An empty name, or an operation that
 * is named by its hash alone, needs the right to all of the service. */
bool brk_right_calls(const brk_right_t *self, proto_bytes_t service, proto_bytes_t operation);
bool brk_right_registers(const brk_right_t *self, proto_bytes_t service);
/* Whether it may publish an endpoint of this path template: one of its prefixes is the whole of it, or ends
 * where a segment of it ends. */
bool brk_right_publishes(const brk_right_t *self, proto_bytes_t path);
/* Whether all that `other` may publish `self` may publish, too. */
bool brk_right_covers(const brk_right_t *self, const brk_right_t *other);

#endif
