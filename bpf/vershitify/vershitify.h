/* SPDX-License-Identifier: GPL-2.0-only OR GPL-2.0-or-later */
/* What kernel side and user side both have to know: limits, names, map layouts.
 *
 * Every layout here is read by three parties: the BPF programs, the helper, and
 * `bpftool map dump`, which takes the field names from BTF. The assertions at
 * the end hold the three together.
 */
#ifndef VERSHITIFY_H
#define VERSHITIFY_H

#include <linux/types.h>
#include "calls.h"
#include "hold.h"
#include "misses.h"
#include "model.h"
#include "reasons.h"
#include "schedule.h"
#include "select.h"

/* Where tc pins maps, and where we pin programs and links. */
#define VSH_MAPS_DIR "/sys/fs/bpf/tc/globals"
#define VSH_PINS_DIR "/sys/fs/bpf/vershitify"
/* Brought by the helper: tc's libbpf cannot join a device map (flags, until 1.5). */
#define VSH_DEVICES_MAP "vsh_devices"

#define VSH_RULES_MAX 64 /* a rule is a bit in a __u64 mask */
#define VSH_DEVS_MAX 16 /* devices that one rule can name */
#define VSH_COMM_LEN 16 /* TASK_COMM_LEN: 15 bytes and a NUL */
#define VSH_TASKS_MAX 65536 /* target processes at the same time */
#define VSH_FLOWS_MAX 4096
#define VSH_FLOW_RULES 8 /* of a connection, whose counts are remembered */
#define VSH_DEV_LEN 16 /* IFNAMSIZ */
#define VSH_NO_DEVICE (~0U) /* in ifindex[]: the device is gone; none has this number */
#define VSH_PATH_LEN 128 /* of a target as `show` prints it, with a NUL */
#define VSH_CGROUP_DEPTH 24 /* nested cgroups looked at, from the root */
#define VSH_STEPS (VSH_RULES_MAX * 2) /* models by rule and direction */
#define VSH_LISTENERS_MAX 16 /* readers of events at the same time */

/* The threshold of a rule runs from 0 to this: a 32-bit draw is below it with
 * the probability asked for, 0 % and 100 % are exact.
 */
#define VSH_CERTAIN (1ULL << 32)

/* skb->tc_index of a packet that rule N has let pass is VSH_JUDGED + N, so
 * that the next device on its way does not judge it again.
 */
#define VSH_JUDGED 0x5640

/* The same of one that is to be held: VSH_HELD + N sends it on its detour through the rule's ifb,
 * by a filter after the classifier (tc/hold-vershitify.sh), and is still there when it comes back.
 */
#define VSH_HELD 0x5600
#define VSH_HELD_INGRESS 0x5680 /* likewise, of what comes in, and ... */
#define VSH_WAS_HELD_INGRESS 0x56c0 /* ... of what a further device sees after that */

enum vsh_direction {
	VSH_EGRESS,
	VSH_INGRESS,
	VSH_DIRECTIONS,
};

/* Where a rule decides. What its user calls a direction is one of these. */
enum vsh_hook {
	VSH_TC_EGRESS = 1 << 0, /* clsact: the wire, or `visible local` */
	VSH_CG_EGRESS = 1 << 1, /* cgroup_skb/egress: `visible denied` */
	VSH_CG_INGRESS = 1 << 2, /* cgroup_skb/ingress */
	VSH_AT_CONNECT = 1 << 3, /* cgroup/connect4, connect6 */
	VSH_AT_BIND = 1 << 4, /* cgroup/bind4, bind6 */
	VSH_AT_SEND = 1 << 5, /* cgroup/sendmsg4, sendmsg6 */
	VSH_TC_INGRESS = 1 << 6, /* clsact, of no rule: asks for those of VSH_CG_INGRESS, earlier */
};

/* Where packets are judged, and where calls (enum vsh_call). */
#define VSH_PACKET_HOOKS (VSH_TC_EGRESS | VSH_CG_EGRESS | VSH_CG_INGRESS)
#define VSH_CALL_HOOKS (VSH_AT_CONNECT | VSH_AT_BIND | VSH_AT_SEND)
#define VSH_CALL_HOOK(call) (VSH_AT_CONNECT << (call))

