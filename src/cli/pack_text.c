/*
 * pack_text.c - quantize's options that put a tokenizer into the .tflite. See text_options.h.
 */
#include "text_options.h"

#include <stdlib.h>
#include <string.h>

struct labels {
    char **name;
    size_t count;
};

static int read_labels(const char *path, struct labels *labels)
{
    struct cli_lines lines;
    int code = cli_lines_open(&lines, path);
    while (!code && cli_lines_next(&lines, &code)) {
        char **longer = realloc(labels->name, (labels->count + 1) * sizeof *longer);
        if (longer) labels->name = longer;
        if (!longer || !(longer[labels->count] = strdup(lines.text)))
            code = cli_failf(CLI_FAILED, "out of memory");
        else
            labels->count++;
    }
    cli_lines_close(&lines);
    return code;
}

/* The length that the model's input has, if it is fixed; else 100. */
static size_t default_maxlen(const struct qc_model *model)
{
    struct qc_tensor_info in;
    return qc_model_input(model, 0, &in) && in.rank == 2 && in.signature[1] > 0 ? (size_t)in.signature[1] : 100;
}

static int pack(const struct qc_classifier_options *options, const struct labels *labels, struct qc_model *model)
{
    struct qc_error error;
    struct qc_text_settings settings = {.labels = (const char *const *)labels->name, .label_count = labels->count};
    struct qc_tokenizer *tokenizer = qc_tokenizer_open(options->word_index, &options->tokenizer, &error);
    if (!tokenizer) return cli_fail(&error);
    settings.tokenizer = tokenizer;
    settings.padding.maxlen = options->maxlen ? options->maxlen : default_maxlen(model);
    settings.padding.padding = options->padding ? *options->padding : QC_PRE;
    settings.padding.truncating = options->truncating ? *options->truncating : QC_PRE;
    settings.threshold = options->threshold ? *options->threshold : 0.5f;
    int code = qc_model_pack_text(model, &settings, &error) ? cli_fail(&error) : CLI_DONE;
    qc_tokenizer_free(tokenizer);
    return code;
}

int cli_pack_text(const struct cli_text *text, const char *label_path, struct qc_model *model)
{
    struct cli_classifier_storage storage;
    struct qc_classifier_options options = {0};
    struct labels labels = {0};
    if (!cli_classifier_options(text, &storage, &options)) return CLI_USAGE;
    bool others = label_path || text->maxlen || text->threshold || text->padding || text->truncating || text->num_words || text->oov_token ||
                  text->filters || text->split || text->char_level || text->no_lower;
    if (!text->word_index) return others ? cli_failf(CLI_USAGE, "options about text go with --word-index, which names the vocabulary to pack") : CLI_DONE;
    int code = label_path ? read_labels(label_path, &labels) : CLI_DONE;
    if (!code) code = pack(&options, &labels, model);
    for (size_t i = 0; i < labels.count; i++) free(labels.name[i]);
    free(labels.name);
    return code;
}
