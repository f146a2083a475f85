/*
 * The records: which exist, when each was made and last changed, and in which order a query sees them.
 *
 * Record n of a resource is a function of (seed, resource, n) until something touches it; only touched
 * records take memory. A selection costs four bytes a record and is kept until the data changes.
 * Nothing here locks: callers hold the server's lock.
 */
#ifndef DATA_H
#define DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum resource { USERS, COMPANIES, DOCUMENTS, JOB_ROLES, PEOPLE, RESOURCES };

struct data_opts {
	uint64_t seed;
	uint32_t count[RESOURCES];
	int64_t newest; /* the newest updatedAt, ms since 1970 */
	bool ties;      /* users 50 and 51 share their times */
};

struct record {
	enum resource r;
	uint32_t n;      /* 0 is the oldest */
	uint32_t rev;    /* how often it was changed */
	int64_t created; /* ms since 1970 */
	int64_t updated;
	uint64_t hash; /* what its other fields are made of */
};

enum sort_field { SORT_NONE, SORT_CREATED, SORT_UPDATED, SORT_ID };

struct sort {
	enum sort_field field;
	bool desc;
};

#define MAX_SORT 3

/* Compared byte by byte: start from query_init(), which clears the padding too. */
struct query {
	struct sort sort[MAX_SORT]; /* none: as made, oldest first */
	int64_t updated[2];         /* inclusive bounds, ms */
	int64_t created[2];
	int status; /* of people; -1 for all */
};

enum person_status { ACTIVE, OFFBOARDED, NEW_HIRE };

void data_init(const struct data_opts *o);
/* Back to the records of the start. */
void data_reset(void);
void data_release(void);

void query_init(struct query *q);
/* The record numbers that match, in order. Valid until the data changes or eight other queries were made. */
const uint32_t *data_select(enum resource r, const struct query *q, size_t *len);
void data_record(enum resource r, uint32_t n, struct record *rec);
enum person_status data_person_status(const struct record *rec);

/* "job-roles" and so on; -1 for anything else. */
int data_resource(const char *name);
const char *data_name(enum resource r);

/* 24 letters and digits, and the way back; false where no live record of r has that id. */
void data_id(enum resource r, uint32_t n, char id[static 25]);
bool data_find(enum resource r, const char *id, uint32_t *n);

/*
 * Touch records, each with a time later than every one before (or, with same_time, the newest time there is).
 * data_pick() names up to count live records, spread out and different on each call; it returns how many.
 */
size_t data_pick(enum resource r, size_t count, uint32_t *picked);
void data_change(enum resource r, uint32_t n, bool same_time);
uint32_t data_insert(enum resource r);
void data_delete(enum resource r, uint32_t n);

#endif
