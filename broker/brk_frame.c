/* SPDX-License-Identifier: MPL-2.0 */
/* Packed frames. What is unpacked here was packed here, so its shape is asserted. Thread: any. */
#include "brk_frame.h"

#define S_MORE 0x80000000u

void brk_frame_put(proto_buf_t *out, proto_bytes_t bytes, bool more)
{
    PROTO_ASSERT(bytes.size < S_MORE);
    uint32_t head = (uint32_t)bytes.size | (more ? S_MORE : 0);
    proto_buf_append(out, &head, sizeof head);
    proto_buf_append(out, bytes.data, bytes.size);
}

void brk_frame_put_all(proto_buf_t *out, const proto_bytes_t *frames, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        brk_frame_put(out, frames[i], i + 1 < count);
}

bool brk_frame_next(proto_bytes_t *packed, brk_frame_t *frame)
{
    uint32_t head;
    if (packed->size == 0)
        return false;
    PROTO_ASSERT(packed->size >= sizeof head);
    memcpy(&head, packed->data, sizeof head);
    size_t size = head & ~S_MORE;
    PROTO_ASSERT(packed->size - sizeof head >= size);
    *frame = (brk_frame_t){{packed->data + sizeof head, size}, (head & S_MORE) != 0};
    packed->data += sizeof head + size;
    packed->size -= sizeof head + size;
    return true;
}

int brk_frame_only(proto_bytes_t packed, proto_bytes_t *bytes)
{
    brk_frame_t frame;
    if (!brk_frame_next(&packed, &frame) || frame.more)
        return -1;
    *bytes = frame.bytes;
    return 0;
}
