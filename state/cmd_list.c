#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "name.h"
#include "scan.h"
#include "state.h"

static void
print(struct buf *b, const char *stream, const struct state_row *r, bool json)
{
	if (json) {
		buf_adds(b, "{\"stream\":");
		json_quote(b, stream, strlen(stream));
		buf_addf(b, ",\"version\":%" PRId64 ",\"updated_at\":", r->version);
		json_quote(b, r->updated_at, strlen(r->updated_at));
		buf_addf(b, ",\"size\":%zu}", strlen(r->state));
		return;
	}
	name_show(b, stream);
	buf_addf(b, "\t%" PRId64 "\t", r->version);
	name_show(b, r->updated_at);
	buf_addf(b, "\t%zu", strlen(r->state));
}

int
cmd_list(struct store *s, const struct opts *o)
{
	struct names names = {0};
	struct buf b = {0};
	struct out out;
	int status, rc;

	out_open(&out, STDOUT_FILENO);
	status = store_streams(s, &names);
	for (size_t i = 0; i < names.n; i++) {
		struct state_row r;

		rc = store_get(s, names.name[i], &r);
		if (rc == CS_OK) {
			buf_clear(&b);
			print(&b, names.name[i], &r, o->json);
			out_line(&out, b.p, b.len);
		} else if (rc != CS_SOME) { /* which has runs alone, or was removed just now */
			status = rc;
		}
		state_row_release(&r);
	}
	names_release(&names);
	buf_release(&b);
	return finish(&out, status);
}
