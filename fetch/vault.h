/*
 * The credentials file: tokens that outlive the run, mode 0600, shared by processes under a lock.
 *
 * One JSON object; each member is what one client got from one server. The lock is flock(2) on FILE.lock, because
 * FILE itself is replaced, by FILE.new. Whoever dies between writing FILE.new and renaming it has done enough: the next
 * one who has the lock does the rest.
 */
#ifndef VAULT_H
#define VAULT_H

#include "token.h"

struct vault {
	char *path, *new; /* symbolic links followed */
	int lock, fd;     /* of FILE.lock and FILE.new, or -1 */
	struct buf text;  /* of the file */
};

/*
 * Lock the file, waiting for who has it, and read it; it need not exist. 0, CS_* after fail(), or -1 when a signal came.
 */
int vault_open(struct vault *v, const char *path);
/* The token kept under key, or an empty one. */
void vault_get(const struct vault *v, const char *key, struct token *t);
/*
 * Make room for it: called once, before a server is asked for what can be had once only. 0 or CS_* after fail().
 */
int vault_ready(struct vault *v);
/* Replace what is kept under key, after vault_ready(); it is on the disk when this returns 0. CS_* after fail().
 * url: for people. */
int vault_put(struct vault *v, const char *key, const char *url, const struct token *t);
void vault_close(struct vault *v);

#endif
