/* SPDX-License-Identifier: MPL-2.0 */
/* The auth actor in two files: act_auth.c takes requests, act_auth_steps.c does what they need and answers
 * them. Private to actors/. Thread: the auth actor's. */
#ifndef ACT_AUTH_INTERNAL_H
#define ACT_AUTH_INTERNAL_H

#include "act_auth.h"
#include "act_brokers.h"
#include "act_password.h"
#include "proto_error.h"
#include "proto_slab.h"

typedef enum {
    ACT_AUTH_LOOKUP,
    ACT_AUTH_COMPARE,
    ACT_AUTH_AUDIT,
    ACT_AUTH_HASH,
    ACT_AUTH_CREATE
} act_auth_phase_t;

/* A login or registration under way. Its id is also that of its requests to the database. */
typedef struct act_auth_turn {
    uint64_t id, token;
    uint32_t epoch;
    act_broker_t *from;  /* it came by this broker; its answer goes there, if the epoch is still the same */
    act_broker_t *asked; /* its request to the database went this way */
    act_auth_phase_t phase;
    bool cancelled, asked_again;
    bool admin, good; /* the admin's address; the password is right and the user active */
    int64_t deadline;
    char trace[256], subject[256], role[32], address[64];
    proto_buf_t email, name; /* as given */
    act_password_job_t job;
} act_auth_turn_t;

typedef struct act_auth {
    const act_auth_config_t *config;
    act_program_t *program; /* held */
    zsock_t *pipe;
    char *secret; /* that tokens are signed with */
    act_brokers_t brokers;
    uint32_t under_way[ACT_BROKERS]; /* requests to the database, by broker */
    uint32_t next;                   /* the broker that is asked first among equals */
    proto_slab_t turns;
    act_passwords_t *passwords;
    bool stopping, drained; /* drained: main was told */
    proto_buf_t body, detail;
} act_auth_t;

/* Copies a text with its NUL; what is too long is nothing. */
void act_auth_copy(char *to, size_t room, proto_bytes_t text);
/* Puts a record on a broker's wire. */
void act_auth_put(act_broker_t *broker, const proto_record_t *record);
/* Answers with an error, which ends the turn. `detail` may be NULL. */
void act_auth_fail(act_auth_t *self, act_auth_turn_t *turn, proto_error_t error, const char *detail);
/* The same for an e-mail address that is the admin's. */
void act_auth_refuse_taken(act_auth_t *self, act_auth_turn_t *turn);
/* The first step of a login. */
void act_auth_ask_user(act_auth_t *self, act_auth_turn_t *turn);
/* Hands the password to the threads: ACT_AUTH_HASH, the first step of a registration, or ACT_AUTH_COMPARE. */
void act_auth_hash(act_auth_t *self, act_auth_turn_t *turn, act_auth_phase_t phase);
/* A thread is done with a password: the next step. */
void act_auth_hashed(act_auth_t *self, const act_password_job_t *job);
/* The database has answered: the next step. */
void act_auth_answer(act_auth_t *self, const act_broker_t *from, const proto_record_t *record);
/* A broker has died, or has forgotten us; `arg` is the act_auth_t. */
void act_auth_lost(void *arg, act_broker_t *broker);

#endif
