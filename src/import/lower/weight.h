/*
 * weight.h - the trained arrays that lowerings are given, and shapes of which parts are not known before the model runs.
 *
 * Lowerings (src/import/lower) turn layers, as Keras defines them, into TensorFlow Lite operators. They are what the Keras and the
 * SavedModel importer share: they know nothing of files. Conventions of every function here:
 *   - Activations are channels-last unless a spec says otherwise; axis 0 is the batch, built as the graph's own batch size and kept
 *     free (no operator written here fixes it, except the fused LSTM): qc_import_mark_batch finds out what stayed free.
 *   - A failure sticks to the builder (op/build.h): functions take and return NULL after one. Specs are checked, as they come from
 *     files: a kernel whose shape does not fit the input is a sentence naming both.
 *   - b->scope is the layer's name.
 */
#ifndef QC_IMPORT_LOWER_WEIGHT_H
#define QC_IMPORT_LOWER_WEIGHT_H

#include "op/build.h"

/* A dense row-major float32 array. data NULL: the layer has none (no bias, no scale). The values must live as long as the model: they
 * are referenced, not copied, where TFLite's layout is the same (Embedding, CONV_3D). */
struct qc_weight {
    const float *data;
    int rank;
    int32_t dims[QC_MAX_RANK];
};

size_t qc_weight_elements(const struct qc_weight *weight);
/* The weight as a constant "scope/suffix", its own layout, not copied. */
struct qc_tensor *qc_weight_constant(struct qc_build *b, const char *suffix, const struct qc_weight *weight);
/* The same with other dims of the same element count. */
struct qc_tensor *qc_weight_reshaped(struct qc_build *b, const char *suffix, const struct qc_weight *weight, int rank, const int32_t *dims);
/* Transposed copy: axis i of the result is axis permutation[i] of `weight`; given out as a weight again (arena memory). */
struct qc_weight qc_weight_transposed(struct qc_build *b, const struct qc_weight *weight, const int32_t *permutation);
/* Columns [from, from + count) of the last axis, copied. */
struct qc_weight qc_weight_columns(struct qc_build *b, const struct qc_weight *weight, int32_t from, int32_t count);
/* `count` values, all the same. */
struct qc_tensor *qc_lower_fill(struct qc_build *b, const char *suffix, int rank, const int32_t *dims, float value);
/* Records QC_FORMAT "layer 'scope': sentence" so that qc_build_status returns it. Returns NULL. */
struct qc_tensor *qc_lower_fail(struct qc_build *b, qc_status status, const char *format, ...) QC_PRINTF(3, 4);
/* true if weight has this shape, else a failure naming `what` and both shapes. -1 in dims matches anything. */
bool qc_weight_expect(struct qc_build *b, const char *what, const struct qc_weight *weight, int rank, const int32_t *dims);

#endif
