/* SPDX-License-Identifier: MPL-2.0 */
/* The catalogue: every operation of a service with its endpoint, parameters and result, as workers publish it
 * and gateways learn it. Built once, then only read; a new generation replaces it whole.
 *
 * READY's body is a map {"version": text, "offers": [[hash, name, flags], ...], "catalogue": map}; `offers`
 * may be missing (the worker serves every operation of its service) and so may `catalogue`. READY and PUBLISH
 * carry the catalogue's hash as `operation`. PUBLISH's body is the catalogue map alone. A core: no I/O.
 * Thread: any, once built. */
#ifndef PROTO_CATALOGUE_H
#define PROTO_CATALOGUE_H

#include "proto_arena.h"
#include "proto_error.h"
#include "proto_value.h"

/* Where the gateway takes a parameter from. */
typedef enum {
    PROTO_SOURCE_PATH,     /* a {name} of the template */
    PROTO_SOURCE_QUERY,    /* ?name= */
    PROTO_SOURCE_BODY,     /* a member of the JSON object in the body */
    PROTO_SOURCE_WHOLE,    /* the whole JSON body */
    PROTO_SOURCE_HEADER,   /* a header field; _ in the name stands for - */
    PROTO_SOURCE_FORM,     /* a field of a form: application/x-www-form-urlencoded or multipart/form-data */
    PROTO_SOURCE_FILE,     /* a file of a form: multipart/form-data */
    PROTO_SOURCE_ARGUMENT, /* an operation without endpoint: only ZeroMQ peers can send it */
    PROTO_SOURCE_AUTH_SUB, /* filled by the actor from the record's identity; no client can set it */
    PROTO_SOURCE_AUTH_ROLE,
    PROTO_SOURCE_AUTH_EMAIL, /* the claim `email` */
    PROTO_SOURCE_REQUEST_ID,
    PROTO_SOURCE_COUNT
} proto_source_t;

/* What values a parameter takes. */
typedef enum {
    PROTO_DATA_OTHER, /* any type not below: travels as text, PostgreSQL judges it */
    PROTO_DATA_BOOL,
    PROTO_DATA_INT2,
    PROTO_DATA_INT4,
    PROTO_DATA_INT8,
    PROTO_DATA_FLOAT4,
    PROTO_DATA_FLOAT8,
    PROTO_DATA_NUMERIC,
    PROTO_DATA_TEXT,
    PROTO_DATA_JSON, /* json and jsonb: any value */
    PROTO_DATA_TIMESTAMPTZ,
    PROTO_DATA_TIMESTAMP,
    PROTO_DATA_DATE,
    PROTO_DATA_TIME,
    PROTO_DATA_UUID,
    PROTO_DATA_BYTEA,
    PROTO_DATA_ENUM,
    PROTO_DATA_COMPOSITE, /* an object; the actor knows its fields */
    PROTO_DATA_COUNT
} proto_data_t;

typedef enum {
    PROTO_UNIT_VALUE,
    PROTO_UNIT_CHARS,
    PROTO_UNIT_ITEMS,
    PROTO_UNIT_BYTES, /* of a bytea or text; of an array: of each item */
    PROTO_UNIT_COUNT
} proto_unit_t;

typedef struct proto_param {
    const char *name;
    proto_source_t source;
    proto_data_t data;    /* of an array: of its items */
    const char *sql_type; /* as PostgreSQL names it ("bigint", "goal.goal_status[]"); NULL until known */
    bool array;
    bool required;               /* absent is an error */
    proto_bytes_t default_value; /* MessagePack; empty: NULL. Only when not required */
    proto_unit_t unit;           /* what the bounds measure */
    bool has_min, has_max;
    double min, max; /* inclusive; integers below 2^53 in size are exact */
    const char *const
        *values; /* the only texts allowed: `in (...)` or the labels of an enum type; NULL: no list */
    uint32_t value_count;
} proto_param_t;

/* A refusal that the file declares: `@error name status "text" [on sqlstate [constraint]]`. */
typedef struct proto_refusal {
    const char *name;
    int status;             /* 400..599 */
    const char *text;       /* with {parameter} and {_column} to be filled in */
    const char *sqlstate;   /* NULL: raised by the statement itself */
    const char *constraint; /* NULL: any */
} proto_refusal_t;

typedef enum {
    PROTO_TIER_NONE,
    PROTO_TIER_AUTH,
    PROTO_TIER_WRITE,
    PROTO_TIER_READ,
    PROTO_TIER_HEALTH,
    PROTO_TIER_COUNT
} proto_tier_t;
typedef enum { PROTO_AUTH_PUBLIC, PROTO_AUTH_USER, PROTO_AUTH_ROLE, PROTO_AUTH_COUNT } proto_auth_t;

