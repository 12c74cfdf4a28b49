// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * model.c - what the models of loss (bpf/vershitify/model.h) make of numbered packets, on the host.
 *
 *   model verdicts SEED SOCKET COUNT LOSS...   a digit for each packet: 1 is lost
 *   model received SEED SOCKET COUNT LOSS...   how many arrive, and udpcount's hash of their numbers
 *   model later SEED SOCKET COUNT LOSS...      of COUNT sockets, from SOCKET on, that have sent a packet under another
 *                                              model, how many lose the first under this one
 *   model law LOSS...                          a million packets against the exact law of the model
 *
 * LOSS are the words after "drop", read by the product's own grammar. The law is not: it is made from the
 * definitions of the models, as a chain with hidden states, for which everything can be computed: the loss and
 * its variance, and how long runs of losses and of received packets are. Status 1 if anything is off by more
 * than 4 standard deviations, or a chi-square is met by one model in a thousand. The seed is fixed: what is
 * right once stays right.
 */
#include <math.h>
#include <stdlib.h>
#include "lib/grammar.c"
#include "lib/json.c"
#include "lib/print.c"
#include "lib/utf8.c"
#include "lib/values.c"
#include "lib/words.c"
#include "vershitify/chain.c"
#include "vershitify/loss.c"

#define DRAWS 1000000
#define LENGTHS 4000 /* of a run, told apart */
#define NUMBERS (1 << 20) /* as in udpcount.c */
#define LIMIT 4 /* standard deviations */
#define CHI_LIMIT 3.090232 /* the normal distribution's 99.9 % point */

static const struct grammar_row rows[] = {
	{ "drop", WORD_DROP, 1, LOSS_WORDS_MAX, 0, loss_parse, "PERCENT", LOSS_ACCEPTS,
	  loss_choices },
	{ "offset", WORD_OFFSET, 1, 1, 0, offset_parse, "N", "a number", NULL },
};

static const struct grammar loss_grammar = { .rows = rows, .count = 2, .about = "" };

static bool lost(const struct vsh_rule *rule, __u64 base, __u32 n, __u32 *step)
{
	if (rule->model.kind)
		return model_step(&rule->model, base, step);
	return fate_number(base, n) >> 32 < rule->threshold;
}

/* --- what is exact ---------------------------------------------------------------------- */

/* A chain with hidden states: in state i a packet is lost with probability loss[i]. */
struct law {
	int states;
	double to[VSH_STATES][VSH_STATES], loss[VSH_STATES], stationary[VSH_STATES];
	double mean, spread; /* of the share lost among DRAWS packets */
};

static void move(const struct law *law, double at[VSH_STATES])
{
	double next[VSH_STATES] = { 0 };

	for (int i = 0; i < law->states; i++)
		for (int k = 0; k < law->states; k++)
			next[k] += at[i] * law->to[i][k];
	memcpy(at, next, sizeof(next));
}

static void two_states_law(struct law *law, double p, double r, double bad, double good)
{
	*law = (struct law){
		.states = 2,
		.to = { { 1 - p, p }, { r, 1 - r } },
		.loss = { good, bad },
		.stationary = { r / (p + r), p / (p + r) },
	};
}

/* 1 received in a gap, 2 received in a burst, 3 lost in a burst, 4 lost alone. */
static void four_states_law(struct law *law, double p13, double p31, double p32, double p23,
			    double p14)
{
	double pi1 = 1 / (1 + p14 + p13 / p31 + p13 * p32 / (p31 * p23)), pi3 = pi1 * p13 / p31;

	*law = (struct law){
		.states = 4,
		.to = { { 1 - p13 - p14, 0, p13, p14 },
			{ 0, 1 - p23, p23, 0 },
			{ p31, p32, 1 - p31 - p32, 0 },
			{ 1, 0, 0, 0 } },
		.loss = { 0, 0, 1, 1 },
		.stationary = { pi1, pi3 * p32 / p23, pi3, pi1 * p14 },
	};
}

static void gi_law(struct law *law, double l, double burst, double density, double isolated,
		   double good)
{
	four_states_law(law, (l - isolated) / (burst * (1 - isolated) * (density - l)),
			1 / (density * burst), (1 - density) / (density * good), 1 / good,
			isolated / (1 - isolated));
}

