/* SPDX-License-Identifier: MPL-2.0 */
/* Tokens of @cursor: where a page ended, opaque to clients. base64url (RFC 4648 section 5, without padding)
 * of a MessagePack array: a hash over the operation, the filters and the texts, then the texts of the
 * cursor's columns. A core: no I/O. Thread: the actor's. */
#ifndef ACT_CURSOR_H
#define ACT_CURSOR_H

#include "act_program.h"

/* Over the arguments that choose the rows of the list: all but the token and the limit. */
uint64_t act_cursor_filter(const act_script_t *script, const proto_bytes_t *values);
/* Appends the token for a row whose cursor columns have these texts. */
void act_cursor_write(const act_script_t *script, uint64_t hash, uint64_t filter, const proto_bytes_t *texts,
                      proto_buf_t *out);
/* Decodes a token into `scratch`, which the texts then borrow from. -1 for one that is not of this operation
 * and these filters, was changed, or is no token at all. */
PROTO_MUST_CHECK int act_cursor_read(const act_script_t *script, uint64_t hash, uint64_t filter,
                                     proto_bytes_t token, proto_buf_t *scratch,
                                     proto_bytes_t texts[ACT_CURSOR_COLUMNS]);

#endif
