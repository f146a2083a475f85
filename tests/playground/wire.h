/*
 * Sending an answer: through libmicrohttpd where it is well-formed, by hand on its socket where it is not.
 */
#ifndef WIRE_H
#define WIRE_H

#include "server.h"

/* Whether a fault needs the whole body at hand before the first byte leaves. */
bool wire_needs_whole(const struct faults *f);
/*
 * Send it; a is used up. Called without the lock, and takes its time for the faults that are about time.
 * Returns what the connection's handler has to return.
 */
enum MHD_Result wire_send(struct request *req, struct answer *a);
/* Never answer: wait until the client gives up or the server stops. */
enum MHD_Result wire_hang(struct request *req);
/* Sleep, but not past the server's end. */
void wire_sleep(int64_t ms);

#endif