/* What the classifier need not know of a rule. */
enum vsh_flag {
	VSH_CHILDREN = 1 << 0, /* descendants keep the rule over exec */
};

/* What a rule needs of the classifier beyond the fast path (rule_fast() in judge.bpf.h),
 * which judges device, hook, namespace and generation, and draws without a seed. The fast
 * path is taken if VSH_KNOWN is there and nothing else: 0, and each bit that it has not
 * heard of, mean "look at everything". bpf/vershitify/needs.c says when a rule is known.
 */
enum vsh_need {
	VSH_KNOWN = 1 << 0, /* the rule has no condition that these bits do not tell of */
	VSH_ONCE = 1 << 1, /* several hooks can see one packet: mark it */
	VSH_LOCAL = 1 << 2, /* egress drops are reported: ENOBUFS */
	VSH_ORPHANED = 1 << 3, /* the process that owned the rule is gone: it takes nothing */
	VSH_SEEDED = 1 << 4, /* fates can be repeated */
	VSH_DEVICES = 1 << 5, /* not one device, but several or all */
	VSH_CLOCK = 1 << 6, /* its schedule has times */
	VSH_SELECTS = 1 << 7, /* its label has conditions on the packet */
	VSH_MODEL = 1 << 8, /* packets are not lost each for itself */
	VSH_HOLD = 1 << 9, /* what is sent and not lost takes the detour through an ifb */
	VSH_HOLD_INGRESS = 1 << 10, /* what comes in takes one, before it is judged */
	VSH_REFUSES = 1 << 11, /* connections are refused, as if by the peer */
};

/* Whom a rule names. */
enum vsh_who {
	VSH_NOBODY,
	VSH_COMMAND,
	VSH_EXE,
	VSH_PID,
	VSH_CGROUP,
	VSH_RUN, /* the command that `run` starts */
};

/* What tells a file from a later one with its inode number. */
enum vsh_stamp {
	VSH_GENERATION, /* i_generation, where the file system tells it */
	VSH_CTIME, /* elsewhere: the time of the last change of the inode, in ns */
};

/* Key of vsh_exes: an inode as the kernel names it. */
struct vsh_exe {
	__u64 ino;
	__u64 stamp;
	__u32 dev; /* MAJOR << 20 | MINOR, include/linux/kdev_t.h */
	__u32 stamp_kind; /* enum vsh_stamp */
};

/* Key of vsh_followed: the path of a cgroup below the root of all, padded with NULs. */
struct vsh_cgroup_path {
	char path[VSH_PATH_LEN];
};

/* Key of vsh_comms: padded with NULs. */
struct vsh_comm {
	char comm[VSH_COMM_LEN];
};

/* Value of vsh_rules. Index N holds rule N + 1. What the fast path looks at comes first. In
 * a field that is a condition 0 means that the rule has none: see bpf/vershitify/needs.c.
 */
struct vsh_rule {
	__u64 threshold; /* 0..VSH_CERTAIN */
	__u64 netns_cookie; /* of the devices */
	__u32 generation; /* 0: no such rule */
	__u32 needs; /* enum vsh_need */
	__u32 hooks; /* enum vsh_hook */
	__u32 devs; /* entries used in ifindex[]; 0: every device */
	__u32 ifindex[VSH_DEVS_MAX];
	__u64 seed; /* VSH_SEEDED */
	struct vsh_schedule schedule; /* VSH_CLOCK */
	__u32 owner; /* tgid of the foreground run that the rule ends with, or 0 */
	__u32 flags; /* enum vsh_flag */
	struct vsh_model model; /* VSH_MODEL */
};

/* Value of vsh_labels, same index: what `show` needs, and the programs need of few rules. */
struct vsh_label {
	__u64 loss; /* as it was asked for, in millionths of a percent */
	__u64 after_ns; /* the time from its making to its beginning; 0: none */
	__u64 lasts_ns; /* the time from there that it was given; 0: no end */
	__u64 cgroup_id; /* of the one that has the path now, or had it last */
	struct vsh_exe exe;
	struct vsh_comm comm;
	__u32 who; /* enum vsh_who */
	__u32 pid; /* VSH_PID: tgid */
	__u32 cgroup_at; /* where in path[] the kernel's own path of the cgroup begins; 0: not known */
	__u32 seed_drawn; /* nobody has said the rule's seed: it goes with the model that needed one */
	__u64 device[VSH_DEVS_MAX]; /* what tells those of ifindex[] from later ones; 0: not known */
	char dev[VSH_DEVS_MAX][VSH_DEV_LEN]; /* names that they had last */
	char path[VSH_PATH_LEN]; /* of exe or cgroup; empty: too long */
	struct vsh_failure failures[VSH_CALLS]; /* VSH_CALL_HOOKS */
	struct vsh_selector selector; /* VSH_SELECTS */
	struct vsh_hold
		hold[VSH_DIRECTIONS]; /* what netem does to the packets, by enum vsh_direction */
};

