/* SPDX-License-Identifier: MPL-2.0 */
/* Whether a connection string can be meant. Thread: main. */
#ifndef SRV_DATABASE_H
#define SRV_DATABASE_H

#include "proto_buf.h"

/* 0 when `conninfo` is a connection URI or keyword string (PostgreSQL manual, section 34.1.1) whose ports are
 * numbers. -1 with a sentence in `why` that quotes nothing of it: a mistyped one may show its password where
 * libpq sees something else. */
PROTO_MUST_CHECK int srv_database_check(const char *conninfo, proto_buf_t *why);

#endif
