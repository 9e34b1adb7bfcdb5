/* SPDX-License-Identifier: MPL-2.0 */
/* A worker's catalogue. Thread: the owner's. */
#include "muster_publish.h"

#include <stdlib.h>

#include "proto_json.h"
#include "proto_param.h"

enum { S_TIMEOUT_MS = 30000 };

/* An operation being completed. */
typedef struct s_completion {
    const char *service;
    proto_bytes_t map, method, path;
    proto_buf_t *out;
    uint32_t pairs; /* of the map being written */
} s_completion_t;

void muster_publish_free(muster_publish_t *self)
{
    proto_catalogue_free(&self->catalogue);
    proto_buf_free(&self->operations);
}

static bool s_among(proto_bytes_t key, const char *const *keys)
{
    for (; *keys; keys++)
        if (proto_bytes_is(key, *keys))
            return true;
    return false;
}

static bool s_has(proto_bytes_t map, const char *key)
{
    proto_bytes_t value;
    return proto_value_get(map, key, &value) == 0;
}

/* JSON's true is the catalogue's 1, and its fractions are floats there. */
static void s_copy(proto_bytes_t value, proto_buf_t *out)
{
    proto_reader_t reader = proto_reader(value);
    proto_value_t head;
    if (proto_value_read(&reader, &head) == 0 && head.kind == PROTO_BOOL)
        proto_write_int(out, head.boolean);
    else
        proto_buf_append(out, value.data, value.size);
}

static void s_copy_bound(proto_bytes_t value, proto_buf_t *out)
{
    proto_reader_t reader = proto_reader(value);
    proto_value_t head;
    char text[64];
    if (proto_value_read(&reader, &head) < 0 || head.kind != PROTO_DECIMAL ||
        head.bytes.size >= sizeof text) {
        proto_buf_append(out, value.data, value.size);
        return;
    }
    memcpy(text, head.bytes.data, head.bytes.size);
    text[head.bytes.size] = '\0';
    proto_write_float(out, strtod(text, NULL));
}

/* Copies the pairs of a map but those in `left_out`; how many. */
static uint32_t s_pairs(proto_bytes_t map, const char *const *left_out, proto_buf_t *out)
{
    static const char *const bounds[] = {"min", "max", NULL}, *const verbatim[] = {"default", NULL};
    proto_reader_t reader = proto_reader(map);
    proto_value_t head, key;
    proto_bytes_t value;
    uint32_t pairs = 0;
    if (proto_value_read(&reader, &head) < 0 || head.kind != PROTO_MAP)
        return 0;
    for (uint32_t i = 0; i < head.count; i++) {
        if (proto_value_read(&reader, &key) < 0 || key.kind != PROTO_STR ||
            proto_value_skip(&reader, &value) < 0)
            return pairs;
        if (s_among(key.bytes, left_out))
            continue;
        proto_write_str(out, key.bytes);
        if (s_among(key.bytes, bounds))
            s_copy_bound(value, out);
        else if (s_among(key.bytes, verbatim))
            proto_buf_append(out, value.data, value.size);
        else
            s_copy(value, out);
        pairs++;
    }
    return pairs;
}

/* Whether the path has {name}. */
static bool s_in_path(const s_completion_t *self, proto_bytes_t name)
{
    char place[260];
    if (name.size > 255)
        return false;
    place[0] = '{';
    memcpy(place + 1, name.data, name.size);
    place[name.size + 1] = '}';
    return self->path.size && memmem(self->path.data, self->path.size, place, name.size + 2) != NULL;
}

static const char *s_source(const s_completion_t *self, proto_bytes_t name)
{
    if (!self->path.size)
        return "argument";
    if (s_in_path(self, name))
        return "path";
    return proto_bytes_is(self->method, "GET") || proto_bytes_is(self->method, "DELETE") ? "query" : "body";
}

static void s_param(const s_completion_t *self, proto_bytes_t param)
{
    static const char *const none[] = {NULL};
    proto_bytes_t name = proto_value_get_str(param, "name", "");
    const char *source = s_source(self, name);
    size_t place = proto_write_map_open(self->out);
    uint32_t pairs = s_pairs(param, none, self->out);
    if (!s_has(param, "source")) {
        proto_write_text(self->out, "source");
        proto_write_text(self->out, source);
        pairs++;
    }
    if (!s_has(param, "data")) {
        bool text = strcmp(source, "path") == 0 || strcmp(source, "query") == 0;
        proto_write_text(self->out, "data");
        proto_write_text(self->out, text ? "text" : "json");
        pairs++;
    }
    proto_write_close(self->out, place, pairs);
}

