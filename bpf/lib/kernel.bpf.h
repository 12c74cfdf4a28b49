/* SPDX-License-Identifier: GPL-2.0-only */
/* The few kernel types that the programs look into, cut by hand. Offsets are
 * relocated at load time (CO-RE), so only names and kinds have to be right.
 * From include/linux/{skbuff,netdevice,sched,fs,binfmts,cgroup-defs}.h,
 * include/net/{sock,inet_sock,net_namespace,tcp}.h.
 */
#ifndef VERSHITIFY_KERNEL_BPF_H
#define VERSHITIFY_KERNEL_BPF_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/types.h>

/* Most code that a packet runs through is not in the processor's nearest cache any
 * more when the next one comes. What counts are bytes and jumps: rare code lies apart.
 */
#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* Once, and in the order written. */
#define READ_ONCE(variable) (*(volatile typeof(variable) *)&(variable))
#define WRITE_ONCE(variable, value) (*(volatile typeof(variable) *)&(variable) = (value))

#define AF_INET 2
#define AF_INET6 10
#define AF_PACKET 17
#define SOCK_STREAM 1
#define SOCK_RAW 3
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_MPTCP 262

/* enum in include/net/tcp_states.h; uapi has it as BPF_TCP_*. */
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3
#define TCP_FIN_WAIT1 4
#define TCP_FIN_WAIT2 5
#define TCP_TIME_WAIT 6
#define TCP_CLOSE 7
#define TCP_CLOSE_WAIT 8
#define TCP_LISTEN 10
#define TCP_NEW_SYN_RECV 12

typedef int pid_t;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	__s64 counter;
} atomic64_t;

struct ns_common {
	unsigned int inum;
};

struct net {
	__u64 net_cookie;
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	union {
		__u32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	unsigned char skc_reuseport : 1;
	unsigned char skc_net_refcnt : 1;
	possible_net_t skc_net;
	unsigned long skc_flags; /* of a request socket: its listener, skc_listener */
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
};

struct bpf_local_storage;
struct bpf_map;
struct socket;

struct sock {
	struct sock_common __sk_common;
	struct socket *sk_socket;
	__u16 sk_type;
	__u16 sk_protocol;
	int sk_err;
	struct bpf_local_storage *sk_bpf_storage;
};

struct inet_sock {
	__u16 inet_sport;
};

struct inet_connection_sock {
	void *icsk_ulp_data;
	__u8 icsk_ca_state : 5;
	__u8 icsk_pending;
};

struct tcp_sock {
	bool is_mptcp;
	__u64 bytes_sent; /* payload, also of retransmissions */
	__u64 bytes_retrans;
	__u64 bytes_received; /* payload, and one for a FIN */
	__u32 total_retrans; /* segments */
	__u32 snd_una; /* the first that is not acknowledged */
	__u32 snd_nxt; /* the next that is sent for the first time */
	__u32 rcv_nxt; /* the next that is wanted */
	__u32 srtt_us; /* times 8 */
};

struct tcp_skb_cb {
	__u32 seq;
	__u32 end_seq; /* of what follows */
	__u32 ack_seq;
};

struct mptcp_subflow_context {
	__u32 mp_join : 1;
};

struct mptcp_sock;

struct net_device {
	char name[16];
	int ifindex;
	possible_net_t nd_net;
};

struct skb_shared_info {
	unsigned short gso_segs;
	atomic_t dataref;
};

struct sk_buff {
	struct sock *sk;
	struct net_device *dev;
	unsigned int len;
	int skb_iif; /* the device that it came in by, on top of all; 0: none in this namespace */
	__u8 cloned : 1; /* its data may be another buffer's as well */
	__u8 ip_summed : 2; /* who completes the checksum of the transport header */
	__u8 tc_skip_classify : 1; /* of an ifb: the next action of a filter is skipped */
	char cb[48]; /* of the layer that has it */
	unsigned long _nfct; /* struct nf_conn, and in the lowest bits enum ip_conntrack_info */
	unsigned char *head;
	unsigned char *data;
	unsigned int tail; /* counted from head, as on all machines of 64 bits */
	unsigned int end; /* likewise */
	__be16 protocol;
	__u16 network_header; /* counted from head */
	__u16 transport_header; /* likewise */
	__u16 vlan_tci;
	__u32 vlan_all; /* protocol and content of a VLAN tag, or 0 */
};

struct sk_buff___6_1 { /* until then */
	__u8 vlan_present : 1;
};

union nf_inet_addr {
	__u32 all[4];
};

union nf_conntrack_man_proto {
	__be16 all;
};

struct nf_conntrack_man {
	union nf_inet_addr u3;
	union nf_conntrack_man_proto u;
	__u16 l3num;
};

struct nf_conntrack_tuple {
	struct nf_conntrack_man src;
	struct {
		union nf_inet_addr u3;
		union {
			__be16 all;
		} u;
	} dst;
};

struct nf_conntrack_tuple_hash {
	struct nf_conntrack_tuple tuple;
};

struct nf_conn {
	struct nf_conntrack_tuple_hash tuplehash[2]; /* of what begins it, and of the answers */
};

struct kernfs_node {
	__u64 id;
};

struct cgroup_subsys_state {
	struct cgroup_subsys_state *parent;
};

struct cgroup_root {
	int hierarchy_id; /* 0: version 2 */
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
};

struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
};

struct inode {
	unsigned short i_mode;
	unsigned long i_ino;
	__u32 i_generation;
	struct super_block *i_sb;
	struct timespec64 i_ctime; /* until 6.5 */
};

struct inode___6_6 {
	struct timespec64 __i_ctime;
};

struct inode___6_11 {
	__s64 i_ctime_sec;
	__u32 i_ctime_nsec;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct inode *f_inode;
	struct path f_path;
	void *private_data;
};

/* The files of a ring of io_uring, since 6.13. */
struct io_rsrc_node {
	unsigned long file_ptr; /* and marks in the lowest bits */
};

struct io_rsrc_data {
	unsigned int nr;
	struct io_rsrc_node **nodes;
};

struct io_file_table {
	struct io_rsrc_data data;
};

struct io_ring_ctx {
	struct io_file_table file_table;
};

/* The same, until 6.12. */
struct io_fixed_file {
	unsigned long file_ptr;
};

struct io_file_table___6_12 {
	struct io_fixed_file *files;
};

struct io_ring_ctx___6_12 {
	struct io_file_table___6_12 file_table;
	unsigned int nr_user_files;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

typedef struct {
	__u32 val;
} kuid_t;

struct cred {
	kuid_t uid;
};

struct mm_struct {
	struct file *exe_file;
};

struct signal_struct {
	atomic_t live;
};

struct task_struct {
	pid_t pid;
	pid_t tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	char comm[16];
	struct mm_struct *mm;
	struct signal_struct *signal;
	struct css_set *cgroups;
	const struct cred *cred;
	struct files_struct *files;
	unsigned int flags;
};

/* What tells the number and the first argument of a system call at its exit, on x86 and on arm64. */
struct pt_regs___of_x86 {
	unsigned long orig_ax;
	unsigned long di;
};

struct pt_regs___of_arm64 {
	__u64 orig_x0;
	__s32 syscallno;
};

struct linux_binprm {
	struct file *file;
	const char *filename; /* what exec was asked for */
	const char *interp; /* the same, or the interpreter of a script */
};

typedef enum {
	SS_FREE = 0,
	SS_UNCONNECTED = 1,
} socket_state;

struct socket {
	socket_state state;
	struct file *file;
	struct sock *sk;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct sock *sk;
	void *value;
};

#pragma clang attribute pop

#endif
