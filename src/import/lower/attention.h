/*
 * attention.h - attention layers. Masks are bool tensors; NULL: none.
 */
#ifndef QC_IMPORT_LOWER_ATTENTION_H
#define QC_IMPORT_LOWER_ATTENTION_H

#include "import/lower/dense.h"

/* Attention and AdditiveAttention: query [B, Tq, D], value [B, Tv, Dv], key [B, Tv, D]. */
struct qc_attention_spec {
    bool additive;         /* AdditiveAttention: scale is [D] or absent */
    bool concat;           /* Attention with score_mode "concat" */
    struct qc_weight scale;              /* use_scale: [] or [1]; additive: [D] */
    struct qc_weight concat_score_weight; /* [] of score_mode concat */
    bool causal;
    struct qc_tensor *query_mask, *value_mask; /* [B, Tq], [B, Tv] */
};
/* scores [B, Tq, Tv] may be NULL if not wanted. */
struct qc_tensor *qc_lower_attention(struct qc_build *b, struct qc_tensor *query, struct qc_tensor *value, struct qc_tensor *key,
                                     const struct qc_attention_spec *spec, struct qc_tensor **scores);

/* MultiHeadAttention and GroupedQueryAttention (key_heads < heads). Projections of the last axis: kernels [D, heads, key_dim] with
 * biases [heads, key_dim], output [heads, value_dim, ...] with bias [...]. */
struct qc_multi_head_spec {
    int32_t heads, key_heads, key_dim, value_dim;
    struct qc_weight query_kernel, query_bias, key_kernel, key_bias, value_kernel, value_bias, output_kernel, output_bias;
    int axis_count;
    int32_t axes[QC_MAX_RANK]; /* attention axes, of the unprojected input; none: all between batch and features */
    struct qc_weight gate_kernel, gate_bias; /* use_gate: [D, heads, value_dim], its sigmoid multiplies what the heads give */
    bool causal;
    int32_t sliding_window; /* 0: none */
    bool zero_masked_rows;  /* a query that may attend to nothing gets zeros (Keras 3 where it works with explicit scores: dropout > 0, scores
                             * returned, or an input of rank other than 3), else the mean of all values */
    struct qc_tensor *query_mask, *value_mask, *key_mask; /* [B, T] */
    struct qc_tensor *attention_mask;                     /* [B, T, S], bool or numbers; broadcast over heads */
};
struct qc_tensor *qc_lower_multi_head_attention(struct qc_build *b, struct qc_tensor *query, struct qc_tensor *value, struct qc_tensor *key,
                                                const struct qc_multi_head_spec *spec, struct qc_tensor **scores);

#endif
