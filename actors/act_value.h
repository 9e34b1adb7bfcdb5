/* SPDX-License-Identifier: MPL-2.0 */
/* PostgreSQL's text format <-> MessagePack. Out: numbers as numbers, numeric as decimal, timestamptz as
 * timestamp, json nested, bytea as bin, arrays and composites as arrays and maps, everything else as the text
 * that psql shows. In: the text of an argument. A core: no I/O, no libpq. Thread: the actor's. */
#ifndef ACT_VALUE_H
#define ACT_VALUE_H

#include "act_types.h"

/* Appends the value that `text` (of type `oid`, in PostgreSQL's text format with DateStyle ISO, TimeZone UTC,
 * bytea_output hex) means. What does not have its type's form goes as text, so nothing is ever lost. -1 only
 * when it is nested deeper than PROTO_VALUE_DEPTH. */
PROTO_MUST_CHECK int act_value_from_text(const act_types_t *types, uint32_t oid, proto_bytes_t text,
                                         proto_buf_t *out);
/* Appends the text of a checked argument (see proto_param_check), not NUL-terminated; *null tells that it is
 * NULL and nothing was appended. -1 when it has no text for this parameter. */
PROTO_MUST_CHECK int act_value_to_text(const proto_param_t *param, proto_bytes_t value, proto_buf_t *out,
                                       bool *null);
/* Appends a text in quotes, as an item of an array or a field of a record. */
void act_value_quote(proto_bytes_t text, proto_buf_t *out);

#endif
