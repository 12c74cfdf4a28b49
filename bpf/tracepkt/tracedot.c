// SPDX-License-Identifier: GPL-2.0-or-later
/* The path as a graph, in the language of Graphviz: a cluster for each namespace, in it a node for each
 * device and each drop, and an edge from one to the next, with the time that it took.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "output.h"
#include "signals.h"
#include "trace.h"
#include "vsh.h"

struct node {
	struct node *next;
	unsigned int number, cluster;
	struct spot place;
	char *verdict; /* of a drop, else NULL */
};

struct edge {
	struct edge *next;
	const struct node *from, *to;
	bool is_reply;
	uint64_t times; /* that a packet has come by here, ... */
	uint64_t least_ns, most_ns; /* ... and how long it took */
};

/* Where a buffer was last. */
struct trail {
	struct trail *next;
	const struct trace *trace;
	uint64_t packet, branch;
	bool is_reply;
	const struct node *node;
	uint64_t time_ns;
};

static struct node *nodes, **nodes_end = &nodes;
static struct edge *edges, **edges_end = &edges;
static struct trail *trails; /* the newest first */
static unsigned int clusters, nodes_count;
static char *sentence; /* about the echo that has ended last, or all packets that were listened to */
static uint64_t packets; /* that were listened to */
static const char *drawing_path;

/* --- what there is --------------------------------------------------------------------------- */

static unsigned int cluster_of(const struct spot *place)
{
	for (const struct node *node = nodes; node; node = node->next)
		if (node->place.netns_cookie == place->netns_cookie)
			return node->cluster;
	return clusters++;
}

static bool is_node(const struct node *node, const struct spot *place, const char *verdict)
{
	return node->place.netns_cookie == place->netns_cookie &&
	       node->place.ifindex == place->ifindex && !node->verdict == !verdict &&
	       (!verdict || !strcmp(verdict, node->verdict));
}

/* Takes the verdict. */
static const struct node *node_of(const struct spot *place, char *verdict)
{
	struct node *node = nodes;

	while (node && !is_node(node, place, verdict))
		node = node->next;
	if (node || !(node = calloc(1, sizeof(*node)))) {
		free(verdict);
		return node;
	}
	node->number = nodes_count++;
	node->cluster = cluster_of(place);
	node->place = *place;
	node->verdict = verdict;
	*nodes_end = node;
	nodes_end = &node->next;
	return node;
}

static struct edge *edge_of(const struct node *from, const struct node *to, bool is_reply)
{
	struct edge *edge = edges;

	while (edge && (edge->from != from || edge->to != to || edge->is_reply != is_reply))
		edge = edge->next;
	if (edge)
		return edge;
	edge = calloc(1, sizeof(*edge));
	if (!edge)
		return NULL;
	*edge = (struct edge){
		.from = from, .to = to, .is_reply = is_reply, .least_ns = UINT64_MAX
	};
	*edges_end = edge;
	edges_end = &edge->next;
	return edge;
}

static void edge_take(const struct trail *before, const struct node *to, const struct hop *hop)
{
	uint64_t time_ns = hop->event->time_ns;
	uint64_t took_ns = time_ns > before->time_ns ? time_ns - before->time_ns : 0;
	struct edge *edge = edge_of(before->node, to, before->is_reply);

	if (!edge)
		return;
	edge->times++;
	if (edge->least_ns > took_ns)
		edge->least_ns = took_ns;
	if (edge->most_ns < took_ns)
		edge->most_ns = took_ns;
}

/* A buffer goes on from where it was, a clone from where the oldest of its packet is, a copy from
 * where anything of that echo was in that direction.
 */
static struct trail *trail_before(const struct hop *hop)
{
	struct trail *packet = NULL, *copied = NULL;

	for (struct trail *trail = trails; trail; trail = trail->next) {
		if (trail->trace != hop->trace || trail->is_reply != hop->packet->is_reply)
			continue;
		if (trail->branch == hop->event->branch)
			return trail;
		if (hop->packet->fragment_begin) /* it comes from where the first one has come from */
			continue;
		if (trail->packet == hop->event->packet)
			packet = trail;
		if (!copied)
			copied = trail;
	}
	return packet ?: copied;
}

static void trail_go(struct trail *before, const struct node *node, const struct hop *hop)
{
	struct trail *trail = before;

	if (!before || before->branch != hop->event->branch) {
		trail = calloc(1, sizeof(*trail));
		if (!trail)
			return;
		trail->next = trails;
		trails = trail;
	}
	trail->trace = hop->trace;
	trail->packet = hop->event->packet;
	trail->branch = hop->event->branch;
	trail->is_reply = hop->packet->is_reply;
	trail->node = node;
	trail->time_ns = hop->event->time_ns;
}

static void row_take(const struct hop *hop, char *verdict)
{
	const struct node *node = node_of(&hop->place, verdict);
	struct trail *before = trail_before(hop);

	if (!node)
		return;
	if (before)
		edge_take(before, node, hop);
	if (!node->verdict)
		trail_go(before, node, hop);
}

