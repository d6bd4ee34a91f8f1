/*
 * rules.h - quantization rules that many operators share.
 */
#ifndef QC_OP_SHARED_RULES_H
#define QC_OP_SHARED_RULES_H

#include "op/op.h"
#include "op/quant_rule.h"

extern const struct qc_quant_rule qc_rule_move;      /* in[0] moves to the output unchanged; the rest are indices */
extern const struct qc_quant_rule qc_rule_move_8;    /* the same without int16 kernels */
extern const struct qc_quant_rule qc_rule_join;      /* all inputs share the output's parameters */
extern const struct qc_quant_rule qc_rule_unary;     /* calibrated in and out, int8 and int16 */
extern const struct qc_quant_rule qc_rule_unary_8;   /* int8 only */
extern const struct qc_quant_rule qc_rule_binary;    /* two calibrated inputs, calibrated output */
extern const struct qc_quant_rule qc_rule_binary_8;
extern const struct qc_quant_rule qc_rule_compare;   /* two calibrated inputs, bool output; int8 only */

#endif
