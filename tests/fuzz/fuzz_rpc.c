/* SPDX-License-Identifier: MPL-2.0 */
/* MessagePack-RPC bodies: what is read is well-formed and can be written again; made errors are sound. */
#include "fuzz.h"
#include "proto_rpc.h"

static void s_sound(const proto_buf_t *out)
{
    PROTO_ASSERT(!out->failed);
    /* What we put around a value adds to its depth, so the deepest ones may lie beyond what we take. */
    proto_reader_t reader = proto_reader(proto_buf_bytes(out));
    proto_value_t value;
    while (reader.at < reader.end)
        PROTO_ASSERT(proto_value_read(&reader, &value) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static proto_buf_t out;
    proto_rpc_request_t request, again;
    proto_rpc_response_t response;
    proto_bytes_t body = {data, size};
    proto_buf_reset(&out);
    if (proto_rpc_read_request(body, &request) == 0) {
        request.native_values = true;
        proto_rpc_write_request(&out, &request);
        s_sound(&out);
        if (request.deadline_ms && proto_value_check(proto_buf_bytes(&out)) == 0)
            PROTO_ASSERT(
                proto_rpc_read_request(proto_buf_bytes(&out), &again) == 0 && again.msgid == request.msgid &&
                proto_bytes_equal(again.operation, request.operation) &&
                proto_bytes_equal(again.key, request.key) && proto_bytes_equal(again.trace, request.trace));
    }
    if (proto_rpc_read_response(body, &response) == 0) {
        proto_buf_reset(&out);
        proto_rpc_write_response(&out, true, response.msgid, response.error, response.result, false);
        s_sound(&out);
        proto_buf_reset(&out);
        PROTO_ASSERT(proto_rpc_error(response.error, &out) != PROTO_ERROR_none);
        PROTO_ASSERT(proto_value_check(proto_buf_bytes(&out)) == 0);
    }
    return 0;
}

const fuzz_seed_t *fuzz_seeds(size_t *count)
{
    static const fuzz_seed_t seeds[] = {
        FUZZ_SEED("\x94\x00\x07\xa5twice\x91\x81\xa1n\x03"),
        FUZZ_SEED("\x94\x00\xce\xff\xff\xff\xff\xa1o\x92\x81\xa1t\xd6\xff\x00\x00\x00\x01\x84\xab"
                  "deadline_ms\x64\xafidempotency_key\xa1k\xabtraceparent\xa1t\xa6values\xa6native"),
        FUZZ_SEED("\x94\x01\x07\xc0\x82\xa1"
                  "a\xd7\xff\x00\x00\x00\x01\x00\x00\x00\x02\xa1"
                  "b\xc7\x04\x01\x31.50"),
        FUZZ_SEED("\x94\x01\x07\x84\xa4"
                  "code\xa8"
                  "conflict\xa6status\xcd\x01\x99\xa5title\xa1t\xa6"
                  "detail\xa1"
                  "d\xc0"),
        FUZZ_SEED("\x93\x02\xa1o\x90"),
    };
    *count = sizeof seeds / sizeof seeds[0];
    return seeds;
}
