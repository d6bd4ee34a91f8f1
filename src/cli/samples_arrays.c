/*
 * samples_arrays.c - representative data from .npy and .npz: samples lie along axis 0. Inputs are matched by name, never by order.
 */
#include "samples.h"

#include <stdlib.h>
#include <string.h>

struct source {
    struct qc_arrays *arrays;
    char *values; /* of one sample, as the file has them */
    size_t room;
};

static void close_source(void *opaque)
{
    struct source *source = opaque;
    qc_arrays_free(source->arrays);
    free(source->values);
    free(source);
}

/* The array for input `index`: of that name, or the only one there is. */
static int find_array(struct source *source, struct qc_session *session, size_t index)
{
    size_t arrays = qc_arrays_count(source->arrays);
    struct qc_array array;
    for (size_t a = 0; a < arrays; a++)
        if (!qc_arrays_describe(source->arrays, a, &array, NULL) && *array.name && qc_session_input_index(session, array.name) == (int)index) return (int)a;
    return arrays == 1 && qc_session_input_count(session) == 1 ? 0 : -1;
}

/* The shape that the input takes for one sample: rows of `array` as its batch. */
static qc_status shape_for(const struct qc_array *array, const struct qc_tensor_info *input, int32_t *dims, struct qc_error *error)
{
    bool whole = array->rank == input->rank + 1; /* every sample is a whole input */
    if (!whole && array->rank != input->rank)
        return cli_samples_fail(error, QC_INVALID, "input '%s': the data has rank %d, the input %d", input->name, array->rank, input->rank);
    for (int i = 0; i < input->rank; i++) {
        int64_t size = array->dims[i + (whole ? 1 : 0)];
        if (!i && !whole) size = input->signature[0] > 0 ? input->signature[0] : 1;
        if ((input->signature[i] >= 0 && size != input->signature[i]) || size > INT32_MAX)
            return cli_samples_fail(error, QC_INVALID, "input '%s': dimension %d of the data is %lld, the input has %d", input->name, i,
                                    (long long)size, (int)input->signature[i]);
        dims[i] = (int32_t)size;
    }
    return QC_OK;
}

/* One sample's values of array `a` into the input. */
static qc_status copy(struct source *source, size_t a, const struct qc_array *array, const struct qc_tensor_info *input, size_t sample,
                      struct qc_error *error)
{
    size_t elements = 1, width = array->count ? array->bytes / array->count : 0;
    for (int d = 0; d < input->rank; d++) elements *= (size_t)input->dims[d];
    if (elements > array->count || sample > array->count / (elements ? elements : 1) - (elements != 0))
        return cli_samples_fail(error, QC_INVALID, "input '%s': the data ends before it", input->name);
    if (elements * width > source->room) {
        free(source->values);
        source->values = malloc(elements * width);
        source->room = source->values ? elements * width : 0;
    }
    if (elements * width > source->room) return cli_samples_fail(error, QC_NOMEM, "memory ran out");
    qc_status status = elements ? qc_arrays_read(source->arrays, a, sample * elements, elements, source->values, error) : QC_OK;
    return status ? status : cli_samples_put_all(input, source->values, array->type, elements, error);
}

static qc_status fill(void *user, size_t sample, struct qc_session *session, struct qc_error *error)
{
    struct source *source = ((struct cli_samples *)user)->source;
    for (size_t i = 0; i < qc_session_input_count(session); i++) {
        struct qc_tensor_info input;
        struct qc_array array;
        int32_t dims[QC_MAX_RANK];
        if (qc_session_input(session, i, &input)) return cli_samples_fail(error, QC_INVALID, "input %zu is not ready", i);
        int a = find_array(source, session, i);
        if (a < 0) return cli_samples_fail(error, QC_INVALID, "input '%s': the data has no array of that name", input.name);
        qc_status status = qc_arrays_describe(source->arrays, (size_t)a, &array, error);
        if (!status) status = shape_for(&array, &input, dims, error);
        if (!status) status = qc_session_resize(session, i, input.rank, dims, error);
        if (status) return status;
        if (qc_session_input(session, i, &input)) return cli_samples_fail(error, QC_INVALID, "input %zu cannot take its shape", i);
        if ((status = copy(source, (size_t)a, &array, &input, sample, error))) return status;
    }
    return QC_OK;
}

/* The model's input that an array of this name is for, before there is a session: of that name, that of its signature entry, or the only one. */
static bool input_for(const struct qc_model *model, const char *name, struct qc_tensor_info *input)
{
    const char *entry;
    size_t subgraph, tensor;
    long wanted = -1;
    for (size_t i = 0; qc_model_signature_input(model, 0, i, &entry, &subgraph, &tensor); i++)
        if (!subgraph && !strcmp(entry, name)) wanted = (long)tensor;
    for (size_t i = 0; qc_model_input(model, i, input); i++)
        if (!strcmp(input->name, name) || (wanted >= 0 && qc_model_subgraph_input(model, 0, i) == wanted)) return true;
    return qc_model_input(model, 0, input) && qc_model_subgraph_input(model, 0, 1) < 0;
}

int cli_samples_arrays(struct cli_samples *samples, struct qc_model *model)
{
    struct qc_error error = {0};
    struct source *source = calloc(1, sizeof *source);
    if (!source) return cli_failf(CLI_FAILED, "memory ran out");
    samples->source = source;
    samples->free = close_source;
    if (!(source->arrays = qc_arrays_open(samples->arguments->data, NULL, &error))) return cli_fail(&error);
    for (size_t a = 0; a < qc_arrays_count(source->arrays); a++) {
        struct qc_array array;
        struct qc_tensor_info input;
        if (qc_arrays_describe(source->arrays, a, &array, &error)) return cli_fail(&error);
        if (!array.rank) return cli_failf(CLI_FAILED, "%s: array '%s' is a single number; samples lie along axis 0", samples->arguments->data, array.name);
        size_t count = (size_t)array.dims[0];
        if (input_for(model, array.name, &input) && input.rank == array.rank && input.signature[0] > 1) count /= (size_t)input.signature[0];
        if (a && count != samples->samples.count)
            return cli_failf(CLI_FAILED, "%s: array '%s' holds %zu samples, the one before it %zu", samples->arguments->data, array.name, count, samples->samples.count);
        samples->samples.count = count;
    }
    samples->samples.fill = fill;
    return CLI_DONE;
}
