/*
 * The report for people: one HTML file with all in it.
 */
#ifndef HTML_H
#define HTML_H

#include "report.h"

/* Append the page about n streams of a store. */
void	html(struct buf *b, const char *store, const struct report *r, size_t n);

#endif
