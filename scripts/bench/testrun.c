// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * testrun.c - runs a pinned XDP program or classifier again and again on one packet (BPF_PROG_TEST_RUN).
 *
 *   testrun PIN COUNT echo|echo6|other|udp
 *
 * The packet: an echo request of IPv4 or IPv6, an ICMP message of another type, a UDP datagram; all with 56
 * bytes of payload. Prints "VERDICT NANOSECONDS": the time of COUNT runs, less that of one, since the kernel
 * takes some milliseconds to get ready for XDP.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAYLOAD 64 /* with the header of ICMP or UDP */

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static void fail(const char *what)
{
	fprintf(stderr, "testrun: %s: %s\n", what, strerror(errno));
	exit(1);
}

static size_t ipv4_fill(uint8_t *frame, uint8_t protocol, uint8_t type)
{
	uint8_t *ip = frame + 14;

	frame[12] = 0x08;
	ip[0] = 0x45;
	ip[3] = 20 + PAYLOAD;
	ip[8] = 64;
	ip[9] = protocol;
	inet_pton(AF_INET, "10.0.0.1", ip + 12);
	inet_pton(AF_INET, "192.0.2.2", ip + 16);
	ip[20] = type;
	return 14 + 20 + PAYLOAD;
}

static size_t ipv6_fill(uint8_t *frame)
{
	uint8_t *ip = frame + 14;

	frame[12] = 0x86;
	frame[13] = 0xdd;
	ip[0] = 0x60;
	ip[5] = PAYLOAD;
	ip[6] = 58;
	ip[7] = 64;
	inet_pton(AF_INET6, "2001:db8::1", ip + 8);
	inet_pton(AF_INET6, "2001:db8::2", ip + 24);
	ip[40] = 128;
	return 14 + 40 + PAYLOAD;
}

static size_t frame_fill(uint8_t *frame, const char *kind)
{
	if (!strcmp(kind, "echo6"))
		return ipv6_fill(frame);
	if (!strcmp(kind, "other"))
		return ipv4_fill(frame, 1, 3);
	if (!strcmp(kind, "udp"))
		return ipv4_fill(frame, 17, 0);
	return ipv4_fill(frame, 1, 8);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static int64_t runs_time(union bpf_attr *attr, unsigned int count)
{
	uint64_t begin = now_ns();

	attr->test.repeat = count;
	if (bpf(BPF_PROG_TEST_RUN, attr))
		fail("run");
	return now_ns() - begin;
}

int main(int argc, char **argv)
{
	static uint8_t frame[256], out[512];
	union bpf_attr attr = {};
	int64_t once, all;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: testrun PIN COUNT echo|echo6|other|udp\n");
		return 2;
	}
	attr.pathname = (uintptr_t)argv[1];
	fd = bpf(BPF_OBJ_GET, &attr);
	if (fd < 0)
		fail(argv[1]);
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = fd;
	attr.test.data_in = (uintptr_t)frame;
	attr.test.data_size_in = frame_fill(frame, argv[3]);
	attr.test.data_out = (uintptr_t)out;
	attr.test.data_size_out = sizeof(out);
	once = runs_time(&attr, 1);
	attr.test.data_size_out = sizeof(out);
	all = runs_time(&attr, strtoul(argv[2], NULL, 10));
	printf("%d %lld\n", (int)attr.test.retval, (long long)(all - once));
	return 0;
}
