// SPDX-License-Identifier: GPL-2.0-or-later
/* The page over HTTP, and what happens as server-sent events. Loopback is everybody's on this machine, and every web page's
 * that a browser here shows: so there is a token in the path, which only the terminal has, and the host has to be the
 * address itself, lest a name of somebody else's leads here (DNS rebinding).
 *
 * A client is told which remotes have changed since it was told last. One that reads slowly is told less often, and takes
 * no more memory than one that does not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "page.h"
#include "signals.h"
#include "vsh.h"

#define NS_PER_MS 1000000ULL
#define CLIENTS_MAX 32 /* connections; one more waits */
#define CLIENT_BYTES (32 * 1024) /* of headers and what is to be sent, each */
#define IDLE_S 30 /* a client that neither reads nor writes is let go */
#define PAUSE_MS 250 /* between two events, at least */
#define BREATH_MS 5000 /* a comment so often: it shows who is still there */
#define EVENT_REMOTES 500 /* at most, in one event */
#define TOKEN_LEN 33

struct client {
	struct MHD_Connection *connection;
	struct server *server;
	struct client *next;
	uint64_t change; /* up to which it has been told */
	bool waits, is_told_end;
	char *text; /* what is being sent, ... */
	size_t length, sent; /* ... and how far */
};

struct server {
	struct serving *serving;
	struct MHD_Daemon *daemon;
	struct client *clients;
	uint16_t port;
	char token[TOKEN_LEN];
	char host[32];
	bool has_ended; /* the recording */
	uint64_t told_ms, change; /* the last event for all */
};

static uint64_t now_ms(void)
{
	return monotonic_now_ns() / NS_PER_MS;
}

/* --- events --------------------------------------------------------------------------------------- */

static uint64_t changes(const struct server *server)
{
	return server->serving->paper->remotes->changes;
}

static bool is_through(const struct client *client)
{
	return client->change >= changes(client->server);
}

/* The next event, or a comment if there is none. */
static void event_make(struct client *client, FILE *out)
{
	const struct server *server = client->server;

	if (!is_through(client)) {
		fputs("data: ", out);
		client->change = paper_changes_print(out, server->serving->paper, client->change,
						     EVENT_REMOTES);
	} else if (server->has_ended) {
		client->is_told_end = true;
		fputs("event: end\ndata: ", out);
	} else {
		fputs(":", out);
	}
	fputs("\n\n", out);
}

static bool text_make(struct client *client)
{
	FILE *out;

	free(client->text);
	client->text = NULL;
	client->length = client->sent = 0;
	out = open_memstream(&client->text, &client->length);
	if (!out)
		return false;
	event_make(client, out);
	return !fclose(out);
}

/* For libmicrohttpd: bytes of the answer. With nothing to send the client waits. */
static ssize_t events_read(void *context, uint64_t position, char *out, size_t max)
{
	struct client *client = context;
	size_t length;

	(void)position;
	if (client->sent == client->length) {
		if (client->is_told_end)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (client->waits) {
			MHD_suspend_connection(client->connection);
			return 0;
		}
		if (!text_make(client))
			return MHD_CONTENT_READER_END_WITH_ERROR;
		client->waits = is_through(client) && !client->server->has_ended;
	}
	length = client->length - client->sent;
	length = length < max ? length : max;
	memcpy(out, client->text + client->sent, length);
	client->sent += length;
	return length;
}

static void client_end(void *context)
{
	struct client *client = context, **link = &client->server->clients;

	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	free(client->text);
	free(client);
}

static void clients_wake(struct server *server)
{
	for (struct client *client = server->clients; client; client = client->next) {
		if (!client->waits)
			continue;
		client->waits = false;
		MHD_resume_connection(client->connection);
	}
	server->told_ms = now_ms();
	server->change = changes(server);
}

/* Milliseconds until all have to be told something; 0: now. */
static uint64_t wake_in_ms(const struct server *server)
{
	bool is_news = changes(server) != server->change;
	uint64_t next = server->told_ms + (is_news ? PAUSE_MS : BREATH_MS), now = now_ms();

	return next > now ? next - now : 0;
}

/* --- answers -------------------------------------------------------------------------------------- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status,
			      struct MHD_Response *response, const char *type, const char *policy)
{
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "Content-Security-Policy", policy);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
	MHD_add_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refusal(struct MHD_Connection *connection, unsigned int status)
{
	return answer(connection, status,
		      MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT), "text/plain",
		      "default-src 'none'");
}

static enum MHD_Result page_answer(struct server *server, struct MHD_Connection *connection)
{
	const struct paper *paper = server->serving->paper;
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return MHD_NO;
	paper_print(out, paper);
	if (fclose(out)) {
		free(text);
		return MHD_NO;
	}
	return answer(connection, MHD_HTTP_OK,
		      MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE),
		      "text/html; charset=utf-8", paper_policy(paper));
}

static enum MHD_Result events_answer(struct server *server, struct MHD_Connection *connection)
{
	struct client *client = calloc(1, sizeof(*client));
	struct MHD_Response *response;

	if (!client)
		return MHD_NO;
	*client = (struct client){ .connection = connection,
				   .server = server,
				   .next = server->clients };
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 * 1024, events_read,
						     client, client_end);
	if (!response) {
		free(client);
		return MHD_NO;
	}
	server->clients = client;
	return answer(connection, MHD_HTTP_OK, response, "text/event-stream", "default-src 'none'");
}

/* Takes as long for a wrong token as for the right one. */
static bool token_is(const char *token, const char *given)
{
	unsigned char difference = 0;

	for (int i = 0; i < TOKEN_LEN - 1; i++)
		difference |= token[i] ^ given[i];
	return !difference;
}

