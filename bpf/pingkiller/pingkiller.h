/* SPDX-License-Identifier: GPL-2.0-only OR GPL-2.0-or-later */
/* pingkiller: what kernel side and user side both have to know. Each device that is
 * served has maps of its own, in a folder named COOKIE-IFINDEX below PK_PINS_DIR, where
 * COOKIE is that of its network namespace.
 */
#ifndef PINGKILLER_H
#define PINGKILLER_H

#include <linux/types.h>

#define PK_PINS_DIR "/sys/fs/bpf/pingkiller"
#define PK_FILTER_PREF 3 /* of hook tc, as tc/filter.sh has it */
#define PK_FILTER_HANDLE 0x504b /* and tc/pingkiller.sh */
#define PK_CERTAIN (1ULL << 32) /* 100 %, as VSH_CERTAIN */
#define PK_TYPES 256 /* ICMP types of a family, and codes of a type */
#define PK_PREFIXES_MAX 65536 /* of each of src and dst */
#define PK_SOURCES_MAX 16384 /* that a rate remembers at the same time */
#define PK_TIME_SLOTS 32 /* powers of two of a nanosecond */
#define PK_DEV_LEN 16 /* IFNAMSIZ */
#define PK_TRACERS 4 /* that are told of drops at the same time */
#define PK_TOKEN_LEN 8
#define PK_DROPPED_MAX 4096 /* drops that are kept for them, of each device */

enum pk_family {
	PK_IPV4,
	PK_IPV6,
	PK_FAMILIES,
};

enum pk_verdict {
	PK_PASS,
	PK_DROP,
	PK_VERDICTS,
};

/* PK_ICMP is judged. Packets of all other classes are counted and passed. */
enum pk_class {
	PK_ICMP, /* judged, and counted by type */
	PK_OTHER_IPV4,
	PK_OTHER_IPV6,
	PK_OTHER, /* neither: ARP, a third VLAN tag, ... */
	PK_FRAGMENT, /* all but the first, which alone has the ICMP header */
	PK_MALFORMED, /* ends too early, or contradicts itself */
	PK_DEEP, /* more extension headers than HEADER_EXTENSIONS_MAX */
	PK_CLASSES,
};

#define PK_CLASS_ROOM 8 /* a power of two, by which an index can be masked */

enum pk_hook {
	PK_HOOK_NONE,
	PK_HOOK_NATIVE, /* XDP in the driver */
	PK_HOOK_GENERIC, /* XDP in the kernel, for any driver */
	PK_HOOK_TC, /* clsact ingress */
};

/* What has to be looked at besides the type. */
enum pk_condition {
	PK_CODE = 1 << 0,
	PK_SRC = 1 << 1,
	PK_DST = 1 << 2,
	PK_ENDS = 1 << 3,
	PK_RATE = 1 << 4,
	PK_SHARE = 1 << 5, /* less than 100 % */
	PK_RATE_ALL = 1 << 6,
};

/* What a bucket takes, see struct pk_bucket. */
struct pk_limit {
	__u64 packet_ns; /* time after which another packet may come */
	__u64 burst_ns; /* times of a whole burst */
};

/* The same as it was asked for. */
struct pk_rate {
	__u64 packets; /* in ns; 0: no rate */
	__u64 ns;
	__u64 burst; /* packets */
};

/* Value of pk_config, one entry. All zero: everything passes. */
struct pk_config {
	__u64 types[PK_FAMILIES][PK_TYPES / 64]; /* a bit for each that is meant */
	__u64 codes[PK_TYPES / 64]; /* PK_CODE */
	__u64 threshold; /* PK_SHARE: 0..PK_CERTAIN */
	__u64 expires_ns; /* PK_ENDS: CLOCK_BOOTTIME */
	struct pk_limit source; /* PK_RATE: of each */
	struct pk_limit all; /* PK_RATE_ALL: of all sources together */
	__u32 conditions; /* enum pk_condition */
	__u32 sample; /* one packet of so many is timed, on average; 0: none */
	__u32 bare; /* frames begin with the IP header: the device has no link layer */
	__u32 pad;
};

