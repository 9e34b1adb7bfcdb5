/* SPDX-License-Identifier: MPL-2.0 */
/* `muster new`. Thread: main. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "paths.h"
#include "scaffold.h"

static void s_help(void)
{
    puts("usage: muster new NAME\n"
         "\n"
         "Makes the folder NAME with the beginning of an API: an endpoint, a migration, sample data, and a "
         "README.md\n"
         "that tells how to run it. NAME may be a path; the folders above it must exist.\n"
         "\n"
         "Exit status: 0 made, 1 not made, 2 not begun.\n"
         "Example: muster new shop");
}

/* Prints the path so that a shell reads it as one word. */
static void s_print_word(const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./";
    if (path[strspn(path, plain)] == '\0') {
        fputs(path, stdout);
        return;
    }
    putchar('\'');
    for (const char *at = path; *at; at++)
        fputs(*at == '\'' ? "'\\''" : (char[]){*at, '\0'}, stdout);
    putchar('\'');
}

static void s_tell(const char *path)
{
    printf("%s:\n", path);
    for (const char *const *file = srv_scaffold_files; *file; file++)
        printf("  %s\n", *file);
    fputs("\nNext, with an empty database in DATABASE_URL:\n  muster migrate --dir ", stdout);
    s_print_word(path);
    fputs(" --seed\n  muster serve --dev --dir ", stdout);
    s_print_word(path);
    puts("\n  curl -s http://127.0.0.1:8000/hello/Ann\n\nREADME.md tells more.");
}

int srv_cmd_new(int argc, char **argv)
{
    proto_buf_t why = PROTO_BUF_INIT;
    proto_bytes_t name;
    char template_dir[4096];
    int rc = 2;
    if (srv_wants_help(argc, argv)) {
        s_help();
        return 0;
    }
    if (argc != 2)
        proto_buf_string(&why, "usage: muster new NAME");
    else if (argv[1][0] == '-')
        proto_buf_printf(&why, "unknown argument %s", argv[1]);
    else if (srv_scaffold_name(argv[1], &name, &why) == 0 &&
             srv_template_dir(template_dir, sizeof template_dir, &why) == 0)
        rc = srv_scaffold_make(argv[1], name, template_dir, &why) < 0 ? 1 : 0;
    if (rc == 0)
        s_tell(argv[1]);
    else
        fprintf(stderr, "muster new: %s\n", proto_buf_text(&why));
    proto_buf_free(&why);
    return rc;
}
