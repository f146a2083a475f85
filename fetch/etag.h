/*
 * --etag: what is fetched is asked for only if it has changed since the last run.
 *
 * A version is what the server called the reply (ETag, Last-Modified), kept as the fields that ask for another,
 * behind a fingerprint of the request: "9f3a… If-None-Match: \"x\"\n". It travels in the state, so that it counts
 * only once the rows that came with it are acknowledged. Where no state is handed in, the file of --etag
 * holds it; it is written when the run is complete and its reader has taken everything.
 *
 * A version is that of one reply: a run of several pages leaves none.
 */
#ifndef ETAG_H
#define ETAG_H

#include "job.h"

/* The last version, into the state: what that has or, where nobody hands states in, the file's. 0, or CS_IO after fail(). */
int etag_load(struct job *j);
/* Is the request for the reply that the state has a version of? Then it asks only for another one. */
bool etag_ask(struct job *j, struct request *q);
/* The run has come to its end: j->state has the version of what it fetched, or none. */
void etag_keep(struct job *j);
/* After the last byte was written to fd: into the file, if that is its place. 0, or CS_IO after fail(). */
int etag_store(const struct job *j, int fd);

#endif
