/*
 * tokenizer.h - tf.keras.preprocessing.text.Tokenizer on a vocabulary. Behind quantc.h, section 8; see there for the meaning.
 *
 * Facts of Keras that are easily missed: lower-casing comes before filtering and sees the whole text; \r and Unicode spaces separate
 * nothing; char_level ignores the filters; num_words = N keeps ids below N; an id cut off by num_words becomes the OOV id if
 * the vocabulary has one, an unknown word only if oov_token is set.
 */
#ifndef QC_TEXT_TOKENIZER_H
#define QC_TEXT_TOKENIZER_H

#include "text/vocabulary.h"

struct qc_tokenizer {
    struct qc_env env;
    struct qc_vocabulary words;  /* word -> id */
    struct qc_vocabulary counts; /* word -> count, in order of appearance; used by fitting */
    bool lower, char_level;
    int64_t num_words; /* 0: no limit */
    char *filters, *split, *oov_token; /* UTF-8, terminated; oov_token may be NULL */
    size_t split_length;
    bool filtered[128];       /* of ASCII */
    uint32_t *more_filtered;  /* other characters */
    uint32_t more_filtered_count;
};

/* NULL with an error in `error`. */
struct qc_tokenizer *qc_tokenizer_new(const struct qc_tokenizer_options *options, struct qc_error *error);

/* Sets the filters and the split string from UTF-8; NULL: Keras's default. */
qc_status qc_tokenizer_separate(struct qc_tokenizer *tokenizer, const char *filters, const char *split) QC_MUST_USE;
qc_status qc_tokenizer_set_oov(struct qc_tokenizer *tokenizer, const char *oov_token) QC_MUST_USE;

/* Reads either JSON form; settings of the file apply where `options` (may be NULL) leaves a field zero. tokenizer_json.c */
qc_status qc_tokenizer_parse(struct qc_tokenizer *tokenizer, const char *json, size_t size, const struct qc_tokenizer_options *options) QC_MUST_USE;

/* Words of one text in order: visit returns false to stop with an error recorded in the env. At most `most` bytes of a word are kept
 * (SIZE_MAX: all); a longer one comes with length most + 1. Errors go to `env`, so that threads may share a tokenizer. */
typedef bool qc_word_visitor(void *user, const char *word, size_t length);
qc_status qc_tokenizer_split(const struct qc_tokenizer *tokenizer, struct qc_env *env, const char *text, size_t length, size_t most,
                             qc_word_visitor *visit, void *user) QC_MUST_USE;

/* The ids of one text, one after the other. */
typedef void qc_id_visitor(void *user, int32_t id);
qc_status qc_tokenizer_ids(const struct qc_tokenizer *tokenizer, struct qc_env *env, const char *text, size_t length, qc_id_visitor *visit,
                           void *user) QC_MUST_USE;

/* fit_on_texts: one text at a time, and in the end the ids from the counts. */
qc_status qc_tokenizer_count(struct qc_tokenizer *tokenizer, const char *text, size_t length) QC_MUST_USE;
qc_status qc_tokenizer_number(struct qc_tokenizer *tokenizer) QC_MUST_USE;

#endif
