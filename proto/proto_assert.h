/* SPDX-License-Identifier: MPL-2.0 */
/* Invariants that stay checked in every build. Never for what a peer sent: that is rejected with a code.
 * Thread: any. */
#ifndef PROTO_ASSERT_H
#define PROTO_ASSERT_H

/* Aborts with file, line, condition and the calling thread's name on stderr when the condition is false.
 * NDEBUG does not remove it. */
#define PROTO_ASSERT(condition)                                                                              \
    ((condition) ? (void)0 : proto_assert_failed(__FILE__, __LINE__, __func__, #condition))

/* A result that the caller must look at. */
#define PROTO_MUST_CHECK __attribute__((warn_unused_result))
/* Lets the compiler check a printf-like function's arguments. */
#define PROTO_PRINTF(format_index, first_argument)                                                           \
    __attribute__((format(printf, format_index, first_argument)))

__attribute__((noreturn)) void proto_assert_failed(const char *file, int line, const char *function,
                                                   const char *condition);

#endif
