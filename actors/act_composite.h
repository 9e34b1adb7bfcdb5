/* SPDX-License-Identifier: MPL-2.0 */
/* Arguments of composite types: maps to the text that PostgreSQL reads a record from (PostgreSQL manual,
 * "Composite Types", "Composite Type Input and Output Syntax"), by the fields that the type has in this
 * database. A core: no I/O. Thread: the actor's. */
#ifndef ACT_COMPOSITE_H
#define ACT_COMPOSITE_H

#include "act_types.h"

/* The type of that oid when it is a composite, an array of composites or a domain over either; else NULL. */
const act_type_t *act_composite_find(const act_types_t *types, uint32_t oid);
/* Appends the text of one checked value (proto_value_check) of such a type, not NUL-terminated; *null tells
 * that it is NULL and nothing was appended. Fields that the map lacks are NULL. -1 with a sentence about the
 * parameter `name` or one of its fields appended to `detail`: an unknown or doubled field, a value that does
 * not suit its field, more than 8 records inside one another, more than 64 MiB of text. */
PROTO_MUST_CHECK int act_composite_to_text(const act_types_t *types, const act_type_t *type, const char *name,
                                           proto_bytes_t value, proto_buf_t *out, bool *null,
                                           proto_buf_t *detail);

#endif