static void law_make(struct law *law, const struct vsh_model *model)
{
	double v[VSH_ASKED_MAX];

	for (int i = 0; i < VSH_ASKED_MAX; i++)
		v[i] = model->asked[i] / 1e8;
	switch (model->words) {
	case VSH_RANDOM:
		two_states_law(law, v[0] * (1 - v[1]), (1 - v[0]) * (1 - v[1]), 1, 0);
		break;
	case VSH_GEMODEL:
		two_states_law(law, v[0], v[1], v[2], v[3]);
		break;
	case VSH_FOUR_STATES:
		four_states_law(law, v[0], v[1], v[2], v[3], v[4]);
		break;
	case VSH_BURST:
		two_states_law(law, v[0] / (100 * v[1]) / (1 - v[0]), 1 / (100 * v[1]), 1, 0);
		break;
	case VSH_GI:
		gi_law(law, v[0], 100 * v[1], v[2], v[3], 100 * v[4]);
		break;
	}
}

/* The variance of a mean of packets that depend on each other: 1 + 2 (r1 + r2 + ...) times that of
 * independent ones.
 */
static void spread_find(struct law *law)
{
	double at[VSH_STATES] = { 0 }, sum = 0, both;

	for (int i = 0; i < law->states; i++) {
		law->mean += law->stationary[i] * law->loss[i];
		at[i] = law->stationary[i] * law->loss[i];
	}
	for (int lag = 1; lag < 100000; lag++) {
		move(law, at);
		both = 0;
		for (int i = 0; i < law->states; i++)
			both += at[i] * law->loss[i];
		sum += both - law->mean * law->mean;
	}
	law->spread = sqrt((law->mean * (1 - law->mean) + 2 * sum) / DRAWS);
}

/* longer[j]: the probability that a run is longer than j. Of losses, or of what is received. */
static void runs_find(const struct law *law, bool of_losses, double longer[LENGTHS])
{
	double at[VSH_STATES], begin = 0;

	for (int i = 0; i < law->states; i++)
		at[i] = law->stationary[i] * (of_losses ? 1 - law->loss[i] : law->loss[i]);
	for (int j = 0; j < LENGTHS; j++) {
		longer[j] = 0;
		move(law, at);
		for (int i = 0; i < law->states; i++) {
			at[i] *= of_losses ? law->loss[i] : 1 - law->loss[i];
			longer[j] += at[i];
		}
		if (!j)
			begin = longer[0];
		longer[j] /= begin;
	}
}

/* --- what is found ---------------------------------------------------------------------- */

struct runs {
	const char *what;
	long count[LENGTHS], all;
	double sum;
};

static int off(const char *what, double found, double exact, double spread)
{
	if (fabs(found - exact) <= LIMIT * spread)
		return 0;
	printf("%s is %g, not %g: by %.1f standard deviations\n", what, found, exact,
	       fabs(found - exact) / spread);
	return 1;
}

/* Wilson and Hilferty (1931): the cube root is nearly normal. */
static int chi_off(const char *what, double chi, int freedom)
{
	double z = (cbrt(chi / freedom) - (1 - 2.0 / (9 * freedom))) / sqrt(2.0 / (9 * freedom));

	if (freedom < 1 || z <= CHI_LIMIT)
		return 0;
	printf("lengths of %s: chi-square %g at %d degrees of freedom\n", what, chi, freedom);
	return 1;
}

/* Lengths of which fewer than 5 are expected are taken together. */
static int lengths_off(const struct runs *runs, const double longer[LENGTHS])
{
	double chi = 0, expected = 0;
	int bins = 0;
	long found = 0;

	for (int j = 1; j < LENGTHS; j++) {
		expected += runs->all * (longer[j - 1] - longer[j]);
		found += runs->count[j];
		if (expected < 5 || runs->all * longer[j] < 5)
			continue;
		chi += (found - expected) * (found - expected) / expected;
		expected = found = 0;
		bins++;
	}
	if (expected >= 5) {
		chi += (found - expected) * (found - expected) / expected;
		bins++;
	}
	return chi_off(runs->what, chi, bins - 1);
}

