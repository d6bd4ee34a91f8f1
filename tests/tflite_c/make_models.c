/*
 * make_models.c - writes the small models that use_all runs: make_models FOLDER.
 *
 *   dense.tflite       y = relu(x w + b), x float32[-1,2]
 *   rectify.tflite     y = relu(x), x float32[1,2]
 *   add.tflite         y = x + [1, 2]
 *   quantized.tflite   the same as dense in int8, weights per channel, without signatures
 *   signatures.tflite  two graphs: "dense" {x} -> {y}, "rectify" {x} -> {y}
 *   custom.tflite      y = Twice(x), a custom operator with the options "factor=2"; metadata "note"
 *   chain.tflite       y = Twice(relu(Twice(x)))
 *   state.tflite       y = Sum(x, variable), version 2
 *   strings.tflite     y = Reverse(x), string[3]
 *   dynamic.tflite     y = -Ones(x), whose shape is known while running
 *   options.tflite     y = squeeze(cast(reshape(concatenation(max_pool(x), max_pool(x))))), x float32[1,4,4,1]
 */
#include "export/export.h"
#include "op/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *folder;

static void save(struct qc_model *model, const char *name)
{
    char path[1024];
    struct qc_export out;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    qc_status status = qc_export_build(model, &out);
    if (!status) status = qc_export_save(&out, path);
    if (status) {
        fprintf(stderr, "%s: %s\n", path, model->env.error.text);
        exit(1);
    }
    qc_export_free(&out);
    qc_model_free(model);
}

static struct qc_tensor *input(struct qc_graph *graph, qc_dtype type, int rank, const int32_t *dims, bool free_batch)
{
    struct qc_tensor *x = qc_graph_add_tensor(graph, "x", type, rank, dims);
    if (free_batch) x->signature[0] = -1;
    if (qc_graph_set_inputs(graph, 1, &x)) exit(1);
    return x;
}

static void output(struct qc_tensor *y, bool free_batch)
{
    if (!y) exit(1);
    y->name = "y";
    if (free_batch) y->signature[0] = -1;
    if (qc_graph_set_outputs(y->graph, 1, &y)) exit(1);
}

static struct qc_tensor *custom(struct qc_graph *graph, const char *name, const char *data, int in_count, struct qc_tensor **in,
                                const char *result)
{
    struct qc_tensor *y = qc_graph_add_tensor(graph, result, in[0]->type, in[0]->rank, in[0]->dims);
    struct qc_node *node = qc_graph_add_node(graph, NULL, tfl_BuiltinOperator_CUSTOM, NULL, NULL, in_count, in, 1, &y);
    node->custom = name;
    node->custom_data = data;
    node->custom_bytes = strlen(data);
    return y;
}

static void dense(struct qc_graph *graph)
{
    struct qc_tensor *x = input(graph, QC_FLOAT32, 2, (int32_t[]){1, 2}, true);
    struct qc_build b = {.graph = graph, .scope = "dense"};
    QC_OPTIONS(&b, FullyConnectedOptions, options);
    options->fused_activation_function = tfl_ActivationFunctionType_RELU;
    struct qc_tensor *w = qc_build_constant(&b, "w", QC_FLOAT32, 2, (int32_t[]){3, 2}, (float[]){1, 2, -1, 0.5f, 0, -3});
    struct qc_tensor *bias = qc_build_constant(&b, "b", QC_FLOAT32, 1, (int32_t[]){3}, (float[]){0.5f, 0, 10});
    output(QC_BUILD(&b, FULLY_CONNECTED, options, x, w, bias), true);
}

static void rectify(struct qc_graph *graph, bool free_batch)
{
    struct qc_build b = {.graph = graph, .scope = "rectify"};
    struct qc_tensor *x = input(graph, QC_FLOAT32, 2, (int32_t[]){1, 2}, free_batch);
    output(qc_build_unary(&b, tfl_BuiltinOperator_RELU, x), free_batch);
}

static void add(struct qc_graph *graph)
{
    struct qc_build b = {.graph = graph, .scope = "add"};
    struct qc_tensor *x = input(graph, QC_FLOAT32, 2, (int32_t[]){1, 2}, true);
    output(qc_build_binary(&b, tfl_BuiltinOperator_ADD, x, qc_build_constant(&b, "c", QC_FLOAT32, 1, (int32_t[]){2}, (float[]){1, 2})), true);
}

static void quantized(struct qc_graph *graph)
{
    static const float scale[3] = {0.5f, 0.25f, 0.125f}, bias_scale[3] = {0.05f, 0.025f, 0.0125f};
    static const int64_t zero[3];
    static const struct qc_quant weights = {.count = 3, .axis = 0, .scale = scale, .zero_point = zero};
    static const struct qc_quant biases = {.count = 3, .axis = 0, .scale = bias_scale, .zero_point = zero};
    struct qc_arena *arena = &graph->model->arena;
    struct qc_build b = {.graph = graph, .scope = "dense"};
    struct qc_tensor *x = input(graph, QC_INT8, 2, (int32_t[]){1, 2}, true);
    x->quant = qc_quant_new(arena, 0.1f, -5);
    struct qc_tensor *w = qc_build_constant(&b, "w", QC_INT8, 2, (int32_t[]){3, 2}, (int8_t[]){10, 20, -10, 5, 127, -127});
    struct qc_tensor *bias = qc_build_constant(&b, "b", QC_INT32, 1, (int32_t[]){3}, (int32_t[]){100, -200, 53});
    w->quant = &weights;
    bias->quant = &biases;
    struct qc_tensor *y = qc_graph_add_tensor(graph, "y", QC_INT8, 2, (int32_t[]){1, 3});
    y->quant = qc_quant_new(arena, 0.5f, 7);
    QC_OPTIONS(&b, FullyConnectedOptions, options);
    qc_graph_add_node(graph, NULL, tfl_BuiltinOperator_FULLY_CONNECTED, &tfl_FullyConnectedOptions_table, options, 3,
                      (struct qc_tensor *[]){x, w, bias}, 1, &y);
    output(y, true);
}

