/* SPDX-License-Identifier: MPL-2.0 */
/* Whether a text has the form of a date, time, timestamp without zone or UUID, so that most of what
 * PostgreSQL would refuse is told before it is asked. A core: no I/O. Thread: any. */
#ifndef PROTO_PARAM_FORM_H
#define PROTO_PARAM_FORM_H

#include "proto_buf.h"

/* "2026-01-31" of a real calendar day in years 1..9999, or "infinity", "-infinity". */
bool proto_form_date(proto_bytes_t text);
/* "23:59", "23:59:59", "23:59:59.999999" or "24:00". */
bool proto_form_time(proto_bytes_t text);
/* A date, then optionally 'T' or a blank and a time; or "infinity", "-infinity". */
bool proto_form_timestamp(proto_bytes_t text);
/* 8-4-4-4-12 hexadecimal digits (RFC 9562 section 4). */
bool proto_form_uuid(proto_bytes_t text);

#endif
