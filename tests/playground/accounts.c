/*
 * Accounts that are synced one by one: acct-1, acct-2 and so on, with the same number of items each.
 *
 * Item n of account a is the same on each start, and its amount is one that a test can add up by itself:
 * (7919 n + 104729 a) mod 100003 hundredths.
 */
#include <string.h>

#include "auth.h"
#include "server.h"

#define LIMIT 50

static int64_t accounts = 12, items = 2000;

void
accounts_init(int64_t count, int64_t each)
{
	accounts = count;
	items = each;
}

static void
item(struct text *t, int64_t account, int64_t n)
{
	int64_t amount = (7919 * n + 104729 * account) % 100003;

	text_fmt(t,
	    "{\"account\":\"acct-%lld\",\"id\":%lld,\"amount\":%lld.%02d,\"name\":\"Item %lld of "
	    "account "
	    "%lld\",\"createdAt\":\"",
	    (long long)account, (long long)n, (long long)(amount / 100), (int)(amount % 100),
	    (long long)n, (long long)account);
	text_time(t, 1767225600000 + n * 60000, false);
	text_lit(t, "\"}");
}

static void
list(struct request *req, struct answer *a)
{
	if (!params_known(req, a))
		return;
	text_lit(&a->head, "{\"data\":[");
	for (int64_t i = 1; i <= accounts; i++)
		text_fmt(&a->head, "%s{\"id\":\"acct-%lld\"}", i > 1 ? "," : "", (long long)i);
	text_lit(&a->head, "]}\n");
	a->others = (size_t)accounts;
}

static void
list_items(struct request *req, struct answer *a, int64_t account)
{
	int64_t limit = LIMIT, skip = 0;

	if (!param_int(req, a, "limit", 1, 1000, &limit) ||
	    !param_int(req, a, "offset", 0, INT32_MAX, &skip) || !params_known(req, a))
		return;
	text_lit(&a->head, "{\"data\":[");
	for (int64_t n = skip; n < items && n < skip + limit; n++, a->others++) {
		if (n > skip)
			text_lit(&a->head, ",");
		item(&a->head, account, n + 1);
	}
	text_fmt(&a->head, "],\"offset\":%lld,\"limit\":%lld,\"total\":%lld}\n", (long long)skip,
	    (long long)limit, (long long)items);
}

/* /accounts/ and /accounts/acct-N/items */
static void
serve(struct request *req, struct answer *a)
{
	const char *rest = req->path + strlen("/accounts/"), *slash = strchr(rest, '/');
	char word[24];
	int64_t account;

	if (!auth_check(req, BEARER)) {
		answer_error(a, 401, "a bearer token is needed");
		return;
	}
	if (*rest == '\0') {
		list(req, a);
		return;
	}
	if (strncmp(rest, "acct-", 5) != 0 || slash == NULL || strcmp(slash, "/items") != 0 ||
	    slash - rest - 5 >= (int)sizeof(word)) {
		answer_html(a, 404, "Not Found", "Nothing lives at this address.");
		return;
	}
	memcpy(word, rest + 5, (size_t)(slash - rest - 5));
	word[slash - rest - 5] = '\0';
	if (!parse_int(word, 1, accounts, &account))
		answer_error(a, 404, "no account acct-%s", word);
	else
		list_items(req, a, account);
}

const struct route account_routes[] = {
    {"GET", "/accounts/", serve, "acct-N, and acct-N/items: bearer token; limit offset"},
    {0},
};