/* Value of vsh_tasks, by tgid. A bit counts only while the rule's generation
 * is not above the epoch: a task or socket of a deleted rule is none of its
 * successor's.
 */
struct vsh_task {
	__u64 mask;
	__u64 own; /* bits that name this very process: kept over exec, not inherited */
	__u64 script; /* bits that name a script which env is about to start: kept over one exec */
	__u32 epoch;
	__u32 pad;
};

/* Who rules over a packet: the head of vsh_sock. */
struct vsh_owner {
	__u64 mask;
	__u64 netns_cookie; /* of the socket */
	__u64 shortcut; /* index of the rule to try first, see judge.bpf.h */
	__u32 epoch;
	__u32 packets[VSH_DIRECTIONS]; /* judged so far by seeded rules: the n of a packet's fate */
	__u32 stale; /* MPTCP: the socket may have got rules that its subflows have not */
};

/* Value of vsh_socks, socket storage. */
struct vsh_sock {
	struct vsh_owner owner;
	__u32 ordinal[VSH_RULES_MAX]; /* the socket's number within each rule */
	__u32 steps[VSH_STEPS]; /* of each rule's model, by VSH_STATS_KEY: see model_step() */
	__u64 counted; /* session of vsh_iter_open that has written it last */
	__u32 calls; /* judged so far by seeded rules: the n of a call's fate */
	__u32 pad;
};

/* Value of vsh_flows: what is left of a vsh_sock. */
struct vsh_flow {
	struct vsh_owner owner;
	__u32 ordinal[VSH_FLOW_RULES]; /* of the first rules of the mask, in their order */
	__u32 steps[VSH_FLOW_RULES]; /* likewise, of egress: nothing is received without a socket */
};

/* Key of vsh_flows: TCP connections of tagged sockets, remembered
 * for the packets that the kernel sends for them without a socket.
 */
struct vsh_flow_key {
	__u64 netns_cookie;
	__u32 saddr[4]; /* of the packets sent; IPv4: the first word */
	__u32 daddr[4];
	__u16 sport; /* network byte order */
	__u16 dport;
	__u32 family;
};

/* Value of vsh_config, one entry. */
struct vsh_config {
	__u64 children; /* rules with VSH_CHILDREN */
	__u64 cgroups; /* rules that name a cgroup */
	__u64 selects; /* rules with conditions on the packet */
	__u32 epoch; /* grows with each new rule, whose generation it is, and each change */
	__u32 pad;
};

/* Value of vsh_dropped, by processor: what tracers find there when the packet is freed, right after it was
 * dropped. Each tracer takes it once, by its serial number.
 */
struct vsh_dropped {
	__u64 address; /* of the packet's first byte; 0: nothing */
	__u64 socket; /* address of the kernel's socket, which may be a request for one; 0: none */
	__u16 rule; /* its index */
	__u16 reason; /* enum vsh_reason */
	__u32 serial; /* of the drops on this processor that were noted */
};

#define VSH_DROPPED_CPUS 256 /* processors beyond share the entries */

struct vsh_count {
	__u64 packets; /* skbs: one verdict each */
	__u64 segments; /* what they are on the wire (gso_segs) */
	__u64 bytes; /* egress: on the wire, as tc counts; otherwise from the IP header on */
};

/* Value of vsh_stats, per CPU. Each packet is counted once: one without a seed needs no more than
 * the first 56 bytes, however many reasons there are.
 */
struct vsh_stats {
	__u64 random; /* state of the generator of rules without a seed; 0: to be drawn */
	struct vsh_count verdicts[VSH_REASONS]; /* by enum vsh_reason */
};

