/*
 * runtime_version.c - which TensorFlow Lite a file needs. See export.h.
 */
#include "export/export.h"
#include "op/op.h"

static const struct {
    int16_t code;
    uint8_t version, major, minor, patch;
} row[] = {
#define ROW(op, version, major, minor, patch) {tfl_BuiltinOperator_##op, version, major, minor, patch},
#include "export/runtime_version.def"
#undef ROW
};

struct qc_runtime_version qc_runtime_of(int code, int version)
{
    for (size_t i = 0; i < QC_COUNT(row); i++)
        if (row[i].code == code && row[i].version == version)
            return (struct qc_runtime_version){row[i].major, row[i].minor, row[i].patch};
    return (struct qc_runtime_version){0, 0, 0};
}

int qc_runtime_compare(struct qc_runtime_version a, struct qc_runtime_version b)
{
    if (a.major != b.major) return a.major - b.major;
    if (a.minor != b.minor) return a.minor - b.minor;
    return a.patch - b.patch;
}

struct qc_runtime_version qc_runtime_needed(const struct qc_model *model)
{
    struct qc_runtime_version newest = {1, 5, 0};
    for (uint32_t g = 0; g < model->graph_count; g++)
        for (uint32_t n = 0; n < model->graph[g]->node_count; n++) {
            const struct qc_node *node = model->graph[g]->node[n];
            struct qc_runtime_version needed = qc_runtime_of(node->code, qc_node_version(node));
            if (qc_runtime_compare(needed, newest) > 0) newest = needed;
        }
    return newest;
}
