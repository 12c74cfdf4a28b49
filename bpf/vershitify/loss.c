// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "chain.h"
#include "loss.h"
#include "values.h"
#include "vsh.h"
#include "words.h"

/* Shares are asked for in steps of 1e-8: what is above a limit by less is not. */
#define ROUNDING 1e-9
#define LENGTH_ONE 1000000ULL /* a packet, where lengths are in millionths */

/* --- chains ----------------------------------------------------------------------------- */

/* Of asked[] the first count are set. Sets the others, makes the chain and takes its loss in the
 * long run. NULL, or what is wrong.
 */
typedef const char *chain_maker(struct vsh_model *model, double *loss);

static double share(uint64_t millionths)
{
	return (double)millionths / PERCENT_MAX;
}

static double length(uint64_t millionths)
{
	return (double)millionths / LENGTH_ONE;
}

static void asked_default(struct vsh_model *model, uint32_t i, uint64_t value)
{
	if (model->count <= i)
		model->asked[i] = value;
}

/* Loss p with a lag-1 correlation of c: after a loss p + c (1 - p) are lost, else p (1 - c). */
static const char *random_make(struct vsh_model *model, double *loss)
{
	double p = share(model->asked[0]), c = share(model->asked[1]);

	if (model->asked[1] == PERCENT_MAX)
		return "a correlation of 100% never changes anything (say less)";
	*loss = chain_two_states(&model->chain, p * (1 - c), (1 - p) * (1 - c), 1, 0);
	return NULL;
}

static const char *gemodel_make(struct vsh_model *model, double *loss)
{
	const __u64 *asked = model->asked;

	asked_default(model, 1, PERCENT_MAX - asked[0]);
	asked_default(model, 2, PERCENT_MAX);
	asked_default(model, 3, 0);
	if (!asked[1])
		return "with R at 0% (1-P, if it is not said) the bad state would never end";
	*loss = chain_two_states(&model->chain, share(asked[0]), share(asked[1]), share(asked[2]),
				 share(asked[3]));
	return NULL;
}

static const char *state_make(struct vsh_model *model, double *loss)
{
	const __u64 *asked = model->asked;
	struct four_states p;

	asked_default(model, 1, PERCENT_MAX - asked[0]);
	asked_default(model, 2, 0);
	asked_default(model, 3, PERCENT_MAX);
	asked_default(model, 4, 0);
	if (asked[0] + asked[4] > PERCENT_MAX)
		return "P13 and P14 are more than 100% together";
	if (asked[1] + asked[2] > PERCENT_MAX)
		return "P31 and P32 are more than 100% together";
	if (!asked[1])
		return "with P31 at 0% (1-P13, if it is not said) a burst would never end";
	if (!asked[3])
		return "with P23 at 0% what is received in a burst would never end";
	p = (struct four_states){ share(asked[0]), share(asked[1]), share(asked[2]),
				  share(asked[3]), share(asked[4]) };
	*loss = chain_four_states(&model->chain, &p);
	return NULL;
}

/* Gilbert, from the two numbers that people have. */
static const char *burst_make(struct vsh_model *model, double *loss)
{
	double l = share(model->asked[0]), r = 1 / length(model->asked[1]);

	if (l > 1 / (1 + r) + ROUNDING)
		return "a loss of more than B/(B+1) cannot be, with bursts of B packets on average";
	*loss = chain_two_states(&model->chain, l * r / (1 - l), r, 1, 0);
	return NULL;
}

static const char *gi_check(const struct vsh_model *model, const struct four_states *p)
{
	const __u64 *asked = model->asked;

	if (asked[0] >= asked[2])
		return "the loss L has to be less than RHO, its share in a burst";
	if (asked[3] > asked[0])
		return "the isolated loss PI is a part of the loss L";
	if (p->p13 + p->p14 > 1 + ROUNDING)
		return "with so short bursts there cannot be so much loss (P13 and P14 above 100% together)";
	if (p->p31 + p->p32 > 1 + ROUNDING)
		return "RHO and the lengths do not go together (P31 and P32 above 100% together)";
	return NULL;
}

