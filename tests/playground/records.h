/*
 * Records as text, in each of the shapes the served systems have.
 *
 * A renderer appends one record, whole, and nothing around it. null_parents asks for null wherever the
 * record would have a nested object.
 */
#ifndef RECORDS_H
#define RECORDS_H

#include <stdbool.h>

#include "data.h"
#include "text.h"

typedef void render_fn(struct text *t, const struct record *rec, bool null_parents);

render_fn user_json;   /* members as they were made */
render_fn user_sorted; /* members by name, pretty-printed: what the /auth endpoints send */
render_fn user_step;   /* id is an integer from 1 */
render_fn user_csv;
render_fn user_line; /* NDJSON */

/* Humaans as the seed connector believes it to be, and as it is. */
render_fn seed_company, seed_document, seed_job_role;
render_fn real_company, real_document, real_job_role, real_person;

void user_id(const struct record *rec, char id[static 37]);

#endif
