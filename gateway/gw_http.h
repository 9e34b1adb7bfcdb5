/* SPDX-License-Identifier: MPL-2.0 */
/* The HTTP/1.1 server side of one connection (RFC 9110, RFC 9112), without any I/O: bytes in, requests out;
 * answers in, bytes out. It owns keep-alive, the order of pipelined answers, 100-continue, request bodies,
 * limits and deadlines.
 *
 * A shell, at each turn:
 * - gives what it read to gw_http_input;
 * - calls gw_http_next until it says NOTHING. On HEAD, a head whose body is still to come, it says by
 * gw_http_read_body how that is to be read, or refuses it by gw_http_respond; PIECE then is a part of a body
 * that it wants as it arrives. On REQUEST the request is complete: it serves it, now or later, and answers it
 * by gw_http_respond(request.sequence). On BAD it answers http.error and http.detail the same way, with
 * `close`: request.sequence is the one that HEAD has named, when the body of that one is bad;
 * - sends http.out and says so by gw_http_sent; closes when gw_http_wants_close says so.
 *
 * What http-parser lets pass is refused beforehand (gw_http_head.c, gw_http_body.c), http-parser itself is
 * the second opinion. Anything doubtful is an error and ends the connection: nothing behind it is ever read
 * as a request. A core: no I/O, no clock. Thread: the gateway thread that owns the connection. */
#ifndef GW_HTTP_H
#define GW_HTTP_H

#include "proto_buf.h"
#include "proto_error.h"

enum {
    GW_HTTP_HEADERS = 100,    /* most header fields of a request */
    GW_HTTP_PIPELINE = 16,    /* most requests of one connection that wait for their answers */
    GW_HTTP_TARGET = 8192,    /* longest request target, bytes */
    GW_HTTP_OUT = 256 * 1024, /* unsent bytes beyond which no further request is taken */
    GW_HTTP_EMPTY_LINES = 2   /* CRLFs forgiven before a request line (RFC 9112 section 2.2) */
};

typedef struct gw_http_limits {
    uint32_t head_bytes; /* request line and header fields */
    uint32_t body_bytes; /* of a request's body, after decoding: what is read of one that nobody wants */
    int64_t head_ms, body_ms,
        idle_ms; /* a head must be whole so long after its first byte (the first: after accept), a
                    body after its head (or its 100 Continue); an idle connection ends after idle_ms */
} gw_http_limits_t;

typedef struct gw_http_header {
    proto_bytes_t name;  /* lower case */
    proto_bytes_t value; /* without blanks around it */
} gw_http_header_t;

/* A complete request; everything is borrowed from the core and valid until its next call. */
typedef struct gw_http_request {
    uint32_t sequence; /* 0, 1, 2 ... on its connection; names the answer */
    proto_bytes_t method;
    proto_bytes_t path;  /* begins with '/', or is "*"; percent-encoded and well-formed */
    proto_bytes_t query; /* behind the first '?'; may be empty */
    proto_bytes_t body;  /* decoded from chunks; of PIECE: what has come; of REQUEST: empty after pieces */
    size_t length;       /* of HEAD: bytes of the body to come, SIZE_MAX when it is chunked */
    const gw_http_header_t *headers;
    uint32_t header_count;
} gw_http_request_t;

typedef struct gw_http_response {
    int status;               /* 200..599 */
    const char *content_type; /* NULL: none */
    proto_bytes_t extra;      /* further header lines, each ended by CRLF */
    proto_bytes_t body;
    bool close; /* close the connection behind it */
} gw_http_response_t;

typedef enum { GW_HTTP_NOTHING, GW_HTTP_HEAD, GW_HTTP_PIECE, GW_HTTP_REQUEST, GW_HTTP_BAD } gw_http_result_t;

/* An answer that is due, by sequence. */
typedef struct gw_http_slot {
    bool head;         /* of a HEAD request: no body */
    bool close;        /* the client wants the connection closed behind it */
    bool old;          /* HTTP/1.0: keep-alive must be said */
    bool ready;        /* made, but earlier ones are not */
    bool last;         /* its answer says close */
    proto_buf_t bytes; /* the ready answer */
} gw_http_slot_t;

typedef enum {
    GW_HTTP_S_HEAD,    /* waiting for a head, or in one */
    GW_HTTP_S_LENGTH,  /* in a body of known length */
    GW_HTTP_S_CHUNKED, /* in a chunked body */
    GW_HTTP_S_WHOLE,   /* a request is complete, not handed out yet */
    GW_HTTP_S_SERVED,  /* handed out; its bytes go at the next call */
    GW_HTTP_S_BAD,     /* broken; to be told when its answer's turn is near */
    GW_HTTP_S_END      /* nothing more is read */
} gw_http_state_t;

/* What becomes of the body under way. */
typedef enum {
    GW_HTTP_BODY_WAITS,  /* its head is not handed out yet: not its turn */
    GW_HTTP_BODY_ASKED,  /* its head is handed out, the shell has not said yet */
    GW_HTTP_BODY_HELD,   /* kept until it is complete */
    GW_HTTP_BODY_PIECES, /* handed out as it arrives */
    GW_HTTP_BODY_DROPPED /* its request is answered: read so that the next one can be */
} gw_http_body_t;

typedef enum {
    GW_HTTP_CHUNK_SIZE,
    GW_HTTP_CHUNK_DATA,
    GW_HTTP_CHUNK_END,
    GW_HTTP_CHUNK_TRAILER,
    GW_HTTP_CHUNK_DONE
} gw_http_chunk_t;

