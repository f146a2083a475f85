#ifndef HELP_H
#define HELP_H

/*
 * Print what cs-fetch can be asked to stdout: a screen of it (NULL), one topic, or "all". 0; ends the process when that
 * fails or there is no such topic.
 */
int help(const char *topic);

#endif
