#include <stdio.h>
#include <string.h>

#include "records.h"
#include "words.h"

#define COUNT(a)        (sizeof(a) / sizeof((a)[0]))
#define PICK(rec, k, a) ((a)[draw((rec), (k), COUNT(a))])

/* Property k of a record: a number below n. */
static uint64_t
draw(const struct record *rec, unsigned k, uint64_t n)
{
	return (mix(rec->hash + k) >> 11) % n;
}

static void
name_of(struct text *t, const char *name)
{
	text_lit(t, ",\"");
	text_str(t, name);
	text_lit(t, "\":");
}

static void
put(struct text *t, const char *name, const char *value)
{
	name_of(t, name);
	text_json(t, value);
}

/* A text member made of pieces, up to a null pointer. */
static void
put_joined(struct text *t, const char *name, const char *const *pieces)
{
	name_of(t, name);
	text_lit(t, "\"");
	for (; *pieces; pieces++)
		text_escape(t, *pieces, strlen(*pieces));
	text_lit(t, "\"");
}

#define JOIN(t, name, ...) put_joined((t), (name), (const char *const[]){__VA_ARGS__, NULL})

static void
put_int(struct text *t, const char *name, int64_t v)
{
	name_of(t, name);
	text_int(t, v);
}

/* JSON that needs no work. */
static void
put_raw(struct text *t, const char *name, const char *json)
{
	name_of(t, name);
	text_str(t, json);
}

static void
put_bool(struct text *t, const char *name, bool v)
{
	put_raw(t, name, v ? "true" : "false");
}

static void
put_time(struct text *t, const char *name, int64_t ms, bool millis)
{
	name_of(t, name);
	text_lit(t, "\"");
	text_time(t, ms, millis);
	text_lit(t, "\"");
}

/* A date some days after base. */
static void
put_date(struct text *t, const char *name, int64_t base, uint64_t days)
{
	name_of(t, name);
	text_lit(t, "\"");
	text_time(t, base + (int64_t)days * 86400000, false);
	t->len -= sizeof("T00:00:00Z") - 1;
	text_lit(t, "\"");
}

static void
put_times(struct text *t, const struct record *rec, bool millis)
{
	put_time(t, "createdAt", rec->created, millis);
	put_time(t, "updatedAt", rec->updated, millis);
}

/* The id, which opens the record. */
static void
open_with_id(struct text *t, const struct record *rec)
{
	char id[25];

	data_id(rec->r, rec->n, id);
	text_lit(t, "{\"id\":\"");
	text_add(t, id, 24);
	text_lit(t, "\"");
}

/* The id of another record, related to this one for ever. */
static void
put_id(struct text *t, const char *name, enum resource r, uint32_t n)
{
	char id[25];

	data_id(r, n, id);
	put(t, name, id);
}

static void
put_list(struct text *t, const char *name, const char *const *from, uint64_t size, uint64_t first,
    uint64_t count)
{
	name_of(t, name);
	text_lit(t, "[");
	for (uint64_t i = 0; i < count; i++) {
		if (i > 0)
			text_lit(t, ",");
		text_json(t, from[(first + i) % size]);
	}
	text_lit(t, "]");
}

/* " (rev 3)", or nothing for a record that was never changed. */
static const char *
revision(const struct record *rec, char out[static 24])
{
	out[0] = '\0';
	if (rec->rev > 0)
		snprintf(out, 24, " (rev %u)", rec->rev);
	return out;
}

/* Users. */

struct user {
	char id[37], rev[24], number[24], zip[24];
	const char *first, *last, *street, *city, *firm, *job;
};

