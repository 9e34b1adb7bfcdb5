/* SPDX-License-Identifier: MPL-2.0 */
/* How an operation is run; see docs/architecture.md, "Execution modes". A core: no I/O. Thread: any. */
#ifndef ACT_MODE_H
#define ACT_MODE_H

#include "act_program.h"

typedef enum {
    ACT_MODE_SHARED, /* reads: share one Sync with their neighbours */
    ACT_MODE_SINGLE, /* writes that no result can refuse, reads with claims: their own Sync and transaction */
    ACT_MODE_HELD,   /* results decide what comes next, COMMIT or ROLLBACK: nothing else meanwhile */
    ACT_MODE_SLOW    /* a slow read: nothing else meanwhile, and what waits behind goes back */
} act_mode_t;

/* What must be known of each statement's result before anything else is sent, and so how the whole is run.
 * errors[s] tells whether statement s has a column `_error`; waits[s] becomes whether, in ACT_MODE_HELD, its
 * result must be known before more is sent. Both have an entry per statement. */
act_mode_t act_mode_decide(const act_script_t *script, const bool *errors, bool *waits);
/* "shared", "single", "held" or "slow". */
const char *act_mode_name(act_mode_t mode);

#endif
