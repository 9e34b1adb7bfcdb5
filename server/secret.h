/* SPDX-License-Identifier: MPL-2.0 */
/* Whether a secret may sign anything: long enough, and neither known to everybody nor made by a finger on a
 * keyboard. Thread: any. */
#ifndef SRV_SECRET_H
#define SRV_SECRET_H

#include "proto_buf.h"

/* What to do about one that will not do, or is missing. */
#define SRV_SECRET_HOW "make one with: openssl rand -base64 48"

/* NULL when the secret will do, else what is wrong with it: "is shorter than 32 bytes". */
const char *srv_secret_judge(const char *secret);

#endif