void
user_id(const struct record *rec, char id[static 37])
{
	uint64_t a = rec->hash, b = mix(a + 1);

	snprintf(id, 37, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
	    (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
	    (unsigned)(0x8000 | (b >> 48 & 0x3fff)), (unsigned long long)(b & 0xffffffffffff));
}

static void
user_make(struct user *u, const struct record *rec)
{
	user_id(rec, u->id);
	revision(rec, u->rev);
	snprintf(u->number, sizeof(u->number), "%d ", (int)draw(rec, 1, 250) + 1);
	snprintf(u->zip, sizeof(u->zip), ", %05d", (int)draw(rec, 2, 100000));
	u->first = PICK(rec, 3, first_names);
	u->last = PICK(rec, 4, last_names);
	u->street = PICK(rec, 5, streets);
	u->city = PICK(rec, 6, cities);
	u->firm = PICK(rec, 7, firms);
	u->job = PICK(rec, 8, jobs);
}

/* ada.123@example.org: the number makes it unique without being long. */
static void
put_email(struct text *t, const struct record *rec)
{
	name_of(t, "email");
	text_fmt(t, "\"user.%u@example.org\"", rec->n + 1);
}

static void
user_members(struct text *t, const struct record *rec, const struct user *u)
{
	JOIN(t, "name", u->first, " ", u->last);
	put_email(t, rec);
	JOIN(t, "address", u->number, u->street, "\n", u->city, u->zip);
	put(t, "company", u->firm);
	JOIN(t, "job", u->job, u->rev);
	put_times(t, rec, false);
	text_lit(t, "}");
}

void
user_json(struct text *t, const struct record *rec, bool null_parents)
{
	struct user u;

	(void)null_parents;
	user_make(&u, rec);
	text_lit(t, "{\"id\":\"");
	text_add(t, u.id, 36);
	text_lit(t, "\"");
	user_members(t, rec, &u);
}

void
user_line(struct text *t, const struct record *rec, bool null_parents)
{
	user_json(t, rec, null_parents);
	text_lit(t, "\n");
}

void
user_step(struct text *t, const struct record *rec, bool null_parents)
{
	struct user u;

	(void)null_parents;
	user_make(&u, rec);
	text_lit(t, "{\"id\":");
	text_int(t, (int64_t)rec->n + 1);
	user_members(t, rec, &u);
}

static void
sorted_text(struct text *t, const char *name, const char *const *pieces)
{
	text_fmt(t, "      \"%s\": \"", name);
	for (; *pieces; pieces++)
		text_escape(t, *pieces, strlen(*pieces));
	text_lit(t, "\",\n");
}

#define SORTED(t, name, ...) sorted_text((t), (name), (const char *const[]){__VA_ARGS__, NULL})

void
user_sorted(struct text *t, const struct record *rec, bool null_parents)
{
	struct user u;
	char email[64];
	struct text created = {0}, updated = {0};

	(void)null_parents;
	user_make(&u, rec);
	snprintf(email, sizeof(email), "user.%u@example.org", rec->n + 1);
	text_time(&created, rec->created, false);
	text_time(&updated, rec->updated, false);
	text_lit(t, "\n    {\n");
	SORTED(t, "address", u.number, u.street, "\n", u.city, u.zip);
	SORTED(t, "company", u.firm);
	SORTED(t, "createdAt", created.p);
	SORTED(t, "email", email);
	SORTED(t, "id", u.id);
	SORTED(t, "job", u.job, u.rev);
	SORTED(t, "name", u.first, " ", u.last);
	SORTED(t, "updatedAt", updated.p);
	t->len -= 2; /* the last member has no comma */
	text_lit(t, "\n    }");
	text_release(&created);
	text_release(&updated);
}

/* A CSV value without its commas and newlines, for this server does not quote. */
static void
csv_value(struct text *t, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			text_lit(t, " ");
		else if (*s != ',')
			text_add(t, s, 1);
	}
}

void
user_csv(struct text *t, const struct record *rec, bool null_parents)
{
	struct user u;

	(void)null_parents;
	user_make(&u, rec);
	text_fmt(t, "%s,%s %s,user.%u@example.org,%s%s %s", u.id, u.first, u.last, rec->n + 1,
	    u.number, u.street, u.city);
	csv_value(t, u.zip);
	text_lit(t, ",");
	csv_value(t, u.firm);
	text_fmt(t, ",%s%s,", u.job, u.rev);
	text_time(t, rec->created, false);
	text_lit(t, ",");
	text_time(t, rec->updated, false);
	text_lit(t, "\n");
}

/* Humaans, the seed's shape. */

static void
seed_address(struct text *t, const struct record *rec)
{
	uint64_t city = draw(rec, 10, COUNT(cities));
	char number[24];

	snprintf(number, sizeof(number), "%d ", (int)draw(rec, 11, 99) + 1);
	name_of(t, "address");
	text_lit(t, "{\"line1\":\"");
	text_str(t, number);
	text_escape(t, streets[draw(rec, 12, COUNT(streets))],
	    strlen(streets[draw(rec, 12, COUNT(streets))]));
	text_lit(t, "\"");
	if (rec->n % 3 != 1)
		put(t, "line2", rec->n % 3 == 0 ? NULL : "Floor 2\nUnit \"B\"");
	put(t, "city", cities[city]);
	put(t, "state", "");
	if (rec->n % 4 != 3)
		JOIN(t, "postalCode", "HU", number, "1AA");
	put(t, "country", countries[city]);
	text_lit(t, "}");
}

