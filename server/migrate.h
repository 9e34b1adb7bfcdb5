/* SPDX-License-Identifier: MPL-2.0 */
/* Migrations: DIR/migrations/NNNN_name.sql, applied in order, each in one transaction with its row in the
 * ledger muster.migrations; and the files of DIR/seed, which may be run again and again. Synchronous: nothing
 * else goes on then. Interrupted at any moment (Ctrl-C, kill -9), the file under way is rolled back whole.
 * Thread: main. */
#ifndef SRV_MIGRATE_H
#define SRV_MIGRATE_H

#include <stdint.h>

#include "proto_buf.h"

typedef struct srv_migrate_options {
    const char *conninfo; /* never shown */
    const char *dir;
    bool seed;       /* run the seed files, too */
    bool dry_run;    /* tell what would be applied, change nothing */
    bool quiet;      /* one line in the place of one per migration */
    int64_t wait_ms; /* try to connect for so long */
} srv_migrate_options_t;

/* Does it all, under an advisory lock so that two at once queue up; prints a line per file to standard
 * output. -1 with a sentence in `why`: no connection; a file that changed since it was applied, a doubled,
 * missing or misnamed number; a mistake in a file, with file:line. */
PROTO_MUST_CHECK int srv_migrate(const srv_migrate_options_t *options, proto_buf_t *why);

/* server/muster.sql, with a NUL behind it. */
extern const proto_bytes_t srv_muster_sql;

#endif
