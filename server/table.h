/* SPDX-License-Identifier: MPL-2.0 */
/* Tables for people: a MessagePack array of maps as aligned columns; and the catalogue as such a table.
 * Thread: the command's. */
#ifndef SRV_TABLE_H
#define SRV_TABLE_H

#include "proto_buf.h"

/* Appends the rows as text, a header line first; "(nothing)" for none. -1 when they are no array of maps. */
PROTO_MUST_CHECK int srv_table_print(proto_bytes_t rows, proto_buf_t *out);
/* Appends a catalogue's operations as rows: service, operation, endpoint, mode, auth, parameters. -1 when it
 * is malformed. */
PROTO_MUST_CHECK int srv_table_catalogue(proto_bytes_t catalogue, proto_buf_t *out);

#endif
