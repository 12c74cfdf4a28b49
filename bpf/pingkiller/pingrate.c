// SPDX-License-Identifier: GPL-2.0-or-later
/* What has come to a device since the look before. */
#include <stdlib.h>
#include "fit.h"
#include "ping.h"

#define COLUMN 12 /* digits of a rate */

/* A device at its last look. begun_ns tells it from one that was served before it. */
struct look {
	uint64_t netns_cookie, begun_ns, at_ns;
	uint32_t ifindex;
	struct pk_count total[PK_VERDICTS];
};

static struct look *looks;
static size_t count;

static struct look *look_find(const struct ping_device *device)
{
	for (size_t i = 0; i < count; i++)
		if (looks[i].netns_cookie == device->label.netns_cookie &&
		    looks[i].ifindex == device->label.ifindex &&
		    looks[i].begun_ns == device->begun_ns)
			return &looks[i];
	return NULL;
}

/* NULL: no memory; then there is no rate. */
static struct look *look_add(void)
{
	struct look *more = reallocarray(looks, count + 1, sizeof(*looks));

	if (!more)
		return NULL;
	looks = more;
	return &looks[count++];
}

static void rate_set(struct ping_rate *rate, const struct look *before, const struct look *now)
{
	double seconds = (now->at_ns - before->at_ns) / 1e9;
	uint64_t packets = 0, bytes = 0;

	for (int verdict = 0; verdict < PK_VERDICTS; verdict++) {
		packets += now->total[verdict].packets - before->total[verdict].packets;
		bytes += now->total[verdict].bytes - before->total[verdict].bytes;
	}
	rate->packets = packets / seconds;
	rate->bytes = bytes / seconds;
	rate->loss =
		packets ? 100.0 * (now->total[PK_DROP].packets - before->total[PK_DROP].packets) /
				  packets
			: -1;
}

bool ping_rate_look(const struct ping_device *device, const struct pk_stats *stats,
		    struct ping_rate *rate)
{
	struct look now = {
		.netns_cookie = device->label.netns_cookie,
		.begun_ns = device->begun_ns,
		.at_ns = boot_now_ns(),
		.ifindex = device->label.ifindex,
	};
	struct look *look = look_find(device);
	bool is_known = look && now.at_ns > look->at_ns;

	ping_totals_sum(stats, now.total);
	if (is_known)
		rate_set(rate, look, &now);
	look = look ?: look_add();
	if (look)
		*look = now;
	return is_known;
}

static const char *rate_fit(double rate, char text[FIT_LEN])
{
	if (rate >= 1e9)
		return number_fit(rate, COLUMN, text);
	snprintf(text, FIT_LEN, "%.1f", rate);
	return text;
}

void ping_rate_print(FILE *out, const struct ping_rate *rate)
{
	char packets[FIT_LEN], bytes[FIT_LEN];

	fprintf(out, "  now %s packets/s %s bytes/s", rate_fit(rate->packets, packets),
		rate_fit(rate->bytes, bytes));
	if (rate->loss >= 0)
		fprintf(out, " loss %.2f%%", rate->loss);
	fputc('\n', out);
}

void ping_rate_print_json(struct json *json, const struct ping_rate *rate)
{
	json_object_begin(json, "now");
	json_decimals(json, "packets_per_second", rate->packets, 1);
	json_decimals(json, "bytes_per_second", rate->bytes, 1);
	if (rate->loss >= 0)
		json_decimals(json, "loss_percent", rate->loss, 6);
	else
		json_null(json, "loss_percent");
	json_object_end(json);
}
