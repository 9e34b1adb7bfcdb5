/* SPDX-License-Identifier: MPL-2.0 */
/* Processor time of threads of this process: those that a part has started. */
#ifndef BENCH_TASKS_H
#define BENCH_TASKS_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { BENCH_TASKS = 64 };

typedef struct bench_tasks {
    int ids[BENCH_TASKS], count;
} bench_tasks_t;

static inline bench_tasks_t bench_tasks_now(void)
{
    bench_tasks_t tasks = {.count = 0};
    DIR *folder = opendir("/proc/self/task");
    for (const struct dirent *entry; folder && (entry = readdir(folder)) && tasks.count < BENCH_TASKS;)
        if (entry->d_name[0] != '.')
            tasks.ids[tasks.count++] = atoi(entry->d_name);
    if (folder)
        closedir(folder);
    return tasks;
}

static inline bench_tasks_t bench_tasks_since(const bench_tasks_t *before)
{
    bench_tasks_t now = bench_tasks_now(), since = {.count = 0};
    for (int i = 0; i < now.count; i++) {
        bool old = false;
        for (int k = 0; k < before->count && !old; k++)
            old = before->ids[k] == now.ids[i];
        if (!old)
            since.ids[since.count++] = now.ids[i];
    }
    return since;
}

static inline double bench_tasks_seconds(const bench_tasks_t *tasks)
{
    double seconds = 0;
    for (int i = 0; i < tasks->count; i++) {
        char path[64];
        unsigned long long ns;
        snprintf(path, sizeof path, "/proc/self/task/%d/schedstat", tasks->ids[i]);
        FILE *file = fopen(path, "re");
        if (file && fscanf(file, "%llu", &ns) == 1)
            seconds += (double)ns / 1e9;
        if (file)
            fclose(file);
    }
    return seconds;
}

#endif