typedef struct gw_http {
    const gw_http_limits_t *limits;
    const char *date; /* IMF-fixdate kept up to date by the shell, 29 characters; "" for no Date field */
    gw_http_state_t state;
    proto_buf_t in;                 /* what was not consumed: begins with the request under way */
    size_t scan;                    /* how far `in` was looked at for the end of the head */
    size_t line;                    /* size of the request line; 0 until it is whole */
    size_t head;                    /* size of the head; 0 until it is whole */
    size_t length;                  /* of the body, when it is known; pieces handed out are taken off */
    gw_http_body_t way;             /* of the body */
    size_t most;                    /* bytes that it may have */
    size_t came;                    /* bytes of a chunked body so far */
    size_t piece;                   /* bytes behind the head that were handed out, to go at the next call */
    proto_buf_t body;               /* of a chunked request; or the piece of it that came last */
    size_t chunk;                   /* bytes left of the chunk under way */
    gw_http_chunk_t part;           /* of the chunked body, that comes next */
    uint32_t extra;                 /* bytes of its chunk extensions and trailer fields so far */
    bool continue_due;              /* the client waits for 100 */
    bool safe, close, old, is_head; /* of the request under way */
    uint32_t empty_lines;
    gw_http_header_t
        *headers; /* grows up to GW_HTTP_HEADERS: most requests have few, and idle ones need none */
    uint32_t header_count, header_room;
    gw_http_request_t request;
    uint32_t first, next; /* sequences: oldest unanswered, next to be handed out */
    bool unsafe;          /* one of the unanswered is not safe */
    gw_http_slot_t slots[GW_HTTP_PIPELINE];
    proto_buf_t out; /* to be sent; see gw_http_sent */
    bool closing;    /* an answer that says close is in `out` */
    int64_t deadline;
    proto_error_t error; /* of GW_HTTP_BAD */
    const char *detail;
} gw_http_t;

/* A connection just accepted at `now` (ms). `limits` and `date` are borrowed for its life. */
void gw_http_init(gw_http_t *self, const gw_http_limits_t *limits, const char *date, int64_t now);
void gw_http_free(gw_http_t *self);
/* Takes what was read from the socket. */
void gw_http_input(gw_http_t *self, int64_t now, const void *bytes, size_t size);
/* The next head with a body to come, piece of its body or complete request, or what is wrong. A request that
 * is, or follows, an unsafe one (not GET, HEAD, OPTIONS) is held back until all earlier ones are answered, so
 * call this after answers too. GW_HTTP_BAD comes once; request->sequence then names the answer, which must
 * close. */
gw_http_result_t gw_http_next(gw_http_t *self, int64_t now, gw_http_request_t *request);
/* After GW_HTTP_HEAD: reads the body, of at most `most` bytes, else it is BAD (too_large): whole, or in
 * pieces. Its time runs from here, or from its 100 Continue. */
void gw_http_read_body(gw_http_t *self, int64_t now, size_t most, bool pieces);
/* The value of a header field (name in lower case), empty when there is none. Of repeated fields the first.
 */
proto_bytes_t gw_http_header(const gw_http_request_t *request, const char *name);
/* gw_http_write.c: the answer to a request handed out and not answered yet, in any order. When its body is
 * still coming, that is read and dropped if it is not too large and the client does not wait for 100, else
 * the answer says close (RFC 9112 section 9.6, RFC 9110 section 10.1.1). */
void gw_http_respond(gw_http_t *self, int64_t now, uint32_t sequence, const gw_http_response_t *response);
/* The first `size` bytes of self->out are sent. */
void gw_http_sent(gw_http_t *self, size_t size);
/* Whether the shell should read on, or leave bytes in the socket for now. */
bool gw_http_wants_input(const gw_http_t *self);
/* Whether everything is said and the connection is to be closed: send FIN, then read and drop what still
 * comes for a moment (RFC 9112 section 9.6), so that the client gets the last answer. */
bool gw_http_wants_close(const gw_http_t *self);
/* Whether a part of a request has arrived, and not all of it was handed out. */
bool gw_http_receiving(const gw_http_t *self);
/* Requests handed out and not answered. */
uint32_t gw_http_outstanding(const gw_http_t *self);
/* When gw_http_tick is due (ms); PROTO_NEVER for never. */
int64_t gw_http_next_deadline(const gw_http_t *self);
/* Looks at deadlines: afterwards gw_http_next may say BAD (408), or gw_http_wants_close be true (idle). */
void gw_http_tick(gw_http_t *self, int64_t now);
/* Asserts the invariants. */
void gw_http_check(const gw_http_t *self);
/* Appends one line about its state. */
void gw_http_show(const gw_http_t *self, proto_buf_t *out);

/* Parts of the core, in files of their own. */
/* gw_http_head.c: judges the whole head at the front of self->in and fills the request in. PROTO_ERROR_none,
 * or the error with self->detail. */
proto_error_t gw_http_parse_head(gw_http_t *self);
/* One field line without its CRLF: 0 and the field, -1 when it is malformed (RFC 9112 section 5.1). The name
 * is made lower case in place, tabs around the value blanks. */
PROTO_MUST_CHECK int gw_http_parse_field(uint8_t *line, size_t size, gw_http_header_t *field);
/* gw_http.c: the request whose body is still coming is answered; true when the connection must close. */
PROTO_MUST_CHECK bool gw_http_drop_body(gw_http_t *self, int64_t now);
/* gw_http_body.c: decodes chunks behind the head. 1 done, 0 more bytes are needed, -1 with self->error and
 * detail. */
PROTO_MUST_CHECK int gw_http_parse_chunks(gw_http_t *self);

#endif
