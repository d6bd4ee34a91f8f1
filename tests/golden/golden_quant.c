/*
 * golden_quant.c - quantization against TFLiteConverter: types, scales and zero points of every operand, from the same float model and the same
 * calibration data. Weights' scales are equal to the last bit or one off; activations' within what float kernels may differ.
 *
 *   golden_quant quant.zip      (made by tests/oracle/quant_golden.py)
 */
#include "golden.h"
#include "ir/ir.h"
#include "tfl/tfl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static qc_status fill(void *user, size_t index, struct qc_session *session, struct qc_error *error)
{
    struct qc_array row = *(const struct qc_array *)user;
    size_t bytes = row.bytes / (size_t)row.dims[0];
    row.count /= (size_t)row.dims[0];
    row.bytes = bytes;
    row.data = (const char *)row.data + index * bytes;
    row.dims[0] = 1;
    return golden_feed(session, 0, &row, error);
}

/* QUANTIZE, DEQUANTIZE and shape arithmetic move values only. */
static bool computes(const struct qc_node *node)
{
    static const int moves[] = {tfl_BuiltinOperator_QUANTIZE, tfl_BuiltinOperator_DEQUANTIZE, tfl_BuiltinOperator_SHAPE, tfl_BuiltinOperator_STRIDED_SLICE,
                                tfl_BuiltinOperator_PACK};
    for (size_t i = 0; i < QC_COUNT(moves); i++)
        if (node->code == moves[i]) return false;
    return true;
}

static const struct qc_node *find(const struct qc_model *model, int number)
{
    const struct qc_graph *graph = model->graph[0];
    for (uint32_t i = 0; i < graph->node_count; i++)
        if (computes(graph->node[i]) && !number--) return graph->node[i];
    return NULL;
}

/* The scales, one after another in hexadecimal. */
static bool same_scales(const struct qc_quant *quant, const char *text, double *worst)
{
    uint32_t i = 0;
    for (char *end; *text; text = *end ? end + 1 : end, i++) {
        double want = strtod(text, &end);
        if (i >= quant->count) return false;
        *worst = fmax(*worst, fabs((double)quant->scale[i] / want - 1));
    }
    return i == quant->count && *worst < 2e-6;
}

/* NULL, or what differs. */
static const char *check_line(const struct qc_model *model, char *line, char text[256])
{
    char op[64], way[8], type[16], *scales = malloc(strlen(line) + 1);
    int number, slot;
    long zero_point;
    const char *wrong = NULL;
    double worst = 0;
    if (!scales) return "memory ran out";
    if (sscanf(line, "%d\t%63s\t%7s\t%d\t%15s\t%s\t%ld", &number, op, way, &slot, type, scales, &zero_point) != 7) {
        free(scales);
        return "a recorded line is not understood";
    }
    const struct qc_node *node = find(model, number);
    bool in = !strcmp(way, "in");
    const struct qc_tensor *tensor = node && slot < (in ? node->in_count : node->out_count) ? (in ? node->in[slot] : node->out[slot]) : NULL;
    snprintf(text, 256, "operator %d, %s %s %d", number, op, way, slot);
    size_t at = strlen(text);
    if (!node || strcmp(qc_node_op(node), op))
        snprintf(text + at, 256 - at, ": %s stands there", node ? qc_node_op(node) : "nothing");
    else if (!tensor || !tensor->quant || strcmp(qc_dtype_name(tensor->type), type))
        snprintf(text + at, 256 - at, ": %s, not %s", tensor ? qc_dtype_name(tensor->type) : "nothing", type);
    else if (!same_scales(tensor->quant, scales, &worst))
        snprintf(text + at, 256 - at, ": %u scales, the worst %.2g away", (unsigned)tensor->quant->count, worst);
    else if (tensor->quant->zero_point[0] != zero_point)
        snprintf(text + at, 256 - at, ": zero point %ld, not %ld", (long)tensor->quant->zero_point[0], zero_point);
    else
        at = 0;
    wrong = at ? text : NULL;
    free(scales);
    return wrong;
}

static void check_all(struct golden *golden, const struct qc_model *model, char *lines)
{
    char text[256];
    for (char *line = lines; *line;) {
        char *end = line + strcspn(line, "\n");
        bool more = *end != 0;
        *end = 0;
        const char *wrong = check_line(model, line, text);
        if (wrong) {
            golden_fail(golden, "%s", wrong);
            return;
        }
        line = more ? end + 1 : end;
    }
}

static qc_dtype io_of(const char *name)
{
    return !strcmp(name, "int8") ? QC_INT8 : !strcmp(name, "uint8") ? QC_UINT8 : QC_FLOAT32;
}

static void one(struct golden *golden, char *const column[])
{
    struct qc_error error = {0};
    size_t size, length;
    void *bytes = golden_bytes(golden, column[1], &size);
    char *expected = golden_bytes(golden, column[5], &length), *lines = calloc(1, length + 1);
    struct qc_arrays *arrays = qc_arrays_open(golden_path(golden, 0, column[2]), NULL, &error);
    struct qc_model *source = arrays ? qc_model_open_memory(bytes, size, NULL, &error) : NULL, *model = NULL;
    struct qc_array data;
    if (source && lines && !qc_arrays_get(arrays, 0, &data, &error)) {
        memcpy(lines, expected, length);
        const struct qc_samples samples = {(size_t)data.dims[0], fill, &data};
        const struct qc_convert_options options = {.mode = column[3], .io = io_of(column[4]), .samples = &samples, .min_elements = 1024};
        model = qc_model_convert(source, &options, &error);
    }
    if (model)
        check_all(golden, model, lines);
    else
        golden_fail(golden, "%s", error.text);
    qc_model_free(model);
    qc_model_free(source);
    qc_arrays_free(arrays);
    free(lines);
    free(expected);
    free(bytes);
}

int main(int argc, char **argv)
{
    return golden_main(argc, argv, one);
}
