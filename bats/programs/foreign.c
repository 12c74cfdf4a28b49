// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * foreign.c - a BPF program that is not ours: it counts what passes by.
 *
 *   foreign load TYPE NAME PIN [MARK]   TYPE: tc, xdp, ingress, egress, sock_create, connect4
 *   foreign count PIN
 *   foreign tcx DEV NAME
 *
 * "load" pins the program at PIN and its counter at PIN_count, for tc or
 * bpftool to attach. It counts each call (with MARK: of packets with that
 * mark) and lets everything pass: -1 (next filter, please) for tc, XDP_PASS,
 * 1 for the types of cgroup programs, but for connect4, which it refuses (EPERM). "count" prints the counter. "tcx" attaches such a
 * program to the device's egress the new way (6.6), prints "attached", and
 * stays: the program goes with it.
 */
#include "traffic.h"

#include <linux/bpf.h>
#include <net/if.h>
#include <stddef.h>
#include <sys/syscall.h>

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static void object_pin(const char *path, const char *suffix, int fd)
{
	char name[PATH_MAX];
	union bpf_attr attr = { 0 };

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	attr.pathname = (uintptr_t)name;
	attr.bpf_fd = fd;
	if (bpf(BPF_OBJ_PIN, &attr))
		die("%s", name);
}

static int counter_make(void)
{
	union bpf_attr attr = { 0 };
	int fd;

	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = 4;
	attr.value_size = 8;
	attr.max_entries = 1;
	fd = bpf(BPF_MAP_CREATE, &attr);
	if (fd < 0)
		die("map");
	return fd;
}

static int program_load(int type, int attach, const char *name, int counter, int verdict, int mark)
{
	static char log[65536];
	union bpf_attr attr = { 0 };
	/* Without a mark the comparison is of a register with itself. Only packets have one. */
	struct bpf_insn program[] = {
		mark < 0 ? INSN(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 0)
			 : INSN(BPF_LDX | BPF_MEM | BPF_W, 2, 1, offsetof(struct __sk_buff, mark),
				0),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 9, mark < 0 ? 0 : mark),
		INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
		INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, counter),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, verdict),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	int fd;

	attr.prog_type = type;
	attr.expected_attach_type = attach;
	attr.insns = (uintptr_t)program;
	attr.insn_cnt = sizeof(program) / sizeof(program[0]);
	attr.license = (uintptr_t) "GPL";
	attr.log_buf = (uintptr_t)log;
	attr.log_size = sizeof(log);
	attr.log_level = 1;
	strncpy(attr.prog_name, name, sizeof(attr.prog_name) - 1);
	fd = bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0) {
		fputs(log, stderr);
		die("load");
	}
	return fd;
}

static int foreign_load(const char *type, const char *name, const char *pin, int mark)
{
	int counter = counter_make();
	int fd;

	if (!strcmp(type, "tc"))
		fd = program_load(BPF_PROG_TYPE_SCHED_CLS, 0, name, counter, -1, mark);
	else if (!strcmp(type, "xdp"))
		fd = program_load(BPF_PROG_TYPE_XDP, 0, name, counter, XDP_PASS, -1);
	else if (!strcmp(type, "ingress"))
		fd = program_load(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS, name, counter,
				  1, mark);
	else if (!strcmp(type, "egress"))
		fd = program_load(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, name, counter,
				  1, mark);
	else if (!strcmp(type, "sock_create"))
		fd = program_load(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, name,
				  counter, 1, -1);
	else if (!strcmp(type, "connect4"))
		fd = program_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, name,
				  counter, 0, -1);
	else
		return 2;
	object_pin(pin, "", fd);
	object_pin(pin, "_count", counter);
	return 0;
}

static int foreign_count(const char *pin)
{
	char name[PATH_MAX];
	union bpf_attr attr = { 0 };
	uint32_t key = 0;
	uint64_t value;
	int fd;

	snprintf(name, sizeof(name), "%s_count", pin);
	attr.pathname = (uintptr_t)name;
	fd = bpf(BPF_OBJ_GET, &attr);
	if (fd < 0)
		die("%s", name);
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = fd;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)&value;
	if (bpf(BPF_MAP_LOOKUP_ELEM, &attr))
		die("%s", name);
	say("%lu", value);
	return 0;
}

static int foreign_tcx(const char *device, const char *name)
{
	union bpf_attr attr = { 0 };

	attr.link_create.prog_fd =
		program_load(BPF_PROG_TYPE_SCHED_CLS, 0, name, counter_make(), -1, -1);
	attr.link_create.target_ifindex = if_nametoindex(device);
	attr.link_create.attach_type = 47; /* BPF_TCX_EGRESS, not in older headers */
	if (bpf(BPF_LINK_CREATE, &attr) < 0)
		die("tcx");
	say("attached");
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	lifetime_limit();
	if (argc == 3 && !strcmp(argv[1], "count"))
		return foreign_count(argv[2]);
	if (argc == 4 && !strcmp(argv[1], "tcx"))
		return foreign_tcx(argv[2], argv[3]);
	if ((argc == 5 || argc == 6) && !strcmp(argv[1], "load"))
		return foreign_load(argv[2], argv[3], argv[4],
				    argc == 6 ? number_parse(argv[5], 0, INT_MAX) : -1);
	fprintf(stderr,
		"usage: foreign load TYPE NAME PIN [MARK] | foreign count PIN | foreign tcx DEV NAME\n");
	return 2;
}
