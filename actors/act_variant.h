/* SPDX-License-Identifier: MPL-2.0 */
/* From a statement with conditional lines to the one text that PostgreSQL is asked to prepare. A core: no
 * I/O. Thread: any. */
#ifndef ACT_VARIANT_H
#define ACT_VARIANT_H

#include "act_program.h"

/* Appends the statement with the lines that `mask` keeps and its holes as $1..$n; arguments[i - 1] is the
 * hole that $i stands for, each value once. Returns n, at most ACT_ARGUMENTS (the parser keeps to that). */
uint32_t act_variant_render(const act_statement_t *statement, uint32_t mask, proto_buf_t *sql,
                            const act_hole_t *arguments[ACT_ARGUMENTS]);

/* Which conditions hold for the arguments of a request: values[i] and given[i] as proto_param_bind_given
 * fills them. */
uint32_t act_variant_mask(const act_script_t *script, const proto_operation_t *operation,
                          const proto_bytes_t *values, const bool *given);

#endif
