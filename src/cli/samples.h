/*
 * samples.h - representative data for calibration and comparison, from what --data names.
 */
#ifndef QC_CLI_SAMPLES_H
#define QC_CLI_SAMPLES_H

#include "cli.h"

struct cli_samples_arguments {
    const char *data, *limit, *preprocess;
};

struct cli_samples;

/* *samples stays NULL if no data is named. Returns an exit code, after a message. */
int cli_samples_open(const struct cli_samples_arguments *arguments, struct qc_model *model, struct cli_samples **samples);
const struct qc_samples *cli_samples_get(const struct cli_samples *samples);
void cli_samples_free(struct cli_samples *samples);

#endif
