#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"

enum arg { NONE, NUMBER, MAYBE_NUMBER, WORD, ANY };

static const struct kind {
	const char *name;
	enum arg arg;
	const char *words; /* WORD: those it may be, each between bars */
	const char *help;
} kinds[FAULTS] = {
    [BAD_JSON] = {"bad-json", WORD, "|short|trailing|bom|utf8|nan|",
	"broken JSON: garbage inside, or :short :trailing :bom :utf8 :nan"},
    [BIG_PAGE] = {"big-page", MAYBE_NUMBER, NULL,
	"all records (or N) in one page, whatever was asked"},
    [CAP] = {"cap", NUMBER, NULL, "at most N records a page; the reply's limit says N"},
    [CAP_HIDDEN] = {"cap-hidden", NUMBER, NULL,
	"the same, but the reply repeats the limit asked for"},
    [CUT_CHUNKED] = {"cut-chunked", MAYBE_NUMBER, NULL,
	"chunked body, closed after N bytes (default: half)"},
    [CUT_CLOSE] = {"cut-close", MAYBE_NUMBER, NULL, "body without length, closed after N bytes"},
    [CUT_GZIP] = {"cut-gzip", MAYBE_NUMBER, NULL, "gzip body cut after N bytes, framing right"},
    [CUT_LENGTH] = {"cut-length", MAYBE_NUMBER, NULL,
	"Content-Length promised, closed after N bytes"},
    [DATA_NULL] = {"data-null", NONE, NULL, "null where the array should be"},
    [DATA_OBJECT] = {"data-object", NONE, NULL, "an object where the array should be"},
    [DELAY] = {"delay", NUMBER, NULL, "think for N milliseconds first"},
    [DRIFT] = {"drift", WORD, "|delete|insert|update|",
	"after the answer delete the list's first record, or :insert, or :update"},
    [DUP_RECORD] = {"dup-record", NONE, NULL, "the page's first record comes twice"},
    [EMPTY_PAGE] = {"empty-page", NONE, NULL, "no records, though total and next say there are"},
    [ENDLESS] = {"endless", WORD, "|advance|",
	"the same next for ever; :advance: a new one for ever, without records"},
    [ENVELOPE] = {"envelope", NONE, NULL, "an object whose data is called otherwise"},
    [ERROR_200] = {"error-200", NONE, NULL, "200 with {\"errors\":[...],\"data\":null}"},
    [FOREIGN_NEXT] = {"foreign-next", ANY, NULL, "next URLs point to this HOST[:PORT]"},
    [GZIP] = {"gzip", WORD, "|members|trailing|crc|bomb|",
	"whole gzip body; or :members :trailing :crc :bomb (64 MiB of spaces)"},
    [HANG] = {"hang", NONE, NULL, "no answer at all"},
    [HTML] = {"html", NONE, NULL, "200 with an HTML page"},
    [NULL_PARENTS] = {"null-parents", NONE, NULL, "null for every nested object of the records"},
    [REDIRECT] = {"redirect", ANY, NULL, "302 to this URL"},
    [REPEAT] = {"repeat", NONE, NULL, "page 1, whatever skip, offset, page or cursor asks for"},
    [RESET] = {"reset", MAYBE_NUMBER, NULL, "TCP reset after N bytes (default: before the first)"},
    [SLOW] = {"slow", NUMBER, NULL, "N bytes a second"},
    [STALL] = {"stall", MAYBE_NUMBER, NULL, "headers, N bytes of body (default 0), then nothing"},
    [STATUS] = {"status", ANY, NULL,
	"CODE[:RETRY]; Retry-After: seconds, date[:SECONDS ahead], none, or any text"},
    [TOTAL] = {"total", NUMBER, NULL, "a total of N, true or not"},
};

static struct rule {
	char *path, *spec;
	int64_t times, after, seen;
} * rules;
static size_t nrules;

static char *
copy(const char *s)
{
	char *p = strdup(s);

	if (p == NULL)
		err(74, "out of memory");
	return p;
}

static bool
arg_fits(enum fault_id id, const char *arg)
{
	const struct kind *k = &kinds[id];
	int64_t v;
	char bars[64];

	switch (k->arg) {
	case NONE:
		return *arg == '\0';
	case MAYBE_NUMBER:
		if (*arg == '\0')
			return true;
		/* fallthrough */
	case NUMBER:
		return parse_int(arg, id == SLOW || id == CAP || id == CAP_HIDDEN, INT32_MAX, &v);
	case WORD:
		snprintf(bars, sizeof(bars), "|%s|", arg);
		return *arg == '\0' || strstr(k->words, bars) != NULL;
	case ANY:
		break;
	}
	if (id == STATUS)
		return strspn(arg, "0123456789") == 3 && *arg >= '2' && *arg <= '5' &&
		       (arg[3] == '\0' || arg[3] == ':');
	return *arg != '\0' && strpbrk(arg, "\r\n") == NULL;
}

