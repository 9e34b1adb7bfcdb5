/* SPDX-License-Identifier: MPL-2.0 */
/* multipart/form-data (RFC 7578) over a complete body, cut into parts without copying anything. One way to
 * read a body or none: what a lenient reader would guess at is refused. A core: no I/O. Thread: the gateway
 * thread that owns it. */
#ifndef GW_MULTIPART_H
#define GW_MULTIPART_H

#include "proto_buf.h"

enum {
    GW_MULTIPART_PARTS = 100,   /* most parts of a body */
    GW_MULTIPART_HEAD = 8192,   /* longest block of a part's header fields, with the empty line */
    GW_MULTIPART_FIELDS = 20,   /* most header fields of a part */
    GW_MULTIPART_BOUNDARY = 70, /* longest boundary (RFC 2046 section 5.1.1) */
};

/* One part; all borrowed from the body. */
typedef struct gw_part {
    proto_bytes_t name;         /* as it was sent, may be empty: see gw_multipart_unescape */
    proto_bytes_t filename;     /* the same */
    bool has_filename;          /* filename="" is one */
    proto_bytes_t content_type; /* of this part, with its parameters; empty: none was sent */
    proto_bytes_t content;      /* any bytes */
} gw_part_t;

typedef struct gw_multipart {
    gw_part_t parts[GW_MULTIPART_PARTS]; /* in the order of the body */
    uint32_t count;
    const char *why; /* after -1: a clause about the body, static text */
} gw_multipart_t;

/* Cuts `body` into parts. `content_type` is the request's field and begins with multipart/form-data; its
 * boundary is 1 to 70 of RFC 2046's bchars, in quotes or without. A body without any part is good: browsers
 * send it for a form without fields. 0; or -1 with self->why, self->count is 0 then. Refused are:
 * - no, two or a malformed boundary; a body that does not end by it; anything but blanks behind it on its
 * line;
 * - lines of header fields that end otherwise than by CRLF, are folded, hold control characters or are no
 * field (RFC 9112 section 5.1), and more of them than the limits above;
 * - a part without exactly one Content-Disposition of the type form-data with exactly one name and at most
 * one filename (RFC 7578 section 4.2; filename* is ignored, as it tells); either is UTF-8;
 * - Content-Type twice, or multipart/... (RFC 7578 section 4.3 has done away with nesting);
 * - a Content-Transfer-Encoding that encodes (RFC 7578 section 4.7: none is sent any more).
 * What stands before the first and behind the last boundary is ignored (RFC 2046 section 5.1.1). Takes time
 * in proportion to the body, and no memory. */
PROTO_MUST_CHECK int gw_multipart_parse(gw_multipart_t *self, proto_bytes_t content_type, proto_bytes_t body);
/* Appends a name or filename without its escapes: \" and \\ as RFC 822 has them, %22 as browsers send a quote
 * (HTML, "multipart form data"). Every other \ and % stands for itself. A name made of a-z, 0-9 and _ has
 * none. */
void gw_multipart_unescape(proto_bytes_t text, proto_buf_t *out);

#endif