static const char *gi_make(struct vsh_model *model, double *loss)
{
	const __u64 *asked = model->asked;
	const char *problem;
	struct four_states p;

	if (asked[0] == PERCENT_MAX)
		return "the loss L has to be less than RHO, its share in a burst";
	asked_default(model, 1, LENGTH_ONE / (1 - share(asked[0])) + 0.5);
	asked_default(model, 2, PERCENT_MAX);
	asked_default(model, 3, 0);
	asked_default(model, 4, LENGTH_ONE);
	p = four_states_of_gi(share(asked[0]), length(asked[1]), share(asked[2]), share(asked[3]),
			      length(asked[4]));
	problem = gi_check(model, &p);
	if (!problem)
		*loss = chain_four_states(&model->chain, &p);
	return problem;
}

/* --- words ------------------------------------------------------------------------------ */

struct shape {
	chain_maker *make; /* NULL: no chain */
	unsigned int min; /* values that have to be said */
	const char *needs;
	struct {
		const char *name; /* in JSON; a length in packets, or with "_percent" a percentage */
	} values[VSH_ASKED_MAX + 1];
};

static const struct shape shapes[VSH_MODEL_WORDS] = {
	[VSH_RANDOM] = { random_make,
			 1,
			 "a percentage and, if wanted, its correlation",
			 { { "loss_percent" }, { "correlation_percent" } } },
	[VSH_GEMODEL] = { gemodel_make,
			  1,
			  "1 to 4 percentages: P [R [1-H [1-K]]]",
			  { { "p_percent" },
			    { "r_percent" },
			    { "bad_loss_percent" },
			    { "good_loss_percent" } } },
	[VSH_FOUR_STATES] = { state_make,
			      1,
			      "1 to 5 percentages: P13 [P31 [P32 [P23 [P14]]]]",
			      { { "p13_percent" },
				{ "p31_percent" },
				{ "p32_percent" },
				{ "p23_percent" },
				{ "p14_percent" } } },
	[VSH_BURST] = { burst_make,
			2,
			"a loss in percent and the mean length of a burst in packets",
			{ { "loss_percent" }, { "burst_packets" } } },
	[VSH_GI] = { gi_make,
		     1,
		     "1 to 5 numbers: L [BURST [RHO [PI [GOOD]]]]",
		     { { "loss_percent" },
		       { "burst_packets" },
		       { "density_percent" },
		       { "isolated_percent" },
		       { "good_burst_packets" } } },
	[VSH_EVERY_N] = { .needs = "a number of packets" },
	[VSH_FIRST_N] = { .needs = "a number of packets" },
	[VSH_LIST_OF] = { .needs = "numbers of packets, as in 1,4-6,9" },
};

const char *const loss_choices[] = {
	[VSH_RANDOM] = "random", [VSH_GEMODEL] = "gemodel", [VSH_FOUR_STATES] = "state",
	[VSH_BURST] = "burst",	 [VSH_GI] = "gi",	    [VSH_EVERY_N] = "every",
	[VSH_FIRST_N] = "first", [VSH_LIST_OF] = "list",    [VSH_MODEL_WORDS] = NULL,
};

static bool is_percent(const char *name)
{
	return strstr(name, "_percent");
}

static int length_value(struct cursor *cursor, __u64 *millionths)
{
	const char *word = word_next(cursor);

	if (!length_parse(word, millionths))
		return DONE;
	return misuse("%s %s: a number of packets from 1 to 1000000 with up to 6 decimals",
		      cursor->said, quoted(word));
}

static int share_value(struct cursor *cursor, __u64 *millionths)
{
	uint64_t value;
	int status = percent_value(cursor, &value);

	*millionths = value;
	return status;
}

static int needs_tell(const struct cursor *cursor, uint32_t words)
{
	return misuse("\"%s %s\" needs %s", cursor->said, loss_choices[words], shapes[words].needs);
}

static int chain_read(struct cursor *cursor, struct vsh_model *model)
{
	const struct shape *shape = &shapes[model->words];
	int status = DONE;

	while (status == DONE && shape->values[model->count].name && word_is_number(cursor)) {
		__u64 *value = &model->asked[model->count];

		status = is_percent(shape->values[model->count].name) ? share_value(cursor, value)
								      : length_value(cursor, value);
		model->count++;
	}
	if (status == DONE && model->count < shape->min)
		return needs_tell(cursor, model->words);
	return status;
}

/* Alone it is no model: each packet for itself. */
static int share_take(struct request *request, uint64_t loss)
{
	request->rule.model = (struct vsh_model){};
	request->rule.threshold = percent_threshold(loss);
	request->label.loss = loss;
	return DONE;
}