/* Value of vsh_misses. */
struct vsh_misses {
	__u64 times[VSH_MISSES_ROOM]; /* by enum vsh_miss */
};

/* Index of vsh_misses. What scans have found has an entry of its own, since each scan begins with
 * none.
 */
#define VSH_MISSES_KEY(rule, reason) ((rule)*2 + ((reason) >= VSH_MISSES_OF_SCANS))

/* Key of vsh_devices: place i of a rule's ifindex[]. */
#define VSH_DEVICES_KEY(rule, i) ((rule)*VSH_DEVS_MAX + (i))

/* Index of vsh_stats. */
#define VSH_STATS_KEY(rule, direction) ((rule)*VSH_DIRECTIONS + (direction))

enum vsh_event_kind {
	VSH_LAUNCHED = 1,
	VSH_TAGGED,
	VSH_ABANDONED,
};

/* What vsh_iter_file writes of each file that a target has open. */
struct vsh_found {
	__u32 pid; /* of a thread that has it open */
	__u32 fd;
	__u32 tagged; /* just now */
	__u32 subflows; /* there may be some, which no process has open */
	__u32 ring; /* not a socket, but a ring of io_uring with files of its own */
	__u32 pad;
	__u64 sum; /* of this descriptor, in the sum of its table */
};

/* What vsh_iter_table writes of each table of descriptors. */
struct vsh_table {
	__u64 mask; /* rules over the thread */
	__u64 sum; /* of its descriptors (table.bpf.h); 0: it cannot be told */
	__u32 tid; /* of a thread that has this table */
	__u32 own; /* it is not the first of its process, which has another one, or none any more */
};

/* What vsh_iter_open writes of each open file that is a tagged socket. */
struct vsh_open {
	__u64 cookie; /* of the socket, which several processes can have open */
	__u64 mask; /* rules over it */
};

/* What vsh_listeners carry. */
struct vsh_event {
	__u32 kind; /* enum vsh_event_kind */
	__u32 pid; /* tgid */
	__u64 mask; /* rules concerned */
	char parent[VSH_COMM_LEN];
	char child[VSH_COMM_LEN];
};

_Static_assert(sizeof(struct vsh_exe) == 24, "key of vsh_exes has no holes");
_Static_assert(sizeof(struct vsh_flow) == 104, "vsh_flow has no holes");
_Static_assert(sizeof(struct vsh_flow_key) == 48, "key of vsh_flows has no holes");
_Static_assert(sizeof(struct vsh_task) == 32, "vsh_task has no holes");
_Static_assert(sizeof(struct vsh_owner) == 40, "vsh_owner has no holes");
_Static_assert(sizeof(struct vsh_rule) == 352, "vsh_rule has no holes");
_Static_assert(sizeof(struct vsh_label) == 600 + 24 * VSH_CALLS + sizeof(struct vsh_selector) +
						   VSH_DIRECTIONS * sizeof(struct vsh_hold),
	       "vsh_label has no holes");
_Static_assert(sizeof(struct vsh_config) == 32, "vsh_config has no holes");
_Static_assert(sizeof(struct vsh_stats) == 8 + 24 * VSH_REASONS, "vsh_stats has no holes");
_Static_assert(sizeof(struct vsh_dropped) == 24, "vsh_dropped has no holes");
_Static_assert(sizeof(struct vsh_event) == 48, "vsh_event has no holes");
_Static_assert(sizeof(struct vsh_found) == 32, "vsh_found has no holes");
_Static_assert(sizeof(struct vsh_table) == 24, "vsh_table has no holes");
_Static_assert(sizeof(struct vsh_open) == 16, "vsh_open has no holes");
_Static_assert(sizeof(struct vsh_sock) == 824, "vsh_sock has no holes");
_Static_assert(VSH_STEPS == VSH_RULES_MAX * VSH_DIRECTIONS, "a step for each direction");
_Static_assert(VSH_CALL_HOOK(VSH_SEND) == VSH_AT_SEND, "a hook for each call");
_Static_assert(VSH_MISSES <= VSH_MISSES_ROOM, "each reason of a miss has room");
_Static_assert(VSH_JUDGED % VSH_RULES_MAX == 0, "a rule's number fits below VSH_JUDGED");
_Static_assert((VSH_HELD ^ VSH_JUDGED) == VSH_RULES_MAX, "one bit tells held from judged");

#endif
