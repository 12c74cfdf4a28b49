// SPDX-License-Identifier: GPL-2.0-or-later
/* What snitch.sh -j prints, as snitch(8) describes it. Members that are not known are passed over, and a line that is not
 * such an object is counted: a recording can be another version's, cut off, or made by somebody who wishes us ill.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>
#include "page.h"

/* "" if it is no string. */
static void member_text(json_t *object, const char *name, char *text, size_t size)
{
	const json_t *value = json_object_get(object, name);

	text_clean(text, size, json_string_value(value) ?: "", json_string_length(value));
}

/* 0 if it is no number, or below that. */
static uint64_t member_number(json_t *object, const char *name)
{
	json_int_t number = json_integer_value(json_object_get(object, name));

	return number > 0 ? number : 0;
}

static bool address_read(json_t *end, uint8_t address[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const char *text = json_string_value(json_object_get(end, "address"));

	if (!text)
		return false;
	if (inet_pton(AF_INET6, text, address) == 1)
		return true;
	memcpy(address, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, address + 12) == 1;
}

/* Times are as in 2026-01-31T23:59:59.123456Z, and so are ordered as text. */
static void time_note(struct remotes *remotes, json_t *event)
{
	char moment[MOMENT_LEN];

	member_text(event, "time", moment, sizeof(moment));
	if (!*moment || moment[strspn(moment, "0123456789-:.TZ+")])
		return;
	if (!*remotes->from || strcmp(moment, remotes->from) < 0)
		strcpy(remotes->from, moment);
	if (strcmp(moment, remotes->to) > 0)
		strcpy(remotes->to, moment);
}

/* One that this side has reset has no error. */
static void error_read(json_t *event, bool has_failed, char error[TEXT_LEN])
{
	member_text(event, "error", error, TEXT_LEN);
	if (!*error && json_is_true(json_object_get(event, "reset")))
		strcpy(error, "reset");
	if (!*error && has_failed)
		strcpy(error, "not known");
}

static bool key_read(json_t *event, struct sighting *sighting)
{
	json_t *remote = json_object_get(event, "remote"), *local = json_object_get(event, "local");
	struct remote_key *key = &sighting->key;
	const char *direction = json_string_value(json_object_get(event, "direction"));
	uint8_t own[16];

	if (!address_read(remote, key->address))
		return false;
	key->is_passive = direction && !strcmp(direction, "ingress");
	key->port = member_number(key->is_passive ? local : remote, "port");
	member_text(event, "protocol", key->protocol, sizeof(key->protocol));
	member_text(json_object_get(event, "process"), "comm", key->process, sizeof(key->process));
	sighting->is_own = address_read(local, own) && !memcmp(own, key->address, sizeof(own));
	return true;
}

/* Is it a connection to the page? */
static bool is_own_page(const struct recording *recording, json_t *event, const uint8_t address[16])
{
	static const uint8_t loopback[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
	uint16_t port = recording->own_port;

	return port && !memcmp(address, loopback, sizeof(loopback)) &&
	       (member_number(json_object_get(event, "remote"), "port") == port ||
		member_number(json_object_get(event, "local"), "port") == port);
}

/* The name is told with the other side, or beside it. */
static void name_read(json_t *event, char name[TEXT_LEN])
{
	member_text(json_object_get(event, "remote"), "name", name, TEXT_LEN);
	if (!*name)
		member_text(event, "name", name, TEXT_LEN);
}

static bool connection_take(struct recording *recording, json_t *event, const char *kind)
{
	bool has_failed = !strcmp(kind, "failed");
	char name[TEXT_LEN], unit[TEXT_LEN], error[TEXT_LEN];
	json_t *process = json_object_get(event, "process");
	struct sighting sighting = {
		.number = member_number(event, "connection"),
		.name = name,
		.unit = unit,
		.error = error,
		.pid = member_number(process, "pid"),
		.is_over = has_failed || !strcmp(kind, "ended"),
		.sent = member_number(event, "sent"),
		.received = member_number(event, "received"),
	};

	if (!key_read(event, &sighting))
		return false;
	if (is_own_page(recording, event, sighting.key.address))
		return true;
	name_read(event, name);
	member_text(process, "unit", unit, sizeof(unit));
	error_read(event, has_failed, error);
	remotes_take(recording->remotes, &sighting);
	return true;
}

/* Not "incoming": whose the connection is will be told when it is accepted. */
static bool is_of_connection(const char *kind)
{
	static const char *const kinds[] = { "connected", "accepted", "traffic",
					     "open",	  "ended",    "failed" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kind, kinds[i]))
			return true;
	return false;
}

static bool event_take(struct recording *recording, json_t *event)
{
	struct remotes *remotes = recording->remotes;
	const char *kind = json_string_value(json_object_get(event, "event"));

	if (!kind)
		return false;
	time_note(remotes, event);
	if (!strcmp(kind, "lost")) {
		remotes->lost_events += member_number(event, "events");
		remotes->lost_connections += member_number(event, "connections");
		return true;
	}
	if (!is_of_connection(kind) || !json_is_object(json_object_get(event, "remote")))
		return true;
	return connection_take(recording, event, kind);
}

static void line_take(struct recording *recording)
{
	static char clean[3 * LINE_LEN + 4];
	json_t *event = NULL;

	if (!recording->is_too_long) {
		text_clean(clean, sizeof(clean), recording->line, recording->length);
		event = json_loads(clean, 0, NULL);
	}
	if (recording->is_too_long || (recording->length && !event) ||
	    (event && !event_take(recording, event)))
		recording->remotes->unread++;
	json_decref(event);
	recording->length = 0;
	recording->is_too_long = false;
}

static void bytes_take(struct recording *recording, const char *bytes, size_t length)
{
	if (length > sizeof(recording->line) - recording->length) {
		recording->is_too_long = true;
		return;
	}
	memcpy(recording->line + recording->length, bytes, length);
	recording->length += length;
}

ssize_t recording_read(struct recording *recording, int fd)
{
	static char bytes[LINE_LEN];
	ssize_t length = read(fd, bytes, sizeof(bytes));
	const char *from = bytes, *newline;

	if (length < 0)
		return -errno;
	while ((newline = memchr(from, '\n', bytes + length - from))) {
		bytes_take(recording, from, newline - from);
		line_take(recording);
		from = newline + 1;
	}
	bytes_take(recording, from, bytes + length - from);
	return length;
}

void recording_end(struct recording *recording)
{
	if (recording->length || recording->is_too_long)
		line_take(recording);
}
