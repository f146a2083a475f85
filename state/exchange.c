/* The cursor of a stream in the words of others: state documents of Singer, Airbyte and dlt. */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "pick.h"
#include "state.h"

enum form { SINGER, AIRBYTE, DLT };

static enum form
form(const char *name)
{
	static const char *const names[] = {"singer", "airbyte", "dlt"};

	for (int i = 0; i < 3; i++)
		if (!strcmp(name, names[i]))
			return (enum form)i;
	errx(CS_USAGE, "%s: a form of state is singer, airbyte or dlt", name);
}

/* The stream's name without what stands in front of a slash. */
static const char *
base(const char *stream)
{
	const char *slash = strrchr(stream, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : stream;
}

/* As JSON: an integer as a number, all else as text. */
static void
add_cursor(struct buf *b, const char *cursor)
{
	const char *digits = cursor + (*cursor == '-');

	if (*digits != '\0' && digits[strspn(digits, "0123456789")] == '\0' &&
	    (*digits != '0' || digits[1] == '\0'))
		buf_adds(b, cursor);
	else
		json_quote(b, cursor, strlen(cursor));
}

static void
add_member(struct buf *b, const char *name, const char *cursor)
{
	buf_addc(b, '{');
	json_quote(b, name, strlen(name));
	buf_addc(b, ':');
	add_cursor(b, cursor);
	buf_addc(b, '}');
}

static void
export_singer(struct buf *b, const char *name, const char *field, const char *cursor)
{
	buf_adds(b, "{\"bookmarks\":{");
	json_quote(b, name, strlen(name));
	buf_adds(b, ":{\"replication_key\":");
	json_quote(b, field, strlen(field));
	buf_adds(b, ",\"replication_key_value\":");
	add_cursor(b, cursor);
	buf_adds(b, "}}}");
}

static void
export_airbyte(struct buf *b, const char *name, const char *field, const char *cursor)
{
	buf_adds(b, "[{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":{\"name\":");
	json_quote(b, name, strlen(name));
	buf_adds(b, "},\"stream_state\":");
	add_member(b, field, cursor);
	buf_adds(b, "}}]");
}

static void
export_dlt(struct buf *b, const char *name, const char *field, const char *cursor)
{
	buf_adds(b, "{\"sources\":{");
	json_quote(b, name, strlen(name));
	buf_adds(b, ":{\"resources\":{");
	json_quote(b, name, strlen(name));
	buf_adds(b, ":{\"incremental\":{");
	json_quote(b, field, strlen(field));
	buf_adds(b, ":{\"last_value\":");
	add_cursor(b, cursor);
	buf_adds(b, ",\"unique_hashes\":[]}}}}}}}");
}

int
cmd_export(struct store *s, const struct opts *o)
{
	static void (*const exports[])(struct buf *, const char *, const char *, const char *) = {
	    [SINGER] = export_singer, [AIRBYTE] = export_airbyte, [DLT] = export_dlt};
	enum form f = form(o->form);
	struct state_row now;
	struct buf copy = {0}, b = {0};
	struct value v;
	struct out out;
	char *cursor = NULL;
	int status = store_get(s, o->stream, &now);

	out_open(&out, STDOUT_FILENO);
	buf_adds(&copy, status == CS_OK ? now.state : "");
	if (status == CS_OK && pick((struct slice){copy.p, copy.len}, "cursor", &v))
		cursor = pick_text(&v);
	if (status == CS_OK && cursor != NULL) {
		exports[f](&b, base(o->stream),
		    o->cursor_field != NULL ? o->cursor_field : "cursor", cursor);
		out_line(&out, b.p, b.len);
	} else if (status == CS_OK) {
		/* A state that came through cs-map --from is in their words already. */
		warnx("stream \"%s\": its state has no cursor that could be said in another way; "
		      "cs-state get prints it as it is",
		    o->stream);
		status = CS_DATA;
	}
	free(cursor);
	buf_release(&copy);
	buf_release(&b);
	state_row_release(&now);
	return finish(&out, status);
}

/* The one member that may be a cursor, or the one of that name. */
static char *
only(struct slice object, const char *field)
{
	struct scan s = {0};
	struct slice key;
	struct value v;
	char *found = NULL, *text;
	int n = 0;

	if (field != NULL)
		return pick(object, field, &v) ? pick_text(&v) : NULL;
	scan_init(&s, object.p, object.n);
	if (scan_type(&s) == JSON_OBJECT)
		for (scan_enter(&s); scan_key(&s, &key) > 0 && scan_value(&s, &v) == 0;)
			if ((text = pick_text(&v)) != NULL) {
				free(found);
				found = text;
				n++;
			}
	scan_release(&s);
	if (n != 1) {
		free(found);
		return NULL;
	}
	return found;
}

static char *
import_singer(struct slice doc, const char *name, const char *field)
{
	struct value v, key;

	if (pick(doc, "value", &v) && !pick(doc, "bookmarks", &key)) /* a STATE message */
		doc = (struct slice){v.p, v.n};
	if (!pick_path(doc, &v, "bookmarks", name, (char *)NULL))
		return NULL;
	doc = (struct slice){v.p, v.n};
	if (pick(doc, "replication_key_value", &v))
		return pick_text(&v);
	return only(doc, field);
}

/* One state: a STATE message, or what is in it. */
static char *
airbyte_one(struct slice doc, const char *name, const char *field)
{
	struct value v;
	char *is, *cursor = NULL;

	if (pick(doc, "state", &v))
		doc = (struct slice){v.p, v.n};
	if (!pick_path(doc, &v, "stream", "stream_descriptor", "name", (char *)NULL))
		return NULL;
	is = pick_text(&v);
	if (is != NULL && !strcmp(is, name) &&
	    pick_path(doc, &v, "stream", "stream_state", (char *)NULL))
		cursor = only((struct slice){v.p, v.n}, field);
	free(is);
	return cursor;
}

static char *
import_airbyte(struct slice doc, const char *name, const char *field)
{
	struct scan s = {0};
	struct value v;
	char *cursor = NULL;

	scan_init(&s, doc.p, doc.n);
	if (scan_type(&s) != JSON_ARRAY)
		cursor = airbyte_one(doc, name, field);
	else
		for (scan_enter(&s);
		     cursor == NULL && scan_item(&s) > 0 && scan_value(&s, &v) == 0;)
			cursor = airbyte_one((struct slice){v.p, v.n}, name, field);
	scan_release(&s);
	return cursor;
}

/* In whatever source the resource of that name is. */
static char *
import_dlt(struct slice doc, const char *name, const char *field)
{
	struct scan s = {0};
	struct slice key;
	struct value v, x;
	char *cursor = NULL;

	if (!pick(doc, "sources", &v))
		return NULL;
	scan_init(&s, v.p, v.n);
	if (scan_type(&s) == JSON_OBJECT)
		for (scan_enter(&s);
		     cursor == NULL && scan_key(&s, &key) > 0 && scan_value(&s, &v) == 0;) {
			struct slice source = {v.p, v.n};
			struct scan in = {0};

			if (!pick_path(source, &x, "resources", name, "incremental", (char *)NULL))
				continue;
			scan_init(&in, x.p, x.n);
			if (scan_type(&in) == JSON_OBJECT)
				for (scan_enter(&in); scan_key(&in, &key) > 0;) {
					bool here = field == NULL || slice_is(key, field);

					if (scan_value(&in, &x) < 0)
						break;
					if (here && cursor == NULL &&
					    pick((struct slice){x.p, x.n}, "last_value", &x))
						cursor = pick_text(&x);
				}
			scan_release(&in);
		}
	scan_release(&s);
	return cursor;
}

int
cmd_import(struct store *s, const struct opts *o)
{
	static char *(*const imports[])(struct slice, const char *, const char *) = {
	    [SINGER] = import_singer, [AIRBYTE] = import_airbyte, [DLT] = import_dlt};
	enum form f = form(o->form);
	struct buf in = {.max = STORE_STATE_MAX}, state = {0};
	struct state_row r = {.records = -1};
	struct value v;
	const char *why;
	char *cursor;
	int status;

	if (file_read(&in, "-") < 0)
		err(errno == EFBIG ? CS_DATA : CS_IO, "stdin");
	if (scan_text(in.p != NULL ? in.p : "", in.len, &v, &why) < 0)
		errx(CS_DATA, "stdin: %s", why);
	cursor = imports[f]((struct slice){v.p, v.n}, base(o->stream), o->cursor_field);
	if (cursor == NULL || *cursor == '\0')
		errx(CS_DATA,
		    "stdin: has no one cursor of stream \"%s\": is it named so there? "
		    "--cursor-field says which of several",
		    base(o->stream));
	buf_adds(&state, "{\"v\":1,\"cursor\":");
	/* cppcheck-suppress nullPointerRedundantCheck ; errx() does not return */
	json_quote(&state, cursor, strlen(cursor));
	buf_adds(&state, ",\"ordered\":false}");
	r.state = state.p;
	/* Over nothing, unless it is said that what is there may go. */
	status = store_put(s, o->stream, &r, o->force ? -1 : 0, NULL);
	if (status == CS_FENCED)
		warnx("stream \"%s\" has a state already; --force replaces it", o->stream);
	free(cursor);
	buf_release(&in);
	buf_release(&state);
	return status;
}