void
seed_company(struct text *t, const struct record *rec, bool null_parents)
{
	char rev[24];

	open_with_id(t, rec);
	JOIN(t, "name", PICK(rec, 1, firms), revision(rec, rev));
	if (rec->n % 4 != 2)
		put(t, "description", rec->n % 4 == 1 ? NULL : "Makes \"things\",\nand mends them");
	put(t, "website", rec->n % 5 == 1 ? NULL : "https://alder.example/?a=1&b=2");
	put(t, "phone", "+44 20 7946 0000");
	if (null_parents || rec->n % 5 == 3)
		put(t, "address", NULL);
	else if (rec->n % 5 != 4)
		seed_address(t, rec);
	put_times(t, rec, true);
	text_lit(t, "}");
}

void
seed_document(struct text *t, const struct record *rec, bool null_parents)
{
	char rev[24], file[32];

	(void)null_parents;
	snprintf(file, sizeof(file), "f%u.pdf", rec->n);
	open_with_id(t, rec);
	put_id(t, "personId", PEOPLE, (uint32_t)draw(rec, 1, 300));
	JOIN(t, "name", PICK(rec, 2, documents), revision(rec, rev));
	if (rec->n % 4 != 1)
		put(t, "description",
		    rec->n % 4 == 2   ? NULL
		    : rec->n % 8 == 0 ? ""
				      : "tab\there, back\\slash");
	put(t, "type", rec->n % 2 ? "identity" : "contract");
	put(t, "filename", file);
	if (rec->n % 11 != 4)
		put_int(t, "fileSize", (int64_t)draw(rec, 3, rec->n % 17 ? 5000000 : 9000000000));
	put(t, "mimeType", "application/pdf");
	JOIN(t, "url", "https://files.example/", file);
	if (rec->n % 3 == 0)
		put(t, "expiryDate", NULL);
	else if (rec->n % 3 == 1)
		put_date(t, "expiryDate", rec->created, 365 + draw(rec, 4, 3650));
	if (rec->n % 7 == 3)
		put(t, "tags", NULL);
	else if (rec->n % 7 != 5)
		put_list(t, "tags", tags, COUNT(tags), draw(rec, 5, COUNT(tags)), draw(rec, 6, 4));
	put_times(t, rec, true);
	text_lit(t, "}");
}

static void
seed_salary(struct text *t, const struct record *rec)
{
	int64_t min = 20000 + (int64_t)draw(rec, 4, 60) * 1000;

	name_of(t, "salaryRange");
	text_fmt(t, "{\"min\":%lld,\"max\":%lld%s", (long long)min, (long long)min + 16000,
	    rec->n % 4 == 1   ? ".5"
	    : rec->n % 4 == 2 ? ".125"
			      : "");
	if (rec->n % 5 != 2)
		put(t, "currency", rec->n % 5 == 3 ? NULL : "GBP");
	text_lit(t, "}");
}

void
seed_job_role(struct text *t, const struct record *rec, bool null_parents)
{
	char rev[24];

	open_with_id(t, rec);
	JOIN(t, "name", PICK(rec, 1, jobs), revision(rec, rev));
	if (rec->n % 6 != 5)
		put(t, "description",
		    rec->n % 6 == 3 ? NULL : "Builds \"pipelines\"\nand tends them — daily");
	if (rec->n % 7 != 6) {
		put(t, "department", PICK(rec, 2, departments));
		put(t, "location", PICK(rec, 3, cities));
		put(t, "employmentType", rec->n % 3 ? "full_time" : "part_time");
	}
	if (null_parents || rec->n % 6 == 4)
		put(t, "salaryRange", NULL);
	else if (rec->n % 6 != 5)
		seed_salary(t, rec);
	if (rec->n % 9 == 2)
		put(t, "requirements", NULL);
	else
		put_list(t, "requirements", skills, COUNT(skills), draw(rec, 5, COUNT(skills)),
		    draw(rec, 6, 4));
	put_raw(t, "responsibilities", "[]");
	if (rec->n % 5 != 4)
		put_raw(t, "benefits", rec->n % 5 == 1 ? "null" : "[\"cycle to work\",\"crèche\"]");
	if (rec->n % 8 != 6)
		put_raw(t, "isActive",
		    rec->n % 8 == 5   ? "null"
		    : rec->n % 8 == 3 ? "false"
				      : "true");
	put_times(t, rec, true);
	text_lit(t, "}");
}