static int chain_parse(struct cursor *cursor, struct request *request)
{
	struct vsh_model *model = &request->rule.model;
	const struct shape *shape = &shapes[model->words];
	int status = chain_read(cursor, model);
	const char *problem;
	double loss = 0;

	if (status != DONE)
		return status;
	if (model->words == VSH_RANDOM && (model->count < 2 || !model->asked[1]))
		return share_take(request, model->asked[0]);
	model->kind = VSH_CHAIN;
	problem = shape->make(model, &loss);
	if (problem)
		return misuse("%s %s: %s", cursor->said, loss_choices[model->words], problem);
	while (shape->values[model->count].name)
		model->count++;
	request->label.loss = loss * PERCENT_MAX + 0.5;
	return DONE;
}

/* --- counted packets -------------------------------------------------------------------- */

static int packets_value(struct cursor *cursor, uint64_t min, uint64_t max, uint32_t *number)
{
	uint64_t value = 0;
	int status = number_value(cursor, "a number", min, max, &value);

	*number = value;
	return status;
}

static int every_parse(struct cursor *cursor, struct request *request)
{
	struct vsh_model *model = &request->rule.model;
	int status;

	if (!word_is_number(cursor))
		return needs_tell(cursor, model->words);
	model->kind = VSH_EVERY;
	status = packets_value(cursor, 1, VSH_NUMBER_MAX, &model->every.period);
	if (status == DONE)
		request->label.loss = PERCENT_MAX / model->every.period;
	return status;
}

static int first_parse(struct cursor *cursor, struct request *request)
{
	struct vsh_model *model = &request->rule.model;

	if (!word_is_number(cursor))
		return needs_tell(cursor, model->words);
	model->kind = VSH_LIST;
	model->ranges[0].first = 1;
	return packets_value(cursor, 1, VSH_NUMBER_MAX, &model->ranges[0].last);
}

/* "4" or "4-6". false: neither. */
static bool range_parse(char *text, struct vsh_stretch *range)
{
	char *last = strchr(text, '-');
	uint64_t from, to;

	if (last)
		*last++ = '\0';
	if (number_parse(text, VSH_NUMBER_MAX, &from) || !from)
		return false;
	to = from;
	if (last && (number_parse(last, VSH_NUMBER_MAX, &to) || to < from))
		return false;
	*range = (struct vsh_stretch){ from, to };
	return true;
}

static int list_parse(struct cursor *cursor, struct request *request)
{
	struct vsh_model *model = &request->rule.model;
	char text[VSH_RANGES_MAX * 24], *rest = text, *part;
	const char *word;
	uint32_t count = 0;

	if (!word_is_number(cursor))
		return needs_tell(cursor, model->words);
	model->kind = VSH_LIST;
	word = word_next(cursor);
	if (snprintf(text, sizeof(text), "%s", word) >= (int)sizeof(text))
		return misuse("%s list %s: too long", cursor->said, quoted(word));
	while ((part = strsep(&rest, ","))) {
		if (count == VSH_RANGES_MAX)
			return misuse("%s list %s: at most %d numbers and ranges", cursor->said,
				      quoted(word), VSH_RANGES_MAX);
		if (!range_parse(part, &model->ranges[count++]))
			return misuse("%s list %s: numbers and ranges from 1 to %d, as in 1,4-6,9",
				      cursor->said, quoted(word), VSH_NUMBER_MAX);
	}
	return DONE;
}

/* --- all of them ------------------------------------------------------------------------ */

static int model_parse(struct cursor *cursor, struct request *request)
{
	switch (request->rule.model.words) {
	case VSH_EVERY_N:
		return every_parse(cursor, request);
	case VSH_FIRST_N:
		return first_parse(cursor, request);
	case VSH_LIST_OF:
		return list_parse(cursor, request);
	}
	return chain_parse(cursor, request);
}

int loss_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;
	size_t words = VSH_RANDOM;
	int status = DONE;

	if (!word_is_number(cursor))
		status = word_choice(cursor, &words);
	if (status != DONE)
		return status;
	request->rule.threshold = 0;
	request->label.loss = 0;
	if (!(cursor->given & WORD_OFFSET))
		request->offset = 0;
	request->rule.model = (struct vsh_model){ .words = words };
	return model_parse(cursor, request);
}

