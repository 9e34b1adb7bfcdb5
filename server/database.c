/* SPDX-License-Identifier: MPL-2.0 */
/* Connection strings. Thread: main. */
#include "database.h"

#include <libpq-fe.h>

int srv_database_check(const char *conninfo, proto_buf_t *why)
{
    if (!*conninfo) {
        proto_buf_string(why, "which database? set DATABASE_URL or --database-url");
        return -1;
    }
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    bool sound = options != NULL;
    for (const PQconninfoOption *option = options; sound && option->keyword; option++)
        if (option->val && strcmp(option->keyword, "port") == 0)
            sound = option->val[strspn(option->val, "0123456789,")] == '\0';
    PQconninfoFree(options);
    if (!sound)
        proto_buf_string(why,
                         "the database's connection string cannot be read: is it "
                         "postgresql://USER:PASSWORD@HOST/DATABASE, with what is special in the password "
                         "percent-encoded, and in quotes where it stands in a file?");
    return sound ? 0 : -1;
}
