/*
 * samples_random.c - random:COUNT[:SEED]: uniform in [0, 1), the placeholder of TensorFlow's guide. Integer inputs get 0 and 1.
 */
#include "samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct source {
    uint64_t seed;
};

/* SplitMix64: a good value for every counter. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static qc_status fill(void *user, size_t sample, struct qc_session *session, struct qc_error *error)
{
    const struct source *source = ((struct cli_samples *)user)->source;
    for (size_t i = 0; i < qc_session_input_count(session); i++) {
        struct qc_tensor_info input;
        size_t elements = 1;
        uint64_t state = mix(mix(source->seed + sample) + i);
        if (qc_session_input(session, i, &input)) return cli_samples_fail(error, QC_INVALID, "input %zu is not ready", i);
        for (int d = 0; d < input.rank; d++) elements *= (size_t)input.dims[d];
        for (size_t k = 0; k < elements; k++) {
            float value = (float)(mix(state + k) >> 40) * 0x1p-24f;
            int64_t bit = value >= 0.5f;
            qc_status status = input.type == QC_FLOAT32 ? cli_samples_put(&input, k, &value, QC_FLOAT32, 0, error)
                                                        : cli_samples_put(&input, k, &bit, QC_INT64, 0, error);
            if (status) return status;
        }
    }
    return QC_OK;
}

int cli_samples_random(struct cli_samples *samples, struct qc_model *model)
{
    const char *text = samples->arguments->data + strlen("random");
    struct source *source = calloc(1, sizeof *source);
    unsigned long long count = 100, seed = 0;
    int used = 0;
    (void)model;
    if (!source) return cli_failf(CLI_FAILED, "memory ran out");
    samples->source = source;
    samples->free = free;
    if (*text && (sscanf(text, ":%llu%n", &count, &used) < 1 || (text[used] && (sscanf(text + used, ":%llu%n", &seed, &used) < 1))))
        return cli_failf(CLI_USAGE, "--data random:COUNT[:SEED], not '%s'", samples->arguments->data);
    if (count > 1000000) return cli_failf(CLI_USAGE, "--data random: at most 1000000 samples");
    source->seed = mix(seed);
    samples->samples.count = (size_t)count;
    samples->samples.fill = fill;
    fprintf(stderr, "quantc: warning: random data only tries out the way; name real data for an accurate model\n");
    return CLI_DONE;
}