/* Whether a parameter of that name is declared. */
static bool s_declared(proto_bytes_t params, proto_bytes_t name)
{
    proto_reader_t reader = proto_reader(params);
    proto_value_t head;
    proto_bytes_t param;
    if (!params.size || proto_value_read(&reader, &head) < 0 || head.kind != PROTO_ARRAY)
        return false;
    for (uint32_t i = 0; i < head.count && proto_value_skip(&reader, &param) == 0; i++)
        if (proto_bytes_equal(proto_value_get_str(param, "name", ""), name))
            return true;
    return false;
}

/* Parameters of the path that nobody declared are texts. */
static uint32_t s_path_params(const s_completion_t *self, proto_bytes_t params)
{
    uint32_t count = 0;
    const uint8_t *at = self->path.data, *end = at ? at + self->path.size : NULL, *close;
    for (; at && (at = memchr(at, '{', (size_t)(end - at))); at = close) {
        close = memchr(at, '}', (size_t)(end - at));
        if (!close)
            break;
        proto_bytes_t name = {at + 1, (size_t)(close - at - 1)};
        if (s_declared(params, name))
            continue;
        proto_write_map(self->out, 4);
        proto_write_text(self->out, "name");
        proto_write_str(self->out, name);
        proto_write_text(self->out, "source");
        proto_write_text(self->out, "path");
        proto_write_text(self->out, "data");
        proto_write_text(self->out, "text");
        proto_write_text(self->out, "required");
        proto_write_int(self->out, 1);
        count++;
    }
    return count;
}

static int s_params(const s_completion_t *self, proto_buf_t *why)
{
    proto_bytes_t params = {0}, param;
    proto_value_t head = {.kind = PROTO_ARRAY};
    proto_reader_t reader = {0};
    if (proto_value_get(self->map, "params", &params) == 0) {
        reader = proto_reader(params);
        if (proto_value_read(&reader, &head) < 0 || head.kind != PROTO_ARRAY) {
            proto_buf_string(why, "params is no array");
            return -1;
        }
    }
    proto_write_text(self->out, "params");
    size_t place = proto_write_array_open(self->out);
    for (uint32_t i = 0; i < head.count; i++) {
        if (proto_value_skip(&reader, &param) < 0)
            return -1; /* cannot be: it was checked */
        s_param(self, param);
    }
    proto_write_close(self->out, place, head.count + s_path_params(self, params));
    return 0;
}

static void s_default_text(s_completion_t *self, const char *key, const char *value)
{
    if (s_has(self->map, key))
        return;
    proto_write_text(self->out, key);
    proto_write_text(self->out, value);
    self->pairs++;
}

/* Writes the map as a catalogue has it, with a hash to be computed. */
static int s_complete(s_completion_t *self, proto_buf_t *why)
{
    static const char *const ours[] = {"hash", "service", "params", NULL};
    proto_buf_t *out = self->out;
    size_t place = proto_write_map_open(out);
    self->method = proto_value_get_str(self->map, "method", "");
    self->path = proto_value_get_str(self->map, "path", "");
    self->pairs = 3 + s_pairs(self->map, ours, out);
    proto_write_text(out, "hash");
    proto_write_int(out, 1);
    proto_write_text(out, "service");
    proto_write_text(out, self->service);
    s_default_text(self, "tier",
                   !self->path.size                      ? "none"
                   : proto_bytes_is(self->method, "GET") ? "read"
                                                         : "write");
    s_default_text(self, "auth", "user");
    s_default_text(self, "returns", "value");
    if (!s_has(self->map, "timeout_ms")) {
        proto_write_text(out, "timeout_ms");
        proto_write_int(out, S_TIMEOUT_MS);
        self->pairs++;
    }
    if (s_params(self, why) < 0)
        return -1;
    proto_write_close(out, place, self->pairs);
    return 0;
}

/* Completes each operation of an array; how many, -1 with a sentence. */
static int s_complete_all(muster_publish_t *self, proto_bytes_t list, proto_buf_t *why)
{
    proto_reader_t reader = proto_reader(list);
    proto_value_t head;
    if (proto_value_read(&reader, &head) < 0 || head.kind != PROTO_ARRAY) {
        proto_buf_string(why, "the operations are no array");
        return -1;
    }
    for (uint32_t i = 0; i < head.count; i++) {
        s_completion_t completion = {.service = self->service, .out = &self->operations};
        if (proto_value_skip(&reader, &completion.map) < 0 || s_complete(&completion, why) < 0)
            return -1;
    }
    return (int)head.count;
}

/* Whether two operations have one name: requests name them. */
static bool s_doubled(const proto_catalogue_t *catalogue, proto_buf_t *why)
{
    for (uint32_t i = 0; i < catalogue->operation_count; i++) {
        const char *name = catalogue->operations[i].name;
        if (proto_catalogue_find(catalogue, name) != &catalogue->operations[i]) {
            proto_buf_printf(why, "the operation %s is there twice", name);
            return true;
        }
    }
    return false;
}

