/* SPDX-License-Identifier: MPL-2.0 */
/* The Link header field (RFC 8288) of a page that is followed by another. A core: no I/O. Thread: any. */
#ifndef GW_LINK_H
#define GW_LINK_H

#include "proto_buf.h"

/* Appends `Link: <TARGET>; rel="next"` and CRLF. TARGET is the request's own `target` (path and query, still
 * percent-encoded) with `cursor` in place of the cursor it had; the other query parameters stay as they are
 * and come first. What must not stand between < and > is percent-encoded. `cursor` is any bytes, not encoded.
 */
void gw_link_next(proto_bytes_t target, proto_bytes_t cursor, proto_buf_t *out);

#endif
