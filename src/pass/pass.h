/*
 * pass.h - a rewrite of one graph. src/pass/<stem>.c defines `const struct qc_pass qc_pass_<stem>`; src/pass/pipeline.c lists them
 * in order, where order is meaning.
 *
 * A pass keeps the graph's function (within float rounding), leaves it sound for qc_model_check, does nothing the second time, and
 * never touches a quantized value's meaning.
 */
#ifndef QC_PASS_PASS_H
#define QC_PASS_PASS_H

#include "ir/ir.h"

struct qc_pass {
    const char *name;
    qc_status (*run)(struct qc_graph *graph);
};

/* All passes on all graphs, in order, checking after each in debug builds. */
qc_status qc_pipeline_run(struct qc_model *model);

#endif
