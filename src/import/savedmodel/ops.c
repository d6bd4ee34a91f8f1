/*
 * ops.c - the operator table, and what lowerings use. See graph.h.
 */
#include "import/savedmodel/graph.h"
#include "import/savedmodel/complaint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct qc_tf_op *const family[] = {
    qc_tf_elementwise_ops, qc_tf_array_ops, qc_tf_index_ops,   qc_tf_reduce_ops,   qc_tf_matrix_ops, qc_tf_conv_ops,
    qc_tf_norm_ops,        qc_tf_image_ops, qc_tf_control_ops, qc_tf_list_ops, qc_tf_resource_ops, qc_tf_text_ops, qc_tf_table_ops,
    qc_tf_scatter_ops, qc_tf_fake_quant_ops, qc_tf_rare_ops,
};

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct qc_tf_op *const *)a)->name, (*(const struct qc_tf_op *const *)b)->name);
}

qc_status qc_tf_ops_sort(struct qc_tf_import *im)
{
    size_t count = 0;
    for (size_t f = 0; f < QC_COUNT(family); f++)
        for (const struct qc_tf_op *op = family[f]; op->name; op++) count++;
    if (!(im->op = qc_arena_array(im->scratch, count, sizeof *im->op))) return QC_NOMEM;
    for (size_t f = 0; f < QC_COUNT(family); f++)
        for (const struct qc_tf_op *op = family[f]; op->name; op++) im->op[im->op_count++] = op;
    qsort(im->op, im->op_count, sizeof *im->op, compare_names);
    return QC_OK;
}

