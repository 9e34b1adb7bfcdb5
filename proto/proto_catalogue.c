/* SPDX-License-Identifier: MPL-2.0 */
/* The catalogue: names, look-up, hashes and its written form. Reading it back: proto_catalogue_decode.c.
 * Thread: any, once built. */
#include "proto_catalogue.h"

#include <stdlib.h>

static const char *const s_tiers[PROTO_TIER_COUNT] = {"none", "auth", "write", "read", "health"};
static const char *const s_sources[PROTO_SOURCE_COUNT] = {
    "path", "query",    "body",     "whole",     "header",     "form",
    "file", "argument", "auth.sub", "auth.role", "auth.email", "request.id"};
static const char *const s_data[PROTO_DATA_COUNT] = {
    "other", "bool",        "int2",      "int4", "int8", "float4", "float8", "numeric", "text",
    "json",  "timestamptz", "timestamp", "date", "time", "uuid",   "bytea",  "enum",    "composite"};

const char *proto_tier_name(proto_tier_t tier)
{
    return s_tiers[tier];
}

const char *proto_source_name(proto_source_t source)
{
    return s_sources[source];
}

const char *proto_data_name(proto_data_t data)
{
    return s_data[data];
}

int proto_tier_parse(proto_bytes_t text, proto_tier_t *tier)
{
    for (int i = 0; i < PROTO_TIER_COUNT; i++) {
        if (proto_bytes_is(text, s_tiers[i])) {
            *tier = (proto_tier_t)i;
            return 0;
        }
    }
    return -1;
}

proto_catalogue_t *proto_catalogue_new(void)
{
    proto_catalogue_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    return self;
}

void proto_catalogue_free(proto_catalogue_t **self_pointer)
{
    proto_catalogue_t *self = *self_pointer;
    if (!self)
        return;
    proto_arena_free(&self->arena);
    free(self);
    *self_pointer = NULL;
}

const proto_operation_t *proto_catalogue_find(const proto_catalogue_t *self, const char *name)
{
    for (uint32_t i = 0; i < self->operation_count; i++)
        if (strcmp(self->operations[i].name, name) == 0)
            return &self->operations[i];
    return NULL;
}

const proto_operation_t *proto_catalogue_find_hash(const proto_catalogue_t *self, uint64_t hash)
{
    for (uint32_t i = 0; i < self->operation_count; i++)
        if (self->operations[i].hash == hash)
            return &self->operations[i];
    return NULL;
}

bool proto_service_keeps_keys(const char *service)
{
    return strcmp(service, "db") == 0;
}

uint64_t proto_hash(uint64_t seed, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++)
        seed = (seed ^ at[i]) * 1099511628211u;
    return seed;
}

/* Keys whose values are not the default are written, so that a catalogue stays small. */
static void s_text(proto_buf_t *out, uint32_t *pairs, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    proto_write_text(out, key);
    proto_write_text(out, value);
    ++*pairs;
}

static void s_int(proto_buf_t *out, uint32_t *pairs, const char *key, int64_t value)
{
    if (value == 0)
        return;
    proto_write_text(out, key);
    proto_write_int(out, value);
    ++*pairs;
}

static void s_float(proto_buf_t *out, uint32_t *pairs, const char *key, double value)
{
    proto_write_text(out, key);
    proto_write_float(out, value);
    ++*pairs;
}

static void s_encode_param(proto_buf_t *out, const proto_param_t *param)
{
    uint32_t pairs = 0;
    size_t place = proto_write_map_open(out);
    s_text(out, &pairs, "name", param->name);
    s_text(out, &pairs, "source", s_sources[param->source]);
    s_text(out, &pairs, "data", s_data[param->data]);
    s_text(out, &pairs, "type", param->sql_type);
    s_int(out, &pairs, "array", param->array);
    s_int(out, &pairs, "required", param->required);
    s_int(out, &pairs, "unit", param->unit);
    if (param->has_min)
        s_float(out, &pairs, "min", param->min);
    if (param->has_max)
        s_float(out, &pairs, "max", param->max);
    if (param->default_value.size) {
        proto_write_text(out, "default");
        proto_buf_append(out, param->default_value.data, param->default_value.size);
        pairs++;
    }
    if (param->values) {
        proto_write_text(out, "values");
        proto_write_array(out, param->value_count);
        for (uint32_t i = 0; i < param->value_count; i++)
            proto_write_text(out, param->values[i]);
        pairs++;
    }
    proto_write_close(out, place, pairs);
}

