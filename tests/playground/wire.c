#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <zlib.h>

#include "wire.h"

#define BOMB     ((size_t)64 << 20)
#define SLICE_MS 50 /* how soon a waiting thread sees the server stop */

void
wire_sleep(int64_t ms)
{
	for (; ms > 0 && !atomic_load(&server_stopping); ms -= SLICE_MS) {
		int64_t slice = ms < SLICE_MS ? ms : SLICE_MS;
		nanosleep(&(struct timespec){.tv_nsec = slice * 1000000}, NULL);
	}
}

static int
socket_of(const struct request *req)
{
	return MHD_get_connection_info(req->mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static bool
raw_send(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (n < 0) {
			if (atomic_load(&server_stopping))
				return false;
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, SLICE_MS);
			continue;
		}
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* Keep the connection, silently, until the client lets go of it. */
static void
raw_hold(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};

	while (!atomic_load(&server_stopping) && poll(&p, 1, SLICE_MS) <= 0)
		;
}

static void
raw_drip(int fd, const char *p, size_t len, int64_t per_second)
{
	int64_t step = per_second < 20 ? 1 : per_second / 20;

	while (len > 0 && !atomic_load(&server_stopping)) {
		size_t n = len < (size_t)step ? len : (size_t)step;
		if (!raw_send(fd, p, n))
			return;
		p += n;
		len -= n;
		if (len > 0)
			wire_sleep(step * 1000 / per_second);
	}
}

enum framing { BY_LENGTH, BY_CHUNKS, BY_CLOSE };

static void
raw_head(struct text *t, const struct answer *a, enum framing framing)
{
	text_fmt(t, "HTTP/1.1 %d %s\r\nDate: ", a->status,
	    MHD_get_reason_phrase_for((unsigned)a->status));
	text_http_date(t, time(NULL));
	text_fmt(t, "\r\nConnection: close\r\nContent-Type: %s\r\n",
	    a->type ? a->type : "application/json");
	for (size_t i = 0; i < a->nheader; i++)
		text_fmt(t, "%s: %s\r\n", a->header[i].name, a->header[i].value);
	if (framing == BY_LENGTH)
		text_fmt(t, "Content-Length: %zu\r\n", a->head.len);
	else if (framing == BY_CHUNKS)
		text_lit(t, "Transfer-Encoding: chunked\r\n");
	text_lit(t, "\r\n");
	if (framing == BY_CHUNKS)
		text_fmt(t, "%zx\r\n", a->head.len);
}

/* How many bytes of the body leave: the fault's number, or half of them. */
static size_t
cut_at(const struct faults *f, enum fault_id id, size_t len)
{
	size_t n = (size_t)fault_number(f, id, (int64_t)len / 2);

	return n < len ? n : len;
}

/*
 * The malformed answers. Linux resets a connection at once when its socket is told to connect to nowhere;
 * SO_LINGER would wait for libmicrohttpd's close(), after its shutdown() told the client all is well.
 */
static void
raw_answer(const struct request *req, const struct answer *a)
{
	const struct faults *f = &req->faults;
	int fd = socket_of(req);
	struct text t = {0};
	enum framing framing = fault_has(f, CUT_CHUNKED) ? BY_CHUNKS
			       : fault_has(f, CUT_CLOSE) ? BY_CLOSE
							 : BY_LENGTH;

	raw_head(&t, a, framing);
	size_t head = t.len;
	text_add(&t, a->head.p ? a->head.p : "", a->head.len);
	if (fault_has(f, RESET)) {
		size_t n = (size_t)fault_number(f, RESET, 0);
		raw_send(fd, t.p, n < t.len ? n : t.len);
		wire_sleep(SLICE_MS); /* what was sent is to arrive */
		connect(fd, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr));
	} else if (fault_has(f, STALL)) {
		size_t n = (size_t)fault_number(f, STALL, 0);
		if (raw_send(fd, t.p, head + (n < a->head.len ? n : a->head.len)))
			raw_hold(fd);
	} else if (fault_has(f, SLOW)) {
		if (raw_send(fd, t.p, head))
			raw_drip(fd, t.p + head, t.len - head, fault_number(f, SLOW, 1));
	} else {
		enum fault_id id = framing == BY_CHUNKS  ? CUT_CHUNKED
				   : framing == BY_CLOSE ? CUT_CLOSE
							 : CUT_LENGTH;
		raw_send(fd, t.p, head + cut_at(f, id, a->head.len));
	}
	shutdown(fd, SHUT_WR);
	text_release(&t);
}

static void
deflate_member(struct text *out, const void *p, size_t len)
{
	z_stream z = {0};

	if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		errx(74, "out of memory");
	size_t bound = deflateBound(&z, (uLong)len);
	text_room(out, bound);
	z.next_in = (Bytef *)(uintptr_t)p;
	z.avail_in = (uInt)len;
	z.next_out = (Bytef *)out->p + out->len;
	z.avail_out = (uInt)bound;
	deflate(&z, Z_FINISH);
	out->len += bound - z.avail_out;
	deflateEnd(&z);
}

