/*
 * Records to load, the same ones for the same arguments.
 *
 * usage: rows KIND COUNT [CHANGED [FIRST]]
 *
 * hr      12 members, about 330 bytes, a random text key
 * sorted  the same with keys in their order
 * wide    50 members, about 1,000 bytes
 * nested  an object and two arrays, about 470 bytes
 * narrow  3 members, about 40 bytes
 * CHANGED percent of them differ from those of 0 in some members, not in their key; FIRST is the number
 * of the first one, 0 by default.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cs.h"

static uint64_t
mix(uint64_t x) /* splitmix64 */
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static const char *const names[] = {"Ann", "Zo\303\253", "Bo\\u00e9l", "Chidi", "Dana",
    "\305\201ukasz", "Mar\\\"a", "Noor", "Oskar", "Priya", "Quentin", "Ruth", "S\303\270ren",
    "Tariq", "Uma", "Vera"};
static const char *const jobs[] = {"Systems analyst", "Head of accounting, interim", "Driver",
    "Nurse (night shift)", "Buyer", "Software engineer", "Office manager", "Welder"};

#define PICK(list, r) ((list)[(r) % (sizeof(list) / sizeof *(list))])

static void
key(uint64_t i, int sorted)
{
	uint64_t a = sorted ? i : mix(i), b = mix(~i);

	printf("{\"id\":\"%08llx-%04llx-4%03llx-a%03llx-%012llx\"", (unsigned long long)(a >> 32),
	    (unsigned long long)(a >> 16 & 0xffff), (unsigned long long)(a & 0xfff),
	    (unsigned long long)(b >> 52), (unsigned long long)(b & 0xffffffffffff));
	if (sorted)
		return;
}

static void
hr(uint64_t i, uint64_t r)
{
	unsigned long long n = i, s = r;

	printf(",\"employeeNumber\":%llu,\"firstName\":\"%s\",\"lastName\":\"%s-%llu\",\"email\":"
	       "\"user.%llu@mail.example\","
	       "\"jobTitle\":\"%s\",\"department\":\"Department of %s, floor "
	       "%llu\",\"startDate\":\"20%02llu-%02llu-%02llu\","
	       "\"salary\":%llu%s,\"active\":%s,\"managerId\":",
	    n, PICK(names, r), PICK(names, r >> 8), s >> 20 & 0xffff, n, PICK(jobs, r >> 16),
	    PICK(jobs, r >> 24), s >> 12 & 31, s % 26, s % 12 + 1, s % 28 + 1, s % 90000 + 20000,
	    r & 64 ? ".5" : "", r & 128 ? "true" : "false");
	if (r & 7)
		printf("\"%016llx\"", (unsigned long long)mix(r & 0xfff));
	else
		printf("null");
	printf(",\"updatedAt\":\"2026-%02llu-%02lluT%02llu:%02llu:%02llu.%03lluZ\"}\n", s % 12 + 1,
	    s % 28 + 1, s % 24, s % 60, (s >> 6) % 60, s % 1000);
}

static void
wide(uint64_t r)
{
	for (int c = 1; c < 50; c++) {
		unsigned long long v = mix(r + (uint64_t)c) >> 40;

		if (c % 5 == 0)
			printf(",\"n%02d\":%llu", c, v);
		else if (c % 5 == 1)
			printf(",\"r%02d\":%llu.%llu", c, v % 10000, v % 9 + 1);
		else
			printf(",\"c%02d\":\"%s %llx\"", c, PICK(names, v), v);
	}
	puts("}");
}

static void
nested(uint64_t i, uint64_t r)
{
	unsigned long long n = i, s = r;

	printf(
	    ",\"name\":\"%s\",\"address\":{\"line1\":\"%llu Weir "
	    "Lane\",\"city\":\"Hull\",\"postalCode\":null,"
	    "\"country\":{\"code\":\"GB\",\"name\":\"United Kingdom\"},\"geo\":[%llu.25,-%llu.5]},"
	    "\"tags\":[\"a\",\"b%llu\",\"%s\"],\"contracts\":[{\"from\":\"2020-01-01\",\"to\":null,"
	    "\"hours\":%llu},"
	    "{\"from\":\"2023-05-01\",\"to\":\"2026-01-31\",\"hours\":%llu}],\"note\":\"%s, and "
	    "%s\",\"updatedAt\":%llu}\n",
	    PICK(names, r), s % 1000, s % 90, s % 180, s % 7, PICK(names, r >> 9), s % 40, s % 36,
	    PICK(jobs, r >> 3), PICK(jobs, r >> 11), n + s % 1000);
}

int
main(int argc, char *argv[])
{
	static const char *const kinds[] = {"hr", "sorted", "wide", "nested", "narrow"};
	uint64_t count, changed, first;
	int kind = 0;

	if (argc < 3 || argc > 5)
		errx(CS_USAGE, "usage: rows hr|sorted|wide|nested|narrow count [changed [first]]");
	while (kind < 5 && strcmp(argv[1], kinds[kind]) != 0)
		kind++;
	count = strtoull(argv[2], NULL, 10);
	changed = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	first = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
	for (uint64_t i = first; i < first + count; i++) {
		uint64_t r = mix(i * 3 + 1);

		if (mix(i * 7 + 5) % 100 < changed)
			r = mix(r);
		if (kind < 4)
			key(i, kind == 1);
		if (kind < 2)
			hr(i, r);
		else if (kind == 2)
			wide(r);
		else if (kind == 3)
			nested(i, r);
		else if (kind == 4)
			printf("{\"id\":%llu,\"n\":%llu,\"ok\":%s}\n",
			    (unsigned long long)mix(i) >> 24, (unsigned long long)r % 100000,
			    r & 64 ? "true" : "false");
		else
			errx(CS_USAGE, "%s is no kind of record", argv[1]);
	}
	if (fflush(stdout) != 0)
		err(CS_IO, "stdout");
	return 0;
}
