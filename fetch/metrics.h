/* --metrics: what a run did, as Prometheus' text format, for node_exporter's directory of text files. */
#ifndef METRICS_H
#define METRICS_H

/*
 * Replace the file by what progress_counts() says of the run that ends with status. The time of the last
 * success is kept from the file that is there. 0, or CS_IO after saying why.
 */
int metrics_write(const char *path, const char *stream, int status);

#endif
