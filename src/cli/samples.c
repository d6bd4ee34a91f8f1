#include "samples.h"

#include <stddef.h>

int cli_samples_open(const struct cli_samples_arguments *arguments, struct qc_model *model, struct cli_samples **samples)
{
    (void)arguments;
    (void)model;
    (void)samples;
    return CLI_DONE;
}

const struct qc_samples *cli_samples_get(const struct cli_samples *samples)
{
    (void)samples;
    return NULL;
}

void cli_samples_free(struct cli_samples *samples)
{
    (void)samples;
}
