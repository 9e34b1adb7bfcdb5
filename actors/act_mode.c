/* SPDX-License-Identifier: MPL-2.0 */
/* Modes. Thread: any. */
#include "act_mode.h"

static bool s_refers(const act_statement_t *statement, uint32_t step)
{
    for (uint32_t i = 0; i < statement->hole_count; i++)
        if (statement->holes[i].kind == ACT_HOLE_STEP && statement->holes[i].index == step)
            return true;
    return false;
}

act_mode_t act_mode_decide(const act_script_t *script, const bool *errors, bool *waits)
{
    bool reads = script->operation->flags & PROTO_OP_READS;
    bool slow = script->operation->flags & PROTO_OP_EXCLUSIVE;
    bool judged = false, referred = false;
    for (uint32_t s = 0; s < script->statement_count; s++) {
        bool judges = script->statements[s].expect || errors[s];
        bool needed = false;
        for (uint32_t later = s + 1; later < script->statement_count; later++)
            needed = needed || s_refers(&script->statements[later], s);
        waits[s] = judges || needed || s + 1 == script->statement_count;
        judged = judged || judges;
        referred = referred || needed;
    }
    if (reads && !referred && !slow) /* claims last until the Sync: a neighbour would see them */
        return script->claims ? ACT_MODE_SINGLE : ACT_MODE_SHARED;
    if (reads)
        return referred ? ACT_MODE_HELD : ACT_MODE_SLOW;
    return slow || judged || referred ? ACT_MODE_HELD : ACT_MODE_SINGLE;
}

const char *act_mode_name(act_mode_t mode)
{
    static const char *const names[] = {"shared", "single", "held", "slow"};
    return names[mode];
}
