/* SPDX-License-Identifier: MPL-2.0 */
/* multipart/form-data (RFC 7578), cut into parts as it arrives: contents are handed out as they come and kept
 * nowhere, only a part's header fields are. One way to read a body or none: what a lenient reader would guess
 * at is refused. However a body is cut into pieces, the parts are the same, and so is what is refused, at the
 * same byte. A core: no I/O. Thread: the gateway thread that owns it. */
#ifndef GW_MULTIPART_H
#define GW_MULTIPART_H

#include "proto_buf.h"

enum {
    GW_MULTIPART_PARTS = 100,   /* most parts of a body */
    GW_MULTIPART_HEAD = 8192,   /* longest block of a part's header fields, with the empty line */
    GW_MULTIPART_FIELDS = 20,   /* most header fields of a part */
    GW_MULTIPART_BOUNDARY = 70, /* longest boundary (RFC 2046 section 5.1.1) */
};

/* What a part tells of itself; borrowed from the parser until the next part. */
typedef struct gw_part {
    proto_bytes_t name;         /* as it was sent, may be empty: see gw_multipart_unescape */
    proto_bytes_t filename;     /* the same */
    bool has_filename;          /* filename="" is one */
    proto_bytes_t content_type; /* of this part, with its parameters; empty: none was sent */
} gw_part_t;

typedef enum {
    GW_MULTIPART_MORE, /* the piece is used up */
    GW_MULTIPART_PART, /* self->part begins */
    GW_MULTIPART_DATA, /* `data` is some of its content, at least a byte */
    GW_MULTIPART_DONE, /* it is complete */
    GW_MULTIPART_BAD   /* self->why tells; nothing more may be asked */
} gw_multipart_event_t;

typedef enum {
    GW_MULTIPART_S_PREAMBLE,
    GW_MULTIPART_S_BEHIND, /* a boundary, on its line */
    GW_MULTIPART_S_HEAD,
    GW_MULTIPART_S_CONTENT,
    GW_MULTIPART_S_EPILOGUE
} gw_multipart_state_t;

typedef struct gw_multipart {
    gw_multipart_state_t state;
    gw_part_t part;
    const char *why;                              /* after BAD or -1: a clause about the body, static text */
    uint8_t delimiter[GW_MULTIPART_BOUNDARY + 4]; /* CRLF "--" boundary */
    uint32_t delimiter_size;
    uint32_t match;                   /* bytes of the delimiter that the last ones are */
    uint32_t skip;                    /* of these, what is no content if it is none: the head's own CRLF */
    uint32_t behind;                  /* bytes behind a boundary so far */
    bool last, cr, dash;              /* what they were: two hyphens; a CR, one hyphen, just now */
    uint8_t head[GW_MULTIPART_HEAD];  /* the part's header fields */
    uint32_t head_size, line;         /* bytes so far; where the line under way begins */
    uint32_t fields, parts;           /* so far */
    bool disposition, type, encoding; /* fields that the part has */
} gw_multipart_t;

/* Begins. `content_type` is the request's field and begins with multipart/form-data; its boundary is 1 to 70
 * of RFC 2046's bchars, in quotes or without. -1 with self->why when it has none, two or a malformed one. */
PROTO_MUST_CHECK int gw_multipart_begin(gw_multipart_t *self, proto_bytes_t content_type);
/* Reads on in `piece` and cuts off its front what was read. Call until it says MORE. A body without any part
 * is good: browsers send it for a form without fields. Refused are:
 * - a boundary with anything but blanks behind it on its line;
 * - lines of header fields that end otherwise than by CRLF, are folded, hold control characters or are no
 * field (RFC 9112 section 5.1), and more of them than the limits above;
 * - a part without exactly one Content-Disposition of the type form-data with exactly one name and at most
 * one filename (RFC 7578 section 4.2; filename* is ignored, as it tells); either is UTF-8;
 * - Content-Type twice, or multipart/... (RFC 7578 section 4.3 has done away with nesting);
 * - a Content-Transfer-Encoding that encodes (RFC 7578 section 4.7: none is sent any more).
 * What stands before the first and behind the last boundary is ignored (RFC 2046 section 5.1.1). */
gw_multipart_event_t gw_multipart_next(gw_multipart_t *self, proto_bytes_t *piece, proto_bytes_t *data);
/* The body is complete: -1 with self->why when it does not end by its boundary. */
PROTO_MUST_CHECK int gw_multipart_end(gw_multipart_t *self);
/* Bytes of content that were read but not handed out, as they may be a boundary. */
size_t gw_multipart_pending(const gw_multipart_t *self);
/* Appends a name or filename without its escapes: \" and \\ as RFC 822 has them, %22 as browsers send a quote
 * (HTML, "multipart form data"). Every other \ and % stands for itself. A name made of a-z, 0-9 and _ has
 * none. */
void gw_multipart_unescape(proto_bytes_t text, proto_buf_t *out);

#endif
