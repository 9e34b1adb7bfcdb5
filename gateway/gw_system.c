/* SPDX-License-Identifier: MPL-2.0 */
/* Numbers about this machine: proc(5), statvfs(3). Thread: the gateway thread that owns the sample. */
#include "gw_system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static void s_read_cpu(gw_system_sample_t *sample, gw_system_t *system)
{
    FILE *file = fopen("/proc/stat", "re");
    if (!file)
        return;
    /* user nice system idle iowait irq softirq steal */
    unsigned long long t[8] = {0};
    int got = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3], &t[4],
                     &t[5], &t[6], &t[7]);
    fclose(file);
    if (got < 4)
        return;
    uint64_t total = 0;
    for (int i = 0; i < 8; i++)
        total += t[i];
    gw_system_sample_t now = {.busy = total - t[3] - t[4], .total = total};
    if (now.total > sample->total)
        system->cpu_percent = 100.0 * (double)(now.busy - sample->busy) / (double)(now.total - sample->total);
    *sample = now;
}

/* The number behind `key` in a file of "key: number" lines, or 0. */
static double s_find_number(const char *path, const char *key)
{
    FILE *file = fopen(path, "re");
    char line[256];
    double number = 0;
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (colon && strncmp(line, key, strlen(key)) == 0) {
            number = strtod(colon + 1, NULL);
            break;
        }
    }
    if (file)
        fclose(file);
    return number;
}

void gw_system_read(gw_system_sample_t *sample, gw_system_t *system)
{
    *system = (gw_system_t){0};
    s_read_cpu(sample, system);
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    system->cpu_count = count > 0 ? (uint32_t)count : 1;
    system->cpu_mhz = s_find_number("/proc/cpuinfo", "cpu MHz");
    system->memory_total = 1024 * s_find_number("/proc/meminfo", "MemTotal");
    system->memory_available = 1024 * s_find_number("/proc/meminfo", "MemAvailable");
    struct statvfs disk;
    if (statvfs("/", &disk) == 0) {
        system->disk_total = (double)disk.f_blocks * (double)disk.f_frsize;
        system->disk_free = (double)disk.f_bavail * (double)disk.f_frsize;
    }
    if (getloadavg(system->load, 3) < 0)
        memset(system->load, 0, sizeof system->load);
    FILE *file = fopen("/proc/uptime", "re");
    if (file && fscanf(file, "%lf", &system->uptime) != 1)
        system->uptime = 0;
    if (file)
        fclose(file);
}