/* What follows "/TOKEN/"; NULL: it is not that. */
static const char *path_below(const struct server *server, const char *url)
{
	size_t length = TOKEN_LEN - 1;

	if (strlen(url) < length + 2 || url[0] != '/' || url[length + 1] != '/')
		return NULL;
	return token_is(server->token, url + 1) ? url + length + 2 : NULL;
}

static enum MHD_Result request_take(void *context, struct MHD_Connection *connection,
				    const char *url, const char *method, const char *version,
				    const char *data, size_t *data_length, void **state)
{
	struct server *server = context;
	const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
	const char *path = path_below(server, url);

	(void)version, (void)data, (void)data_length, (void)state;
	if (!host || strcmp(host, server->host))
		return refusal(connection, MHD_HTTP_MISDIRECTED_REQUEST);
	if (strcmp(method, "GET"))
		return refusal(connection, MHD_HTTP_METHOD_NOT_ALLOWED);
	if (path && !*path)
		return page_answer(server, connection);
	if (path && !strcmp(path, "events"))
		return events_answer(server, connection);
	return refusal(connection, MHD_HTTP_NOT_FOUND);
}

/* --- the server ----------------------------------------------------------------------------------- */

static bool token_make(char token[TOKEN_LEN])
{
	unsigned char random[(TOKEN_LEN - 1) / 2];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return false;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(token + 2 * i, 3, "%02x", random[i]);
	return true;
}

static int server_begin(struct server *server)
{
	struct sockaddr_in own = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(server->serving->port),
	};
	const union MHD_DaemonInfo *info;

	if (!token_make(server->token))
		return failure("no random numbers: %s", strerror(errno));
	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, request_take, server,
		MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&own, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)CLIENTS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CLIENT_BYTES,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_S, MHD_OPTION_END);
	if (!server->daemon)
		return failure("cannot serve on 127.0.0.1, port %u: %s", server->serving->port,
			       strerror(errno));
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
	server->port = info->port;
	server->serving->recording->own_port = server->port;
	snprintf(server->host, sizeof(server->host), "127.0.0.1:%u", server->port);
	return DONE;
}

/* Not when the daemon has said that there is more to do at once. */
static void server_wait(const struct server *server)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd wanted[] = {
		{ .fd = info->epoll_fd, .events = POLLIN },
		{ .fd = server->has_ended ? -1 : STDIN_FILENO, .events = POLLIN },
	};
	uint64_t wait_ms = wake_in_ms(server);
	MHD_UNSIGNED_LONG_LONG daemon_ms;

	if (MHD_get_timeout(server->daemon, &daemon_ms) == MHD_YES && daemon_ms < wait_ms)
		wait_ms = daemon_ms;
	ends_poll(wanted, 2, wait_ms * NS_PER_MS);
}

/* 0, or -errno. */
static int recording_take(struct server *server)
{
	struct pollfd ready = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t length;

	if (server->has_ended || poll(&ready, 1, 0) <= 0)
		return 0;
	length = recording_read(server->serving->recording, STDIN_FILENO);
	if (length < 0)
		return length == -EINTR ? 0 : length;
	if (!length) {
		recording_end(server->serving->recording);
		server->has_ended = true;
		clients_wake(server);
	}
	return 0;
}

/* After the end each client is told so; then there is nothing to wait for, unless the page is to stay. */
static bool is_done(const struct server *server)
{
	return is_ended() || (server->has_ended && !server->clients && !server->serving->stays);
}

static unsigned int connections(const struct server *server)
{
	return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
		->num_connections;
}

/* Who waits for room is let in by the run after that in which somebody has gone. */
static void daemon_run(struct server *server)
{
	unsigned int before;

	do {
		before = connections(server);
		MHD_run(server->daemon);
	} while (connections(server) < before);
}

static int server_run(struct server *server)
{
	int err = 0;

	while (!err && !is_done(server)) {
		server_wait(server);
		err = recording_take(server);
		if (!wake_in_ms(server))
			clients_wake(server);
		daemon_run(server);
	}
	return err ? failure("cannot read what is recorded: %s", strerror(-err)) : DONE;
}

/* DONE, or FAILED: nobody reads it. */
static int address_tell(const struct server *server)
{
	printf("http://%s/%s/\n", server->host, server->token);
	return output_flush() ? FAILED : DONE;
}

int serve(struct serving *serving)
{
	static struct server server;
	int status;

	server.serving = serving;
	status = server_begin(&server);
	if (status != DONE)
		return status;
	ends_catch();
	status = calls_restrict() ? address_tell(&server) : FAILED;
	if (status == DONE)
		status = server_run(&server);
	clients_wake(&server);
	MHD_stop_daemon(server.daemon);
	return status;
}
