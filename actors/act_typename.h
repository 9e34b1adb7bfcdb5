/* SPDX-License-Identifier: MPL-2.0 */
/* Names of PostgreSQL's built-in types and what they mean for values. A core: no I/O. Thread: any. */
#ifndef ACT_TYPENAME_H
#define ACT_TYPENAME_H

#include "proto_catalogue.h"

/* The kind of a type by its name, in any of its usual spellings ("int8", "bigint", "timestamp with time
 * zone", "numeric(10,2)"), and whether it is an array ("text[]"). PROTO_DATA_OTHER for a name that is not
 * among them: the database knows. */
proto_data_t act_typename_data(proto_bytes_t name, bool *array);

#endif