static bool
fault_add(struct faults *f, char *item, struct text *why)
{
	char *arg = strchr(item, ':');

	if (arg != NULL)
		*arg++ = '\0';
	for (int id = 0; id < FAULTS; id++) {
		if (strcmp(item, kinds[id].name) != 0)
			continue;
		if (!arg_fits((enum fault_id)id, arg ? arg : "")) {
			text_fmt(why, "fault %s: %s is not an argument for it", item,
			    arg ? arg : "nothing");
			return false;
		}
		free(f->arg[id]);
		f->arg[id] = copy(arg ? arg : "");
		return true;
	}
	text_fmt(why, "unknown fault: %s", item);
	return false;
}

bool
faults_add(struct faults *f, const char *spec, struct text *why)
{
	char *list = copy(spec), *rest = list, *item;
	bool ok = true;

	while (ok && (item = strsep(&rest, ",")) != NULL)
		ok = *item == '\0' || fault_add(f, item, why);
	free(list);
	return ok;
}

bool
fault_has(const struct faults *f, enum fault_id id)
{
	return f->arg[id] != NULL;
}

int64_t
fault_number(const struct faults *f, enum fault_id id, int64_t otherwise)
{
	int64_t v;

	return f->arg[id] && parse_int(f->arg[id], INT64_MIN, INT64_MAX, &v) ? v : otherwise;
}

bool
fault_is(const struct faults *f, enum fault_id id, const char *arg)
{
	return f->arg[id] != NULL && strcmp(f->arg[id], arg) == 0;
}

void
faults_print(const struct faults *f, struct text *t)
{
	size_t start = t->len;

	for (int id = 0; id < FAULTS; id++) {
		if (f->arg[id] == NULL)
			continue;
		text_fmt(t, "%s%s%s%s", t->len > start ? "," : "", kinds[id].name,
		    *f->arg[id] ? ":" : "", f->arg[id]);
	}
}

void
faults_release(struct faults *f)
{
	for (int id = 0; id < FAULTS; id++)
		free(f->arg[id]);
	*f = (struct faults){0};
}

void
faults_help(void)
{
	static const char *const arg[] = {"", ":N", "[:N]", "[:WORD]", ":TEXT"};

	for (int id = 0; id < FAULTS; id++)
		printf("  %s%-*s %s\n", kinds[id].name, 20 - (int)strlen(kinds[id].name),
		    arg[kinds[id].arg], kinds[id].help);
}

bool
faults_arm(const char *path, const char *spec, int64_t times, int64_t after, struct text *why)
{
	struct faults probe = {0};
	bool ok = faults_add(&probe, spec, why);

	faults_release(&probe);
	if (!ok)
		return false;
	struct rule *more = reallocarray(rules, nrules + 1, sizeof(*rules));
	if (more == NULL)
		err(74, "out of memory");
	rules = more;
	rules[nrules++] =
	    (struct rule){.path = copy(path), .spec = copy(spec), .times = times, .after = after};
	return true;
}

void
faults_collect(struct faults *f, const char *path)
{
	struct text why = {0};

	for (struct rule *r = rules; r < rules + nrules; r++) {
		if (strncmp(path, r->path, strlen(r->path)) != 0)
			continue;
		r->seen++;
		if (r->seen > r->after && (r->times == 0 || r->seen - r->after <= r->times))
			faults_add(f, r->spec, &why);
	}
	text_release(&why);
}

void
faults_disarm(void)
{
	for (size_t i = 0; i < nrules; i++) {
		free(rules[i].path);
		free(rules[i].spec);
	}
	free(rules);
	rules = NULL;
	nrules = 0;
}

void
faults_list(struct text *t)
{
	text_lit(t, "[");
	for (size_t i = 0; i < nrules; i++) {
		text_str(t, i ? ",{\"path\":" : "{\"path\":");
		text_json(t, rules[i].path);
		text_lit(t, ",\"fault\":");
		text_json(t, rules[i].spec);
		text_fmt(t, ",\"times\":%lld,\"after\":%lld,\"seen\":%lld}",
		    (long long)rules[i].times, (long long)rules[i].after, (long long)rules[i].seen);
	}
	text_lit(t, "]\n");
}
