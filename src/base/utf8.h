/*
 * utf8.h - code points of UTF-8, in and out.
 */
#ifndef QC_BASE_UTF8_H
#define QC_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the code point at text[*at], at most to `length`, and moves *at behind it; false, with *at unmoved, at the end and for bytes
 * that are no UTF-8 (overlong forms, surrogates and numbers beyond 0x10ffff are none). */
bool qc_utf8_next(const char *text, size_t length, size_t *at, uint32_t *code);

/* Writes a code point as UTF-8; returns 1 to 4, or 0 for a surrogate or a number beyond 0x10ffff. */
size_t qc_utf8_put(uint32_t code, char out[4]);

#endif
