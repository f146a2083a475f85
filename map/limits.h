/*
 * What the processes that run programs may use.
 */
#ifndef LIMITS_H
#define LIMITS_H

#include <stdint.h>

struct pool_limits {
	unsigned jobs;	 /* workers */
	uint64_t memory; /* bytes of address space of each; 0: no limit */
	uint64_t ms;	 /* of CPU time for one record */
};

#endif
