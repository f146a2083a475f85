#ifndef HELP_H
#define HELP_H

/* Print what cs-fetch can be asked to stdout. 0; ends the process when that fails. */
int help(void);

#endif
