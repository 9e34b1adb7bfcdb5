/* SPDX-License-Identifier: MPL-2.0 */
/* How a worker divides itself over its brokers. A core: no I/O. Thread: any. */
#ifndef ACT_SHARE_H
#define ACT_SHARE_H

#include <stdint.h>

/* What the broker of place `rank` (0..live-1) among `live` ones gets of a window: equal shares, what is left
 * over to the first ones; at least 1 each, even when the window is smaller than their number. */
uint16_t act_share(uint16_t window, uint32_t live, uint32_t rank);

#endif