static int runs_off(const struct law *law, const struct runs *runs, bool of_losses)
{
	static double longer[LENGTHS];
	double mean = 0, square = 0;

	runs_find(law, of_losses, longer);
	for (int j = 0; j < LENGTHS; j++) {
		mean += longer[j];
		square += (2 * j + 1) * longer[j];
	}
	return off(runs->what, runs->sum / runs->all, mean,
		   sqrt((square - mean * mean) / runs->all)) +
	       lengths_off(runs, longer);
}

static void run_end(struct runs *runs, long length)
{
	runs->count[length < LENGTHS ? length : LENGTHS - 1]++;
	runs->all++;
	runs->sum += length;
}

static int law_check(const struct vsh_rule *rule)
{
	static struct runs losses = { .what = "runs of losses" },
			   gaps = { .what = "runs between losses" };
	__u64 base = fate_base(20260101, 0, 0);
	long all = 0, first = 0, length = 0;
	__u32 step = 0;
	struct law law;
	bool before = false;

	law_make(&law, &rule->model);
	spread_find(&law);
	for (__u32 n = 0; n < DRAWS; n++) {
		bool now = lost(rule, base, n, &step);
		__u32 begin = 0;

		if (n && now != before) {
			run_end(before ? &losses : &gaps, length);
			length = 0;
		}
		before = now;
		length++;
		all += now;
		first += lost(rule, fate_base(20260101, n, 0), 0, &begin);
	}
	return off("the loss", all / (double)DRAWS, law.mean, law.spread) +
	       off("the loss of first packets", first / (double)DRAWS, law.mean,
		   sqrt(law.mean * (1 - law.mean) / DRAWS)) +
	       runs_off(&law, &losses, true) + runs_off(&law, &gaps, false);
}

/* --- sequences -------------------------------------------------------------------------- */

static int verdicts_print(const struct vsh_rule *rule, __u64 base, __u32 count)
{
	__u32 step = 0;

	for (__u32 n = 0; n < count; n++)
		putchar(lost(rule, base, n, &step) ? '1' : '0');
	putchar('\n');
	return DONE;
}

static int later_print(const struct vsh_rule *rule, __u64 seed, __u32 socket, __u32 count)
{
	static const struct vsh_model counts = { .kind = VSH_EVERY, .every = { .period = 2 } };
	__u32 all = 0;

	for (__u32 n = 0; n < count; n++) {
		__u64 base = fate_base(seed, socket + n, VSH_EGRESS);
		__u32 step = 0;

		model_step(&counts, base, &step);
		all += lost(rule, base, 1, &step);
	}
	printf("%u\n", all);
	return DONE;
}

static int received_print(const struct vsh_rule *rule, __u64 base, __u32 count)
{
	static uint8_t seen[NUMBERS / 8];
	uint64_t hash = 14695981039346656037u;
	unsigned int received = 0;
	__u32 step = 0;

	for (__u32 n = 0; n < count; n++) {
		if (lost(rule, base, n, &step))
			continue;
		seen[n / 8] |= 1 << n % 8;
		received++;
	}
	for (size_t i = 0; i < sizeof(seen); i++)
		hash = (hash ^ seen[i]) * 1099511628211u;
	printf("%u %016lx\n", received, (unsigned long)hash);
	return DONE;
}

int main(int argc, char **argv)
{
	bool law = argc > 1 && !strcmp(argv[1], "law");
	int words = law ? 2 : 5;
	__u32 count, socket;
	struct request request = {};
	struct cursor cursor;
	__u64 base, seed;

	speaker = "model";
	if (argc <= words)
		return MISUSED;
	count = law ? DRAWS : strtoul(argv[4], NULL, 10);
	argv[words - 1] = "drop";
	cursor_begin(&cursor, &loss_grammar, argc - words + 1, argv + words - 1);
	if (grammar_read(&cursor, &request) != DONE || loss_finish(&request) != DONE)
		return MISUSED;
	if (law)
		return law_check(&request.rule) ? FAILED : DONE;
	seed = strtoull(argv[2], NULL, 10);
	socket = strtoul(argv[3], NULL, 10);
	if (!strcmp(argv[1], "later"))
		return later_print(&request.rule, seed, socket, count);
	base = fate_base(seed, socket, VSH_EGRESS);
	if (!strcmp(argv[1], "verdicts"))
		return verdicts_print(&request.rule, base, count);
	return received_print(&request.rule, base, count);
}
