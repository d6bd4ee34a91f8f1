/* rules.c - see rules.h. */
#include "op/shared/rules.h"

#define ACTIVATION {.role = QC_ROLE_ACTIVATION}
#define KEEP {.role = QC_ROLE_KEEP}

const struct qc_quant_rule qc_rule_move = {.modes = QC_Q_INT8 | QC_Q_INT16, .in = {ACTIVATION, KEEP}, .output = QC_OUTPUT_SAME};
const struct qc_quant_rule qc_rule_move_8 = {.modes = QC_Q_INT8, .in = {ACTIVATION, KEEP}, .output = QC_OUTPUT_SAME};
const struct qc_quant_rule qc_rule_join = {
    .modes = QC_Q_INT8 | QC_Q_INT16, .in = {ACTIVATION, {.role = QC_ROLE_SAME}}, .output = QC_OUTPUT_SAME};
const struct qc_quant_rule qc_rule_unary = {.modes = QC_Q_INT8 | QC_Q_INT16, .in = {ACTIVATION, KEEP}};
const struct qc_quant_rule qc_rule_unary_8 = {.modes = QC_Q_INT8, .in = {ACTIVATION, KEEP}};
const struct qc_quant_rule qc_rule_binary = {.modes = QC_Q_INT8 | QC_Q_INT16, .in = {ACTIVATION}};
const struct qc_quant_rule qc_rule_binary_8 = {.modes = QC_Q_INT8, .in = {ACTIVATION}};
const struct qc_quant_rule qc_rule_compare = {.modes = QC_Q_INT8, .in = {ACTIVATION}, .output = QC_OUTPUT_KEEP};

qc_dtype qc_node_type(const struct qc_node *node, int input)
{
    return input < node->in_count && node->in[input] ? node->in[input]->type : QC_FLOAT32;
}

int qc_node_rank(const struct qc_node *node, int input)
{
    return input < node->in_count && node->in[input] ? node->in[input]->rank : 0;
}

int qc_version_of(const struct qc_node *node, int input, const struct qc_type_version *row)
{
    for (; row->version; row++)
        if (row->type == qc_node_type(node, input)) return row->version;
    return 1;
}

int qc_version_int8_2(const struct qc_node *node)
{
    return qc_node_type(node, 0) == QC_INT8 ? 2 : 1;
}

int qc_version_int8_2_int16_3(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 0);
    return type == QC_INT16 ? 3 : type == QC_INT8 ? 2 : 1;
}

bool qc_node_broadcasts_beyond(const struct qc_node *node, int rank)
{
    if (node->in_count < 2 || !node->in[0] || !node->in[1]) return false;
    const struct qc_tensor *a = node->in[0], *b = node->in[1];
    if (QC_MAX(a->rank, b->rank) <= rank) return false;
    if (a->rank != b->rank) return true;
    for (int d = 0; d < a->rank; d++)
        if (a->dims[d] != b->dims[d]) return true;
    return false;
}