/* Humaans, the real shape. */

void
real_company(struct text *t, const struct record *rec, bool null_parents)
{
	char rev[24];

	(void)null_parents;
	open_with_id(t, rec);
	JOIN(t, "name", PICK(rec, 1, firms), revision(rec, rev));
	put_raw(t, "domains", rec->n % 3 == 2 ? "[]" : "[\"alder.example\",\"alder.test\"]");
	put(t, "trialEndDate", rec->n % 2 ? "2025-06-30" : NULL);
	put(t, "status", rec->n % 4 == 3 ? "trialing" : "active");
	put(t, "paymentStatus", "ok");
	put(t, "package", "growth");
	put_bool(t, "isTimesheetEnabled", rec->n % 2 == 0);
	put_bool(t, "autogenerateEmployeeId", false);
	put_bool(t, "autogenerateEmployeeIdForNewHires", true);
	put_int(t, "nextEmployeeId", (int64_t)draw(rec, 2, 5000));
	put_times(t, rec, true);
	text_lit(t, "}");
}

void
real_document(struct text *t, const struct record *rec, bool null_parents)
{
	char rev[24];

	open_with_id(t, rec);
	put_id(t, "companyId", COMPANIES, 0);
	put_id(t, "personId", PEOPLE, (uint32_t)draw(rec, 1, 300));
	JOIN(t, "name", PICK(rec, 2, documents), revision(rec, rev));
	put_id(t, "documentTypeId", COMPANIES, 1000000 + (uint32_t)draw(rec, 3, 6));
	put(t, "folderId", NULL);
	put(t, "link", rec->n % 5 == 1 ? "https://files.example/x?y=1&z=%20" : NULL);
	if (null_parents || rec->n % 5 == 1) {
		put(t, "fileId", NULL);
		put(t, "file", NULL);
	} else {
		char file[25];
		data_id(DOCUMENTS, 1000000000 + rec->n, file);
		put(t, "fileId", file);
		text_fmt(t,
		    ",\"file\":{\"id\":\"%s\",\"filename\":\"f%u.pdf\",\"url\":\"https://"
		    "files.example/f%u.pdf\"}",
		    file, rec->n, rec->n);
	}
	put(t, "source", NULL);
	put(t, "sourceId", NULL);
	put_date(t, "issueDate", rec->created, 0);
	put_id(t, "createdBy", PEOPLE, (uint32_t)draw(rec, 4, 300));
	put_times(t, rec, true);
	text_lit(t, "}");
}

void
real_job_role(struct text *t, const struct record *rec, bool null_parents)
{
	char rev[24];

	(void)null_parents;
	open_with_id(t, rec);
	put_id(t, "personId", PEOPLE, (uint32_t)draw(rec, 1, 300));
	JOIN(t, "jobTitle", PICK(rec, 2, jobs), revision(rec, rev));
	put(t, "department", rec->n % 7 == 6 ? NULL : PICK(rec, 3, departments));
	if (rec->n % 10 == 0)
		put(t, "reportingTo", NULL);
	else
		put_id(t, "reportingTo", PEOPLE, (uint32_t)draw(rec, 4, 300));
	put_date(t, "effectiveDate", rec->created, draw(rec, 5, 60));
	if (rec->n % 3 == 0)
		put_date(t, "endDate", rec->created, 400 + draw(rec, 6, 300));
	else
		put(t, "endDate", NULL);
	put(t, "note",
	    rec->n % 4 == 0   ? "promotion,\n\"well earned\""
	    : rec->n % 4 == 1 ? ""
			      : NULL);
	put_times(t, rec, true);
	text_lit(t, "}");
}

