/*
 * make_models.c - writes the small models that use_all.c runs: make_models FOLDER.
 *
 *   dense.tflite   y = relu(x w + b), x float32[-1,2], signature "serving_default" {x} -> {y}
 *   custom.tflite  y = Twice(x), a custom operator with the options "factor=2"
 */
#include "export/export.h"
#include "op/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int save(struct qc_model *model, const char *folder, const char *name)
{
    char path[1024];
    struct qc_export out;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    qc_status status = qc_export_build(model, &out);
    if (!status) status = qc_export_save(&out, path);
    if (status) fprintf(stderr, "%s: %s\n", path, model->env.error.text);
    qc_export_free(&out);
    qc_model_free(model);
    return status != QC_OK;
}

static struct qc_model *begin(struct qc_tensor **x)
{
    struct qc_model *model = qc_model_new(NULL, NULL);
    struct qc_graph *graph = model->graph[0];
    *x = qc_graph_add_tensor(graph, "x", QC_FLOAT32, 2, (int32_t[]){1, 2});
    (*x)->signature[0] = -1;
    if (qc_graph_set_inputs(graph, 1, x)) exit(1);
    return model;
}

static void end(struct qc_model *model, struct qc_tensor *x, struct qc_tensor *y)
{
    struct qc_signature *signature = qc_arena_alloc(&model->arena, sizeof *signature);
    struct qc_signature_entry *entry = qc_arena_array(&model->arena, 2, sizeof *entry);
    if (qc_graph_set_outputs(model->graph[0], 1, &y)) exit(1);
    entry[0] = (struct qc_signature_entry){"x", x};
    entry[1] = (struct qc_signature_entry){"y", y};
    *signature = (struct qc_signature){"serving_default", model->graph[0], &entry[0], &entry[1], 1, 1};
    model->signature = signature;
    model->signature_count = 1;
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    struct qc_tensor *x, *y;
    struct qc_model *model = begin(&x);
    struct qc_build b = {.graph = model->graph[0], .scope = "dense"};
    QC_OPTIONS(&b, FullyConnectedOptions, options);
    options->fused_activation_function = tfl_ActivationFunctionType_RELU;
    struct qc_tensor *w = qc_build_constant(&b, "w", QC_FLOAT32, 2, (int32_t[]){3, 2}, (float[]){1, 2, -1, 0.5f, 0, -3});
    struct qc_tensor *bias = qc_build_constant(&b, "b", QC_FLOAT32, 1, (int32_t[]){3}, (float[]){0.5f, 0, 10});
    y = QC_BUILD(&b, FULLY_CONNECTED, options, x, w, bias);
    if (!y) {
        fprintf(stderr, "%s\n", model->env.error.text);
        return 1;
    }
    y->signature[0] = -1;
    end(model, x, y);
    if (save(model, argv[1], "dense.tflite")) return 1;

    model = begin(&x);
    y = qc_graph_add_tensor(model->graph[0], "y", QC_FLOAT32, 2, (int32_t[]){1, 2});
    y->signature[0] = -1;
    struct qc_node *node = qc_graph_add_node(model->graph[0], NULL, tfl_BuiltinOperator_CUSTOM, NULL, NULL, 1, &x, 1, &y);
    node->custom = "Twice";
    node->custom_data = "factor=2";
    node->custom_bytes = 8;
    end(model, x, y);
    return save(model, argv[1], "custom.tflite");
}
