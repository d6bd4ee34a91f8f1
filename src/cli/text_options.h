/*
 * text_options.h - options about text that several commands share, and reading text line by line.
 */
#ifndef QC_CLI_TEXT_OPTIONS_H
#define QC_CLI_TEXT_OPTIONS_H

#include "cli.h"

#include <stdio.h>

struct cli_text {
    const char *word_index, *maxlen, *threshold, *padding, *truncating, *num_words, *oov_token, *filters, *split; /* as given; NULL: not */
    bool char_level, no_lower;
};

/* Rows for a command's option table: first those of a tokenizer, then those of a classifier. */
#define CLI_TOKENIZER_OPTIONS(t)                                                                                              \
    {"--num-words", NULL, &(t).num_words, NULL}, {"--oov-token", NULL, &(t).oov_token, NULL}, {"--filters", NULL, &(t).filters, NULL}, \
        {"--split", NULL, &(t).split, NULL}, {"--char-level", NULL, NULL, &(t).char_level}, {"--no-lower", NULL, NULL, &(t).no_lower}
#define CLI_CLASSIFIER_OPTIONS(t)                                                                                             \
    CLI_TOKENIZER_OPTIONS(t), {"--word-index", NULL, &(t).word_index, NULL}, {"--maxlen", NULL, &(t).maxlen, NULL},            \
        {"--threshold", NULL, &(t).threshold, NULL}, {"--padding", NULL, &(t).padding, NULL}, {"--truncating", NULL, &(t).truncating, NULL}

/* Their help. */
#define CLI_TOKENIZER_HELP                                                                                     \
    "  --num-words N          keep the N - 1 most frequent words (all)\n"                                      \
    "  --oov-token WORD       stands for unknown words (none: they are dropped)\n"                             \
    "  --filters CHARACTERS   characters that are removed (Keras's default list)\n"                            \
    "  --split TEXT           what separates words (a space)\n"                                                \
    "  --char-level           every character is a word\n"                                                     \
    "  --no-lower             keep capital letters\n"
#define CLI_CLASSIFIER_HELP                                                                                    \
    "  --word-index FILE      the vocabulary: {\"word\": id, ...} or Tokenizer.to_json()\n"                    \
    "  --maxlen N             length of the sequences (the model's, else 100)\n"                               \
    "  --padding pre|post     where padding goes (pre)\n"                                                      \
    "  --truncating pre|post  where long sequences are cut (pre)\n"                                            \
    "  --threshold X          a single score above it is label 1 (0.5)\n" CLI_TOKENIZER_HELP

/* false after a message. */
bool cli_tokenizer_options(const struct cli_text *text, struct qc_tokenizer_options *options);

/* The classifier's options; what is not given stays zero. `storage` keeps what the options point to. */
struct cli_classifier_storage {
    enum qc_side padding, truncating;
    float threshold;
};
bool cli_classifier_options(const struct cli_text *text, struct cli_classifier_storage *storage, struct qc_classifier_options *options);

/* Packs the vocabulary, the settings and the names of labels (a file, or NULL) into a model, if a vocabulary is named. An exit code. */
int cli_pack_text(const struct cli_text *text, const char *labels, struct qc_model *model);

/* Text from a file or, for "-", from standard input, line by line. Only \n ends a line: \r belongs to the text, as for Keras. */
struct cli_lines {
    const char *path; /* for messages: "standard input" */
    FILE *file;
    char *text;
    size_t room, length, number;
    bool told; /* about \r */
};
/* An exit code after a message, or CLI_DONE. */
int cli_lines_open(struct cli_lines *lines, const char *path);
/* false at the end, and after a failure to read, for which *code is set after a message. */
bool cli_lines_next(struct cli_lines *lines, int *code);
void cli_lines_close(struct cli_lines *lines);
/* "path: line n: sentence"; returns the exit code. */
int cli_lines_fail(const struct cli_lines *lines, const struct qc_error *error);

#endif
