/*
 * report.c - what stayed float in a converted model, and why: rows in the model's arena.
 */
#include "quant/quant.h"

#include <string.h>

struct qc_report {
    struct qc_kept *row;
    size_t count, capacity;
};

qc_status qc_report_add(struct qc_model *model, bool is_operator, const char *name, const char *op, size_t bytes, const char *reason)
{
    struct qc_report *report = model->report;
    if (!report && !(report = model->report = qc_arena_alloc(&model->arena, sizeof *report))) return QC_NOMEM;
    if (report->count == report->capacity) {
        size_t capacity = 2 * report->capacity + 16;
        struct qc_kept *grown = qc_arena_array(&model->arena, capacity, sizeof *grown);
        if (!grown) return QC_NOMEM;
        if (report->count) memcpy(grown, report->row, report->count * sizeof *grown);
        report->row = grown;
        report->capacity = capacity;
    }
    report->row[report->count++] = (struct qc_kept){is_operator, name, op, bytes, reason};
    return QC_OK;
}

bool qc_model_kept(const struct qc_model *model, size_t index, struct qc_kept *kept)
{
    if (!model->report || index >= model->report->count) return false;
    *kept = model->report->row[index];
    return true;
}