static void hop(const struct hop *hop)
{
	row_take(hop, NULL);
}

static void drop(const struct hop *hop)
{
	char *verdict = verdict_text(hop);

	if (verdict)
		row_take(hop, verdict);
}

static void result(const struct trace *trace, int send_error)
{
	struct trail **place = &trails;
	size_t length;
	FILE *text;

	while (*place) {
		struct trail *trail = *place;

		if (trail->trace != trace) {
			place = &trail->next;
			continue;
		}
		*place = trail->next;
		free(trail);
	}
	free(sentence);
	sentence = NULL;
	if (trace->is_listened) {
		packets++;
		if (asprintf(&sentence, "%llu packet%s", (unsigned long long)packets,
			     packets == 1 ? "" : "s") < 0)
			sentence = NULL;
		return;
	}
	text = open_memstream(&sentence, &length);
	if (!text)
		return;
	result_print(text, trace, send_error);
	fclose(text);
}

/* --- the graph ------------------------------------------------------------------------------- */

/* In a string of Graphviz's, which obeys quotes and backslashes. */
static void text_print(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void node_print(FILE *out, const struct node *node)
{
	fprintf(out, "\t\tn%u [label=\"", node->number);
	text_print(out, node->verdict ?: device_shown(&node->place));
	fprintf(out, "\"%s];\n", node->verdict ? ", shape=octagon, color=red" : "");
}

static void nodes_print(FILE *out, unsigned int cluster)
{
	bool is_begun = false;

	for (const struct node *node = nodes; node; node = node->next) {
		if (node->cluster != cluster)
			continue;
		if (!is_begun) {
			fprintf(out, "\tsubgraph %s%u {\n\t\tlabel=\"",
				node->place.netns_inode ? "cluster_" : "outside_", cluster);
			text_print(out, netns_shown(&node->place));
			fprintf(out, " [%u]\";\n", node->place.netns_inode);
			is_begun = true;
		}
		node_print(out, node);
	}
	fprintf(out, "\t}\n");
}

static void edge_print(FILE *out, const struct edge *edge)
{
	fprintf(out, "\tn%u -> n%u [label=\"", edge->from->number, edge->to->number);
	if (!packets)
		fprintf(out, "%s ", edge->is_reply ? "reply" : "request");
	if (edge->times > 1)
		fprintf(out, "%llu x %.3f to ", (unsigned long long)edge->times,
			edge->least_ns / 1e6);
	fprintf(out, "%.3f ms\", color=%s];\n", edge->most_ns / 1e6,
		edge->to->verdict ? "red"
		: edge->is_reply  ? "darkgreen"
				  : "blue");
}

static void graph_print(FILE *out)
{
	fprintf(out, "digraph tracepkt {\n\trankdir=LR;\n\tnode [shape=box];\n\tlabel=\"");
	text_print(out, sentence ?: "");
	fprintf(out, "\";\n");
	for (unsigned int cluster = 0; cluster < clusters; cluster++)
		nodes_print(out, cluster);
	for (const struct edge *edge = edges; edge; edge = edge->next)
		edge_print(out, edge);
	fprintf(out, "}\n");
}

static int graph_end(void)
{
	graph_print(stdout);
	return DONE;
}

const struct format format_dot = { .hop = hop, .drop = drop, .result = result, .end = graph_end };

/* --- the drawing ----------------------------------------------------------------------------- */

static bool is_executable(const char *name)
{
	char *folders = strdup(getenv("PATH") ?: ""), *rest = folders, *folder;
	char path[4096];
	bool found = false;

	while (folders && !found && (folder = strsep(&rest, ":"))) {
		snprintf(path, sizeof(path), "%s/%s", folder, name);
		found = !access(path, X_OK);
	}
	free(folders);
	return found;
}

int drawing_begin(const char *path)
{
	if (!is_executable("dot"))
		return failure("--svg needs dot (package graphviz)");
	drawing_path = path;
	return DONE;
}

/* The graph becomes the standard input of those that are started from here on. */
static int graph_feed(void)
{
	int fd = memfd_create("graph", MFD_CLOEXEC), err = 0;
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

	if (!out)
		return -errno;
	graph_print(out);
	if (fflush(out) || lseek(fd, 0, SEEK_SET) < 0 || dup2(fd, STDIN_FILENO) < 0)
		err = -errno;
	fclose(out);
	return err;
}

static int drawing_end(void)
{
	char *const command[] = { "dot", "-Tsvg", NULL };
	int err;

	if (!drawing_path) /* it could not be begun */
		return DONE;
	err = graph_feed();
	ends_forget(); /* of the tracing, or nothing would be drawn */
	if (!err)
		err = output_make(drawing_path, command);
	if (!err)
		return DONE;
	if (err == -ECHILD)
		return failure("dot has drawn nothing");
	return failure("cannot write %s: %s", quoted(drawing_path), output_error(err));
}

const struct format format_svg = { .hop = hop, .drop = drop, .result = result, .end = drawing_end };
