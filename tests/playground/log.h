/*
 * The request log: one JSON line a request, in memory for GET /_log and, if asked for, in a file.
 *
 * Written when the answer is ready to go, so whoever has the answer finds the line. Callers hold the lock.
 */
#ifndef LOG_H
#define LOG_H

#include "server.h"

/* file may be null. Ends the program if it cannot be opened. */
void log_open(const char *file);
void log_close(void);
/* status 0: no answer is sent. */
void log_request(const struct request *req, int status, size_t records);
void log_clear(void);
/* Everything since the start or the last log_clear(); the oldest lines go when it exceeds 64 MiB. */
const struct text *log_lines(void);

#endif
