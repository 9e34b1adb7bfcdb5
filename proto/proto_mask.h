/* SPDX-License-Identifier: MPL-2.0 */
/* Secrets have no place in a log: what looks like one in a text is replaced by "***". That are the values
 * behind names such as password=, token= or "secret":, what follows Bearer or Basic, the password in
 * scheme://user:password@host, and JSON Web Tokens wherever they stand. A core: no I/O. Thread: any. */
#ifndef PROTO_MASK_H
#define PROTO_MASK_H

#include "proto_buf.h"

/* Whether there may be something to mask: quick, for texts that mostly have nothing. */
bool proto_mask_wanted(proto_bytes_t text);
/* Appends the text without its secrets. */
void proto_mask(proto_bytes_t text, proto_buf_t *out);

#endif
