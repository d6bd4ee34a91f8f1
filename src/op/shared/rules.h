/*
 * rules.h - quantization rules and operator versions that many operators share.
 *
 * Versions follow LiteRT's op_version.cc: the lowest one whose meaning covers the node's types.
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

/* The version in the first row whose type is that of the input, else 1. A row of version 0 ends the list. */
struct qc_type_version {
    qc_dtype type;
    int version;
};
int qc_version_of(const struct qc_node *node, int input, const struct qc_type_version *row);
/* static int name(node): the version by the type of one input, rows {QC_INT8, 2}, ... */
#define QC_VERSION_BY_TYPE(name, input, ...)                                        \
    static int name(const struct qc_node *node)                                     \
    {                                                                               \
        static const struct qc_type_version row[] = {__VA_ARGS__, {QC_FLOAT32, 0}}; \
        return qc_version_of(node, input, row);                                     \
    }

int qc_version_int8_2(const struct qc_node *node);         /* int8: 2 */
int qc_version_int8_2_int16_3(const struct qc_node *node); /* int8: 2, int16: 3 */

/* Types and ranks of the operands, for version functions. */
qc_dtype qc_node_type(const struct qc_node *node, int input);
int qc_node_rank(const struct qc_node *node, int input);
/* The first two inputs differ in shape and broadcast to more than `rank` dimensions. */
bool qc_node_broadcasts_beyond(const struct qc_node *node, int rank);

#endif
