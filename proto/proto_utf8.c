/* SPDX-License-Identifier: MPL-2.0 */
/* Is a whole text UTF-8? A core: no I/O. Thread: any. */
#include "proto_utf8.h"

#include "proto_value.h"

bool proto_utf8_valid(proto_bytes_t text)
{
    const uint8_t *at = text.data;
    const uint8_t *end = text.size ? at + text.size : at;
    while (at != end) {
        uint64_t eight;
        if (end - at >= 8) {
            memcpy(&eight, at, 8);
            if ((eight & 0x8080808080808080) == 0) {
                at += 8;
                continue;
            }
        }
        size_t length = proto_utf8_length(at, end);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}
