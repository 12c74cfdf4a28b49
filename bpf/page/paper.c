// SPDX-License-Identifier: GPL-2.0-or-later
/* The page is the text of assemble.sh, with data in two places of it. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "json.h"
#include "page.h"

__asm__(".section .rodata\n"
	".global page_text, page_text_end\n"
	"page_text: .incbin \"" PAGE_TEXT "\"\n"
	"page_text_end: .byte 0\n"
	".previous\n");
extern const char page_text[], page_text_end[];

static const char connect_place[] = "@CONNECT@", data_place[] = "@DATA@";

static const char *connect_word(const struct paper *paper)
{
	return paper->is_live ? "self" : "none";
}

static void text_or_none(struct json *json, const char *name, const char *text)
{
	if (*text)
		json_string(json, name, text);
}

static const char *address_text(const uint8_t address[16], char text[INET6_ADDRSTRLEN])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool is_ipv4 = !memcmp(address, mapped, sizeof(mapped));

	return inet_ntop(is_ipv4 ? AF_INET : AF_INET6, address + (is_ipv4 ? 12 : 0), text,
			 INET6_ADDRSTRLEN);
}

static void position_print(struct json *json, const char *name, const struct position *position)
{
	json_array_begin(json, name);
	json_decimals(json, NULL, position->latitude, 3);
	json_decimals(json, NULL, position->longitude, 3);
	json_array_end(json);
}

static void place_print(struct json *json, const struct place *place)
{
	if (place->local)
		json_string(json, "local", place->local);
	text_or_none(json, "country", place->country);
	text_or_none(json, "city", place->city);
	if (place->has_position)
		position_print(json, "at", &place->position);
}

static void remote_print(struct json *json, const struct remote *remote)
{
	const struct remote_key *key = &remote->key;
	char address[INET6_ADDRSTRLEN];

	json_object_begin(json, NULL);
	json_number(json, "index", remote->index);
	json_string(json, "address", address_text(key->address, address));
	json_number(json, "port", key->port);
	json_string(json, "direction", key->is_passive ? "ingress" : "egress");
	json_string(json, "protocol", key->protocol);
	text_or_none(json, "process", key->process);
	text_or_none(json, "name", remote->name);
	text_or_none(json, "unit", remote->unit);
	text_or_none(json, "error", remote->error);
	if (remote->pid)
		json_number(json, "pid", remote->pid);
	json_number(json, "pids", remote->has_pids ? 2 : 1);
	json_number(json, "connections", remote->connections);
	json_number(json, "open", remote->open);
	json_number(json, "failed", remote->failed);
	json_number(json, "sent", remote->sent);
	json_number(json, "received", remote->received);
	place_print(json, &remote->place);
	json_object_end(json);
}

static void geo_print(struct json *json)
{
	const struct geo_about *about = geo_about();

	if (!about)
		return;
	json_object_begin(json, "geo");
	json_string(json, "what", about->what);
	json_string(json, "name", about->name);
	json_string(json, "licence", about->licence);
	json_object_end(json);
}

static void lost_add(char *text, size_t size, uint64_t number, const char *what)
{
	size_t used = strlen(text);

	if (number)
		snprintf(text + used, size - used, "%s%llu %s", used ? ", " : "",
			 (unsigned long long)number, what);
}

/* What is known to be missing, in words. */
static void lost_print(struct json *json, const struct remotes *remotes)
{
	char text[256] = "";

	lost_add(text, sizeof(text), remotes->lost_events, "events were lost");
	lost_add(text, sizeof(text), remotes->lost_connections,
		 "connections could not be followed");
	lost_add(text, sizeof(text), remotes->left_out, "times there was no room for more");
	lost_add(text, sizeof(text), remotes->unread, "lines were no events");
	text_or_none(json, "lost", text);
}

/* Remotes that have changed after that change; returns the last one's. */
static uint64_t told_print(struct json *json, const struct remotes *remotes, uint64_t change,
			   unsigned int most)
{
	const struct remote *remote = remotes_after(remotes, change);

	text_or_none(json, "from", remotes->from);
	text_or_none(json, "to", remotes->to);
	lost_print(json, remotes);
	json_array_begin(json, "remotes");
	for (; remote && most; remote = remote->newer, most--) {
		remote_print(json, remote);
		change = remote->change;
	}
	json_array_end(json);
	return change;
}

uint64_t paper_changes_print(FILE *out, const struct paper *paper, uint64_t change,
			     unsigned int most)
{
	struct json json = { .out = out };

	json_object_begin(&json, NULL);
	change = told_print(&json, paper->remotes, change, most);
	json_object_end(&json);
	return change;
}

static void data_print(FILE *out, const struct paper *paper)
{
	struct json json = { .out = out };

	json_object_begin(&json, NULL);
	json_bool(&json, "live", paper->is_live);
	if (paper->home)
		position_print(&json, "home", paper->home);
	geo_print(&json);
	if (!paper->is_live)
		told_print(&json, paper->remotes, 0, UINT32_MAX);
	json_object_end(&json);
}

/* Within <script> of HTML, no text can end it or begin a comment: in JSON, "<" is only in strings. */
static void escaped_print(FILE *out, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] == '<')
			fputs("\\u003c", out);
		else
			fputc(bytes[i], out);
}

static void data_escape(FILE *out, const struct paper *paper)
{
	char *text = NULL;
	size_t length = 0;
	FILE *data = open_memstream(&text, &length);

	if (!data)
		return;
	data_print(data, paper);
	fclose(data);
	escaped_print(out, text, length);
	free(text);
}

/* Up to that place, which is behind `from`; returns what follows it. */
static const char *text_print_to(FILE *out, const char *from, const char *place)
{
	const char *to = strstr(from, place);

	fwrite(from, 1, to - from, out);
	return to + strlen(place);
}

void paper_print(FILE *out, const struct paper *paper)
{
	const char *rest = text_print_to(out, page_text, connect_place);

	fputs(connect_word(paper), out);
	rest = text_print_to(out, rest, data_place);
	data_escape(out, paper);
	fwrite(rest, 1, page_text_end - rest, out);
}

const char *paper_policy(const struct paper *paper)
{
	static const char begins[] = "Content-Security-Policy\" content=\"";
	static char policy[512];
	const char *text = strstr(page_text, begins) + strlen(begins);
	const char *place = strstr(text, connect_place), *rest = place + strlen(connect_place);

	snprintf(policy, sizeof(policy), "%.*s%s%.*s; frame-ancestors 'none'", (int)(place - text),
		 text, connect_word(paper), (int)strcspn(rest, "\""), rest);
	return policy;
}
