/* SPDX-License-Identifier: MPL-2.0 */
/* `muster check`. Thread: main. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "commands.h"
#include "config.h"
#include "database.h"
#include "paths.h"

enum { S_OPTIONS = SRV_SET(SRV_OPT_database) | SRV_SET(SRV_OPT_dir), S_ROWS = 1000 };

static void s_help(void)
{
    puts("usage: muster check [DIR] [--explain] [--analyze] [--json] [options]\n"
         "\n"
         "Judges the endpoint files of an API folder against a database, and tells every mistake at once.\n"
         "Nothing is changed: all of it happens in a transaction that only reads and is rolled back.\n"
         "  --explain  look at the plans of every combination of conditional lines, too\n"
         "  --analyze  the same, and run what reads, to see how many rows it reads for those it returns\n"
         "  --value NAME=VALUE  run it with this value of its parameter NAME, not a made-up one; repeatable\n"
         "  --rows N   tables with more rows are not to be read whole; default 1000\n"
         "  --json     the report as JSON\n"
         "  --strict   exit 1 for warnings and slow plans, too");
    srv_config_help(S_OPTIONS);
    puts("\nExit status: 0 no mistakes, 1 mistakes, 2 not begun.\n"
         "Example: muster check /tmp/hello --database-url postgresql:///gathering");
}

static bool s_number(const char *text, uint32_t *number)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    *number = (uint32_t)value;
    return end != text && !*end && *text != '-' && value <= 1000000000;
}

static bool s_switch(srv_check_options_t *self, const char *argument)
{
    const struct {
        const char *flag;
        bool *slot;
    } switches[] = {{"--explain", &self->explain},
                    {"--analyze", &self->analyze},
                    {"--json", &self->json},
                    {"--strict", &self->strict}};
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        if (strcmp(argument, switches[i].flag) == 0) {
            *switches[i].slot = true;
            return true;
        }
    }
    return false;
}

/* The value of a flag in argv[*i], as --flag VALUE or --flag=VALUE; NULL when it is another one. */
static const char *s_flag_value(const char *flag, int argc, char **argv, int *i)
{
    size_t size = strlen(flag);
    if (strncmp(argv[*i], flag, size) != 0 || (argv[*i][size] && argv[*i][size] != '='))
        return NULL;
    if (argv[*i][size])
        return argv[*i] + size + 1;
    return *i + 1 < argc ? argv[++*i] : "";
}

static int s_add_value(srv_check_options_t *self, const char *value, proto_buf_t *why)
{
    const char *equals = strchr(value, '=');
    if (!equals || equals == value) {
        proto_buf_string(why, "--value takes NAME=VALUE");
        return -1;
    }
    if (self->value_count == SRV_CHECK_VALUES) {
        proto_buf_printf(why, "--value may be given %d times", SRV_CHECK_VALUES);
        return -1;
    }
    self->values[self->value_count++] = value;
    return 0;
}

/* Takes this command's own flags out of argv. */
static int s_parse(srv_check_options_t *self, int *argc, char **argv, proto_buf_t *why)
{
    int kept = 1;
    const char *value;
    for (int i = 1; i < *argc; i++) {
        if ((value = s_flag_value("--rows", *argc, argv, &i))) {
            if (!s_number(value, &self->rows)) {
                proto_buf_string(why, "--rows must be a whole number, at most 1000000000");
                return -1;
            }
        } else if ((value = s_flag_value("--value", *argc, argv, &i))) {
            if (s_add_value(self, value, why) < 0)
                return -1;
        } else if (!s_switch(self, argv[i])) {
            argv[kept++] = argv[i];
        }
    }
    *argc = kept;
    self->explain = self->explain || self->analyze;
    return 0;
}

static int s_run(srv_check_options_t *options, const char *folder, proto_buf_t *why)
{
    char dir[4096];
    if (srv_database_check(options->conninfo, why) < 0 || srv_api_dir(folder, dir, sizeof dir, why) < 0)
        return 2;
    options->dir = dir;
    int rc = srv_check(options, why);
    return rc < 0 ? 2 : rc;
}

int srv_cmd_check(int argc, char **argv)
{
    srv_check_options_t options = {.rows = S_ROWS};
    srv_config_t config = {0};
    proto_buf_t why = PROTO_BUF_INIT;
    int rc = 2;
    if (srv_wants_help(argc, argv)) {
        s_help();
        return 0;
    }
    if (s_parse(&options, &argc, argv, &why) == 0 &&
        srv_config_read(&config, S_OPTIONS, &argc, argv, &why) == 0) {
        options.conninfo = srv_config_text(&config, SRV_OPT_database);
        if (argc > 2)
            proto_buf_printf(&why, "unknown argument %s", argv[2]);
        else
            rc = s_run(&options, argc > 1 ? argv[1] : srv_config_text(&config, SRV_OPT_dir), &why);
    }
    srv_config_free(&config);
    if (why.size)
        fprintf(stderr, "muster check: %s\n", proto_buf_text(&why));
    proto_buf_free(&why);
    return rc;
}
