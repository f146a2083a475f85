/*
 * What all our transfers have in common: protocols, TLS, proxies, time-outs; and what
 * libcurl's failures mean.
 */
#ifndef NET_H
#define NET_H

#include <curl/curl.h>
#include <stdbool.h>

#include "opts.h"

/*
 * Set e up: http and https only, TLS 1.2 or later, no redirects, no decoding, no time limit for the whole; the
 * proxy with its credentials; our client certificate. Its errors go to error[CURL_ERROR_SIZE]. The secrets of
 * o have been read. Ends the process with CS_USAGE when a setting is not for this libcurl.
 */
void net_setup(CURL *e, const struct opts *o, char *error);
/* The client certificate says who we are: not to a foreign host. */
void net_identify(CURL *e, const struct opts *o, bool foreign);
/*
 * It must not reach a server twice. On a kept connection that turns out to be closed libcurl makes a request again, unseen, which
 * the server may have taken before it closed: once gets a connection of its own.
 */
void net_once(CURL *e, bool once);
/* Free header lines, overwritten first. */
void net_free_headers(struct curl_slist *list);
/*
 * What came of a transfer that failed: 0 when another try may do better, else a CS_* status.
 * text: what libcurl said.
 */
int net_failure(CURL *e, CURLcode code, const char *text);

#endif