/* Value of pk_label, one entry: what the programs do not need, and `show` does. */
struct pk_label {
	__u64 netns_cookie;
	__u64 loss; /* as it was asked for, in millionths of a percent */
	struct pk_rate source, all;
	__u64 lasts_ns; /* PK_ENDS: as it was asked for */
	__u32 ifindex;
	__u32 owner; /* process id of the foreground run, or 0 */
	__u32 families; /* bits of enum pk_family */
	__u32 all_icmp;
	char dev[PK_DEV_LEN]; /* the name that it had */
};

/* Key of pk_src and pk_dst. The family belongs to the prefix: its 32 bits count. */
struct pk_prefix {
	__u32 bits; /* 32 + those of the address */
	__u32 family; /* enum pk_family */
	__u8 address[16]; /* IPv4: the first four */
};

#define PK_FAMILY_BITS 32

/* Key of pk_sources. */
struct pk_source {
	__u32 family;
	__u8 address[16];
};

/* Value of pk_sources and of pk_all: a token bucket told by the time at which it will be full again.
 * A packet moves that on by packet_ns; over the rate is what would move it further than
 * burst_ns from now. (The "virtual scheduling" form of GCRA, ITU-T I.371, annex A.)
 */
struct pk_bucket {
	__u64 full_ns; /* CLOCK_MONOTONIC */
};

struct pk_count {
	__u64 packets;
	__u64 bytes; /* of the frame */
};

struct pk_type {
	struct pk_count count[PK_VERDICTS];
};

/* Processing times: slot N counts 2^N to 2^(N+1) - 1 ns, the last one whatever is longer. */
struct pk_times {
	__u64 sum_ns;
	__u64 slots[PK_TIME_SLOTS];
};

/* Value of pk_stats, one entry for each CPU. */
struct pk_stats {
	/* Each processor's copy of what every verdict needs, from pk_config: one look-up less.
	 * Made whenever the countdown ends.
	 */
	__u64 meant[PK_FAMILIES][PK_TYPES / 64];
	__u32 conditions;
	__u32 bare;
	__u32 countdown; /* packets until one is timed; 0: there was none yet */
	__u32 pad;
	__u64 random;
	struct pk_count passed[PK_CLASS_ROOM]; /* by enum pk_class; not PK_ICMP, which has types */
	struct pk_times times[PK_VERDICTS];
	struct pk_type types[PK_FAMILIES][PK_TYPES];
};

/* Whoever wants to know which of its own echoes are dropped here, by their id. */
struct pk_tracer {
	__u32 pid; /* 0: nobody */
	__u16 id; /* network byte order */
	__u16 pad;
	__u64 until_ns; /* CLOCK_MONOTONIC: nothing is kept afterwards, since it can have been killed */
};

/* Value of pk_tracers, one entry. All zero: nothing is kept. */
struct pk_tracers {
	__u32 count; /* of those in each[] that are somebody; 0 after the end of all, from the next drop on */
	__u32 pad;
	struct pk_tracer each[PK_TRACERS];
};

/* Key of pk_dropped: an echo of a tracer's, or its answer. The value is when it was dropped, in
 * nanoseconds of CLOCK_MONOTONIC. A packet that XDP drops was never seen by any other hook, and the
 * answer to where it went has to be looked for by what it says.
 */
struct pk_echo {
	__u8 type; /* other numbers in IPv6 than in IPv4 */
	__u8 pad[3];
	__u16 id, sequence; /* network byte order */
	__u8 token[PK_TOKEN_LEN]; /* first bytes of what it carries */
};

_Static_assert(PK_CLASSES <= PK_CLASS_ROOM, "each class has a counter");
_Static_assert(sizeof(struct pk_config) == 160, "pk_config has no holes");
_Static_assert(sizeof(struct pk_label) == 104, "pk_label has no holes");
_Static_assert(sizeof(struct pk_prefix) == 24, "key of pk_src has no holes");
_Static_assert(sizeof(struct pk_source) == 20, "key of pk_sources has no holes");
_Static_assert(sizeof(struct pk_tracers) == 8 + 16 * PK_TRACERS, "pk_tracers has no holes");
_Static_assert(sizeof(struct pk_echo) == 16, "key of pk_dropped has no holes");
_Static_assert(sizeof(struct pk_type) == 32, "pk_type has no holes");
_Static_assert(sizeof(struct pk_stats) == 88 + 16 * PK_CLASS_ROOM + 16 + 16 * PK_TIME_SLOTS +
						  32 * PK_FAMILIES * PK_TYPES,
	       "pk_stats has no holes");

#endif
