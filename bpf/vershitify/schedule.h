/* SPDX-License-Identifier: GPL-2.0-only OR GPL-2.0-or-later */
/* When a rule rules: from when, until when, and with which pauses. */
#ifndef VERSHITIFY_SCHEDULE_H
#define VERSHITIFY_SCHEDULE_H

#include <stdbool.h>
#include <linux/types.h>

/* Times of CLOCK_BOOTTIME, which goes on while the machine sleeps. */
struct vsh_schedule {
	__u64 begins_ns; /* 0: it began when it was made */
	__u64 expires_ns; /* 0: never */
	__u64 on_ns; /* so long it rules, from begins_ns on, ... */
	__u64 off_ns; /* ... then it pauses so long, and so on; 0 and 0: without pauses */
};

/* Does the rule have to know the time? */
static inline bool schedule_is_set(const struct vsh_schedule *schedule)
{
	return schedule->begins_ns | schedule->expires_ns | schedule->off_ns;
}

static inline bool schedule_has_begun(const struct vsh_schedule *schedule, __u64 now_ns)
{
	return now_ns >= schedule->begins_ns;
}

static inline bool schedule_is_over(const struct vsh_schedule *schedule, __u64 now_ns)
{
	return schedule->expires_ns && now_ns >= schedule->expires_ns;
}

/* After it has begun. */
static inline bool schedule_pauses(const struct vsh_schedule *schedule, __u64 now_ns)
{
	__u64 period_ns = schedule->on_ns + schedule->off_ns;

	return schedule->off_ns && (now_ns - schedule->begins_ns) % period_ns >= schedule->on_ns;
}

static inline bool schedule_is_on(const struct vsh_schedule *schedule, __u64 now_ns)
{
	return schedule_has_begun(schedule, now_ns) && !schedule_is_over(schedule, now_ns) &&
	       !schedule_pauses(schedule, now_ns);
}

#endif