static void s_encode_refusal(proto_buf_t *out, const proto_refusal_t *refusal)
{
    uint32_t pairs = 0;
    size_t place = proto_write_map_open(out);
    s_text(out, &pairs, "name", refusal->name);
    s_int(out, &pairs, "status", refusal->status);
    s_text(out, &pairs, "text", refusal->text);
    s_text(out, &pairs, "sqlstate", refusal->sqlstate);
    s_text(out, &pairs, "constraint", refusal->constraint);
    proto_write_close(out, place, pairs);
}

static void s_encode_lists(proto_buf_t *out, const proto_operation_t *operation)
{
    proto_write_text(out, "params");
    proto_write_array(out, operation->param_count);
    for (uint32_t i = 0; i < operation->param_count; i++)
        s_encode_param(out, &operation->params[i]);
    proto_write_text(out, "refusals");
    proto_write_array(out, operation->refusal_count);
    for (uint32_t i = 0; i < operation->refusal_count; i++)
        s_encode_refusal(out, &operation->refusals[i]);
    proto_write_text(out, "columns");
    proto_write_array(out, operation->column_count);
    for (uint32_t i = 0; i < operation->column_count; i++) {
        proto_write_array(out, 3);
        proto_write_text(out, operation->columns[i].name);
        proto_write_text(out, operation->columns[i].sql_type);
        proto_write_text(out, operation->columns[i].step);
    }
}

/* What callers see of an operation, without its hash. */
static void s_encode_signature(proto_buf_t *out, const proto_operation_t *operation, uint32_t *pairs)
{
    s_text(out, pairs, "name", operation->name);
    s_text(out, pairs, "service", operation->service);
    s_text(out, pairs, "returns", operation->returns);
    s_int(out, pairs, "flags", operation->flags & (uint32_t)~PROTO_OP_DEPRECATED);
    s_encode_lists(out, operation);
    *pairs += 3;
}

static void s_encode_operation(proto_buf_t *out, const proto_operation_t *operation)
{
    uint32_t pairs = 1;
    size_t place = proto_write_map_open(out);
    proto_write_text(out, "hash");
    proto_write_uint(out, operation->hash);
    s_encode_signature(out, operation, &pairs);
    s_text(out, &pairs, "summary", operation->summary);
    s_text(out, &pairs, "method", operation->method);
    s_text(out, &pairs, "path", operation->path);
    s_text(out, &pairs, "location", operation->location);
    s_text(out, &pairs, "tier", s_tiers[operation->tier]);
    proto_buf_t auth = PROTO_BUF_INIT;
    proto_auth_write(operation, &auth);
    s_text(out, &pairs, "auth", proto_buf_text(&auth));
    proto_buf_free(&auth);
    s_int(out, &pairs, "deprecated", operation->flags & PROTO_OP_DEPRECATED);
    s_int(out, &pairs, "status", operation->status);
    s_int(out, &pairs, "timeout_ms", operation->timeout_ms);
    proto_write_close(out, place, pairs);
}

static void s_encode_operations(const proto_catalogue_t *self, proto_buf_t *out)
{
    proto_write_array(out, self->operation_count);
    for (uint32_t i = 0; i < self->operation_count; i++)
        s_encode_operation(out, &self->operations[i]);
}

void proto_catalogue_encode(const proto_catalogue_t *self, proto_buf_t *out)
{
    proto_write_map(out, 2);
    proto_write_text(out, "generation");
    proto_write_uint(out, self->generation);
    proto_write_text(out, "operations");
    s_encode_operations(self, out);
}

void proto_catalogue_seal(proto_catalogue_t *self)
{
    proto_buf_t operations = PROTO_BUF_INIT;
    s_encode_operations(self, &operations);
    PROTO_ASSERT(!operations.failed);
    self->hash = proto_hash(PROTO_HASH_SEED, operations.data, operations.size);
    proto_buf_free(&operations);
}

uint64_t proto_operation_signature(const proto_operation_t *operation, const char *sql)
{
    proto_buf_t signature = PROTO_BUF_INIT;
    uint32_t pairs = 0;
    s_encode_signature(&signature, operation, &pairs);
    proto_write_text(&signature, sql);
    PROTO_ASSERT(!signature.failed);
    uint64_t hash = proto_hash(PROTO_HASH_SEED, signature.data, signature.size);
    proto_buf_free(&signature);
    return hash ? hash : 1;
}
