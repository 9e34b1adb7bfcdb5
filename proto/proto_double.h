/* SPDX-License-Identifier: MPL-2.0 */
/* A double as text: the fewest digits that read back as the same number. A core: no I/O, whatever the locale.
 * Thread: any. */
#ifndef PROTO_DOUBLE_H
#define PROTO_DOUBLE_H

#include <stddef.h>

enum { PROTO_DOUBLE_TEXT = 32 };

/* Writes the shortest decimal that strtod(3) reads as `value`, which is finite, and of those the nearest
 * (below 1e-11 and from 1e17 on it may be a digit longer for a power of two). Its form is that of printf's
 * %.Pg, P being the number of its digits but at least 15: 0.1, 1e-05, 123456789012345.6, 1e+15, -0. Its
 * length; the text ends with a NUL. */
size_t proto_double_write(double value, char text[PROTO_DOUBLE_TEXT]);

#endif
