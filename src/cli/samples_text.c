/*
 * samples_text.c - representative data from a file of sentences, one a line, through the tokenizer of --word-index.
 */
#include "samples.h"

#include <stdlib.h>
#include <string.h>

struct source {
    struct qc_padding padding;
    int32_t *ids; /* [count][maxlen] */
};

static void close_source(void *opaque)
{
    struct source *source = opaque;
    free(source->ids);
    free(source);
}

static qc_status fill(void *user, size_t sample, struct qc_session *session, struct qc_error *error)
{
    const struct source *source = ((struct cli_samples *)user)->source;
    struct qc_tensor_info input;
    qc_status status = qc_session_resize(session, 0, 2, (int32_t[]){1, (int32_t)source->padding.maxlen}, error);
    if (status) return status;
    if (qc_session_input_count(session) != 1 || qc_session_input(session, 0, &input))
        return cli_samples_fail(error, QC_INVALID, "sentences need a model with one input [batch, maxlen]");
    for (size_t k = 0; k < source->padding.maxlen && !status; k++)
        status = cli_samples_put(&input, k, source->ids, QC_INT32, sample * source->padding.maxlen + k, error);
    return status;
}

/* Every line as ids: 4 bytes a word, less than the text itself. */
static int read_lines(struct cli_samples *samples, const struct qc_tokenizer *tokenizer)
{
    struct source *source = samples->source;
    struct cli_lines lines;
    struct qc_error error = {0};
    size_t count = 0, room = 0, maxlen = source->padding.maxlen;
    int code = cli_lines_open(&lines, samples->arguments->data);
    while (!code && cli_lines_next(&lines, &code)) {
        if (count == room) {
            int32_t *grown = realloc(source->ids, (room = 2 * room + 64) * maxlen * sizeof *grown);
            if (!grown) {
                code = cli_failf(CLI_FAILED, "memory ran out");
                break;
            }
            source->ids = grown;
        }
        if (qc_tokenizer_sequence(tokenizer, lines.text, lines.length, &source->padding, source->ids + count++ * maxlen, NULL, &error))
            code = cli_lines_fail(&lines, &error);
    }
    cli_lines_close(&lines);
    samples->samples.count = count;
    return code;
}

int cli_samples_text(struct cli_samples *samples, struct qc_model *model)
{
    struct qc_error error = {0};
    struct qc_tensor_info input;
    struct cli_classifier_storage storage;
    struct qc_classifier_options options = {0};
    struct source *source = calloc(1, sizeof *source);
    if (!source) return cli_failf(CLI_FAILED, "memory ran out");
    samples->source = source;
    samples->free = close_source;
    samples->samples.fill = fill;
    if (!cli_classifier_options(samples->arguments->text, &storage, &options)) return CLI_USAGE;
    bool fixed = qc_model_input(model, 0, &input) && input.rank == 2 && input.signature[1] > 0;
    source->padding.maxlen = options.maxlen ? options.maxlen : fixed ? (size_t)input.signature[1] : 100;
    source->padding.padding = options.padding ? *options.padding : QC_PRE;
    source->padding.truncating = options.truncating ? *options.truncating : QC_PRE;
    struct qc_tokenizer *tokenizer = qc_tokenizer_open(options.word_index, &options.tokenizer, &error);
    if (!tokenizer) return cli_fail(&error);
    int code = read_lines(samples, tokenizer);
    qc_tokenizer_free(tokenizer);
    return code;
}
