/*
 * layers_core.c - Dense, Embedding, Masking and the layers that do nothing at inference.
 */
#include "import/keras/tables.h"
#include "import/lower/dense.h"

#include <string.h>

/* Products are of floats: Keras casts integer inputs. */
static struct qc_tensor *float_input(struct qc_keras_call *call)
{
    struct qc_tensor *x = qc_keras_in(call, 0);
    return x ? qc_lower_cast(call->b, x, QC_FLOAT32) : NULL;
}

static void dense(struct qc_keras_call *call)
{
    struct qc_weight kernel = qc_keras_weight(call, "kernel"), bias = qc_keras_weight(call, "bias");
    struct qc_activation activation;
    qc_keras_activation(call, "activation", &activation);
    int32_t shape[2] = {-1, qc_keras_int(call, "units", -1, 1, INT32_MAX)};
    if (!qc_weight_expect(call->b, "kernel", &kernel, 2, shape)) return;
    qc_keras_return(call, qc_lower_dense(call->b, float_input(call), &kernel, &bias, &activation));
}

static void dense1(struct qc_keras_call *call) /* Keras 1 */
{
    struct qc_weight kernel = qc_keras_weight(call, "W"), bias = qc_keras_weight(call, "b");
    struct qc_activation activation;
    qc_keras_activation(call, "activation", &activation);
    qc_keras_return(call, qc_lower_dense(call->b, float_input(call), &kernel, &bias, &activation));
}

static void einsum_dense(struct qc_keras_call *call)
{
    struct qc_weight kernel = qc_keras_weight(call, "kernel"), bias = qc_keras_weight(call, "bias");
    struct qc_activation activation;
    qc_keras_activation(call, "activation", &activation);
    const char *equation = qc_keras_text(call, "equation", NULL);
    if (!equation) {
        qc_keras_fail(call, QC_FORMAT, "its configuration has no equation");
        return;
    }
    qc_keras_return(call, qc_lower_einsum_dense(call->b, float_input(call), equation, &kernel, &bias, qc_keras_text(call, "bias_axes", NULL), &activation));
}

/* ids != 0, of any integer type */
static struct qc_tensor *nonzero(struct qc_build *b, struct qc_tensor *ids)
{
    return QC_BUILD(b, NOT_EQUAL, NULL, ids, qc_build_i32(b, 0));
}

static void embedding_of(struct qc_keras_call *call, struct qc_weight table)
{
    struct qc_tensor *ids = qc_keras_in(call, 0);
    if (!ids || !qc_weight_expect(call->b, "embeddings", &table, 2, (int32_t[]){-1, -1})) return;
    if (ids->type != QC_INT32) ids = qc_lower_cast(call->b, ids, QC_INT32);
    struct qc_tensor *mask = qc_keras_bool(call, "mask_zero", false) ? nonzero(call->b, ids) : NULL;
    qc_keras_return_masked(call, QC_BUILD(call->b, GATHER, NULL, qc_weight_constant(call->b, "embeddings", &table), ids), mask);
}

static void embedding(struct qc_keras_call *call)
{
    struct qc_weight table = qc_keras_weight(call, "embeddings");
    int32_t shape[2] = {qc_keras_int(call, "input_dim", -1, 1, INT32_MAX), qc_keras_int(call, "output_dim", -1, 1, INT32_MAX)};
    if (qc_weight_expect(call->b, "embeddings", &table, 2, shape)) embedding_of(call, table);
}

static void embedding1(struct qc_keras_call *call)
{
    embedding_of(call, qc_keras_weight(call, "W"));
}

/* Called with reverse=True it projects back onto the vocabulary: x E^T, or x R with a matrix of its own. */
static void reversible_embedding(struct qc_keras_call *call)
{
    struct qc_weight table = qc_keras_weight(call, "embeddings"), reverse = qc_keras_weight(call, "reverse_embeddings");
    bool backwards = false;
    qc_json_bool(qc_keras_arg(call, 1, "reverse"), &backwards);
    if (!backwards) {
        embedding_of(call, table);
        return;
    }
    if (!reverse.data) reverse = qc_weight_transposed(call->b, &table, (int32_t[]){1, 0});
    struct qc_tensor *logits = qc_lower_dense(call->b, float_input(call), &reverse, &(struct qc_weight){0}, NULL);
    if (qc_keras_get(call->layer, "logit_soft_cap")) {
        struct qc_tensor *cap = qc_build_f32(call->b, (float)qc_keras_number(call, "logit_soft_cap", 1));
        logits = qc_build_binary(call->b, tfl_BuiltinOperator_DIV, logits, cap);
        logits = qc_build_binary(call->b, tfl_BuiltinOperator_MUL, qc_build_unary(call->b, tfl_BuiltinOperator_TANH, logits), cap);
    }
    qc_keras_return(call, logits);
}

static void masking(struct qc_keras_call *call)
{
    struct qc_build *b = call->b;
    struct qc_tensor *x = float_input(call);
    struct qc_tensor *value = qc_build_f32(b, (float)qc_keras_number(call, "mask_value", 0));
    struct qc_tensor *differs = QC_BUILD(b, NOT_EQUAL, NULL, x, value);
    struct qc_tensor *kept = qc_lower_reduce(b, tfl_BuiltinOperator_REDUCE_ANY, differs, 1, (int32_t[]){-1}, true);
    struct qc_tensor *mask = qc_lower_reduce(b, tfl_BuiltinOperator_REDUCE_ANY, differs, 1, (int32_t[]){-1}, false);
    qc_keras_return_masked(call, qc_build_binary(b, tfl_BuiltinOperator_MUL, x, qc_lower_cast(b, kept, QC_FLOAT32)), mask);
}

enum { IDENTITY = QC_KERAS_IDENTITY | QC_KERAS_MASK_PASSES, PASSES = QC_KERAS_MASK_PASSES };

const struct qc_keras_class qc_keras_layers_core[] = {
    {"Dense", "kernel bias?use_bias", PASSES, dense},
    {"Dense@1", "W b?use_bias", PASSES, dense1},
    {"TimeDistributedDense", "W b?use_bias", PASSES, dense1},
    {"EinsumDense", "kernel bias?*bias_axes", 0, einsum_dense},
    {"Embedding", "embeddings", 0, embedding},
    {"Embedding@1", "W", 0, embedding1},
    {"ReversibleEmbedding", "embeddings reverse_embeddings?-tie_weights", 0, reversible_embedding},
    {"Masking", NULL, 0, masking},
    {"Identity", NULL, IDENTITY, NULL},
    {"Dropout", NULL, IDENTITY, NULL},
    {"SpatialDropout1D", NULL, IDENTITY, NULL},
    {"SpatialDropout2D", NULL, IDENTITY, NULL},
    {"SpatialDropout3D", NULL, IDENTITY, NULL},
    {"StochasticDepth", NULL, IDENTITY, NULL},
    {"GaussianDropout", NULL, IDENTITY, NULL},
    {"GaussianNoise", NULL, IDENTITY, NULL},
    {"AlphaDropout", NULL, IDENTITY, NULL},
    {"ActivityRegularization", NULL, IDENTITY, NULL},
    {0},
};
