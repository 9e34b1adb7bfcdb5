/* SPDX-License-Identifier: MPL-2.0 */
/* JSON (RFC 8259) <-> MessagePack, streaming in both directions: one pass, no tree, no recursion on input.
 *
 * JSON to MessagePack: integers within int64/uint64 become integers, every other number keeps its text as a
 * decimal (so 12345678901234567890.10 and 1e400 survive unharmed; -0 is a decimal too); objects keep their
 * order and refuse a doubled key. Rejected: invalid UTF-8, lone surrogates, raw control characters, NUL
 * (\u0000) when the options say so, trailing bytes, a byte order mark, nesting beyond the limit, comments and
 * other relaxations.
 *
 * MessagePack to JSON: decimals verbatim, timestamps as RFC 3339 UTC with the fewest fraction digits that
 * lose nothing (years 0000..9999; others as the number of seconds in a string), bin as base64 (RFC 4648
 * section 4), NaN and infinities as the strings "NaN", "Infinity", "-Infinity", floats in the fewest digits
 * that read back the same, integer map keys as strings, other extensions as base64 strings.
 *
 * A core: no I/O, no allocation beyond the output buffer. Thread: any. */
#ifndef PROTO_JSON_H
#define PROTO_JSON_H

#include "proto_value.h"

typedef struct proto_json_options {
    uint32_t depth;  /* most nested containers; 0: PROTO_VALUE_DEPTH, which is also the most */
    bool refuse_nul; /* refuse \u0000, which PostgreSQL's text and jsonb cannot hold */
} proto_json_options_t;

/* Where and why a text was refused. `reason` is a static English phrase without a full stop. */
typedef struct proto_json_error {
    size_t offset; /* bytes from the start */
    const char *reason;
} proto_json_error_t;

/* Appends the MessagePack of one JSON text. -1 with `error` filled in when it is refused (what was appended
 * is then to be discarded) or `out` failed. */
PROTO_MUST_CHECK int proto_json_to_value(proto_bytes_t json, const proto_json_options_t *options,
                                         proto_buf_t *out, proto_json_error_t *error);
/* Appends the JSON text of one MessagePack value. -1 when the value is malformed, nested too deep, not UTF-8,
 * or `out` failed; what was appended is then to be discarded. */
PROTO_MUST_CHECK int proto_json_from_value(proto_bytes_t value, proto_buf_t *out);
/* Appends a quoted JSON string. -1 when the text is not UTF-8. */
PROTO_MUST_CHECK int proto_json_string(proto_buf_t *out, proto_bytes_t text);
/* Appends seconds since 1970 as RFC 3339 UTC text (2026-01-31T23:59:59.5Z), or the bare seconds outside years
 * 0000..9999. */
void proto_json_timestamp(proto_buf_t *out, int64_t seconds, uint32_t nanoseconds);
/* Parses RFC 3339 date-times ("T", "t" or a blank between; offset required; at most nine fraction digits;
 * second 60 refused). -1 when the text is none. */
PROTO_MUST_CHECK int proto_json_timestamp_parse(proto_bytes_t text, int64_t *seconds, uint32_t *nanoseconds);
/* Appends standard base64 with padding / decodes it strictly (padding required, no blanks, unused bits zero).
 */
void proto_base64_encode(proto_buf_t *out, proto_bytes_t bytes);
PROTO_MUST_CHECK int proto_base64_decode(proto_buf_t *out, proto_bytes_t text);
/* The same in the alphabet for URLs and without padding (RFC 4648 section 5, RFC 7515 section 2): padding is
 * refused. */
void proto_base64url_encode(proto_buf_t *out, proto_bytes_t bytes);
PROTO_MUST_CHECK int proto_base64url_decode(proto_buf_t *out, proto_bytes_t text);

#endif
