/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vsh trace, from inside: a probe sends packets, the hooks tell of them, the path makes hops and
 * endings of that, a format prints these.
 */
#ifndef VSH_TRACE_H
#define VSH_TRACE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "drops.h"
#include "grammar.h"
#include "probe.h"
#include "tracepkt.h"
#include "vershitify.h"
#include "vsh.h"

/* Of the options, and of what --listen takes. */
extern const struct grammar trace_grammar, filter_grammar;

/* --- tracewords.c: what is asked for --------------------------------------------------------- */

struct trace_request {
	const char *cgroup_root; /* where cgroup v2 is mounted, or NULL */
	struct probe_options probe;
	uint64_t interval_ns; /* between them */
	uint64_t wait_ns; /* for an answer */
	const struct format *format; /* of standard output; NULL: none was named */
	const char *capture; /* the file to write packets to, or NULL */
	const char *drawing; /* the file to draw to, or NULL */
	bool listen; /* to what others send, and send nothing */
	struct tpk_filter filter; /* which packets */
	struct vsh_label who; /* whose; VSH_NOBODY: anybody's */
	bool children; /* and of their descendants */
	uint64_t lasts_ns; /* how long; 0: no end */
};

#define TRACE_COUNT_MAX 65535 /* sequence numbers that a probe can have, without 0 */

/* DONE, or a message and FAILED or MISUSED. */
int trace_parse(int argc, char **argv, struct trace_request *request);

/* --- trace.c: vsh trace ----------------------------------------------------------------------- */

command_run trace_command;

/* DONE, or a message and FAILED if there were too many packets at once. */
int untracked_tell(const struct tpk_counts *counts);

/* --- packet.c: what the headers say ---------------------------------------------------------- */

#define PACKET_END_LEN (INET6_ADDRSTRLEN + sizeof("[]:65535"))

struct packet {
	int family; /* 0: no IP */
	uint8_t protocol;
	uint8_t icmp_type;
	uint8_t tcp_flags;
	bool is_request, is_reply;
	uint32_t sequence; /* of a probe; of a packet that is listened to: its number */
	uint16_t ports[2]; /* from, to; 0: there are none */
	char source[PACKET_END_LEN],
		destination[PACKET_END_LEN]; /* with the port, if there is one */
	bool is_fragment;
	uint32_t fragment_begin,
		fragment_end; /* bytes of the whole that it has: the last one and 1 */
	const char *tunnel; /* that it is in, and has these addresses; or NULL */
	const uint8_t *transport; /* header, as long as the event is there; NULL: it has none */
	size_t transport_bytes; /* from there on */
};

void packet_read(struct packet *packet, const uint8_t *data, size_t length);

/* --- tunnel.c ---------------------------------------------------------------------------------- */

/* From the header of a tunnel to that of the IP packet in it. The name of the tunnel; NULL: none that is
 * known, and nothing has moved.
 */
const char *tunnel_enter(const uint8_t **data, size_t *length);
/* As in "request", "SYN,ACK", "udp"; valid until the next call. */
const char *packet_type(const struct packet *packet);

/* --- hooks.c: the programs ------------------------------------------------------------------- */

struct hooks;

/* Loads and attaches; they go with the process. tags: the map of targets' sockets, or -1. take: for each
 * event; what is negative ends hooks_consume. NULL after a message.
 */
struct hooks *hooks_open(const char *directory, const struct tpk_filter *filter, int tags,
			 int (*take)(void *context, void *event, size_t size), void *context);
void hooks_detach(struct hooks *hooks); /* what they have told so far can still be read */
void hooks_close(struct hooks *hooks);
int hooks_fd(const struct hooks *hooks); /* readable when there are events */
int hooks_consume(struct hooks *hooks); /* all events: 0, or what take has returned */
void hooks_counts(const struct hooks *hooks, struct tpk_counts *counts);
/* Where room gets scarce, what no hook has seen for so long makes room. To be called often. */
void hooks_make_room(struct hooks *hooks, uint64_t age_ns);

/* --- tracks.c: what the programs follow ------------------------------------------------------- */

struct tracks_swept {
	uint64_t count;
	uint64_t alive; /* of these: they were seen while they were looked at */
};

/* Takes away what begins with a struct tpk_seen, in a map of such, that was seen last before so long. */
void tracks_sweep(int fd, size_t value_size, uint64_t now_ns, uint64_t age_ns,
		  struct tracks_swept *swept);

/* --- reason.c: the kernel's own names -------------------------------------------------------- */

/* As in "NO_SOCKET"; a number that this kernel has no name for is printed as it is. */
const char *drop_reason_name(uint32_t reason);

/* The function at an address of the kernel's, or NULL. */
const char *function_name(uint64_t address);

/* --- rules.c: vershitify's ------------------------------------------------------------------- */

/* The loss of a rule, as in "25", if it is there still. */
bool rule_loss(uint32_t number, char *text, size_t size);

/* What is pinned is what this version reads: DONE, or a message and FAILED. */
int rules_check(void);

/* --- spot.c: names ---------------------------------------------------------------------------- */

struct spot {
	uint64_t netns_cookie;
	uint32_t netns_inode;
	uint32_t ifindex;
	bool out; /* it left through the device, or came in */
	char dev[TPK_NAME_LEN];
};

/* For people: the name of its device, or "-"; that of its namespace, else the inode number. Control
 * characters are "?". Good until four more have been asked for.
 */
const char *device_shown(const struct spot *place);
const char *netns_shown(const struct spot *place);

/* Of a device, or "?". */
void device_name(uint64_t netns_cookie, uint32_t ifindex, char name[TPK_NAME_LEN]);

/* --- killers.c: pingkiller's ------------------------------------------------------------------ */

