/*
 * What is known of streams in the text format of Prometheus, as node_exporter's textfile collector takes it.
 */
#ifndef PROMETHEUS_H
#define PROMETHEUS_H

#include "report.h"

/* Append all metrics of n streams. */
void	prometheus(struct buf *b, const struct report *r, size_t n);

#endif
