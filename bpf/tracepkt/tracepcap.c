// SPDX-License-Identifier: GPL-2.0-or-later
/* The rows as a capture, in the format pcapng (draft-ietf-opsawg-pcapng): an interface for each device
 * of each namespace, a packet for each row, from its IP header on, and what the row says as its comment.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "output.h"
#include "trace.h"
#include "vsh.h"

#define NS_PER_S 1000000000LL

enum block {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
};

enum option {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	OPTION_IF_NAME = 2,
	OPTION_EPB_FLAGS = 2,
	OPTION_IF_DESCRIPTION = 3,
	OPTION_SHB_USERAPPL = 4,
	OPTION_IF_TSRESOL = 9,
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define LINKTYPE_RAW 101 /* begins with an IP header, of either family */
#define FLAG_IN 1
#define FLAG_OUT 2
#define TSRESOL_NS 9

struct interface {
	struct interface *next;
	uint64_t netns_cookie;
	uint32_t ifindex;
	uint32_t number;
};

static const char *file_path;
static struct output file;
static FILE *out; /* to the file; NULL: it was not begun */
static struct interface *interfaces; /* the newest first */
static int64_t epoch_ns; /* of CLOCK_MONOTONIC */

/* --- blocks ---------------------------------------------------------------------------------- */

/* Its length stands before and after it, hence it is put together first. */
struct body {
	FILE *out;
	char *bytes;
	size_t length;
};

static bool body_begin(struct body *body)
{
	*body = (struct body){ 0 };
	body->out = open_memstream(&body->bytes, &body->length);
	return body->out != NULL;
}

static void put16(struct body *body, uint16_t number)
{
	fwrite(&number, sizeof(number), 1, body->out);
}

static void put32(struct body *body, uint32_t number)
{
	fwrite(&number, sizeof(number), 1, body->out);
}

static void put_padded(struct body *body, const void *bytes, size_t length)
{
	static const char zeros[3];

	fwrite(bytes, 1, length, body->out);
	fwrite(zeros, 1, -length % 4, body->out);
}

static void put_option(struct body *body, enum option option, const void *bytes, size_t length)
{
	put16(body, option);
	put16(body, length);
	put_padded(body, bytes, length);
}

static void put_text(struct body *body, enum option option, const char *text)
{
	put_option(body, option, text, strlen(text));
}

static void block_write(struct body *body, uint32_t type)
{
	uint32_t length;

	put_option(body, OPTION_END, "", 0);
	if (!fclose(body->out)) {
		length = body->length + 3 * sizeof(uint32_t);
		fwrite(&type, sizeof(type), 1, out);
		fwrite(&length, sizeof(length), 1, out);
		fwrite(body->bytes, 1, body->length, out);
		fwrite(&length, sizeof(length), 1, out);
	}
	free(body->bytes);
}

static void section_write(void)
{
	struct body body;

	if (!body_begin(&body))
		return;
	put32(&body, BYTE_ORDER_MAGIC);
	put16(&body, 1); /* version 1.0 */
	put16(&body, 0);
	put32(&body, UINT32_MAX); /* a section of unknown length */
	put32(&body, UINT32_MAX);
	put_text(&body, OPTION_SHB_USERAPPL, "tracepkt");
	block_write(&body, BLOCK_SECTION);
}

static void interface_write(const struct spot *place)
{
	static const uint8_t resolution = TSRESOL_NS;
	char description[256];
	struct body body;

	if (!body_begin(&body))
		return;
	put16(&body, LINKTYPE_RAW);
	put16(&body, 0);
	put32(&body, TPK_BYTES + TPK_MORE_MAX);
	put_text(&body, OPTION_IF_NAME, device_shown(place));
	snprintf(description, sizeof(description), "%s of network namespace %s [%u]",
		 device_shown(place), netns_shown(place), place->netns_inode);
	put_text(&body, OPTION_IF_DESCRIPTION, description);
	put_option(&body, OPTION_IF_TSRESOL, &resolution, 1);
	block_write(&body, BLOCK_INTERFACE);
}

/* --- rows ------------------------------------------------------------------------------------ */

/* An interface has to stand in the file before its first packet. */
static uint32_t interface_number(const struct spot *place)
{
	struct interface *interface = interfaces;
	uint32_t number = interfaces ? interfaces->number + 1 : 0;

	while (interface && (interface->netns_cookie != place->netns_cookie ||
			     interface->ifindex != place->ifindex))
		interface = interface->next;
	if (interface)
		return interface->number;
	interface = malloc(sizeof(*interface));
	if (interface) {
		*interface = (struct interface){ interfaces, place->netns_cookie, place->ifindex,
						 number };
		interfaces = interface;
	}
	interface_write(place);
	return number;
}

static void comment_put(struct body *body, const struct hop *hop, const char *direction)
{
	struct body comment;

	if (!body_begin(&comment))
		return;
	fprintf(comment.out, "interface %s, namespace %s, hook %s, verdict ",
		device_shown(&hop->place), netns_shown(&hop->place), hook_name(hop->event->hook));
	if (direction)
		fputs(direction, comment.out);
	else
		verdict_print(comment.out, hop);
	if (!fclose(comment.out))
		put_text(body, OPTION_COMMENT, comment.bytes);
	free(comment.bytes);
}

static void packet_write(const struct hop *hop, const char *direction)
{
	uint64_t time_ns = epoch_ns + hop->event->time_ns;
	uint32_t flags = !direction ? 0 : hop->place.out ? FLAG_OUT : FLAG_IN;
	uint32_t number = interface_number(&hop->place);
	struct body body;

	if (!body_begin(&body))
		return;
	put32(&body, number);
	put32(&body, time_ns >> 32);
	put32(&body, time_ns);
	put32(&body, hop->event->bytes);
	put32(&body, hop->event->length);
	put_padded(&body, hop->event->content, hop->event->bytes);
	comment_put(&body, hop, direction);
	if (flags)
		put_option(&body, OPTION_EPB_FLAGS, &flags, sizeof(flags));
	block_write(&body, BLOCK_PACKET);
}

static void hop(const struct hop *hop)
{
	packet_write(hop, hop->place.out ? "out" : "in");
}

static void drop(const struct hop *hop)
{
	packet_write(hop, NULL);
}

/* --- the file -------------------------------------------------------------------------------- */

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int file_end(int err)
{
	if (fclose(out) && !err)
		err = -(errno ?: EIO);
	out = NULL;
	return err;
}

int capture_begin(const char *path)
{
	/* what the packets carry may be a secret */
	int err = output_begin(&file, path, 0600);

	file_path = path;
	if (!err) {
		/* Its own descriptor, which is closed before the file is told to be whole. */
		out = fdopen(fcntl(file.fd, F_DUPFD_CLOEXEC, 0), "w");
		if (!out)
			err = output_end(&file, -ENOMEM);
	}
	if (err)
		return failure("cannot write %s: %s", quoted(path), output_error(err));
	epoch_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	section_write();
	return DONE;
}

static void interfaces_forget(void)
{
	while (interfaces) {
		struct interface *next = interfaces->next;

		free(interfaces);
		interfaces = next;
	}
}

static int end(void)
{
	int err;

	interfaces_forget();
	if (!out)
		return DONE;
	err = output_end(&file, file_end(ferror(out) ? -EIO : 0));
	if (err)
		return failure("cannot write %s: %s", quoted(file_path), output_error(err));
	return DONE;
}

const struct format format_capture = { .hop = hop, .drop = drop, .end = end };
