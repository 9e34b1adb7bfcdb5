/* SPDX-License-Identifier: MPL-2.0 */
/* Passwords: what may be one, and a few threads that do nothing but bcrypt (libcrypt), which is slow on
 * purpose. Whether a user exists makes no difference to the work: without a hash to compare with, one of the
 * same cost is computed and thrown away. Thread: the owner's, but for the threads' own. */
#ifndef ACT_PASSWORD_H
#define ACT_PASSWORD_H

#include "proto_buf.h"

enum {
    ACT_PASSWORD_BYTES = 72, /* bcrypt takes no more into account */
    ACT_PASSWORD_HASH = 64,  /* of a bcrypt hash: 60 characters, and its NUL */
    ACT_PASSWORD_WAITING = 64,
    ACT_PASSWORD_LEAST = 10, /* costs: the logarithm of the rounds */
    ACT_PASSWORD_MOST = 15
};

/* What a thread is to do, and what came of it. */
typedef struct act_password_job {
    uint64_t id; /* the owner's */
    bool make;   /* a new hash; else compare */
    char password[ACT_PASSWORD_BYTES + 1];
    char hash[ACT_PASSWORD_HASH]; /* in, when comparing: "" or one that is none of bcrypt's never matches;
                                     out, when making */
    bool good;                    /* out: it matches; it was made */
} act_password_job_t;

typedef struct act_passwords act_passwords_t;

/* Starts the threads. NULL when it cannot. */
act_passwords_t *act_passwords_new(int threads, int cost);
/* Drops what waits, waits for what runs (less than a second each), and wipes the passwords. */
void act_passwords_free(act_passwords_t **self);
/* Readable when there is something to take. */
int act_passwords_fd(const act_passwords_t *self);
/* False when ACT_PASSWORD_WAITING jobs are under way already. */
PROTO_MUST_CHECK bool act_passwords_put(act_passwords_t *self, const act_password_job_t *job);
/* One that is done; false when there is none. Wipe it with explicit_bzero. */
PROTO_MUST_CHECK bool act_passwords_take(act_passwords_t *self, act_password_job_t *job);

/* A hash that the threads would compare with: bcrypt's ($2a$, $2b$, $2y$), of a cost that is no attack. */
bool act_password_is_hash(const char *hash);
/* NULL, or a sentence that says why this text (UTF-8) may not be a password. */
const char *act_password_refusal(proto_bytes_t password);
/* Whether this looks like an e-mail address: something, one @, a domain of at least two labels (RFC 1035, or
 * beyond ASCII), at most 254 bytes, no blanks or control characters. Whether there is such a mailbox only a
 * mail would tell. */
bool act_password_is_email(proto_bytes_t text);
/* Whether two e-mail addresses are the same, letters of either case. In a time that depends on the length of
 * `given` alone. */
bool act_password_same_email(proto_bytes_t given, const char *known);

#endif
