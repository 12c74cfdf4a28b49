/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VSH_LOSS_H
#define VSH_LOSS_H

#include <linux/types.h>

/* The word after "drop", of both commands: millionths of a percent, 0..PERCENT_MAX, as
 * labels keep it. DONE, or MISUSED after a message that says what to write.
 */
int loss_parse(const char *word, __u64 *millionths);

#endif
