// SPDX-License-Identifier: GPL-2.0-or-later
/* The time line as a picture: a row for each connection, time from left to right. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "connection.h"
#include "output.h"
#include "plot.h"
#include "timeline.h"

#define ROWS_MAX 40 /* connections that are drawn: the first ones */

enum mark {
	MARK_DROP,
	MARK_RTO,
	MARK_FAST,
	MARK_TLP,
	MARK_RESET,
	MARK_STATE,
	MARKS
};

static const struct {
	const char *title, *style;
} marks[MARKS] = {
	[MARK_DROP] = { "dropped by a rule", "pt 2 ps 1.2 lw 2 lc rgb '#c00000'" },
	[MARK_RTO] = { "sent again: RTO", "pt 7 ps 0.9 lc rgb '#e08000'" },
	[MARK_FAST] = { "sent again: fast", "pt 9 ps 1.0 lc rgb '#0060c0'" },
	[MARK_TLP] = { "sent again: TLP", "pt 5 ps 0.9 lc rgb '#008060'" },
	[MARK_RESET] = { "reset", "pt 3 ps 1.3 lw 2 lc rgb '#000000'" },
	[MARK_STATE] = { "change of state", "pt 6 ps 0.7 lc rgb '#707070'" },
};

static size_t rows_of(const struct timeline *timeline)
{
	return timeline->count < ROWS_MAX ? timeline->count : ROWS_MAX;
}

static enum mark mark_of(const struct snt_tcp_event *event)
{
	switch (event->kind) {
	case SNT_TCP_DROPPED:
		return MARK_DROP;
	case SNT_TCP_STATE:
		return MARK_STATE;
	case SNT_TCP_RESET_IN:
	case SNT_TCP_RESET_OUT:
		return MARK_RESET;
	case SNT_TCP_AGAIN:
		return event->cause == SNT_TCP_FAST  ? MARK_FAST
		       : event->cause == SNT_TCP_TLP ? MARK_TLP
						     : MARK_RTO;
	}
	return MARKS; /* not drawn */
}

/* gnuplot takes no empty block: what lies outside is not seen. */
static void points_print(FILE *out, const struct timeline *timeline, enum mark mark)
{
	fprintf(out, "$mark%d << END\n-1 -1\n", mark);
	for (size_t i = 0; i < rows_of(timeline); i++)
		for (size_t j = 0; j < timeline->lines[i].count; j++) {
			const struct snt_tcp_event *event = &timeline->lines[i].moments[j].event;

			if (mark_of(event) == mark)
				fprintf(out, "%.6f %zu\n",
					(int64_t)(event->time_ns - timeline->begun_ns) / 1e9, i);
		}
	fputs("END\n", out);
}

static void rows_print(FILE *out, const struct timeline *timeline)
{
	char text[ENDPOINT_LEN];

	fputs("set ytics (", out);
	for (size_t i = 0; i < rows_of(timeline); i++) {
		const struct snt_tcp_event *face = line_face(&timeline->lines[i]);

		fprintf(out, "%s\"", i ? ", " : "");
		plot_word_print(out, face->process.comm, strnlen(face->process.comm, SNT_COMM_LEN));
		fprintf(out, " %u %s\" %zu", face->process.pid,
			endpoint_text(text, face->remote, face->remote_port), i);
	}
	fputs(")\n", out);
}

void timeline_plot(FILE *out, const struct timeline *timeline)
{
	for (int mark = 0; mark < MARKS; mark++)
		points_print(out, timeline, mark);
	fprintf(out, "set terminal svg size 1000,%zu noenhanced background 'white'\n",
		160 + 40 * rows_of(timeline));
	fputs("set title \"what TCP did about what was dropped\"\n"
	      "set xlabel \"time (s)\"\n"
	      "set key outside bottom center horizontal\n"
	      "set grid\n",
	      out);
	rows_print(out, timeline);
	fprintf(out, "set xrange [0:%.6f]\nset yrange [-0.7:%.1f] reverse\nplot ",
		(timeline->ended_ns - timeline->begun_ns) / 1e9 + 0.001, rows_of(timeline) - 0.3);
	for (int mark = 0; mark < MARKS; mark++)
		fprintf(out, "%s$mark%d using 1:2 with points %s title \"%s\"", mark ? ", " : "",
			mark, marks[mark].style, marks[mark].title);
	putc('\n', out);
}

/* 0 or -errno; what gnuplot reads is our standard input from here on. */
static int script_make(const struct timeline *timeline)
{
	FILE *script = tmpfile();
	int err = 0;

	if (!script)
		return -errno;
	timeline_plot(script, timeline);
	if (fflush(script) || fseek(script, 0, SEEK_SET) || dup2(fileno(script), STDIN_FILENO) < 0)
		err = -errno;
	fclose(script);
	return err;
}

int timeline_draw(const struct timeline *timeline, const char *path)
{
	/* Without settings out of files: a home folder can be somebody else's. */
	char *const command[] = { "gnuplot", "--default-settings", NULL };
	int err = timeline->count ? script_make(timeline) : -ENODATA;

	err = err ?: output_make(path, command);
	if (!err)
		return DONE;
	if (err == -ENODATA)
		return failure("%s is not drawn: there was no TCP connection", quoted(path));
	if (err == -ECHILD)
		return failure("gnuplot has drawn nothing");
	return failure("cannot write %s: %s", quoted(path), output_error(err));
}
