// SPDX-License-Identifier: GPL-2.0-or-later
/* The histogram of processing times as a picture. */
#include <string.h>
#include "ping.h"
#include "plot.h"

typedef unsigned long long number;

bool ping_plot_print(FILE *out, const struct ping_device *device, const struct pk_stats *stats,
		     bool svg)
{
	const struct pk_times *times = stats->times;
	char average[PK_VERDICTS][PING_AVERAGE_LEN];
	int first, last;

	if (!ping_slots_used(times, &first, &last))
		return false;
	fputs("$times << END\n", out);
	for (int slot = first; slot <= last; slot++)
		fprintf(out, "%llu %llu %llu\n", 1ULL << slot, (number)times[PK_PASS].slots[slot],
			(number)times[PK_DROP].slots[slot]);
	fputs("END\n", out);
	if (svg)
		fputs("set terminal svg size 800,500 noenhanced background 'white'\n", out);
	else
		fputs("set terminal png size 800,500 noenhanced\n", out);
	fputs("set title \"pingkiller dev ", out);
	plot_word_print(out, device->label.dev,
			strnlen(device->label.dev, sizeof(device->label.dev)));
	fprintf(out, " hook %s: ns on average: passed %s, dropped %s\"\n", ping_hook_name(device),
		ping_average_format(&times[PK_PASS], average[PK_PASS]),
		ping_average_format(&times[PK_DROP], average[PK_DROP]));
	fputs("set style data histograms\n"
	      "set style fill solid 0.7\n"
	      "set xlabel \"processing time from (ns)\"\n"
	      "set ylabel \"packets timed\"\n"
	      "set yrange [0:*]\n"
	      "set key top right\n"
	      "plot $times using 2:xtic(1) title \"passed\", '' using 3 title \"dropped\"\n",
	      out);
	return true;
}
