/* SPDX-License-Identifier: MPL-2.0 */
/* `@returns`: the shape of an answer, as a list of nodes. A core: no I/O. Thread: any. */
#ifndef ACT_SHAPE_H
#define ACT_SHAPE_H

#include "act_program.h"

/* Reads `row`, `rows`, `value`, `none` or a JSON text whose leaves may be the bare words rows, row, value,
 * count and next_cursor, or step.rows, step.row, step.value, step.count, step.column. 0 with the nodes (in
 * the arena) in `script`; -1 with a phrase in `why`. */
PROTO_MUST_CHECK int act_shape_parse(proto_arena_t *arena, proto_bytes_t text, act_script_t *script,
                                     const char **why);

#endif
