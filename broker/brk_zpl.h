/* SPDX-License-Identifier: MPL-2.0 */
/* Reads ZPL (ZeroMQ RFC 4) of two levels, line by line: sections, and properties in them. czmq's zconfig
 * reads the same, but keeps no line numbers, prints what it finds wrong, and cuts long lines: a rights file
 * deserves to be told exactly what it gets wrong. A core: no I/O. Thread: any. */
#ifndef BRK_ZPL_H
#define BRK_ZPL_H

#include "proto_buf.h"

typedef struct brk_zpl {
    proto_bytes_t rest;
    uint32_t line; /* of what was read last, from 1 */
} brk_zpl_t;

typedef struct brk_zpl_item {
    bool section;        /* a line without indentation and without value */
    proto_bytes_t name;  /* borrowed from the text, as is the value */
    proto_bytes_t value; /* of a property; without its quotes */
} brk_zpl_item_t;

/* 1 and the next section or property, 0 at the end, -1 with a sentence in `why` for a line that is neither:
 * a tab or an odd number of blanks before it, a property outside a section, a quote without its end,
 * a control character. */
PROTO_MUST_CHECK int brk_zpl_next(brk_zpl_t *self, brk_zpl_item_t *item, proto_buf_t *why);

#endif
