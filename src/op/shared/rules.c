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
