/* SPDX-License-Identifier: MPL-2.0 */
/* The commands of `muster`. Each takes its own arguments (argv[0] is the command's name) and returns the exit
 * status. Thread: main. */
#ifndef SRV_COMMANDS_H
#define SRV_COMMANDS_H

#include <stdbool.h>

int srv_cmd_serve(int argc, char **argv);
int srv_cmd_broker(int argc, char **argv);
int srv_cmd_gateway(int argc, char **argv);
int srv_cmd_actors(int argc, char **argv);
int srv_cmd_migrate(int argc, char **argv);
int srv_cmd_check(int argc, char **argv);
int srv_cmd_call(int argc, char **argv);
int srv_cmd_show(int argc, char **argv);
int srv_cmd_health(int argc, char **argv);
int srv_cmd_new(int argc, char **argv);
int srv_cmd_keygen(int argc, char **argv);

/* Whether --help or -h is among the arguments. */
bool srv_wants_help(int argc, char **argv);

#endif
