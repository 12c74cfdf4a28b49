// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hold.c - what tc would be told by a rule that holds packets: the product's own words and parsers, without a kernel.
 *
 *   hold WORD... [-- WORD...]     after "--" the words of a change of that rule
 *
 * prints the rule's words, and for each direction that holds packets the words after "netem" and "tbf"; after a
 * change what is said to the queues that are there, and "anew" if netem's has to be made anew. Its status is the
 * helper's: 0, or 2 after a message.
 */
#include <string.h>
#include "lib/grammar.c"
#include "lib/json.c"
#include "lib/print.c"
#include "lib/utf8.c"
#include "lib/values.c"
#include "lib/words.c"
#include "vershitify/chain.c"
#include "vershitify/holdshow.c"
#include "vershitify/holdwords.c"
#include "vershitify/loss.c"
#include "vershitify/mtu.c"
#include "vershitify/netem.c"
#include "vershitify/presets.c"

static int direction_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;
	size_t index;
	int status = word_choice(cursor, &index);

	if (status != DONE)
		return status;
	request->egress = index != 1;
	request->ingress = index != 0;
	return DONE;
}

static const char *const directions[] = { "egress", "ingress", "both", NULL };

static const struct grammar_row rows[] = {
	{ "drop", WORD_DROP, 1, LOSS_WORDS_MAX, 0, loss_parse, "PERCENT", LOSS_ACCEPTS,
	  loss_choices },
	{ "direction", WORD_DIRECTION, 1, 1, 0, direction_parse, NULL, NULL, directions },
	HOLD_ROWS,
	{ "preset", WORD_PRESET, 1, 1, 0, preset_parse, "PRESET", "the name of a preset", NULL },
};

static const struct grammar hold_grammar = {
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
	.about = "",
};

static int words_read(struct request *request, int argc, char **argv)
{
	struct cursor cursor;
	int status;

	cursor_begin(&cursor, &hold_grammar, argc, argv);
	status = grammar_read(&cursor, request);
	request->given |= cursor.given;
	if (status == DONE)
		status = hold_directions(request);
	if (status != DONE)
		return status;
	if (!request->egress && !request->ingress)
		request->egress = true;
	status = hold_finish(request);
	request->rule.hooks = (request->egress ? VSH_TC_EGRESS : 0) |
			      (request->ingress ? VSH_CG_INGRESS : 0);
	return status;
}

static void queues_print(const char *side, const struct vsh_hold *hold,
			 const struct vsh_hold *before)
{
	if (!hold_is_asked(hold))
		return;
	printf("%s netem ", side);
	hold_args(stdout, hold, before);
	printf("\n%s tbf ", side);
	hold_shaper_args(stdout, hold);
	if (before && !hold_is_changeable(hold, before))
		printf("\n%s anew", side);
	putchar('\n');
}

static void request_print(const struct request *request, const struct request *before)
{
	const struct vsh_hold *holds = request->label.hold;
	const struct vsh_hold *olds = before ? before->label.hold : NULL;

	fputs("words", stdout);
	if (loss_is_asked(&request->rule)) {
		fputs(" drop ", stdout);
		loss_print(stdout, &request->rule, &request->label);
	}
	hold_print(stdout, ' ', &request->label, request->egress && request->ingress);
	putchar('\n');
	queues_print("egress", &holds[VSH_EGRESS], olds ? &olds[VSH_EGRESS] : NULL);
	queues_print("ingress", &holds[VSH_INGRESS], olds ? &olds[VSH_INGRESS] : NULL);
}

int main(int argc, char **argv)
{
	/* one device, which does not exist: of 1500 bytes */
	struct request request = { .rule.devs = 1 }, change;
	int words = 1, status;

	speaker = "hold";
	while (words < argc && strcmp(argv[words], "--"))
		words++;
	status = words_read(&request, words - 1, argv + 1);
	if (status != DONE || words == argc) {
		if (status == DONE)
			request_print(&request, NULL);
		return status;
	}
	change = (struct request){ .rule = request.rule, .label = request.label };
	change.egress = request.egress;
	change.ingress = request.ingress;
	status = words_read(&change, argc - words - 1, argv + words + 1);
	if (status == DONE)
		request_print(&change, &request);
	return status;
}
