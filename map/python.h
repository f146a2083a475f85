/*
 * JSON text as Python's json.dumps() writes it: a space behind each comma and colon, ASCII only. Numbers keep
 * their digits, where Python may write a fraction otherwise.
 */
#ifndef PYTHON_H
#define PYTHON_H

#include "buf.h"

/* Append the valid JSON text p[0..n). */
void	python_json(struct buf *out, const char *p, size_t n);

#endif
