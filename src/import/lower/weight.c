/*
 * weight.c - trained arrays as constants, and their layout changes. See weight.h.
 */
#include "import/lower/weight.h"

#include <stdio.h>
#include <string.h>

size_t qc_weight_elements(const struct qc_weight *weight)
{
    size_t count = 1;
    for (int i = 0; i < weight->rank; i++) count *= (size_t)weight->dims[i];
    return count;
}

struct qc_tensor *qc_lower_fail(struct qc_build *b, qc_status status, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    qc_fail(&b->graph->model->env, status, "layer '%s': %s", b->scope ? b->scope : "", text);
    return NULL;
}

struct qc_tensor *qc_weight_reshaped(struct qc_build *b, const char *suffix, const struct qc_weight *weight, int rank, const int32_t *dims)
{
    char name[512];
    if (qc_build_status(b) || !weight->data) return NULL;
    snprintf(name, sizeof name, "%s%s%s_%u", b->scope ? b->scope : "", b->scope && *b->scope ? "/" : "", suffix, b->serial++);
    return qc_graph_add_constant(b->graph, name, QC_FLOAT32, rank, dims, weight->data, qc_weight_elements(weight) * sizeof(float));
}

struct qc_tensor *qc_weight_constant(struct qc_build *b, const char *suffix, const struct qc_weight *weight)
{
    return qc_weight_reshaped(b, suffix, weight, weight->rank, weight->dims);
}

struct qc_weight qc_weight_transposed(struct qc_build *b, const struct qc_weight *weight, const int32_t *permutation)
{
    struct qc_weight result = {.rank = weight->rank};
    size_t count = qc_weight_elements(weight), stride[QC_MAX_RANK], step[QC_MAX_RANK];
    int32_t index[QC_MAX_RANK] = {0};
    if (qc_build_status(b) || !weight->data) return result;
    float *data = qc_arena_array(&b->graph->model->arena, count, sizeof *data);
    if (!data) return result;
    for (size_t i = (size_t)weight->rank, product = 1; i-- > 0; product *= (size_t)weight->dims[i]) stride[i] = product;
    for (int i = 0; i < weight->rank; i++) {
        result.dims[i] = weight->dims[permutation[i]];
        step[i] = stride[permutation[i]];
    }
    const float *from = weight->data;
    for (size_t k = 0; k < count; k++) {
        data[k] = *from;
        for (int i = weight->rank - 1; i >= 0; i--) { /* the odometer of the result's axes */
            from += step[i];
            if (++index[i] < result.dims[i]) break;
            from -= step[i] * (size_t)result.dims[i];
            index[i] = 0;
        }
    }
    result.data = data;
    return result;
}

struct qc_weight qc_weight_columns(struct qc_build *b, const struct qc_weight *weight, int32_t from, int32_t count)
{
    struct qc_weight result = *weight;
    result.data = NULL;
    if (qc_build_status(b) || !weight->data) return result;
    int32_t width = weight->dims[weight->rank - 1];
    size_t rows = width ? qc_weight_elements(weight) / (size_t)width : 0;
    result.dims[weight->rank - 1] = count;
    float *data = qc_arena_array(&b->graph->model->arena, rows * (size_t)count, sizeof *data);
    if (!data) return result;
    for (size_t row = 0; row < rows; row++)
        memcpy(data + row * (size_t)count, weight->data + row * (size_t)width + from, (size_t)count * sizeof *data);
    result.data = data;
    return result;
}

struct qc_tensor *qc_lower_fill(struct qc_build *b, const char *suffix, int rank, const int32_t *dims, float value)
{
    struct qc_weight weight = {.rank = rank};
    for (int i = 0; i < rank; i++) weight.dims[i] = dims[i];
    size_t count = qc_weight_elements(&weight);
    float *data = qc_build_status(b) ? NULL : qc_arena_array(&b->graph->model->arena, count, sizeof *data);
    if (!data) return NULL;
    for (size_t i = 0; i < count; i++) data[i] = value;
    weight.data = data;
    return qc_weight_constant(b, suffix, &weight);
}

static void print_dims(char *text, size_t size, int rank, const int32_t *dims)
{
    size_t at = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < rank && at < size; i++) {
        if (i) at += (size_t)snprintf(text + at, size - at, ",");
        if (at < size) at += (size_t)(dims[i] < 0 ? snprintf(text + at, size - at, "?") : snprintf(text + at, size - at, "%d", dims[i]));
    }
    if (at < size) snprintf(text + at, size - at, "]");
}

bool qc_weight_expect(struct qc_build *b, const char *what, const struct qc_weight *weight, int rank, const int32_t *dims)
{
    char have[160], want[160];
    if (qc_build_status(b)) return false;
    if (!weight->data) return qc_lower_fail(b, QC_FORMAT, "the weight '%s' is missing", what) != NULL;
    bool same = weight->rank == rank;
    for (int i = 0; same && i < rank; i++) same = dims[i] < 0 || weight->dims[i] == dims[i];
    if (same) return true;
    print_dims(have, sizeof have, weight->rank, weight->dims);
    print_dims(want, sizeof want, rank, dims);
    qc_lower_fail(b, QC_FORMAT, "the weight '%s' has the shape %s, the layer needs %s", what, have, want);
    return false;
}
