/*
 * stats.h - ranges of a model's values by name, as calibration finds them and files keep them.
 */
#ifndef QC_QUANT_STATS_H
#define QC_QUANT_STATS_H

#include "ir/ir.h"

struct qc_stats {
    struct qc_env env;
    struct qc_arena arena;
    struct qc_stats_row {
        const char *name; /* of the tensor; "subgraph:tensor" in a subgraph other than the main one */
        float min, max;
    } *row;               /* sorted by name, each name once */
    size_t count;
};

/* Runs the float model over all samples. NULL with the error in the model's env. */
struct qc_stats *qc_calibrate(struct qc_model *model, const struct qc_convert_options *options, int bits);

/* false: never seen. */
bool qc_stats_range(const struct qc_stats *stats, const struct qc_tensor *tensor, float *min, float *max);

/* Sorts rows and joins those of one name. */
void qc_stats_settle(struct qc_stats *stats);
struct qc_stats *qc_stats_new(void);

#endif
