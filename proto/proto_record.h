/* SPDX-License-Identifier: MPL-2.0 */
/* Native records: what gateway, broker, workers and libmuster say to each other. docs/protocol.md is the
 * specification, with the ABNF; this is its codec. One ZeroMQ frame holds a batch: "MU", a version byte, a
 * zero byte, then 1..256 records, at most 1 MiB together (a larger record travels alone). All integers are
 * big-endian. A core: no I/O. Thread: any. */
#ifndef PROTO_RECORD_H
#define PROTO_RECORD_H

#include "proto_buf.h"

#define PROTO_RECORD_VERSION 1
enum {
    PROTO_BATCH_HEADER = 4,
    PROTO_BATCH_RECORDS = 256,            /* most records in one frame */
    PROTO_BATCH_BYTES = 1 << 20,          /* most bytes in a frame of several records */
    PROTO_RECORD_HEADER = 40,             /* fixed part of a record */
    PROTO_RECORD_BYTES = 64 * 1024 * 1024 /* most bytes of one record; brokers and sockets may set less */
};

/* Directions: C client (gateway, libmuster), B broker, W worker. */
typedef enum {
    PROTO_REQUEST = 1, /* C>B, B>W: run `operation` (or `name`) of `service`; body: map of arguments */
    PROTO_PARTIAL,     /* W>B, B>C: one piece of an answer; more follow */
    PROTO_FINAL,       /* W>B, B>C: the (last piece of the) answer; gives one credit back */
    PROTO_ERROR,     /* W>B, B>C: `number` is a proto_error_t; body: map {code, status, title, detail}; credit
                        back */
    PROTO_RETURN,    /* W>B: a request not started, whole; the broker puts it back at the head of its queue */
    PROTO_READY,     /* W>B: I serve `service`; number: window, epoch; body: map, see proto_catalogue.h;
                        once more in the same epoch: I serve other operations now, all else goes on */
    PROTO_CREDIT,    /* W>B: `number` more requests are welcome */
    PROTO_HEARTBEAT, /* both ways, every 500 ms of silence */
    PROTO_CANCEL,    /* C>B, B>W: nobody waits for request `id` any more */
    PROTO_DISCONNECT, /* both ways: forget me / say READY or HELLO again */
    PROTO_PUBLISH,    /* B>C: body: a catalogue; `operation`: its hash. Sent after HELLO and at every change.
                         W>B, B>C without `operation`: a message of `service`'s workers (muster.revoked) */
    PROTO_HELLO,      /* C>B: a client that wants to hear catalogues and heartbeats */
    PROTO_TYPE_END
} proto_type_t;

/* Flags. */
enum {
    PROTO_FLAG_READ = 1,      /* REQUEST: only reads, so an unanswered one may be tried again */
    PROTO_FLAG_EXCLUSIVE = 2, /* REQUEST, set by the broker: the worker takes nothing else meanwhile */
    PROTO_FLAG_ALL = 3
};

/* The number of a FINAL that was given before, to an earlier request with the same idempotency key. */
enum { PROTO_REPLAYED = 1 };

/* A decoded record; every pointer borrows from the frame (or, when encoding, from the caller). */
typedef struct proto_record {
    proto_type_t type;
    uint8_t flags;
    uint16_t
        number;  /* ERROR: proto_error_t; READY: window; CREDIT: how many; FINAL: PROTO_REPLAYED; else 0 */
    uint64_t id; /* chosen by whoever sends the request, unique among its unanswered ones */
    uint64_t operation;    /* signature hash; 0: whatever `name` means now */
    uint32_t epoch;        /* READY: the worker's; REQUEST to a worker and its answers: the same again */
    uint32_t deadline;     /* REQUEST: milliseconds left when sent, at least 1; else 0 */
    proto_bytes_t service; /* at most 255 bytes each ... */
    proto_bytes_t name;    /* operation name */
    proto_bytes_t subject; /* who asks; only trusted from peers with the right `gateway` */
    proto_bytes_t role;
    proto_bytes_t trace;  /* request id of the access log */
    proto_bytes_t key;    /* Idempotency-Key */
    proto_bytes_t claims; /* ... but this one 65,535: map of token claims, or empty */
    proto_bytes_t body;   /* MessagePack, or empty */
} proto_record_t;

/* Reads a frame one record at a time. */
typedef struct proto_batch {
    const uint8_t *at, *end;
    uint32_t left; /* how many more records this frame may hold */
} proto_batch_t;

/* 0 when the frame is a batch whose record lengths, each checked, add up exactly; -1 else: reject it whole.
 */
PROTO_MUST_CHECK int proto_batch_open(proto_batch_t *self, proto_bytes_t frame);
/* 1 and the next record, 0 at the end, -1 when this record's header contradicts itself (unknown type or
 * flags, lengths beyond the record, a REQUEST without deadline, names that are not plain text): `record->id`
 * is then set and the next call goes on behind it. The body is not looked into: see proto_value_check. */
PROTO_MUST_CHECK int proto_batch_next(proto_batch_t *self, proto_record_t *record);

/* Appends one record, and the batch header before it when `out` is empty. -1 when a field is too long, the
 * record is larger than PROTO_RECORD_BYTES, or it does not fit this batch (ask proto_batch_fits first); `out`
 * is unchanged. */
PROTO_MUST_CHECK int proto_record_append(proto_buf_t *out, const proto_record_t *record);
/* Makes a frame of this one record in the memory of its body, which `body` holds (record->body is not looked
 * at): nothing large is kept twice. -1 as above, or when there is no memory; then `body` is of no use any
 * more. */
PROTO_MUST_CHECK int proto_record_wrap(proto_buf_t *body, const proto_record_t *record);
/* Bytes the record will take, batch header not included. */
size_t proto_record_size(const proto_record_t *record);
/* True when a record of `size` bytes may join the batch in `out` that already holds `count` records. */
bool proto_batch_fits(const proto_buf_t *out, uint32_t count, size_t size);
/* Whether a text may be a service, name, subject, role, trace or key: at most 255 bytes, no control
 * characters. */
bool proto_record_plain(proto_bytes_t text);
/* "REQUEST" and so on, for people; "?" for a number that is no type. */
const char *proto_type_name(proto_type_t type);

#endif
