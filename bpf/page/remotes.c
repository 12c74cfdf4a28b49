// SPDX-License-Identifier: GPL-2.0-or-later
/* Connections are summed by remote, so that a page of a day is no longer than what it has to show. */
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include "page.h"

/* One that is followed: its last counts, which the next ones are compared with. */
struct connection {
	uint64_t number; /* first: what trees compare */
	struct remote *remote;
	uint64_t sent, received;
};

/* By all but the process. */
static int place_compare(const struct remote_key *x, const struct remote_key *y)
{
	int order = memcmp(x->address, y->address, sizeof(x->address));

	order = order ?: (int)x->port - (int)y->port;
	order = order ?: (int)x->is_passive - (int)y->is_passive;
	return order ?: strcmp(x->protocol, y->protocol);
}

static int key_compare(const void *a, const void *b)
{
	const struct remote_key *x = a, *y = b;

	return place_compare(x, y) ?: strcmp(x->process, y->process);
}

static int number_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The entry of a tree, which begins with what it is found by; NULL: there is none. */
static void *found(void *const *entry)
{
	return entry ? *entry : NULL;
}

static void change_note(struct remotes *remotes, struct remote *remote)
{
	if (remotes->newest == remote) {
		remote->change = ++remotes->changes;
		return;
	}
	if (remote->older)
		remote->older->newer = remote->newer;
	if (remote->newer)
		remote->newer->older = remote->older;
	remote->older = remotes->newest;
	remote->newer = NULL;
	if (remotes->newest)
		remotes->newest->newer = remote;
	remotes->newest = remote;
	remote->change = ++remotes->changes;
}

/* NULL: there is no room. */
static struct remote *remote_make(struct remotes *remotes, const struct sighting *sighting)
{
	struct remote *remote;

	if (remotes->count == REMOTES_MAX)
		return NULL;
	remote = calloc(1, sizeof(*remote));
	if (!remote)
		return NULL;
	remote->key = sighting->key;
	if (!tsearch(remote, &remotes->by_key, key_compare)) {
		free(remote);
		return NULL;
	}
	remote->index = remotes->count++;
	remote->is_own = sighting->is_own;
	geo_find(remote->key.address, remote->is_own, &remote->place);
	return remote;
}

static struct remote *remote_of(struct remotes *remotes, const struct sighting *sighting)
{
	struct remote *remote = found(tfind(&sighting->key, &remotes->by_key, key_compare));

	return remote ?: remote_make(remotes, sighting);
}

static void text_renew(char text[TEXT_LEN], const char *now)
{
	if (*now)
		strcpy(text, now);
}

static void remote_describe(struct remote *remote, const struct sighting *sighting)
{
	text_renew(remote->name, sighting->name);
	text_renew(remote->unit, sighting->unit);
	if (!remote->pid)
		remote->pid = sighting->pid;
	else if (sighting->pid && sighting->pid != remote->pid)
		remote->has_pids = true;
}

static void connection_drop(struct remotes *remotes, struct connection *connection)
{
	connection->remote->open--;
	tdelete(connection, &remotes->by_number, number_compare);
	remotes->connections--;
	free(connection);
}

/* A number can come again in what several runs have recorded, for another remote then. One that gets to another process, as
 * from its listener to who accepts it, stays where its bytes are counted.
 */
static struct connection *connection_of(struct remotes *remotes, const struct sighting *sighting)
{
	struct connection *connection =
		found(tfind(&sighting->number, &remotes->by_number, number_compare));

	if (!connection || !place_compare(&connection->remote->key, &sighting->key))
		return connection;
	change_note(remotes, connection->remote);
	connection_drop(remotes, connection);
	return NULL;
}

/* NULL: there is no room. */
static struct connection *connection_make(struct remotes *remotes, const struct sighting *sighting,
					  struct remote *remote)
{
	struct connection *connection;

	if (remotes->connections == CONNECTIONS_MAX)
		return NULL;
	connection = calloc(1, sizeof(*connection));
	if (!connection)
		return NULL;
	*connection = (struct connection){ .number = sighting->number, .remote = remote };
	if (!tsearch(connection, &remotes->by_number, number_compare)) {
		free(connection);
		return NULL;
	}
	remotes->connections++;
	remote->connections++;
	remote->open++;
	return connection;
}

static void end_note(struct remote *remote, const struct sighting *sighting)
{
	if (*sighting->error) {
		remote->failed++;
		strcpy(remote->error, sighting->error);
	}
}

/* What is told once, or of a connection for which there is no room. */
static void single_take(struct remotes *remotes, struct remote *remote,
			const struct sighting *sighting)
{
	if (!sighting->is_over) {
		remotes->left_out++;
		return;
	}
	remote->connections++;
	remote->sent += sighting->sent;
	remote->received += sighting->received;
	end_note(remote, sighting);
}

static void bytes_add(uint64_t *sum, uint64_t *before, uint64_t now)
{
	if (now < *before)
		return;
	*sum += now - *before;
	*before = now;
}

static void connection_take(struct remotes *remotes, struct connection *connection,
			    const struct sighting *sighting)
{
	struct remote *remote = connection->remote;

	bytes_add(&remote->sent, &connection->sent, sighting->sent);
	bytes_add(&remote->received, &connection->received, sighting->received);
	if (!sighting->is_over)
		return;
	end_note(remote, sighting);
	connection_drop(remotes, connection);
}

void remotes_take(struct remotes *remotes, const struct sighting *sighting)
{
	struct connection *connection = NULL;
	struct remote *remote;

	if (sighting->number)
		connection = connection_of(remotes, sighting);
	remote = connection ? connection->remote : remote_of(remotes, sighting);
	if (!remote) {
		remotes->left_out++;
		return;
	}
	if (!connection && sighting->number)
		connection = connection_make(remotes, sighting, remote);
	remote_describe(remote, sighting);
	if (connection)
		connection_take(remotes, connection, sighting);
	else
		single_take(remotes, remote, sighting);
	change_note(remotes, remote);
}

const struct remote *remotes_after(const struct remotes *remotes, uint64_t change)
{
	const struct remote *remote = remotes->newest;

	if (!remote || remote->change <= change)
		return NULL;
	while (remote->older && remote->older->change > change)
		remote = remote->older;
	return remote;
}
