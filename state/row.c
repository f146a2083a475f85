#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "row.h"
#include "scan.h"

/* A member of the JSON object, by its kind; null stands for NULL and -1. */
struct field {
	const char *name;
	char **text;
	char **raw; /* JSON */
	int64_t *number;
	bool *flag;
};

#define FIELDS 13

static void
state_fields(struct field f[FIELDS], struct state_row *r, char **stream)
{
	const struct field all[FIELDS] = {
	    {.name = "stream", .text = stream},
	    {.name = "version", .number = &r->version},
	    {.name = "updated_at", .text = &r->updated_at},
	    {.name = "run", .text = &r->run},
	    {.name = "records", .number = &r->records},
	    {.name = "state", .raw = &r->state},
	};

	memcpy(f, all, sizeof all);
}

static void
run_fields(struct field f[FIELDS], struct run_row *r, char **stream)
{
	const struct field all[FIELDS] = {
	    {.name = "stream", .text = stream},
	    {.name = "run", .text = &r->run},
	    {.name = "fence", .number = &r->fence},
	    {.name = "started_at", .text = &r->started_at},
	    {.name = "ended_at", .text = &r->ended_at},
	    {.name = "status", .number = &r->status},
	    {.name = "done", .flag = &r->done},
	    {.name = "every", .number = &r->every},
	    {.name = "records", .number = &r->records},
	    {.name = "counts", .raw = &r->counts},
	    {.name = "fetch", .raw = &r->fetch},
	    {.name = "message", .text = &r->message},
	};

	memcpy(f, all, sizeof all);
}

static void
fields_json(struct buf *b, const struct field *f)
{
	for (int i = 0; f[i].name != NULL; i++) {
		buf_addf(b, "%c\"%s\":", i ? ',' : '{', f[i].name);
		if (f[i].flag != NULL)
			buf_adds(b, *f[i].flag ? "true" : "false");
		else if (f[i].number != NULL && *f[i].number >= 0)
			buf_addf(b, "%" PRId64, *f[i].number);
		else if (f[i].text != NULL && *f[i].text != NULL)
			json_quote(b, *f[i].text, strlen(*f[i].text));
		else if (f[i].raw != NULL && *f[i].raw != NULL)
			buf_adds(b, *f[i].raw);
		else
			buf_adds(b, "null");
	}
	buf_addc(b, '}');
}

static int
field_parse(const struct field *f, const struct value *v)
{
	struct buf b = {0};
	struct slice in;

	if (v->type == JSON_NULL && f->raw == NULL)
		return f->flag != NULL ? -1 : 0;
	if (f->flag != NULL) {
		*f->flag = v->type == JSON_TRUE;
		return v->type == JSON_TRUE || v->type == JSON_FALSE ? 0 : -1;
	}
	if (f->number != NULL)
		return num_int64(v->p, v->n, f->number);
	if (f->raw != NULL) {
		free(*f->raw);
		*f->raw = xstrndup(v->p, v->n);
		return 0;
	}
	in = value_inner(v);
	if (v->type != JSON_STRING || json_unescape(&b, in.p, in.n) != 0) {
		buf_release(&b);
		return -1;
	}
	free(*f->text);
	*f->text = buf_steal(&b);
	return 0;
}

static int
fields_parse(const struct field *f, const char *p, size_t n, const char **err)
{
	struct scan s = {0};
	struct slice key;
	struct value v;
	int r, i;

	for (i = 0; f[i].name != NULL; i++)
		if (f[i].number != NULL)
			*f[i].number = -1;
	scan_init(&s, p, n);
	r = scan_enter(&s);
	while (r == 0 && (r = scan_key(&s, &key)) > 0) {
		for (i = 0; f[i].name != NULL && !slice_is(key, f[i].name);)
			i++;
		r = scan_value(&s, &v);
		if (r == 0 && f[i].name != NULL && field_parse(&f[i], &v) < 0) {
			s.err = "a member is not of its type";
			r = -1;
		}
	}
	if (r == 0)
		r = scan_done(&s);
	*err = s.err;
	scan_release(&s);
	return r;
}

void
state_row_json(struct buf *b, const char *stream, const struct state_row *r)
{
	struct field f[FIELDS];

	/* Only read here. */
	state_fields(f, (struct state_row *)r, (char **)&stream);
	fields_json(b, f);
}

void
run_row_json(struct buf *b, const char *stream, const struct run_row *r)
{
	struct field f[FIELDS];

	run_fields(f, (struct run_row *)r, (char **)&stream);
	fields_json(b, f);
}

int
state_row_parse(struct state_row *r, char **stream, const char *p, size_t n, const char **err)
{
	struct field f[FIELDS];

	memset(r, 0, sizeof *r);
	*stream = NULL;
	state_fields(f, r, stream);
	if (fields_parse(f, p, n, err) < 0)
		return -1;
	if (*stream == NULL || r->state == NULL || r->updated_at == NULL || r->version < 1) {
		*err = "a member is missing";
		return -1;
	}
	return 0;
}

int
run_row_parse(struct run_row *r, char **stream, const char *p, size_t n, const char **err)
{
	struct field f[FIELDS];

	memset(r, 0, sizeof *r);
	*stream = NULL;
	run_fields(f, r, stream);
	if (fields_parse(f, p, n, err) < 0)
		return -1;
	if (*stream == NULL || r->run == NULL || r->started_at == NULL) {
		*err = "a member is missing";
		return -1;
	}
	return 0;
}

void
run_row_release(struct run_row *r)
{
	free(r->run);
	free(r->started_at);
	free(r->ended_at);
	free(r->counts);
	free(r->fetch);
	free(r->message);
	memset(r, 0, sizeof *r);
}

struct state_row *
state_rows_add(struct state_rows *rows)
{
	rows->row = xreallocarray(rows->row, rows->n + 1, sizeof *rows->row);
	return memset(&rows->row[rows->n++], 0, sizeof *rows->row);
}

struct run_row *
run_rows_add(struct run_rows *rows)
{
	rows->row = xreallocarray(rows->row, rows->n + 1, sizeof *rows->row);
	return memset(&rows->row[rows->n++], 0, sizeof *rows->row);
}

void
state_rows_release(struct state_rows *rows)
{
	while (rows->n > 0)
		state_row_release(&rows->row[--rows->n]);
	free(rows->row);
	rows->row = NULL;
}

void
run_rows_release(struct run_rows *rows)
{
	while (rows->n > 0)
		run_row_release(&rows->row[--rows->n]);
	free(rows->row);
	rows->row = NULL;
}
