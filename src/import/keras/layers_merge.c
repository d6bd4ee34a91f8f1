/*
 * layers_merge.c - layers of several inputs: sums, products, concatenation, dot products.
 */
#include "import/keras/tables.h"
#include "import/lower/dense.h"

#include <string.h>

/* An input of rank below the largest gets axes of size 1 behind the batch, as Keras does it. */
static struct qc_tensor *raised(struct qc_keras_call *call, int index, int rank)
{
    struct qc_tensor *x = qc_keras_in(call, index);
    int32_t dims[QC_MAX_RANK] = {QC_KEEP(0)};
    if (!x || x->rank == rank) return x;
    for (int i = 1; i < rank; i++) dims[i] = i <= rank - x->rank ? 1 : QC_KEEP(i - rank + x->rank);
    return qc_lower_reshape(call->b, x, rank, dims);
}

static int largest_rank(const struct qc_keras_call *call)
{
    int rank = 0;
    for (int i = 0; i < call->in_count; i++) rank = QC_MAX(rank, call->in[i].tensor->rank);
    return rank;
}

/* Keras 2: a step is masked if any input masks it. Keras 3: if all inputs have masks and all mask it. */
static struct qc_tensor *merged_mask(struct qc_keras_call *call)
{
    struct qc_tensor *mask = NULL;
    bool modern = call->im->major >= 3;
    for (int i = 0; i < call->in_count; i++) {
        struct qc_tensor *other = qc_keras_mask(call, i);
        if (!other && modern) return NULL;
        if (!mask || !other) mask = mask ? mask : other;
        else mask = qc_build_binary(call->b, modern ? tfl_BuiltinOperator_LOGICAL_OR : tfl_BuiltinOperator_LOGICAL_AND, mask, other);
    }
    return mask;
}

static struct qc_tensor *chain(struct qc_keras_call *call, int code)
{
    int rank = largest_rank(call);
    struct qc_tensor *y = raised(call, 0, rank);
    if (call->in_count < 2 && call->im->major < 3) qc_keras_fail(call, QC_FORMAT, "it is called with %d inputs, not at least 2", call->in_count);
    for (int i = 1; y && i < call->in_count; i++) y = qc_build_binary(call->b, code, y, raised(call, i, rank));
    return y;
}

static void merge(struct qc_keras_call *call, int code)
{
    struct qc_tensor *y = chain(call, code);
    qc_keras_return_masked(call, y, merged_mask(call));
}

static void add(struct qc_keras_call *call) { merge(call, tfl_BuiltinOperator_ADD); }
static void multiply(struct qc_keras_call *call) { merge(call, tfl_BuiltinOperator_MUL); }
static void maximum(struct qc_keras_call *call) { merge(call, tfl_BuiltinOperator_MAXIMUM); }
static void minimum(struct qc_keras_call *call) { merge(call, tfl_BuiltinOperator_MINIMUM); }

static void subtract(struct qc_keras_call *call)
{
    if (call->in_count != 2) {
        qc_keras_fail(call, QC_FORMAT, "it is called with %d inputs, not 2", call->in_count);
        return;
    }
    merge(call, tfl_BuiltinOperator_SUB);
}

static void average(struct qc_keras_call *call)
{
    struct qc_tensor *sum = chain(call, tfl_BuiltinOperator_ADD);
    if (sum && sum->type != QC_FLOAT32) sum = qc_lower_cast(call->b, sum, QC_FLOAT32);
    struct qc_tensor *share = qc_build_f32(call->b, 1 / (float)QC_MAX(call->in_count, 1));
    qc_keras_return_masked(call, qc_build_binary(call->b, tfl_BuiltinOperator_MUL, sum, share), merged_mask(call));
}

/* All true, [B, T] of x. */
static struct qc_tensor *all_true(struct qc_build *b, struct qc_tensor *x)
{
    int32_t axes[QC_MAX_RANK];
    int count = 0;
    for (int axis = 2; axis < x->rank; axis++) axes[count++] = axis;
    struct qc_tensor *flat = count ? qc_lower_reduce(b, tfl_BuiltinOperator_REDUCE_MAX, x, count, axes, false) : x;
    flat = qc_build_unary(b, tfl_BuiltinOperator_ZEROS_LIKE, flat);
    return QC_BUILD(b, EQUAL, NULL, flat, flat);
}