static proto_catalogue_t *s_build(const muster_publish_t *self, uint32_t count, uint64_t generation,
                                  proto_buf_t *why)
{
    proto_catalogue_t *catalogue;
    proto_buf_t whole = PROTO_BUF_INIT;
    proto_write_map(&whole, 2);
    proto_write_text(&whole, "generation");
    proto_write_uint(&whole, generation);
    proto_write_text(&whole, "operations");
    proto_write_array(&whole, count);
    proto_buf_append(&whole, self->operations.data, self->operations.size);
    int rc = proto_catalogue_decode(proto_buf_bytes(&whole), &catalogue, why);
    proto_buf_free(&whole);
    if (rc == 0 && s_doubled(catalogue, why))
        proto_catalogue_free(&catalogue);
    if (!catalogue)
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        catalogue->operations[i].hash = proto_operation_signature(&catalogue->operations[i], "");
    proto_catalogue_seal(catalogue);
    return catalogue;
}

int muster_publish_add(muster_publish_t *self, const char *operations, uint64_t generation, proto_buf_t *why)
{
    proto_buf_t list = PROTO_BUF_INIT;
    proto_json_error_t error;
    proto_catalogue_t *catalogue = NULL;
    size_t before = self->operations.size;
    int more = -1;
    if (proto_json_to_value(proto_bytes_of(operations), &(proto_json_options_t){.depth = 32}, &list, &error) <
        0)
        proto_buf_printf(why, "the operations are not JSON: %s at byte %zu", error.reason, error.offset);
    else
        more = s_complete_all(self, proto_buf_bytes(&list), why);
    if (more >= 0)
        catalogue = s_build(self, self->count + (uint32_t)more, generation, why);
    proto_buf_free(&list);
    if (!catalogue) {
        self->operations.size = before;
        return -1;
    }
    proto_catalogue_free(&self->catalogue);
    self->catalogue = catalogue;
    self->count += (uint32_t)more;
    return 0;
}

void muster_publish_ready(const muster_publish_t *self, bool none, proto_buf_t *out)
{
    const proto_catalogue_t *catalogue = none ? NULL : self->catalogue;
    bool offers = catalogue || none;
    proto_write_map(out, catalogue ? 3 : offers ? 2 : 1);
    proto_write_text(out, "version");
    proto_write_text(out, "libmuster " MUSTER_VERSION);
    if (!offers)
        return;
    proto_write_text(out, "offers");
    proto_write_array(out, catalogue ? catalogue->operation_count : 0);
    for (uint32_t i = 0; catalogue && i < catalogue->operation_count; i++) {
        proto_write_array(out, 3);
        proto_write_uint(out, catalogue->operations[i].hash);
        proto_write_text(out, catalogue->operations[i].name);
        proto_write_uint(out, catalogue->operations[i].flags);
    }
    if (!catalogue)
        return;
    proto_write_text(out, "catalogue");
    proto_catalogue_encode(catalogue, out);
}

/* The arguments that the operation has, with defaults. */
static proto_error_t s_bind(const proto_operation_t *operation, proto_bytes_t given, proto_buf_t *arguments,
                            proto_buf_t *detail)
{
    proto_bytes_t *values = calloc(operation->param_count + 1, sizeof *values);
    PROTO_ASSERT(values != NULL);
    int rc = proto_param_bind(operation, given, values, detail);
    if (rc == 0) {
        uint32_t pairs = 0;
        size_t place = proto_write_map_open(arguments);
        for (uint32_t i = 0; i < operation->param_count; i++) {
            if (!values[i].size)
                continue;
            proto_write_text(arguments, operation->params[i].name);
            proto_buf_append(arguments, values[i].data, values[i].size);
            pairs++;
        }
        proto_write_close(arguments, place, pairs);
    }
    free(values);
    return rc < 0 ? PROTO_ERROR_invalid : PROTO_ERROR_none;
}

proto_error_t muster_publish_admit(const muster_publish_t *self, const proto_record_t *request,
                                   proto_buf_t *arguments, proto_buf_t *detail)
{
    static const uint8_t empty_map = 0x80;
    proto_bytes_t given = request->body.size ? request->body : (proto_bytes_t){&empty_map, 1};
    if (proto_value_check(given) < 0) {
        proto_buf_string(detail, "The arguments are no MessagePack");
        return PROTO_ERROR_malformed;
    }
    if (!self->catalogue) {
        proto_buf_append(arguments, given.data, given.size);
        return PROTO_ERROR_none;
    }
    const proto_operation_t *operation = NULL;
    for (uint32_t i = 0; i < self->catalogue->operation_count; i++)
        if (proto_bytes_is(request->name, self->catalogue->operations[i].name))
            operation = &self->catalogue->operations[i];
    if (!operation) {
        proto_buf_string(detail, "This worker does not offer the operation");
        return PROTO_ERROR_no_worker;
    }
    proto_error_t error = proto_auth_judge(operation, request->subject, request->role);
    return error ? error : s_bind(operation, given, arguments, detail);
}
