/* SPDX-License-Identifier: MPL-2.0 */
/* muster: finds the command and runs it. Thread: main. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} s_commands[] = {
    {"serve", srv_cmd_serve, "run broker, actors and gateway in one process"},
    {"broker", srv_cmd_broker, "run a broker alone: it takes messages to whoever works"},
    {"gateway", srv_cmd_gateway, "run HTTP gateways alone: no files, no database; as many as you like"},
    {"actors", srv_cmd_actors, "run database actors and the chat worker alone"},
    {"migrate", srv_cmd_migrate, "bring the database's schema up to date; --seed adds the sample data"},
    {"check", srv_cmd_check, "judge an API folder against a database: mistakes, warnings, slow plans"},
    {"call", srv_cmd_call, "run an operation over ZeroMQ and print its answer"},
    {"show", srv_cmd_show, "look into a running broker: services, workers, queues, inflight, stats ..."},
    {"keygen", srv_cmd_keygen, "make a pair of CURVE keys, and an entry for the rights file"},
    {"health", srv_cmd_health, "ask a running gateway whether it can serve; for health checks"},
    {"new", srv_cmd_new, "make a folder with the beginning of an API of your own"},
};

static void s_help(FILE *to)
{
    fputs("usage: muster COMMAND [arguments]\n\n", to);
    for (size_t i = 0; i < sizeof s_commands / sizeof *s_commands; i++)
        fprintf(to, "  %-9s %s\n", s_commands[i].name, s_commands[i].help);
    fputs("\nmuster COMMAND --help tells more; muster --version tells the version.\n", to);
}

static void s_end(int number)
{
    _exit(128 + number);
}

int main(int argc, char **argv)
{
    if (getpid() == 1) { /* in a container: the first process ignores signals that it has no handler for */
        signal(SIGTERM, s_end);
        signal(SIGINT, s_end);
    }
    if (argc < 2) {
        s_help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        s_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("muster " MUSTER_VERSION);
        return 0;
    }
    for (size_t i = 0; i < sizeof s_commands / sizeof *s_commands; i++)
        if (strcmp(argv[1], s_commands[i].name) == 0)
            return s_commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "muster: unknown command %s\n\n", argv[1]);
    s_help(stderr);
    return 2;
}