const struct qc_tf_op *qc_tf_op_find(const struct qc_tf_import *im, struct pb_bytes name)
{
    char text[64];
    size_t low = 0, high = im->op_count;
    if (name.size >= sizeof text) return NULL;
    memcpy(text, name.size ? (const void *)name.at : "", name.size);
    text[name.size] = 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(im->op[middle]->name, text);
        if (!order) return im->op[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Operators with more than one output name. Those with one list of outputs ("output" of Split) begin at 0 as well. */
int qc_tf_output_position(struct pb_bytes op, struct pb_bytes output)
{
    static const struct {
        const char *op, *output[6];
    } rows[] = {
        {"FusedBatchNorm", {"y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"}},
        {"FusedBatchNormV2", {"y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"}},
        {"FusedBatchNormV3", {"y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2", "reserve_space_3"}},
        {"TopKV2", {"values", "indices"}},
        {"Unique", {"y", "idx"}},
        {"MaxPoolWithArgmax", {"output", "argmax"}},
        {"NonMaxSuppressionV4", {"selected_indices", "valid_outputs"}},
        {"NonMaxSuppressionV5", {"selected_indices", "selected_scores", "valid_outputs"}},
        {"Switch", {"output_false", "output_true"}},
        {"Merge", {"output", "value_index"}},
        {"StringSplitV2", {"indices", "values", "shape"}},
        {"StatelessRandomGetKeyCounter", {"key", "counter"}},
    };
    for (size_t i = 0; i < QC_COUNT(rows); i++)
        for (int k = 0; k < 6 && pb_equal(op, rows[i].op); k++)
            if (rows[i].output[k] && pb_equal(output, rows[i].output[k])) return k;
    return 0;
}

/* ---- errors ---- */

qc_status qc_tf_fail(struct qc_tf_step *s, qc_status status, const char *format, ...)
{
    char sentence[700];
    va_list list;
    va_start(list, format);
    vsnprintf(sentence, sizeof sentence, format, list);
    va_end(list);
    return qc_fail(s->im->env, status, "%.*s '%.*s': %s", QC_PB(s->node->op), QC_PB(s->node->name), sentence);
}

qc_status qc_tf_unsupported(struct qc_tf_step *s, const char *format, ...)
{
    char sentence[300];
    va_list list;
    va_start(list, format);
    vsnprintf(sentence, sizeof sentence, format, list);
    va_end(list);
    s->out = NULL;
    return qc_tf_complain(s->im, s->node->op, s->node->name, sentence);
}

/* ---- outputs and inputs ---- */

qc_status qc_tf_outputs(struct qc_tf_step *s, int count)
{
    s->out = qc_arena_array(s->im->scratch, (size_t)count, sizeof *s->out);
    s->out_count = s->out ? count : 0;
    return s->out ? QC_OK : QC_NOMEM;
}

qc_status qc_tf_return(struct qc_tf_step *s, struct qc_tensor *tensor)
{
    if (!tensor) return qc_build_status(s->b) ? qc_build_status(s->b) : qc_tf_fail(s, QC_FORMAT, "has no result");
    QC_TRY(qc_tf_outputs(s, 1));
    s->out[0] = (struct qc_tf_value){.kind = QC_TF_TENSOR, .tensor = tensor};
    return QC_OK;
}

qc_status qc_tf_return_all(struct qc_tf_step *s, int count, struct qc_tensor *const *tensor)
{
    QC_TRY(qc_build_status(s->b));
    QC_TRY(qc_tf_outputs(s, count));
    for (int i = 0; i < count; i++) s->out[i] = (struct qc_tf_value){.kind = QC_TF_TENSOR, .tensor = tensor[i]};
    return QC_OK;
}

struct qc_tensor *qc_tf_any_tensor(struct qc_tf_step *s, int i)
{
    if (i < s->in_count && s->in[i].kind == QC_TF_TENSOR && s->in[i].tensor) return s->in[i].tensor;
    qc_tf_fail(s, QC_FORMAT, "input %d is no tensor", i);
    return NULL;
}

struct qc_tensor *qc_tf_tensor(struct qc_tf_step *s, int i)
{
    struct qc_tensor *tensor = qc_tf_any_tensor(s, i);
    if (!tensor || tensor->has_shape) return tensor;
    qc_tf_fail(s, QC_UNSUPPORTED, "the shape of its input %d depends on data, with which quantc cannot convert this operator", i);
    return NULL;
}

bool qc_tf_type(struct qc_tf_step *s, const char *name, int64_t absent, qc_dtype *type)
{
    return qc_tf_compute_dtype(qc_tf_attr_type(s->node, name, absent), type);
}

bool qc_tf_channels_first(const struct qc_tf_step *s)
{
    struct pb_bytes format = qc_tf_attr_string(s->node, "data_format");
    return pb_equal(format, "NCHW") || pb_equal(format, "NCDHW");
}

bool qc_tf_weight(const struct qc_tensor *tensor, struct qc_weight *weight)
{
    if (!tensor || !tensor->constant || tensor->type != QC_FLOAT32 || (uintptr_t)tensor->data % sizeof(float)) return false;
    *weight = (struct qc_weight){.data = tensor->data, .rank = tensor->rank};
    memcpy(weight->dims, tensor->dims, sizeof weight->dims);
    return true;
}

/* ---- names ---- */

const char *qc_tf_scope(struct qc_tf_import *im, struct pb_bytes name)
{
    size_t end = QC_MIN(name.size, (size_t)400), begin = 0, last = 0;
    for (size_t i = 0; i < end; i++)
        if (name.at[i] == '/') last = i + 1; /* begin of the last part, which is the operator */
    if (!last) /* a function of its own (Keras 2's recurrent layers): the layer is the one that called it */
        return im->b.scope && *im->b.scope ? im->b.scope : qc_arena_printf(im->scratch, "%.*s", QC_PB(name));
    end = last - 1;
    for (size_t i = 0; i < end && !begin; i++)
        if (name.at[i] == '/') begin = i + 1; /* the first part is the model, if something is left then */
    return qc_arena_printf(im->scratch, "%.*s", (int)(end - begin), (const char *)name.at + begin);
}

/* ---- dispatch ---- */

static qc_status lower_generic(struct qc_tf_step *s)
{
    struct qc_tensor *in[8];
    for (int i = 0; i < s->in_count; i++)
        if (!(in[i] = qc_tf_any_tensor(s, i))) return s->im->env->error.status;
    return qc_tf_return(s, qc_build_op(s->b, s->op->code, NULL, s->in_count, in));
}

qc_status qc_tf_dispatch(struct qc_tf_step *s)
{
    if (s->op->in_min >= 0)
        for (int i = 0; i < s->in_count; i++) {
            if (s->in[i].kind == QC_TF_TEXT) return qc_tf_text_step(s);
            if (s->in[i].kind == QC_TF_SIGN_BIT) return qc_tf_sign_bit_step(s);
            if (s->in[i].kind == QC_TF_SPECTRUM) return qc_tf_spectrum_step(s);
        }
    return s->op->lower ? s->op->lower(s) : lower_generic(s);
}
