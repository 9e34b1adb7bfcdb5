/* SPDX-License-Identifier: MPL-2.0 */
/* What brk_rights.c and brk_right.c share. Private to broker/. Thread: any. */
#ifndef BRK_RIGHTS_INTERNAL_H
#define BRK_RIGHTS_INTERNAL_H

#include "brk_rights.h"
#include "proto_arena.h"

/* Whether it is the Z85 form (RFC 32) of 32 bytes. */
bool brk_is_key(proto_bytes_t text);
/* Takes the next item of a comma list off, without the blanks around it; false at the end. An empty list has
 * no items. */
bool brk_list_next(proto_bytes_t *rest, proto_bytes_t *item);

#endif