/* Operation flags, on the wire in `offers` too. */
enum {
    PROTO_OP_READS = 1,     /* changes nothing: may be tried again, shares a Sync */
    PROTO_OP_EXCLUSIVE = 2, /* needs its worker for itself (@slow, and later steps) */
    PROTO_OP_DEPRECATED = 4,
    PROTO_OP_REPLICA = 8, /* a read replica may answer it (@replica): workers of the service NAME.read */
    PROTO_OP_ALL = 15
};

typedef struct proto_column {
    const char *name;
    const char *sql_type;
    const char *step; /* that gives it; "" when the operation has but one, without a name */
} proto_column_t;

typedef struct proto_operation {
    uint64_t hash; /* signature: SQL, parameters, results; never 0 */
    const char *name;
    const char *service;
    const char *summary;  /* "" when the file has none */
    const char *method;   /* "GET"...; NULL: no endpoint */
    const char *path;     /* template, "/goals/{id}/start"; NULL: no endpoint */
    const char *location; /* template of the Location header; NULL: none */
    const char *returns;  /* "row", "rows", "value", "none" or the shape's JSON text */
    proto_tier_t tier;
    proto_auth_t auth;
    const char *role;    /* that PROTO_AUTH_ROLE asks for; else NULL */
    uint32_t flags;      /* PROTO_OP_... */
    int status;          /* of success, 200..299 */
    uint32_t timeout_ms; /* default deadline */
    proto_param_t *params;
    uint32_t param_count;
    proto_refusal_t *refusals;
    uint32_t refusal_count;
    proto_column_t *columns; /* of the result, before the shape; those beginning with '_' left out */
    uint32_t column_count;
} proto_operation_t;

typedef struct proto_catalogue {
    proto_arena_t arena; /* owns everything below */
    uint64_t hash;       /* of the encoded form without its generation */
    uint64_t generation; /* microseconds since 1970 when it was built: on conflicting routes the newer wins */
    proto_operation_t *operations;
    uint32_t operation_count;
} proto_catalogue_t;

/* Appends the catalogue as a MessagePack map. */
void proto_catalogue_encode(const proto_catalogue_t *self, proto_buf_t *out);
/* Reads what proto_catalogue_encode wrote (unknown keys are skipped, so newer peers may add some). Everything
 * is checked: known enumerators, path templates that begin with '/', statuses, texts that are UTF-8. On
 * success the caller owns *self; on -1 it is NULL and `why`, when given, holds a sentence. */
PROTO_MUST_CHECK int proto_catalogue_decode(proto_bytes_t map, proto_catalogue_t **self, proto_buf_t *why);
/* An empty one. */
proto_catalogue_t *proto_catalogue_new(void);
/* Computes self->hash from the operations; for whoever built them. */
void proto_catalogue_seal(proto_catalogue_t *self);
/* Frees it and nulls the pointer. Twice is harmless. */
void proto_catalogue_free(proto_catalogue_t **self);
/* The operation of that name / hash, or NULL. Linear: for set-up and tests; hot paths keep tables of their
 * own. */
const proto_operation_t *proto_catalogue_find(const proto_catalogue_t *self, const char *name);
const proto_operation_t *proto_catalogue_find_hash(const proto_catalogue_t *self, uint64_t hash);
/* Whether the workers of a service keep the answers of writes under their idempotency keys, so that such a
 * request may be sent again. */
bool proto_service_keeps_keys(const char *service);

/* Signature hash of an operation: over service, name, `sql` ("" for a handler), parameters (name, type,
 * bounds ...), columns, refusals and flags. Never 0. FNV-1a, 64 bits (draft-eastlake-fnv). */
uint64_t proto_operation_signature(const proto_operation_t *operation, const char *sql);
/* FNV-1a of some bytes, going on from `seed` (start with PROTO_HASH_SEED). */
#define PROTO_HASH_SEED 14695981039346656037u
uint64_t proto_hash(uint64_t seed, const void *bytes, size_t size);

/* Names of the enumerators as the wire and the endpoint files spell them; -1 for an unknown text. */
const char *proto_tier_name(proto_tier_t tier);
const char *proto_source_name(proto_source_t source);
const char *proto_data_name(proto_data_t data);
PROTO_MUST_CHECK int proto_tier_parse(proto_bytes_t text, proto_tier_t *tier);
/* "public", "user", "admin" or "role NAME", where "admin" is "role admin"; `role` is then its name, else
 * empty. A name is of at most 255 bytes, without blanks and control characters. */
PROTO_MUST_CHECK int proto_auth_parse(proto_bytes_t text, proto_auth_t *auth, proto_bytes_t *role);
/* The same text of an operation. */
void proto_auth_write(const proto_operation_t *operation, proto_buf_t *out);
/* Whether an operation is for this subject (empty: nobody) and role: PROTO_ERROR_none, unauthenticated or
 * forbidden. */
proto_error_t proto_auth_judge(const proto_operation_t *operation, proto_bytes_t subject, proto_bytes_t role);

#endif
