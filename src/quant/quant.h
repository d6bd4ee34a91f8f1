/*
 * quant.h - what schemes share while a model is quantized in place.
 *
 * A scheme is one src/quant/scheme_<stem>.c: which bits activations have, and what becomes of a float constant operand of a node whose
 * activations stay float. integer.c quantizes the nodes of schemes with integer activations.
 */
#ifndef QC_QUANT_QUANT_H
#define QC_QUANT_QUANT_H

#include "op/op.h"
#include "op/quant_rule.h"
#include "quant/params.h"

struct qc_quantizer;

struct qc_scheme {
    const char *name, *summary;
    const char *const *aliases; /* NULL-terminated */
    int bits;                   /* of activations: 8, 16; 0: they stay float */
    int recurrent;              /* enum qc_recurrent: the form that suits */
    /* Treats operand `slot`, a float32 constant, of a node that computes in float. NULL: it stays. */
    qc_status (*constant)(struct qc_quantizer *q, struct qc_node *node, int slot);
};

const struct qc_scheme *const *qc_scheme_list(void); /* NULL-terminated, in order of name */
const struct qc_scheme *qc_scheme_find(const char *name);

/* A constant in a new form, made once for each form. */
struct qc_form {
    const char *kind;
    int axis;
    struct qc_tensor *made;
    struct qc_form *next;
};

struct qc_rule_row { /* of --keep-float, --only, --recipe; the last match holds */
    const char *pattern;
    const struct qc_scheme *scheme;
};

struct qc_quantizer {
    struct qc_model *model;
    const struct qc_convert_options *options;
    const struct qc_scheme *scheme; /* where no rule says otherwise */
    const struct qc_stats *stats;   /* NULL unless a scheme has integer activations */
    struct qc_rule_row *rule;
    size_t rule_count;
    /* of the graph at hand: */
    struct qc_graph *graph;
    struct qc_node *first;  /* DEQUANTIZE of constants goes in front of it */
    struct qc_form **form;  /* [form_count], by tensor index */
    const char **reason;    /* [form_count]: why a constant stays float */
    uint32_t form_count;

};

/* Quantizes model in place. */
qc_status qc_quantize(struct qc_model *model, const struct qc_convert_options *options, const struct qc_stats *stats);

/* select.c: which scheme a node has */
qc_status qc_select_init(struct qc_quantizer *q);
const struct qc_scheme *qc_select(const struct qc_quantizer *q, const struct qc_node *node);
bool qc_pattern_matches(const char *pattern, const char *text);

/* constant.c: forms of constants */
/* Scans for values that are not finite: QC_RANGE with tensor and count. */
qc_status qc_constant_finite(struct qc_quantizer *q, const struct qc_tensor *tensor);
/* A note if a weight (a constant that is no scalar) holds such values: they stay what they are where it stays float. */
void qc_constant_note_odd(struct qc_quantizer *q, const struct qc_tensor *tensor);
/* int8, symmetric; one scale per slice of `axis`, or one in all (-1). */
qc_status qc_constant_int8(struct qc_quantizer *q, struct qc_tensor *tensor, int axis, enum qc_beside beside, struct qc_tensor **made);
/* One scale for all of the float values would make more than half of those that are not 0 vanish. */
bool qc_constant_vanishes(const struct qc_tensor *tensor);
qc_status qc_constant_half(struct qc_quantizer *q, struct qc_tensor *tensor, struct qc_tensor **made);
/* A float32 value made from a stored form by one DEQUANTIZE at the front of the graph. */
qc_status qc_constant_unpacked(struct qc_quantizer *q, struct qc_tensor *tensor, struct qc_tensor *stored, struct qc_tensor **made);
/* Remembers why a constant stays float. */
void qc_constant_keep(struct qc_quantizer *q, const struct qc_tensor *tensor, const char *reason);

/* The axis of per-channel weights of this operand, options considered; -1: one scale. */
int qc_weight_axis(const struct qc_quantizer *q, const struct qc_node *node, int slot, int declared);
/* The rule for operand `slot`: the last declared one holds for those behind it. */
const struct qc_operand_rule *qc_operand_rule(const struct qc_quant_rule *rule, int slot);

/* integer.c: nodes with integer activations, in all graphs */
qc_status qc_quantize_integer(struct qc_quantizer *q);

/* bias_correction.c: biases of a quantized model, so that the mean of each layer's results becomes that of the float model */
qc_status qc_correct_biases(struct qc_model *model, struct qc_model *floating, const struct qc_convert_options *options);

/* unpack.c: weights behind DEQUANTIZE become float constants; a model with integer activations is QC_INVALID */
qc_status qc_unpack_weights(struct qc_model *model);
/* The same file: DENSIFY goes away, as the importer has written out what was sparse. */
qc_status qc_drop_densify(struct qc_model *model);

/* report.c */
qc_status qc_report_add(struct qc_model *model, bool is_operator, const char *name, const char *op, size_t bytes, const char *reason);

#endif
