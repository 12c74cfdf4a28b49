// SPDX-License-Identifier: GPL-2.0-or-later
/* snitch-page [-g FILE|none] [-h LAT,LON] <NDJSON >HTML: a page of what snitch.sh -j has printed.
 * snitch-page -l [-k] [-p PORT] [-g FILE|none] [-h LAT,LON] <NDJSON: serves it on loopback while that is printed, and
 * prints where; -k: also afterwards.
 * It has no manual page: snitch.sh speaks for it.
 */
#include <fcntl.h>
#include <jansson.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "page.h"
#include "vsh.h"
#include "words.h"

struct options_of_page {
	const char *geo; /* a file, "none", or "" for what is installed */
	struct position home;
	bool has_home, is_live, stays;
	uint64_t port;
};

static int options_parse(struct options_of_page *options, int argc, char **argv)
{
	int letter;

	while ((letter = getopt(argc, argv, "g:h:klp:")) != -1) {
		switch (letter) {
		case 'g':
			options->geo = optarg;
			break;
		case 'h':
			if (position_parse(optarg, &options->home))
				return misuse("%s: latitude and longitude, as in 52.5,13.4",
					      quoted(optarg));
			options->has_home = true;
			break;
		case 'k':
			options->stays = true;
			break;
		case 'l':
			options->is_live = true;
			break;
		case 'p':
			if (number_parse(optarg, UINT16_MAX, &options->port))
				return misuse("%s: a port", quoted(optarg));
			break;
		default:
			return MISUSED;
		}
	}
	return optind == argc ? DONE : misuse("what is %s?", quoted(argv[optind]));
}

/* Opened with the rights of who has named it, and read without them. A descriptor, -1 for none; -2 after a message. */
static int geo_open(const char *name)
{
	struct stat st;
	int fd;

	if (!*name || !strcmp(name, "none"))
		return -1;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st)) {
		complain("--geo %s: %s", quoted(name), strerror(errno));
		return -2;
	}
	if (S_ISREG(st.st_mode))
		return fd;
	complain("--geo %s: it is not a regular file", quoted(name));
	return -2;
}

static int report(struct recording *recording, const struct paper *paper)
{
	ssize_t length;

	if (!calls_restrict())
		return FAILED;
	do
		length = recording_read(recording, STDIN_FILENO);
	while (length > 0 || length == -EINTR);
	if (length < 0)
		return failure("cannot read what is recorded: %s", strerror(-length));
	recording_end(recording);
	if (recording->remotes->unread)
		complain("note: %llu lines were no events of snitch.sh -j",
			 (unsigned long long)recording->remotes->unread);
	paper_print(stdout, paper);
	return DONE;
}

static int page_make(struct options_of_page *options)
{
	static struct remotes remotes;
	static struct recording recording = { .remotes = &remotes };
	struct paper paper = { .remotes = &remotes, .is_live = options->is_live };
	struct serving serving = { &paper, &recording, options->port, options->stays };
	int geo = geo_open(options->geo);

	if (geo == -2 || !privileges_drop() || !geo_begin(options->geo, geo))
		return FAILED;
	json_object_seed(0); /* while it can still be had at random */
	if (options->has_home || home_find(&options->home))
		paper.home = &options->home;
	return options->is_live ? serve(&serving) : report(&recording, &paper);
}

int main(int argc, char **argv)
{
	struct options_of_page options = { .geo = "" };
	int err, status;

	speaker = "snitch.sh";
	status = options_parse(&options, argc, argv);
	if (status == DONE)
		status = page_make(&options);
	err = output_flush();
	if (err && status == DONE)
		status = failure("cannot write the output: %s", strerror(-err));
	return status;
}
