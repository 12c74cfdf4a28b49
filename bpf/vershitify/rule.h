/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A rule in words: from the command line, and back. */
#ifndef VSH_RULE_H
#define VSH_RULE_H

#include "grammar.h"
#include "json.h"
#include "state.h"

/* How the sender learns of an egress drop. */
enum visible {
	VISIBLE_WIRE, /* not at all, as on the wire */
	VISIBLE_LOCAL, /* ENOBUFS, as from a full queue */
	VISIBLE_DENIED, /* EPERM, as from a firewall on this machine */
};

/* What the words of `add`, `change` and `run` ask for. */
struct request {
	const char *cgroup_root; /* where cgroup v2 is mounted, or NULL */
	struct vsh_rule rule;
	struct vsh_label label;
	bool egress, ingress;
	bool per_rule; /* see vsh_model */
	uint32_t offset; /* see vsh_every */
	bool held; /* netem's words were said: they are all new */
	uint32_t sides; /* directions that they are for at present, as bits by enum vsh_direction */
	uint32_t preset_sides; /* those that a preset has different words for */
	enum visible visible;
	uint64_t given; /* enum word that were said */
	bool force;
	bool fail_unmatched; /* of a run */
	bool timeline; /* likewise */
	bool svg; /* likewise: to a file */
};

enum word {
	WORD_DEV = 1 << 0,
	WORD_WHO = 1 << 1,
	WORD_CHILDREN = 1 << 2,
	WORD_DIRECTION = 1 << 3,
	WORD_DROP = 1 << 4,
	WORD_SEED = 1 << 5,
	WORD_FOR = 1 << 6,
	WORD_VISIBLE = 1 << 7,
	WORD_FORCE = 1 << 8,
	WORD_FAIL_UNMATCHED = 1 << 9,
	WORD_PROTO = 1 << 10,
	WORD_SRC = 1 << 11,
	WORD_DST = 1 << 12,
	WORD_SPORT = 1 << 13,
	WORD_DPORT = 1 << 14,
	WORD_TCP_FLAGS = 1 << 15,
	WORD_SIZE = 1 << 16,
	WORD_DSCP = 1 << 17,
	WORD_PER = 1 << 18,
	WORD_OFFSET = 1 << 19,
	WORD_CONNECT = 1 << 20,
	WORD_BIND = 1 << 21,
	WORD_SEND = 1 << 22,
	WORD_AFTER = 1 << 23,
	WORD_REPEAT = 1 << 24,
	WORD_TIMELINE = 1 << 25,
	WORD_SVG = 1 << 26,
};

/* A request that asks for what the rule is now. */
void request_from_rule(struct request *request, const struct vsh_rule *rule,
		       const struct vsh_label *label);

/* Of a new rule, of that of a run, of one in the original's line, of a change. */
extern const struct grammar rule_grammar, run_grammar, original_grammar, change_grammar;

/* Of what follows the file in `play`. */
extern const struct grammar play_grammar;

/* Adds what the words say. DONE, or a message and FAILED or MISUSED. */
int request_parse(const struct grammar *grammar, int argc, char **argv, struct request *request);

/* A rule stays in its namespace: DONE, or a message and FAILED if that is not the caller's. */
int netns_check(const struct vsh_rule *rule);

/* Is it about packets, which devices send and receive, or about calls alone? */
bool request_is_for_packets(const struct request *request);

/* After parsing: what follows from the words taken together. */
int request_finish(struct request *request);

/* In the words that make the rule again. Before each word with its value stands a character, a space or,
 * for a paragraph (paragraph_print), a newline.
 */
void rule_words_print(FILE *out, char before, const struct vsh_rule *rule,
		      const struct vsh_label *label);

/* The same in one line, after "rule N". */
void rule_print(FILE *out, uint32_t id, const struct vsh_rule *rule, const struct vsh_label *label);

/* The members of the rule's object; the caller opens and closes it. */
void rule_print_json(struct json *json, uint32_t id, const struct vsh_rule *rule,
		     const struct vsh_label *label);

#endif
