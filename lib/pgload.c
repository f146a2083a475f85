#include <libpq-fe.h>
#include <stddef.h>

#include "dynamic.h"
#include "pgload.h"

#ifdef __APPLE__
#define LIBRARY "libpq.5.dylib"
#else
#define LIBRARY "libpq.so.5"
#endif

/* What is used of libpq: result, name, parameters, arguments. */
#define FUNCTIONS(F)                                                                               \
	F(PGconn *, PQconnectdbParams, (const char *const *k, const char *const *v, int x),        \
	    (k, v, x))                                                                             \
	F(PGconn *, PQconnectStartParams, (const char *const *k, const char *const *v, int x),     \
	    (k, v, x))                                                                             \
	F(PostgresPollingStatusType, PQconnectPoll, (PGconn * c), (c))                             \
	F(PQconninfoOption *, PQconninfo, (PGconn * c), (c))                                       \
	F(PQconninfoOption *, PQconninfoParse, (const char *s, char **e), (s, e))                  \
	F(void, PQconninfoFree, (PQconninfoOption * o), (o))                                       \
	F(int, PQconnectionNeedsPassword, (const PGconn *c), (c))                                  \
	F(char *, PQerrorMessage, (const PGconn *c), (c))                                          \
	F(void, PQfinish, (PGconn * c), (c))                                                       \
	F(void, PQfreemem, (void *p), (p))                                                         \
	F(int, PQlibVersion, (void), ())                                                           \
	F(const char *, PQparameterStatus, (const PGconn *c, const char *n), (c, n))               \
	F(int, PQserverVersion, (const PGconn *c), (c))                                            \
	F(PQnoticeReceiver, PQsetNoticeReceiver, (PGconn * c, PQnoticeReceiver f, void *p),        \
	    (c, f, p))                                                                             \
	F(PGVerbosity, PQsetErrorVerbosity, (PGconn * c, PGVerbosity v), (c, v))                   \
	F(int, PQsocket, (const PGconn *c), (c))                                                   \
	F(ConnStatusType, PQstatus, (const PGconn *c), (c))                                        \
	F(PGTransactionStatusType, PQtransactionStatus, (const PGconn *c), (c))                    \
	F(PGresult *, PQexec, (PGconn * c, const char *s), (c, s))                                 \
	F(PGresult *, PQexecParams,                                                                \
	    (PGconn * c, const char *s, int n, const Oid *t, const char *const *v, const int *l,   \
		const int *f, int r),                                                              \
	    (c, s, n, t, v, l, f, r))                                                              \
	F(int, PQsendQueryParams,                                                                  \
	    (PGconn * c, const char *s, int n, const Oid *t, const char *const *v, const int *l,   \
		const int *f, int r),                                                              \
	    (c, s, n, t, v, l, f, r))                                                              \
	F(int, PQflush, (PGconn * c), (c))                                                         \
	F(int, PQsetnonblocking, (PGconn * c, int on), (c, on))                                    \
	F(int, PQconsumeInput, (PGconn * c), (c))                                                  \
	F(int, PQisBusy, (PGconn * c), (c))                                                        \
	F(PGresult *, PQgetResult, (PGconn * c), (c))                                              \
	F(int, PQputCopyData, (PGconn * c, const char *p, int n), (c, p, n))                       \
	F(int, PQputCopyEnd, (PGconn * c, const char *e), (c, e))                                  \
	F(void, PQclear, (PGresult * r), (r))                                                      \
	F(char *, PQcmdTuples, (PGresult * r), (r))                                                \
	F(char *, PQfname, (const PGresult *r, int c), (r, c))                                     \
	F(Oid, PQftype, (const PGresult *r, int c), (r, c))                                        \
	F(int, PQgetisnull, (const PGresult *r, int i, int c), (r, i, c))                          \
	F(int, PQgetlength, (const PGresult *r, int i, int c), (r, i, c))                          \
	F(char *, PQgetvalue, (const PGresult *r, int i, int c), (r, i, c))                        \
	F(int, PQnfields, (const PGresult *r), (r))                                                \
	F(int, PQntuples, (const PGresult *r), (r))                                                \
	F(char *, PQresultErrorField, (const PGresult *r, int f), (r, f))                          \
	F(char *, PQresultErrorMessage, (const PGresult *r), (r))                                  \
	F(ExecStatusType, PQresultStatus, (const PGresult *r), (r))

FUNCTIONS(DYNAMIC_STUB)

static const struct dynamic_entry entries[] = {FUNCTIONS(DYNAMIC_ENTRY)};

int
pgload(const char **err)
{
	static void *lib;

	return dynamic_load(&lib, LIBRARY, entries, sizeof entries / sizeof *entries, err);
}
