/*
 * Numbers and units from options and configuration, and numbers as text.
 */
#ifndef NUM_H
#define NUM_H

#include <stddef.h>
#include <stdint.h>

/*
 * The value of an option, or the process ends with CS_USAGE and
 * "--page-size: 300 is not in 1..250". name is what the user wrote (an option or a
 * configuration key); sizes take K, M, G (powers of 1024), durations ms, s, m, h, d
 * (a bare number is seconds) and give milliseconds.
 */
uint64_t opt_uint(const char *name, const char *arg, uint64_t min, uint64_t max);
uint64_t opt_size(const char *name, const char *arg, uint64_t min, uint64_t max);
uint64_t opt_duration(const char *name, const char *arg);

/* A JSON integer literal, whole, that fits: 0, else -1. */
int	num_int64(const char *p, size_t n, int64_t *out);
/* Compare two JSON numbers, whatever their form and length, by value: 1 is 1.0 and 10e-1. <0, 0, >0. */
int	num_compare(const char *a, size_t an, const char *b, size_t bn);
/* Compare two decimal integers of any length ("-"? digits). <0, 0, >0. */
int	num_cmp(const char *a, size_t an, const char *b, size_t bn);

#endif