int offset_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;

	return packets_value(cursor, 0, VSH_NUMBER_MAX - 1, &request->offset);
}

int per_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;
	size_t index;
	int status = word_choice(cursor, &index);

	if (status == DONE)
		request->per_rule = index;
	return status;
}

static int offset_finish(struct request *request)
{
	struct vsh_model *model = &request->rule.model;

	if (model->kind != VSH_EVERY) {
		if (request->given & WORD_OFFSET)
			return misuse("\"offset\" is for \"drop every N\"");
		return DONE;
	}
	if (request->offset >= model->every.period)
		return misuse("offset \"%u\": less than the %u of \"every\"", request->offset,
			      model->every.period);
	model->every.offset = request->offset;
	return DONE;
}

int loss_finish(struct request *request)
{
	struct vsh_model *model = &request->rule.model;

	if (!model->kind && request->per_rule) {
		if (request->given & WORD_PER)
			return misuse(
				"\"per rule\" is for a loss that depends on packets before: here each is for itself");
		request->per_rule = false;
	}
	model->per_rule = request->per_rule;
	return offset_finish(request);
}

static void ranges_print(FILE *out, const struct vsh_model *model)
{
	const struct vsh_stretch *range = model->ranges;

	for (int i = 0; i < VSH_RANGES_MAX && range[i].last; i++) {
		fprintf(out, "%c%u", i ? ',' : ' ', range[i].first);
		if (range[i].last > range[i].first)
			fprintf(out, "-%u", range[i].last);
	}
}

static void values_print(FILE *out, const struct vsh_model *model)
{
	char text[24];

	for (uint32_t i = 0; i < model->count; i++) {
		percent_format(model->asked[i], text, sizeof(text));
		fprintf(out, " %s%s", text,
			is_percent(shapes[model->words].values[i].name) ? "%" : "");
	}
}

bool loss_is_asked(const struct vsh_rule *rule)
{
	return rule->model.kind || rule->threshold;
}

void loss_print(FILE *out, const struct vsh_rule *rule, const struct vsh_label *label)
{
	const struct vsh_model *model = &rule->model;
	char percent[24];

	if (!model->kind) {
		percent_format(label->loss, percent, sizeof(percent));
		fprintf(out, "%s%%", percent);
		return;
	}
	fputs(loss_choices[model->words], out);
	values_print(out, model);
	if (model->kind == VSH_EVERY)
		fprintf(out, " %u", model->every.period);
	if (model->kind == VSH_EVERY && model->every.offset)
		fprintf(out, " offset %u", model->every.offset);
	if (model->words == VSH_FIRST_N)
		fprintf(out, " %u", model->ranges[0].last);
	if (model->words == VSH_LIST_OF)
		ranges_print(out, model);
	if (model->per_rule)
		fputs(" per rule", out);
}

static void ranges_print_json(struct json *json, const struct vsh_model *model)
{
	const struct vsh_stretch *range = model->ranges;

	json_array_begin(json, "packets");
	for (int i = 0; i < VSH_RANGES_MAX && range[i].last; i++) {
		json_array_begin(json, NULL);
		json_number(json, NULL, range[i].first);
		json_number(json, NULL, range[i].last);
		json_array_end(json);
	}
	json_array_end(json);
}

static void model_print_json(struct json *json, const struct vsh_model *model)
{
	char text[24];

	for (uint32_t i = 0; i < model->count; i++) {
		percent_format(model->asked[i], text, sizeof(text));
		json_number_text(json, shapes[model->words].values[i].name, text);
	}
	if (model->kind == VSH_EVERY) {
		json_number(json, "every", model->every.period);
		json_number(json, "offset", model->every.offset);
	}
	if (model->kind == VSH_LIST)
		ranges_print_json(json, model);
	json_string(json, "per", model->per_rule ? "rule" : "socket");
}

void loss_print_json(struct json *json, const struct vsh_rule *rule, const struct vsh_label *label)
{
	char percent[24];

	percent_format(label->loss, percent, sizeof(percent));
	json_object_begin(json, "loss");
	json_string(json, "model", loss_choices[rule->model.words]);
	if (rule->model.kind)
		model_print_json(json, &rule->model);
	else
		json_number_text(json, "loss_percent", percent);
	json_object_end(json);
}
