/*
 * A connection to a PostgreSQL server, or to one that speaks its protocol: postgres://USER@HOST,HOST/DATABASE?...,
 * with libpq's own ways to find what the URL leaves out (PGHOST, service files, .pgpass and so on).
 *
 * It works through poolers that give each transaction another server connection: no statement is prepared by name, nothing
 * is set for the session. SQLSTATE, five letters, says what failed; pg_status() makes it an exit status:
 *
 *	CS_LATER    it may go well next time: connection lost, server going down or up, read-only standby,
 *	            serialization failure, deadlock, lock not to be had, too many connections
 *	CS_AUTH     28 who are you, 42501 you may not
 *	CS_REFUSED  there is no such database; its certificate is not trusted
 *	CS_DATA     22 a value that does not fit, 23 a constraint, 54 too much of it
 *	CS_IO       all else
 *
 * No message holds a password.
 */
#ifndef PG_H
#define PG_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "cs.h"

struct pg {
	PGconn *conn;
	char *url;
	const char *app;   /* application_name, unless the user gives one */
	char *place;	   /* the URL as messages have it */
	uint64_t patience; /* ms that pg_again() spends on one failure and what follows from it */
	uint64_t limit;	   /* ms that pg_query() waits for an answer before the connection counts as lost; 0: for ever */
	struct buf why;	   /* the last failure in one line, the server's words */
	char code[6];	   /* its SQLSTATE, "" when it has none */
	unsigned connects; /* how often it was connected */
	/* private */
	uint64_t since;	 /* when trouble began, in ms; 0: there is none */
	unsigned tries;
};

/* Is it a URL of that kind? */
bool	pg_url(const char *s);
/* The URL without its password and its query, for messages; to be freed. */
char	*pg_place(const char *url);
/* Copy a URL out of the command line, where its password is overwritten: ps(1) shows it to everybody. To be freed. */
char	*pg_take(char *arg);

/* Load libpq and connect. pg is zeroed but for patience; app is kept. 0, or a CS_ status after printing why (CS_USAGE for the URL). */
int	pg_open(struct pg *pg, const char *url, const char *app);
/* Connect, or connect anew. 0, or a CS_ status with the reason in pg->why; prints nothing. */
int	pg_connect(struct pg *pg);
void	pg_close(struct pg *pg);

/* What is read to connect anew, name service included: a list that ends with NULL, for the sandbox. To be freed, its texts too. */
char	**pg_files(const struct pg *pg);

/* Run one statement with n parameters as text, NULL for null. The result, for PQclear(); NULL after a failure. */
PGresult *pg_query(struct pg *pg, const char *sql, int n, const char *const *values);
/* Run statements that return nothing: 0 or the CS_ status of the failure. */
int	pg_exec(struct pg *pg, const char *sql);
/* What a PGresult says, which is freed unless it is good: as of pg_query(). */
PGresult *pg_result(struct pg *pg, PGresult *res);

/* The CS_ status of the last failure. */
int	pg_status(const struct pg *pg);
/* Print the last failure and return its status. */
int	pg_fail(const struct pg *pg);
/*
 * The last failure undid the whole transaction (roll back first where the connection lives on). Is it worth another try?
 * If so wait a little, longer each time, and connect anew where the connection is gone. False when it is not, the patience is
 * over, or a signal that is held back wants to end this process: pg->why says why.
 */
bool	pg_again(struct pg *pg);
/* What was tried has gone well: the next failure has the whole patience. */
void	pg_calm(struct pg *pg);

/* Append a name in SQL quotes, a text in SQL quotes. */
void	pg_name(struct buf *b, const char *name);
void	pg_text(struct buf *b, const char *p, size_t n);

#endif
