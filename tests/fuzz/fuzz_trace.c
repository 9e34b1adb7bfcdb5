/* SPDX-License-Identifier: MPL-2.0 */
/* The field `trace` of a record: whatever it is has a reading, whose parts lie inside it. */
#include "fuzz.h"
#include "proto_trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    proto_trace_t trace, again;
    proto_trace_read((proto_bytes_t){data, size}, &trace);
    PROTO_ASSERT(trace.request_id.size <= size);
    PROTO_ASSERT(trace.parent.size == 0 || trace.parent.size == PROTO_TRACEPARENT);
    PROTO_ASSERT((trace.parent.size != 0) == (trace.trace_id.size == PROTO_TRACE_ID));
    PROTO_ASSERT(trace.parent.size || (trace.request_id.size == size && !trace.sampled));
    if (trace.parent.size) { /* what is sent on is one again */
        PROTO_ASSERT(trace.parent.data >= data && trace.parent.data + trace.parent.size == data + size);
        PROTO_ASSERT(proto_traceparent_read(trace.parent, &again) == 0);
        PROTO_ASSERT(proto_bytes_equal(again.trace_id, trace.trace_id) && again.sampled == trace.sampled);
    }
    return 0;
}

const fuzz_seed_t *fuzz_seeds(size_t *count)
{
    static const fuzz_seed_t seeds[] = {
        FUZZ_SEED("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        FUZZ_SEED("r-1 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),
        FUZZ_SEED("r-1"),
    };
    *count = sizeof seeds / sizeof *seeds;
    return seeds;
}
