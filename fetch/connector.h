/*
 * Connector files, cs-connector(5): an API described as data.
 *
 * Both read the connector file, the user's configuration (NULL: none) and the --set
 * NAME=VALUE list (NULL-terminated), check every key, type and range, and end the process
 * with CS_USAGE, or CS_AUTH for a credential that is missing, naming what and where, before anything is asked
 * of a server.
 */
#ifndef CONNECTOR_H
#define CONNECTOR_H

#include "opts.h"

/*
 * Set everything that the connector and then its stream say, through opts_set(), with o->layer
 * raised before the stream's part and once more at the end, for the command line. o->stream
 * becomes the stream's name unless the connector or the environment (CS_STREAM) gives another.
 * stream NULL: print what there is to choose from, streams and parameters, and end the process.
 * Returns 0.
 */
int connector_load(
    struct opts *o, const char *file, const char *config, char *const *sets, const char *stream);
/* Print the value of one parameter, resolved, and a newline; refuses secrets. 0 or a CS_* status. */
int connector_get(const char *file, const char *config, char *const *sets, const char *name);
/* For --check without STREAM: the names of all streams, NULL-terminated, the caller's to keep. */
char **connector_streams(const char *file);

#endif
