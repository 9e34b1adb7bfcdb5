/* SPDX-License-Identifier: MPL-2.0 */
/* Numbers about this machine, from /proc and statvfs. A shell. Thread: the gateway thread that owns the
 * sample. */
#ifndef GW_SYSTEM_H
#define GW_SYSTEM_H

#include <stdint.h>

/* The processor's time since boot, for the share used between two looks. */
typedef struct gw_system_sample {
    uint64_t busy, total; /* jiffies */
} gw_system_sample_t;

typedef struct gw_system {
    double cpu_percent; /* since the previous sample; since boot the first time */
    uint32_t cpu_count;
    double cpu_mhz;                        /* 0: unknown */
    double memory_total, memory_available; /* bytes */
    double disk_total, disk_free;          /* bytes, of the root file system */
    double load[3];                        /* 1, 5 and 15 minutes */
    double uptime;                         /* seconds since boot */
} gw_system_t;

/* Fills in what can be read; the rest is 0. Moves the sample on. */
void gw_system_read(gw_system_sample_t *sample, gw_system_t *system);

#endif
