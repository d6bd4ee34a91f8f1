/*
 * samples.h - representative data for calibration and comparison, from what --data names.
 *
 * samples.c tells the kind and checks what goes in; samples_<kind>.c are the kinds: arrays (.npy, .npz), pictures (a folder), text (a file
 * of sentences), random.
 */
#ifndef QC_CLI_SAMPLES_H
#define QC_CLI_SAMPLES_H

#include "cli.h"
#include "text_options.h"

struct cli_samples_arguments {
    const char *data, *limit, *preprocess;
    const struct cli_text *text; /* sentences: --word-index and the like */
    bool skip_bad;
};

struct cli_samples {
    struct qc_samples samples; /* user points back here */
    const struct cli_samples_arguments *arguments;
    void *source; /* the kind's own */
    void (*free)(void *source);
};

/* *samples stays NULL if no data is named. Returns an exit code, after a message. */
int cli_samples_open(const struct cli_samples_arguments *arguments, struct qc_model *model, struct cli_samples **samples);
const struct qc_samples *cli_samples_get(const struct cli_samples *samples);
void cli_samples_free(struct cli_samples *samples);

/* The kinds: fill samples->samples.count and .fill, ->source and ->free. */
int cli_samples_arrays(struct cli_samples *samples, struct qc_model *model);
int cli_samples_pictures(struct cli_samples *samples, struct qc_model *model);
int cli_samples_text(struct cli_samples *samples, struct qc_model *model);
int cli_samples_random(struct cli_samples *samples, struct qc_model *model);

/* Fills *error with a sentence; returns `status`. Who asked for the sample puts its number in front. */
qc_status cli_samples_fail(struct qc_error *error, qc_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts value `at` of an array of `type` into element `to` of an input: float32, or an integer type that holds it. */
qc_status cli_samples_put(const struct qc_tensor_info *input, size_t to, const void *data, qc_dtype type, size_t at, struct qc_error *error);
/* The first `count` values of an array, into the first elements of an input. */
qc_status cli_samples_put_all(const struct qc_tensor_info *input, const void *data, qc_dtype type, size_t count, struct qc_error *error);

#endif