static void
compress_body(struct answer *a, const struct faults *f)
{
	struct text out = {0}, bomb = {0};
	struct text *in = &a->head;

	if (fault_is(f, GZIP, "bomb")) {
		text_room(&bomb, in->len + BOMB);
		memset(bomb.p, ' ', BOMB);
		bomb.len = BOMB;
		text_add(&bomb, in->p, in->len);
		in = &bomb;
	}
	if (fault_is(f, GZIP, "members")) {
		deflate_member(&out, in->p, in->len / 2);
		deflate_member(&out, in->p + in->len / 2, in->len - in->len / 2);
	} else {
		deflate_member(&out, in->p, in->len);
	}
	if (fault_is(f, GZIP, "trailing"))
		text_lit(&out, "\nnot gzip\n");
	if (fault_is(f, GZIP, "crc"))
		out.p[out.len - 8] ^= 1;
	if (fault_has(f, CUT_GZIP))
		out.len = cut_at(f, CUT_GZIP, out.len);
	text_release(&bomb);
	text_release(&a->head);
	a->head = out;
	answer_header(a, "Content-Encoding", "gzip");
}

struct stream {
	struct answer a;
	struct text t;
	size_t sent; /* of t */
};

static ssize_t
stream_read(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct stream *s = cls;

	(void)pos;
	if (s->sent == s->t.len) {
		s->sent = s->t.len = 0;
		pthread_mutex_lock(&server_lock);
		answer_pull(&s->a, &s->t, 65536);
		pthread_mutex_unlock(&server_lock);
		if (s->t.len == 0)
			return MHD_CONTENT_READER_END_OF_STREAM;
	}
	size_t n = s->t.len - s->sent < max ? s->t.len - s->sent : max;
	memcpy(buf, s->t.p + s->sent, n);
	s->sent += n;
	return (ssize_t)n;
}

static void
stream_free(void *cls)
{
	struct stream *s = cls;

	answer_release(&s->a);
	text_release(&s->t);
	free(s);
}

static struct MHD_Response *
streamed(struct answer *a)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		err(74, "out of memory");
	s->a = *a;
	*a = (struct answer){.status = a->status, .type = a->type};
	return MHD_create_response_from_callback(
	    MHD_SIZE_UNKNOWN, 65536, stream_read, s, stream_free);
}

static struct MHD_Response *
buffered(struct answer *a)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(a->head.len,
	    a->head.len ? a->head.p : (void *)(uintptr_t) "",
	    a->head.len ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);

	if (r != NULL && a->head.len)
		a->head = (struct text){0};
	return r;
}

static enum MHD_Result
proper_answer(const struct request *req, struct answer *a)
{
	const char *type = a->type ? a->type : "application/json";
	size_t nheader = a->nheader;
	struct MHD_Response *r;

	/* The headers stay with whoever owns the body; they are read before it can go. */
	struct answer headers = *a;
	r = a->next < a->len || a->tail.len ? streamed(a) : buffered(a);
	if (r == NULL)
		err(74, "out of memory");
	if (a->status != 204 && a->status != 304)
		MHD_add_response_header(r, "Content-Type", type);
	for (size_t i = 0; i < nheader; i++)
		MHD_add_response_header(r, headers.header[i].name, headers.header[i].value);
	enum MHD_Result result = MHD_queue_response(req->mhd, (unsigned)headers.status, r);
	MHD_destroy_response(r);
	return result;
}

bool
wire_needs_whole(const struct faults *f)
{
	static const enum fault_id whole[] = {BAD_JSON, CUT_CHUNKED, CUT_CLOSE, CUT_GZIP,
	    CUT_LENGTH, ERROR_200, GZIP, HTML, RESET, SLOW, STALL};

	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
		if (fault_has(f, whole[i]))
			return true;
	return false;
}

enum MHD_Result
wire_send(struct request *req, struct answer *a)
{
	static const enum fault_id raw[] = {CUT_CHUNKED, CUT_CLOSE, CUT_LENGTH, RESET, SLOW, STALL};
	const struct faults *f = &req->faults;

	if (fault_has(f, GZIP) || fault_has(f, CUT_GZIP))
		compress_body(a, f);
	for (size_t i = 0; i < sizeof(raw) / sizeof(*raw); i++) {
		if (fault_has(f, raw[i])) {
			raw_answer(req, a);
			return MHD_NO;
		}
	}
	return proper_answer(req, a);
}

enum MHD_Result
wire_hang(struct request *req)
{
	raw_hold(socket_of(req));
	return MHD_NO;
}
