/* SPDX-License-Identifier: MPL-2.0 */
/* One `@key value` of an endpoint file, taken apart. A core: no I/O. Thread: any. */
#ifndef ACT_DIRECTIVE_H
#define ACT_DIRECTIVE_H

#include "proto_catalogue.h"

typedef struct act_directive {
    proto_bytes_t key;   /* without @ */
    proto_bytes_t value; /* without blanks around it */
    bool open;           /* a parenthesis, brace or bracket in it does not close */
} act_directive_t;

/* Cuts the next directive off a comment line's text (behind "--"); several may stand on one line, and one
 * begins at an '@' that follows a blank outside quotes, parentheses and braces. `summary` takes the rest of
 * its line. False at the end. */
bool act_directive_next(proto_bytes_t *line, act_directive_t *directive);
/* Whether the last directive of a comment line's text leaves something open, so that it goes on in the next
 * comment line. */
bool act_directive_goes_on(proto_bytes_t line);

/* Reads "name type ?", "name type = default", bounds "(1..500)", "(1..100 chars)", "(1..50 items)", "in (a,
 * b)" into a parameter, all parts but the name optional. -1 with a phrase in `why`. */
PROTO_MUST_CHECK int act_directive_param(proto_arena_t *arena, proto_bytes_t value, proto_param_t *param,
                                         const char **why);
/* Reads `name status "text" [on sqlstate [constraint]]`. -1 with a phrase in `why`. */
PROTO_MUST_CHECK int act_directive_refusal(proto_arena_t *arena, proto_bytes_t value,
                                           proto_refusal_t *refusal, const char **why);
/* "500ms", "5s", "2m" in ms, 1 ms to an hour. */
PROTO_MUST_CHECK int act_directive_duration(proto_bytes_t value, uint32_t *ms);
/* Lower-case letters, digits and _, beginning with a letter, at most 63. */
bool act_directive_is_name(proto_bytes_t text);
/* Cuts the next word (up to blank) off the front; empty at the end. */
proto_bytes_t act_directive_word(proto_bytes_t *text);
/* Cuts blanks off both ends. */
proto_bytes_t act_directive_trim(proto_bytes_t text);

#endif
