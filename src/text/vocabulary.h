/*
 * vocabulary.h - words in the order they were added, each with a number; found by hash.
 */
#ifndef QC_TEXT_VOCABULARY_H
#define QC_TEXT_VOCABULARY_H

#include "base/env.h"

struct qc_word {
    const char *text; /* UTF-8, not terminated; may hold any character */
    uint32_t length;
    uint32_t hash;
    int64_t number; /* its id, or its count while fitting */
};

struct qc_vocabulary {
    struct qc_env *env;
    struct qc_word *word;
    uint32_t count, capacity;
    uint32_t *slot; /* hash table of indices + 1 */
    uint32_t slot_count; /* a power of two, more than 3/2 of count; or 0 */
    char **chunk; /* the words' text; chunks never move */
    uint32_t chunk_count;
    char *chunk_next;
    size_t chunk_left;
    uint64_t key;     /* of the hash */
    uint32_t longest; /* length of the longest word */
};

void qc_vocabulary_init(struct qc_vocabulary *vocabulary, struct qc_env *env);
void qc_vocabulary_free(struct qc_vocabulary *vocabulary);

/* NULL if it is not there. */
struct qc_word *qc_vocabulary_find(const struct qc_vocabulary *vocabulary, const char *text, size_t length);

/* The word, added with number 0 if it is new (then *added, which may be NULL, is set). The pointer lasts until the next add. NULL with an error. */
struct qc_word *qc_vocabulary_add(struct qc_vocabulary *vocabulary, const char *text, size_t length, bool *added) QC_MUST_USE;

/* ---- {"word": number, ...} ---- */

/*
 * Adds the members of a JSON object to an empty vocabulary. Every number must be a whole one in [0, 2^31 - 1], words and numbers
 * different from each other. Errors say byte, word and number.
 */
qc_status qc_vocabulary_parse(struct qc_vocabulary *vocabulary, const char *json, size_t size) QC_MUST_USE;

/* One byte of a string as json.dumps(..., ensure_ascii=False) writes it: at most 6 bytes; returns how many. */
size_t qc_json_put_byte(char c, char out[7]);

/* json.dumps(dictionary, ensure_ascii=False). Gives an env block to be freed by the caller; NULL with an error. */
char *qc_vocabulary_print(const struct qc_vocabulary *vocabulary, size_t *size) QC_MUST_USE;

/* ---- lines "word number", as TFLite Task Library keeps vocabularies ---- */

/* Adds the lines to an empty vocabulary; numbers are checked as above. */
qc_status qc_vocabulary_parse_lines(struct qc_vocabulary *vocabulary, const char *text, size_t size) QC_MUST_USE;

/* Can every word stand in a line? (None is empty or holds a space or a line's end.) */
bool qc_vocabulary_fits_lines(const struct qc_vocabulary *vocabulary);
char *qc_vocabulary_print_lines(const struct qc_vocabulary *vocabulary, size_t *size) QC_MUST_USE;

/* QC_FORMAT if two words have one number. */
qc_status qc_vocabulary_check_numbers(const struct qc_vocabulary *vocabulary) QC_MUST_USE;

#endif