static void
person_home(struct text *t, const struct record *rec)
{
	uint64_t city = draw(rec, 10, COUNT(cities));

	put(t, "phoneNumber", rec->n % 4 ? "+442079460000" : NULL);
	put(t, "formattedPhoneNumber", rec->n % 4 ? "+44 20 7946 0000" : NULL);
	put(t, "personalPhoneNumber", NULL);
	put(t, "address", rec->n % 6 ? "1 Dock St\nFlat \"2\"" : NULL);
	put(t, "city", cities[city]);
	put(t, "state", "");
	put(t, "postcode", "HU1 1AA");
	put(t, "countryCode", countries[city]);
	put_date(t, "birthday", 0, draw(rec, 11, 12000));
	put(t, "gender", NULL);
	put_list(t, "nationalities", countries, COUNT(countries), city, 1 + rec->n % 2);
	put_raw(t, "spokenLanguages", rec->n % 3 ? "[\"English\",\"Español\"]" : "[]");
	put(t, "dietaryPreference", NULL);
}

static void
person_work(struct text *t, const struct record *rec)
{
	static const char *const status[] = {"active", "offboarded", "newHire"};
	enum person_status s = data_person_status(rec);

	put_id(t, "locationId", COMPANIES, 2000000 + (uint32_t)draw(rec, 20, 9));
	put(t, "remoteCity", rec->n % 8 ? NULL : "Malmö");
	put(t, "remoteCountryCode", rec->n % 8 ? NULL : "SE");
	put(t, "timezone", "Europe/London");
	put_date(t, "employmentStartDate", rec->created, draw(rec, 21, 30));
	if (s == OFFBOARDED)
		put_date(t, "employmentEndDate", rec->created, 90 + draw(rec, 22, 200));
	else
		put(t, "employmentEndDate", NULL);
	put(t, "leavingReason", s == OFFBOARDED ? "resignation" : NULL);
	put_date(t, "probationEndDate", rec->created, 120);
	put_raw(t, "workingDays",
	    rec->n % 5 ? "[{\"day\":\"monday\"},{\"day\":\"tuesday\"},{\"day\":\"wednesday\"},{"
			 "\"day\":\"thursday\"},"
			 "{\"day\":\"friday\"}]"
		       : "[{\"day\":\"monday\"},{\"day\":\"tuesday\"}]");
	put(t, "contractType", rec->n % 3 ? "full-time" : "part-time");
	put_raw(t, "fte", rec->n % 3 ? "1.0" : "0.80");
	put_raw(t, "teams", rec->n % 4 == 2 ? "[]" : "[{\"name\":\"Data\"},{\"name\":\"R&D\"}]");
	name_of(t, "employeeId");
	text_fmt(t, "\"E%05u\"", rec->n);
	/* 2^53 + 1 and on by twos: no double holds any of these. */
	put_int(t, "payrollId", INT64_C(9007199254740993) + 2 * (int64_t)rec->n);
	put(t, "taxId", NULL);
	put(t, "status", status[s]);
	put_bool(t, "isVerified", true);
	put_bool(t, "isWorkEmailHidden", false);
}

void
real_person(struct text *t, const struct record *rec, bool null_parents)
{
	char rev[24];

	open_with_id(t, rec);
	put_id(t, "companyId", COMPANIES, 0);
	put(t, "firstName", PICK(rec, 1, first_names));
	put(t, "middleName", rec->n % 9 ? NULL : "Q.");
	JOIN(t, "lastName", PICK(rec, 2, last_names), revision(rec, rev));
	put(t, "preferredName", rec->n % 5 ? NULL : "\"Ace\"");
	put(t, "pronouns", NULL);
	put_email(t, rec);
	put(t, "personalEmail", NULL);
	person_home(t, rec);
	put(t, "linkedIn", NULL);
	put(t, "twitter", NULL);
	put(t, "github", rec->n % 7 ? NULL : "https://github.example/ace");
	put(t, "bio", rec->n % 6 == 1 ? "Likes C,\n\"SQL\" and \\ slashes; 花" : NULL);
	if (null_parents || rec->n % 6 == 4)
		put(t, "profilePhoto", NULL);
	else
		text_fmt(t,
		    ",\"profilePhoto\":{\"id\":\"ph%u\",\"variants\":{\"64\":\"https://img.example/"
		    "64/%u\","
		    "\"320\":\"https://img.example/320/%u\"}}",
		    rec->n, rec->n, rec->n);
	person_work(t, rec);
	if (null_parents || rec->n % 6 == 5) {
		put(t, "jobRole", NULL);
	} else {
		name_of(t, "jobRole");
		text_lit(t, "{\"jobTitle\":");
		text_json(t, PICK(rec, 30, jobs));
		put(t, "department", PICK(rec, 31, departments));
		text_lit(t, "}");
	}
	put(t, "sourceId", NULL);
	put_times(t, rec, true);
	text_lit(t, "}");
}
