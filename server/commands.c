/* SPDX-License-Identifier: MPL-2.0 */
/* What the commands share. Thread: main. */
#include "commands.h"

#include <string.h>

bool srv_wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}