/* Along features: as merged_mask, where a missing mask counts as all true. Along time: the masks one behind the other. */
static struct qc_tensor *concatenated_mask(struct qc_keras_call *call, int axis)
{
    struct qc_tensor *mask = NULL, *list[64];
    for (int i = 0; i < call->in_count; i++) mask = mask ? mask : call->in[i].mask;
    if (!mask || axis != mask->rank - 1 || call->in_count > 64) return axis >= 2 ? merged_mask(call) : NULL;
    for (int i = 0; i < call->in_count; i++) list[i] = call->in[i].mask ? call->in[i].mask : all_true(call->b, call->in[i].tensor);
    return qc_lower_concat(call->b, call->in_count, list, axis);
}

static void concatenate_on(struct qc_keras_call *call, const char *key)
{
    struct qc_tensor *x = qc_keras_in(call, 0);
    if (!x) return;
    int axis = qc_keras_axis(call, key, -1, x->rank);
    struct qc_tensor **list = qc_arena_array(call->im->arena, (size_t)call->in_count, sizeof *list);
    for (int i = 0; list && i < call->in_count; i++) {
        list[i] = call->in[i].tensor;
        if (list[i]->rank != x->rank) {
            qc_keras_fail(call, QC_FORMAT, "its inputs have %d and %d dimensions", x->rank, list[i]->rank);
            return;
        }
        if (list[i]->type != x->type) list[i] = qc_lower_cast(call->b, list[i], x->type);
    }
    if (list) qc_keras_return_masked(call, qc_lower_concat(call->b, call->in_count, list, axis), concatenated_mask(call, axis));
}

static void concatenate(struct qc_keras_call *call)
{
    concatenate_on(call, "axis");
}

static void dot_on(struct qc_keras_call *call, const char *key, bool normalize)
{
    struct qc_tensor *x = qc_keras_in(call, 0), *y = qc_keras_in(call, 1);
    int32_t axes[2] = {-1, -1};
    if (!x || !y) return;
    qc_keras_ints(call, key, 2, axes, -QC_MAX_RANK, QC_MAX_RANK);
    if (axes[0] < 0) axes[0] += x->rank;
    if (axes[1] < 0) axes[1] += y->rank;
    if (axes[0] < 1 || axes[0] >= x->rank || axes[1] < 1 || axes[1] >= y->rank) {
        qc_keras_fail(call, QC_FORMAT, "its axes %d and %d do not fit inputs of rank %d and %d", axes[0], axes[1], x->rank, y->rank);
        return;
    }
    qc_keras_return(call, qc_lower_dot(call->b, x, y, axes[0], axes[1], normalize));
}

static void dot(struct qc_keras_call *call)
{
    if (call->in_count != 2) {
        qc_keras_fail(call, QC_FORMAT, "it is called with %d inputs, not 2", call->in_count);
        return;
    }
    dot_on(call, "axes", qc_keras_bool(call, "normalize", false));
}

static void merge1(struct qc_keras_call *call) /* Keras 1: one layer for all */
{
    static const struct {
        const char *mode;
        void (*lower)(struct qc_keras_call *call);
    } modes[] = {{"sum", add}, {"mul", multiply}, {"ave", average}, {"max", maximum}};
    const char *mode = qc_keras_text(call, "mode", "sum");
    for (size_t i = 0; i < QC_COUNT(modes); i++)
        if (!strcmp(mode, modes[i].mode)) {
            modes[i].lower(call);
            return;
        }
    if (!strcmp(mode, "concat")) concatenate_on(call, "concat_axis");
    else if (!strcmp(mode, "dot") || !strcmp(mode, "cos")) dot_on(call, "dot_axes", *mode == 'c');
    else qc_keras_fail(call, QC_UNSUPPORTED, "mode '%.60s' is not supported", mode);
}

/* Of InceptionResNetV2, which registers it as a custom layer. */
static void scaled_residual(struct qc_keras_call *call)
{
    struct qc_tensor *x = qc_keras_in(call, 0), *y = qc_keras_in(call, 1);
    if (!x || !y) return;
    y = qc_build_binary(call->b, tfl_BuiltinOperator_MUL, y, qc_build_f32(call->b, (float)qc_keras_number(call, "scale", 1)));
    qc_keras_return(call, qc_build_binary(call->b, tfl_BuiltinOperator_ADD, x, y));
}

const struct qc_keras_class qc_keras_layers_merge[] = {
    {"Add", NULL, 0, add},
    {"Subtract", NULL, 0, subtract},
    {"Multiply", NULL, 0, multiply},
    {"Average", NULL, 0, average},
    {"Maximum", NULL, 0, maximum},
    {"Minimum", NULL, 0, minimum},
    {"Concatenate", NULL, 0, concatenate},
    {"Dot", NULL, 0, dot},
    {"Merge", NULL, 0, merge1},
    {"CustomScaleLayer", NULL, 0, scaled_residual},
    {"Custom>CustomScaleLayer", NULL, 0, scaled_residual},
    {0},
};
