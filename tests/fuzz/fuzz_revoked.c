/* SPDX-License-Identifier: MPL-2.0 */
/* What a feed of revoked tokens says, and pages of snapshots: taken or refused whole; what is revoked stays
 * so until it expires. */
#include "fuzz.h"
#include "gw_revoked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[GW_REVOKED_KEY] = "0123456789abcdef";
    gw_revoked_set_t *set = gw_revoked_new();
    proto_buf_t arguments = PROTO_BUF_INIT;
    proto_bytes_t body = {data, size};
    int message = gw_revoked_message(set, 1, 1, body);
    PROTO_ASSERT(message == 0 || gw_revoked_stats(set)->malformed == 1);
    PROTO_ASSERT(gw_revoked_wants(set, 1) == (message == 0)); /* a feed that is new */
    gw_revoked_t before = gw_revoked_check(set, key, 1);
    PROTO_ASSERT(before != GW_REVOKED_NO);
    gw_revoked_ask(set, 1, &arguments);
    int page = gw_revoked_snapshot(set, 1, 1, body);
    PROTO_ASSERT(message == -1 || page == 0); /* a message is a page, too */
    PROTO_ASSERT(before != GW_REVOKED_YES || gw_revoked_check(set, key, 1) == GW_REVOKED_YES);
    proto_buf_free(&arguments);
    gw_revoked_free(&set);
    return 0;
}

const fuzz_seed_t *fuzz_seeds(size_t *count)
{
    static const fuzz_seed_t seeds[] = {
        FUZZ_SEED("\x83\xa4"
                  "feed\x07\xa6number\x01\xa7revoked\x92\xc4\x10"
                  "0123456789abcdef\xcd\x10\x00"),
        FUZZ_SEED("\x82\xa4more\xc3\xa7revoked\x92\xc4\x10"
                  "0123456789abcdef\xcd\x10\x00"),
        FUZZ_SEED("\x83\xa4"
                  "feed\x07\xa6number\x02\xa7revoked\x90"),
    };
    *count = sizeof seeds / sizeof seeds[0];
    return seeds;
}
