/* SPDX-License-Identifier: MPL-2.0 */
/* Whoever completes a conversation: the interface that every model provider implements. Thread: the chat
 * actor's. */
#ifndef ACT_PROVIDER_H
#define ACT_PROVIDER_H

#include "proto_error.h"

/* What a provider is given; borrowed until `done` was called. */
typedef struct act_prompt {
    proto_bytes_t model;   /* as the agent's row names it; may be empty */
    proto_bytes_t system;  /* system prompt; may be empty */
    proto_bytes_t history; /* MessagePack array of {role, content}, oldest first; may be empty */
    proto_bytes_t message; /* the user's */
} act_prompt_t;

/* What comes back; borrowed for the duration of the call. */
typedef struct act_completion {
    proto_error_t error; /* none, or why there is no content */
    proto_bytes_t content;
    proto_bytes_t model; /* that really answered */
    int64_t tokens;      /* 0: not counted */
} act_completion_t;

typedef void(act_provider_done_fn)(void *arg, const act_completion_t *completion);

typedef struct act_provider act_provider_t;
struct act_provider {
    const char *name;
    /* Starts a completion and calls `done` exactly once: before it returns, or later from the same thread. */
    void (*complete)(act_provider_t *self, const act_prompt_t *prompt, act_provider_done_fn *done, void *arg);
};

/* The built-in provider: answers "echo: " and the message, at once and always the same, as the model "echo".
 */
act_provider_t *act_provider_echo(void);

#endif
