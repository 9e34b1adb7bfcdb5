/* SPDX-License-Identifier: MPL-2.0 */
/* bench_load [ENDPOINTS]: how long a folder with one file of so many endpoints (1000) takes to load, the best
 * of ten times. Half of the endpoints are lists with steps, conditional lines and a cursor. No database is
 * asked. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "act_program.h"

static void s_write(FILE *file, int i)
{
    if (i % 2) {
        fprintf(file,
                "-- @endpoint GET /things%d/{id}\n-- @operation get_thing%d\n-- @summary One thing\n-- @tier "
                "read @auth user\n"
                "-- @path id int8 (1..)\n-- @empty not_found\n-- @error not_found 404 \"No thing {id}\"\n-- "
                "@returns row\n"
                "SELECT id, name, created_at FROM things WHERE id = :id;\n\n",
                i, i);
        return;
    }
    fprintf(
        file,
        "-- @endpoint GET /things%d\n-- @operation list_things%d\n-- @query kind text ? @query owner int8 ?\n"
        "-- @query limit int4 = 50 (1..500)\n-- @cursor created_at desc, id desc\n"
        "-- @returns {\"things\": things.rows, \"total\": total.value, \"next_cursor\": next_cursor}\n"
        "-- @step things\nSELECT id, name, created_at FROM things WHERE true\n  AND kind = :kind  --? kind\n"
        "  AND owner = :owner  --? owner\n  AND (created_at, id) < (:after.created_at, :after.id)  --? "
        "after\n"
        "ORDER BY created_at DESC, id DESC LIMIT :limit;\n"
        "-- @step total\nSELECT count(*) FROM things WHERE true\n  AND kind = :kind  --? kind\n"
        "  AND owner = :owner  --? owner\n;\n\n",
        i, i);
}

static double s_load(const char *folder, int endpoints)
{
    struct timespec from, to;
    proto_buf_t errors = PROTO_BUF_INIT;
    clock_gettime(CLOCK_MONOTONIC, &from);
    act_program_t *program = act_program_load(folder, 1, &errors);
    clock_gettime(CLOCK_MONOTONIC, &to);
    if (!program || program->script_count != (uint32_t)endpoints + 1) {
        fprintf(stderr, "%s", proto_buf_text(&errors));
        exit(1);
    }
    act_program_free(&program);
    proto_buf_free(&errors);
    return (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
}

int main(int argc, char **argv)
{
    int endpoints = argc > 1 ? atoi(argv[1]) : 1000;
    char folder[] = "/tmp/muster-load-XXXXXX", path[64];
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/all.sql", folder);
    FILE *file = fopen(path, "we");
    for (int i = 0; file && i < endpoints; i++)
        s_write(file, i);
    long size = file ? ftell(file) : 0;
    if (!file || fclose(file) != 0)
        return 1;
    double best = 1e9;
    for (int i = 0; i < 10; i++) {
        double ms = s_load(folder, endpoints);
        best = ms < best ? ms : best;
    }
    printf("%d endpoints, %ld KiB: %.1f ms\n", endpoints, size / 1024, best);
    unlink(path);
    rmdir(folder);
    return 0;
}
