/*
 * lower.h - the characters of a text, lower-cased as Python's str.lower() does it.
 *
 * Lower case is Python 3.11's (Unicode 14), on every system: the tables are ours (unicode_data.c), so that a vocabulary means the same
 * everywhere. Two rules look beyond the character: U+0130 becomes i and U+0307; a capital sigma becomes the final one behind
 * a cased letter with no cased letter after it, case-ignorable characters on both sides looked through (Unicode 3.13, D136).
 */
#ifndef QC_TEXT_LOWER_H
#define QC_TEXT_LOWER_H

#include "base/utf8.h"

/* The characters of a text, one after the other, lower-cased on request. */
struct qc_characters {
    const char *text;
    size_t length, at;
    bool lower;
    bool behind_cased; /* the nearest character before `at` that is not ignorable is cased */
    uint32_t pending;  /* second half of U+0130; 0: none */
};

enum qc_next { QC_END = 0, QC_CHARACTER = 1, QC_NO_UTF8 = -1 };
/* QC_NO_UTF8 leaves `at` on the offending byte. */
enum qc_next qc_next_character(struct qc_characters *characters, uint32_t *code);

/* ---- tables ---- */

extern const struct qc_lower_range {
    uint32_t first, last;
    int32_t distance; /* to the lower case */
    uint32_t step;    /* of the characters in the range that have one */
} qc_lower_range[];
extern const int qc_lower_range_count;

/* Where a run of characters of one case class begins: character << 2 | class. */
enum qc_case { QC_UNCASED = 0, QC_CASED = 1, QC_CASE_IGNORABLE = 2 };
extern const uint32_t qc_case_start[];
extern const int qc_case_start_count;

#endif
