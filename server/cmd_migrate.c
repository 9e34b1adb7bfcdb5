/* SPDX-License-Identifier: MPL-2.0 */
/* `muster migrate`. Thread: main. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "database.h"
#include "config.h"
#include "migrate.h"
#include "paths.h"

enum { S_OPTIONS = SRV_SET(SRV_OPT_database) | SRV_SET(SRV_OPT_dir), S_WAIT_MS = 10000 };

static void s_help(void)
{
    puts("usage: muster migrate [--seed] [--dry-run] [--quiet] [options]\n"
         "\n"
         "Brings a database up to the newest migration of an API folder; does nothing when it is there "
         "already.\n"
         "  --seed     run the folder's seed files afterwards\n"
         "  --dry-run  tell what would be applied, change nothing\n"
         "  --quiet    tell how many were applied in one line");
    srv_config_help(S_OPTIONS);
    puts("\nExit status: 0 done, 1 failed (nothing of the failing file is applied), 2 not begun.\n"
         "Example: muster migrate --seed --database-url postgresql:///gathering");
}

/* Takes this command's own flags out of argv. */
static void s_parse(srv_migrate_options_t *self, int *argc, char **argv)
{
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--seed") == 0)
            self->seed = true;
        else if (strcmp(argv[i], "--dry-run") == 0)
            self->dry_run = true;
        else if (strcmp(argv[i], "--quiet") == 0)
            self->quiet = true;
        else
            argv[kept++] = argv[i];
    }
    *argc = kept;
}

int srv_cmd_migrate(int argc, char **argv)
{
    srv_migrate_options_t options = {.wait_ms = S_WAIT_MS};
    srv_config_t config;
    proto_buf_t why = PROTO_BUF_INIT;
    char dir[4096];
    int rc = 2;
    if (srv_wants_help(argc, argv)) {
        s_help();
        return 0;
    }
    s_parse(&options, &argc, argv);
    if (srv_config_read(&config, S_OPTIONS, &argc, argv, &why) == 0) {
        options.conninfo = srv_config_text(&config, SRV_OPT_database);
        options.dir = dir;
        if (argc > 1)
            proto_buf_printf(&why, "unknown argument %s", argv[1]);
        else if (srv_database_check(options.conninfo, &why) == 0 &&
                 srv_api_dir(srv_config_text(&config, SRV_OPT_dir), dir, sizeof dir, &why) == 0)
            rc = srv_migrate(&options, &why) < 0 ? 1 : 0;
    }
    srv_config_free(&config);
    if (why.size)
        fprintf(stderr, "muster migrate: %s\n", proto_buf_text(&why));
    proto_buf_free(&why);
    return rc;
}