struct killer {
	char words[256]; /* what it was told to drop, after its device; empty: it has dropped nothing */
	struct spot place;
	uint64_t time_ns;
};

/* As rules_check(). */
int killers_check(void);

/* Devices that are served keep drops of echoes with this id in mind, for PK_TRACERS at the same time: until
 * that time of CLOCK_MONOTONIC, in nanoseconds, and some seconds more; 0: no longer. Again and again while they do.
 */
void killers_watch(uint16_t id, uint64_t until_ns);

/* Was this echo of the probe's, or the answer to it, dropped there? */
bool killer_find(const struct probe *probe, uint16_t sequence, bool is_reply,
		 struct killer *killer);

/* --- path.c: hops and endings ---------------------------------------------------------------- */

/* A buffer, which is a packet or a clone of one. */
struct branch {
	struct branch *next;
	uint64_t number, packet_number;
	struct trace *trace;
	struct spot place; /* of its last hop */
	struct packet packet; /* as it was there */
	struct tpk_event *drop; /* that is not told of yet, or NULL */
	bool is_queued; /* for a device, and not handed to its driver yet */
};

/* A packet arrives at a device, or ends. */
struct hop {
	const struct trace *trace;
	const struct tpk_event *event; /* with all of the packet that was asked for */
	const struct packet *packet;
	const struct packet *before; /* as it was one hop earlier, under other addresses; or NULL */
	const struct killer *killer; /* that has dropped it, or NULL */
	struct spot place; /* of an ending: of the last hop, ifindex 0 if there was none */
	uint64_t since_first_ns, since_last_ns;
};

/* How a packet has ended. */
struct ending {
	bool is_drop;
	uint32_t rule; /* of vershitify's, that has dropped it; 0: none has */
	struct killer killer; /* that has dropped it */
	uint32_t reason;
	uint64_t location;
	uint64_t time_ns;
	struct spot place;
};

#define PLACES_MAX 256

/* One probe and its answer, or a packet that is listened to. */
struct trace {
	struct trace *next;
	uint32_t sequence;
	uint64_t sent_ns;
	uint64_t first_ns, last_ns; /* of its events */
	uint64_t seen_ns; /* by any hook, also one that makes no row */
	struct spot last; /* hop */
	bool is_reply; /* the last hop was of the answer */
	enum answer answer; /* ANSWER_NONE: it has not come */
	bool is_listened; /* to: nobody waits for an answer */
	bool is_read; /* by a program */
	bool is_taken; /* by a connection of TCP */
	bool is_whole; /* no event was lost so far */
	uint64_t answerer; /* netns cookie of the answer's first hop, or 0 */
	struct ending ending; /* of what ended last; time_ns 0: nothing has */
	const char *error; /* that somebody has sent; NULL: none */
	char error_from[INET6_ADDRSTRLEN];
	size_t hops;
	size_t devices, namespaces; /* of those that count[] has room for */
	struct spot seen[PLACES_MAX];
};

/* hop and drop make a row each. The others may be NULL. */
struct format {
	void (*begin)(void);
	void (*hop)(const struct hop *hop);
	void (*drop)(const struct hop *hop);
	void (*result)(const struct trace *trace, int send_error);
	int (*end)(void); /* DONE, or a message and FAILED */
};

extern const struct format format_text, format_tree, format_json, format_dot, format_svg,
	format_capture;

/* traceout.c: all that were added. */
extern const struct format format_all;
void format_add(const struct format *format);

/* trace.c: adds those that are asked for. DONE, or a message and FAILED. format_all.end() ends them, also
 * then.
 */
int outputs_begin(const struct trace_request *request);

/* tracepcap.c: of format_capture, before anything is traced. DONE, or a message and FAILED. */
int capture_begin(const char *path);

/* tracetext.c: words on a line that is column bytes long, and on further ones: of less than 100 columns. */
void words_wrap(int column, const char *words);

/* tracetext.c: colours on standard output, if they are wanted. */
enum tint {
	TINT_REQUEST,
	TINT_REPLY,
	TINT_DROP,
	TINTS,
};

extern bool tints_are_on;
void tint_begin(enum tint tint);
void tint_end(void);

/* tracejson.c: the tracepoint. */
const char *hook_name(uint32_t hook);

/* tracedot.c: the same of format_svg. */
int drawing_begin(const char *path);

/* tracetext.c: why a packet was dropped, and how an echo went, in words. verdict_text: to be freed, or NULL. */
void verdict_print(FILE *out, const struct hop *hop);
char *verdict_text(const struct hop *hop);
void result_print(FILE *out, const struct trace *trace, int send_error);

/* How a packet that was listened to has ended. */
enum fate {
	FATE_DROPPED,
	FATE_READ,
	FATE_TAKEN,
	FATE_CONSUMED,
	FATE_UNSEEN
};
enum fate trace_fate(const struct trace *trace);

struct path {
	const struct probe *probe; /* NULL: nothing is sent */
	bool is_listening; /* each packet has a trace of its own */
	uint64_t whole; /* results of packets of which all was seen */
	uint64_t lost_ns; /* by when the last event was lost; 0: none was */
	bool tells_of_drivers; /* what is handed to them is told of, as it has turned out */
	struct trace *traces;
	struct branch *branches;
};

/* For hooks_open. */
int path_event(void *path, void *event, size_t size);
struct trace *path_trace(struct path *path, uint32_t sequence);
/* Prints how it ended, and forgets it. */
void path_result(struct path *path, struct trace *trace, int send_error);
/* While listening: the same of packets that nobody has seen for long. */
void path_settle(struct path *path, uint64_t now_ns);

/* --- overhear.c: what others send -------------------------------------------------------------- */

/* An exit status. */
int overhear(const struct trace_request *request, const char *directory);

#endif
