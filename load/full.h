/*
 * What --mode replace and --delete-missing ask of a full run before anything goes, whatever database the rows are in.
 */
#ifndef FULL_H
#define FULL_H

#include "sink.h"

/* Of the stream, if one has begun, and a table: what is kept of a run is called by it. */
uint64_t full_hash(const struct sink *s, const char *table);
/* The stream is in mode full, or is none: 0, else CS_DATA after saying so. */
int	full_check(const struct sink *s);
/* A run that resumes goes on from the checkpoint its staged part ends with; same: that part is of this run. 0 or CS_DATA. */
int	full_resumed(const struct sink *s, bool same);
/* Is there no input at all, of any stream? Says that the default table is left as it is. */
bool	full_none(const struct sink *s);
/* May rows of table be deleted that a run did not bring, rejected of its records being set aside? Says why not. */
bool	full_told(const struct sink *s, const char *table, bool whole, uint64_t rejected);
/* May missing of all rows go, by --max-delete? 0 or CS_DATA after saying so. */
int	full_limit(const struct sink *s, const char *table, uint64_t missing, uint64_t all);

#endif
