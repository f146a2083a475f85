/*
 * Records for benchmarks, the same ones at each run.
 *
 * records SHAPE COUNT
 *
 * hr: what an HR system's API sends, some 405 bytes each: nesting, a null here and there, text beyond ASCII, escapes,
 * ids that no double holds, times at several offsets. The others are the worst that a mapper can meet: tiny (40
 * bytes), wide (200 columns), escapes, nested (arrays of objects), shuffled (hr with its keys in changing order).
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cs.h"
#include "num.h"

#define KEYS 12 /* of an hr record */

static uint64_t seed = 42;

/* A number below n (splitmix64). */
static unsigned
any(unsigned n)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (unsigned)((z ^ z >> 31) % n);
}

#define ONE_OF(words) (words[any(sizeof words / sizeof *words)])

static const char *const first[] = {"Ada", "Zo\303\253", "Grace", "Edsger", "Bj\303\266rn", "Mary",
    "Kl\303\241ra", "Jean", "Ruth", "\320\220\320\275\320\275\320\260"};
static const char *const last[] = {"Quill", "O'Hara", "Lindqvist", "Nov\303\241k", "Okafor",
    "Tanaka", "Sch\303\266n", "Marsh", "Weir", "Larkin"};
static const char *const title[] = {"Data engineer", "Head of people", "Surveyor",
    "Site reliability engineer", "Accountant", "Recruiter"};
static const char *const city[] = {
    "Hull", "Leeds", "Little Marlow", "Malm\303\266", "S\303\243o Paulo", "Kyiv"};
static const char *const team[] = {
    "Platform", "Finance", "People & places", "R&D", "Field \\\"A\\\""};
static const char *const zone[] = {"Z", "+02:00", "-05:30", "+00:00"};
static const char *const note[] = {"Starts on Monday.\\nBadge is ready.", "Prefers mail to calls",
    "Moved from the \\\"old\\\" office; see C:\\\\desk", "Part time, three days a week"};

static void
member(int key, unsigned i)
{
	switch (key) {
	case 0:
		printf("\"id\":\"%08x%08xfe\"", any(1u << 31), i);
		break;
	case 1:
		printf("\"firstName\":\"%s\"", ONE_OF(first));
		break;
	case 2:
		printf("\"lastName\":\"%s\"", ONE_OF(last));
		break;
	case 3:
		printf("\"email\":\"person.%u@mail.example\"", i);
		break;
	case 4:
		printf("\"jobTitle\":\"%s\"", ONE_OF(title));
		break;
	case 5:
		printf("\"isManager\":%s", any(5) ? "false" : "true");
		break;
	case 6:
		printf("\"payrollId\":90071992547%06u", 40993 + 2 * (i % 400000));
		break;
	case 7:
		printf("\"salary\":%u.%02u", 20000 + any(90000), any(90) + 10);
		break;
	case 8:
		if (any(10))
			printf("\"address\":{\"street\":\"%u Weir "
			       "Lane\",\"city\":\"%s\",\"state\":null,"
			       "\"postalCode\":\"HU%u 1AA\",\"country\":\"GB\"}",
			    any(200) + 1, ONE_OF(city), any(20));
		else
			printf("\"address\":null");
		break;
	case 9:
		printf("\"teams\":[{\"name\":\"%s\"}]", ONE_OF(team));
		break;
	case 10:
		printf("\"createdAt\":\"20%02u-%02u-%02uT%02u:%02u:%02u.%03u%s\"", 15 + any(11),
		    any(12) + 1, any(28) + 1, any(24), any(60), any(60), any(1000), ONE_OF(zone));
		break;
	default:
		printf("\"note\":\"%s\"", ONE_OF(note));
	}
}

static void
hr(unsigned i)
{
	for (int k = 0; k < KEYS; k++) {
		putchar(k ? ',' : '{');
		member(k, i);
	}
	puts("}");
}

static void
shuffled(unsigned i)
{
	int order[KEYS];

	for (int k = 0; k < KEYS; k++) {
		int at = (int)any((unsigned)k + 1);

		order[k] = order[at];
		order[at] = k;
	}
	for (int k = 0; k < KEYS; k++) {
		putchar(k ? ',' : '{');
		member(order[k], i);
	}
	puts("}");
}

static void
tiny(unsigned i)
{
	printf("{\"id\":%u,\"ok\":%s,\"name\":\"%s\"}\n", 1000000 + i, any(2) ? "true" : "false",
	    ONE_OF(city));
}

static void
wide(unsigned i)
{
	for (unsigned k = 0; k < 200; k++)
		printf("%c\"column%u\":%u", k ? ',' : '{', k, k + i % 100);
	puts("}");
}

static void
escapes(unsigned i)
{
	printf("{\"id\":%u", i);
	for (unsigned k = 0; k < 8; k++)
		printf(",\"t\\u0065xt%u\":\"\\u00e9\\t\\\"%u\\\"\\\\\\n\\ud83d\\ude00\\/"
		       "x\\r\\n\\u0041\"",
		    k, any(100));
	puts("}");
}

static void
nested(unsigned i)
{
	printf("{\"id\":%u,\"items\":[", i);
	for (unsigned k = 0; k < 8; k++)
		printf("%s{\"sku\":\"s%u\",\"n\":%u,\"tags\":[\"a\",\"b\"]}", k ? "," : "",
		    any(1000), any(9));
	puts("]}");
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*record)(unsigned);
	} shapes[] = {{"hr", hr}, {"tiny", tiny}, {"wide", wide}, {"escapes", escapes},
	    {"nested", nested}, {"shuffled", shuffled}};

	if (argc != 3)
		errx(CS_USAGE, "usage: records shape count");
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		unsigned n = (unsigned)opt_uint("count", argv[2], 0, UINT32_MAX);

		if (strcmp(shapes[i].name, argv[1]))
			continue;
		for (unsigned k = 0; k < n; k++)
			shapes[i].record(k);
		if (fclose(stdout))
			err(CS_IO, "stdout");
		return 0;
	}
	errx(CS_USAGE, "\"%s\" is no shape of records", argv[1]);
}
