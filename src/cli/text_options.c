/*
 * text_options.c - see text_options.h.
 */
#include "text_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool cli_tokenizer_options(const struct cli_text *text, struct qc_tokenizer_options *options)
{
    long number = 0;
    if (text->num_words && !cli_number("--num-words", text->num_words, 0, INT32_MAX, &number)) return false;
    *options = (struct qc_tokenizer_options){.filters = text->filters,
                                             .split = text->split,
                                             .oov_token = text->oov_token,
                                             .num_words = number,
                                             .keep_case = text->no_lower,
                                             .char_level = text->char_level};
    if (text->split && !*text->split) return cli_failf(CLI_USAGE, "--split takes at least one character"), false;
    return true;
}

static bool read_side(const char *option, const char *text, enum qc_side *side)
{
    *side = !strcmp(text, "post") ? QC_POST : QC_PRE;
    if (*side == QC_POST || !strcmp(text, "pre")) return true;
    cli_failf(CLI_USAGE, "%s takes pre or post, not '%s'", option, text);
    return false;
}

bool cli_classifier_options(const struct cli_text *text, struct cli_classifier_storage *storage, struct qc_classifier_options *options)
{
    long maxlen = 0;
    double threshold = 0;
    if (!cli_tokenizer_options(text, &options->tokenizer)) return false;
    if (text->maxlen && !cli_number("--maxlen", text->maxlen, 1, INT32_MAX, &maxlen)) return false;
    if (text->threshold && !cli_real("--threshold", text->threshold, -1e30, 1e30, &threshold)) return false;
    if (text->padding && !read_side("--padding", text->padding, &storage->padding)) return false;
    if (text->truncating && !read_side("--truncating", text->truncating, &storage->truncating)) return false;
    storage->threshold = (float)threshold;
    options->word_index = text->word_index;
    options->maxlen = (size_t)maxlen;
    options->padding = text->padding ? &storage->padding : NULL;
    options->truncating = text->truncating ? &storage->truncating : NULL;
    options->threshold = text->threshold ? &storage->threshold : NULL;
    return true;
}

int cli_lines_open(struct cli_lines *lines, const char *path)
{
    bool standard = !strcmp(path, "-");
    *lines = (struct cli_lines){.path = standard ? "standard input" : path, .file = standard ? stdin : fopen(path, "rb")};
    return lines->file ? CLI_DONE : cli_failf(CLI_FAILED, "%s: cannot be opened: %s", path, strerror(errno));
}

bool cli_lines_next(struct cli_lines *lines, int *code)
{
    errno = 0;
    ssize_t length = getline(&lines->text, &lines->room, lines->file);
    if (length < 0) {
        if (!feof(lines->file)) *code = cli_failf(CLI_FAILED, "%s: cannot be read: %s", lines->path, strerror(errno));
        return false;
    }
    lines->number++;
    lines->length = (size_t)length;
    if (lines->text[lines->length - 1] == '\n') lines->text[--lines->length] = 0;
    if (!lines->told && lines->length && lines->text[lines->length - 1] == '\r') {
        fprintf(stderr, "quantc: note: %s: line %zu ends in \\r\\n; the \\r stays part of the text, as in Keras (dos2unix removes it)\n", lines->path,
                lines->number);
        lines->told = true;
    }
    return true;
}

void cli_lines_close(struct cli_lines *lines)
{
    if (lines->file && lines->file != stdin) fclose(lines->file);
    free(lines->text);
    lines->file = NULL;
    lines->text = NULL;
}

int cli_lines_fail(const struct cli_lines *lines, const struct qc_error *error)
{
    struct qc_error located = {.status = error->status};
    snprintf(located.text, sizeof located.text, "%.300s: line %zu: %.1100s", lines->path, lines->number, error->text);
    return cli_fail(&located);
}
