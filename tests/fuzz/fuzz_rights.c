/* SPDX-License-Identifier: MPL-2.0 */
/* Rights files: a text is taken, or refused with a sentence that names a line of it; what is taken can be
 * asked anything, and never grants what it does not say. */
#include "brk_rights.h"
#include "fuzz.h"

#define S_KEY "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static proto_buf_t why;
    proto_buf_reset(&why);
    brk_rights_t *rights = brk_rights_parse((proto_bytes_t){data, size}, &why);
    PROTO_ASSERT((rights != NULL) == (why.size == 0));
    if (!rights) {
        PROTO_ASSERT(why.size > 6 && memcmp(why.data, "line ", 5) == 0);
        return 0;
    }
    const brk_right_t *found[] = {brk_rights_find(rights, proto_bytes_of(S_KEY)), brk_rights_local(rights)};
    bool has_local = memmem(data, size, "local", 5) != NULL;
    PROTO_ASSERT(!found[0] || memmem(data, size, S_KEY, sizeof S_KEY - 1));
    PROTO_ASSERT(has_local || found[1] == brk_right_all());
    for (int i = 0; i < 2; i++) {
        const brk_right_t *right = found[i];
        if (!right || right == brk_right_all())
            continue;
        bool stars = memchr(data, '*', size) != NULL;
        PROTO_ASSERT(stars || !brk_right_calls(right, proto_bytes_of("db"), proto_bytes_of("")));
        PROTO_ASSERT(stars || !brk_right_registers(right, proto_bytes_of("")));
        PROTO_ASSERT(!brk_right_publishes(right, proto_bytes_of("")) || right->publishes_all);
        PROTO_ASSERT(!right->gateway || memmem(data, size, "gateway", 7));
        PROTO_ASSERT(!right->admin || memmem(data, size, "admin", 5));
        PROTO_ASSERT(brk_right_covers(right, right) && !right->denied);
        PROTO_ASSERT(right->subject.size <= 255 && right->role.size <= 255);
    }
    brk_rights_free(&rights);
    return 0;
}

const fuzz_seed_t *fuzz_seeds(size_t *count)
{
    static const fuzz_seed_t seeds[] = {
        FUZZ_SEED("peer\n    name = a\n    key = \"" S_KEY "\"\n    subject = s\n    role = 'r'\n"
                  "    call = \"db/list_*, embed/*\"\n    register = x, y*\n    paths = \"/x, /y/\"\n"
                  "    gateway = on\n    admin = 0\n"),
        FUZZ_SEED("# comment\nlocal  # x\n    call = *\n    admin = yes\n"),
        FUZZ_SEED("local\n    register = \"\"\r\npeer\n    key = " S_KEY "\n    name = \"b\" # c\n"),
    };
    *count = sizeof seeds / sizeof seeds[0];
    return seeds;
}