static void signatures(struct qc_model *model)
{
    static const char *const key[] = {"dense", "rectify"};
    dense(model->graph[0]);
    rectify(qc_model_add_graph(model, "second"), true);
    model->signature = qc_arena_array(&model->arena, 2, sizeof *model->signature);
    model->signature_count = 2;
    for (int i = 0; i < 2; i++) {
        struct qc_signature_entry *entry = qc_arena_array(&model->arena, 2, sizeof *entry);
        entry[0] = (struct qc_signature_entry){"x", model->graph[i]->input[0]};
        entry[1] = (struct qc_signature_entry){"y", model->graph[i]->output[0]};
        model->signature[i] = (struct qc_signature){key[i], model->graph[i], &entry[0], &entry[1], 1, 1};
    }
}

static void chain(struct qc_graph *graph)
{
    struct qc_build b = {.graph = graph, .scope = "chain"};
    struct qc_tensor *x = input(graph, QC_FLOAT32, 2, (int32_t[]){1, 2}, false);
    struct qc_tensor *first = custom(graph, "Twice", "factor=2", 1, &x, "first");
    struct qc_tensor *second = qc_build_unary(&b, tfl_BuiltinOperator_RELU, first);
    output(custom(graph, "Twice", "factor=3", 1, &second, "third"), false);
}

static void state(struct qc_graph *graph)
{
    struct qc_tensor *in[2] = {input(graph, QC_FLOAT32, 2, (int32_t[]){1, 2}, false)};
    in[1] = qc_graph_add_tensor(graph, "state", QC_FLOAT32, 2, (int32_t[]){1, 2});
    in[1]->variable = true;
    output(custom(graph, "Sum", "", 2, in, "sum"), false);
    graph->node[0]->version = 2;
}

static void dynamic(struct qc_graph *graph)
{
    struct qc_build b = {.graph = graph, .scope = "dynamic"};
    struct qc_tensor *x = input(graph, QC_FLOAT32, 1, (int32_t[]){2}, false);
    output(qc_build_unary(&b, tfl_BuiltinOperator_NEG, custom(graph, "Ones", "", 1, &x, "ones")), false);
}

static void options(struct qc_graph *graph)
{
    struct qc_build b = {.graph = graph, .scope = "options"};
    struct qc_tensor *x = input(graph, QC_FLOAT32, 4, (int32_t[]){1, 4, 4, 1}, false);
    QC_OPTIONS(&b, Pool2DOptions, pool);
    pool->padding = tfl_Padding_VALID, pool->stride_w = 1, pool->stride_h = 2, pool->filter_width = 3, pool->filter_height = 2;
    pool->fused_activation_function = tfl_ActivationFunctionType_RELU6;
    struct qc_tensor *y = QC_BUILD(&b, MAX_POOL_2D, pool, x);
    QC_OPTIONS(&b, ConcatenationOptions, joined);
    joined->axis = -1;
    y = QC_BUILD(&b, CONCATENATION, joined, y, y);
    y = qc_build_reshape(&b, y, 3, (int32_t[]){1, 8, 1});
    QC_OPTIONS(&b, CastOptions, cast);
    cast->in_data_type = tfl_TensorType_FLOAT32, cast->out_data_type = tfl_TensorType_INT32;
    y = QC_BUILD(&b, CAST, cast, y);
    y->type = QC_INT32;
    QC_OPTIONS(&b, SqueezeOptions, squeeze);
    static const int32_t dims[] = {0, 2};
    squeeze->squeeze_dims.data = dims, squeeze->squeeze_dims.count = 2;
    output(QC_BUILD(&b, SQUEEZE, squeeze, y), false);
}

static struct qc_model *begin(void)
{
    return qc_model_new(NULL, NULL);
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    folder = argv[1];
    struct qc_model *model = begin();
    dense(model->graph[0]);
    save(model, "dense.tflite");
    model = begin();
    rectify(model->graph[0], false);
    save(model, "rectify.tflite");
    model = begin();
    add(model->graph[0]);
    save(model, "add.tflite");
    model = begin();
    quantized(model->graph[0]);
    save(model, "quantized.tflite");
    model = begin();
    signatures(model);
    save(model, "signatures.tflite");
    model = begin();
    struct qc_tensor *x = input(model->graph[0], QC_FLOAT32, 2, (int32_t[]){1, 2}, true);
    output(custom(model->graph[0], "Twice", "factor=2", 1, &x, "twice"), true);
    struct qc_blob note = {"note", "hello", 5};
    model->metadata = &note;
    model->metadata_count = 1;
    save(model, "custom.tflite");
    model = begin();
    options(model->graph[0]);
    save(model, "options.tflite");
    model = begin();
    chain(model->graph[0]);
    save(model, "chain.tflite");
    model = begin();
    state(model->graph[0]);
    save(model, "state.tflite");
    model = begin();
    x = input(model->graph[0], QC_STRING, 1, (int32_t[]){3}, false);
    output(custom(model->graph[0], "Reverse", "", 1, &x, "reversed"), false);
    save(model, "strings.tflite");
    model = begin();
    dynamic(model->graph[0]);
    save(model, "dynamic.tflite");
    return 0;
}
