/*
 * t_external.c - .tflite files whose constants are in other files.
 */
#include "unit.h"

#include "run/run.h"

#include <unistd.h>

static char folder[] = "external-XXXXXX";

static const char *at(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(at(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* y = x + w; w is `buffer` of the file `name`. Returns the size; bytes are in `to`. */
static size_t make(char *to, const char *name, struct tfl_ExternalBuffer buffer)
{
    struct qc_env env;
    struct qc_arena arena;
    qc_env_init(&env, NULL);
    qc_arena_init(&arena, &env);
    static const int32_t shape[] = {2}, in[] = {0, 1}, out[] = {2};
    struct tfl_Tensor *tensor[3], *one;
    for (int i = 0; i < 3; i++) {
        one = tensor[i] = fb_new(&arena, &tfl_Tensor_table);
        one->shape.data = shape, one->shape.count = 1, one->name = i == 0 ? "x" : i == 1 ? "w" : "y";
    }
    tensor[1]->external_buffer = 7;
    struct tfl_OperatorCode *code = fb_new(&arena, &tfl_OperatorCode_table), *codes[] = {code};
    struct tfl_Operator *add = fb_new(&arena, &tfl_Operator_table), *operators[] = {add};
    add->inputs.data = in, add->inputs.count = 2, add->outputs.data = out, add->outputs.count = 1;
    struct tfl_SubGraph *graph = fb_new(&arena, &tfl_SubGraph_table), *graphs[] = {graph};
    graph->tensors.data = tensor, graph->tensors.count = 3;
    graph->operators.data = operators, graph->operators.count = 1;
    graph->inputs.data = in, graph->inputs.count = 1, graph->outputs.data = out, graph->outputs.count = 1;
    struct tfl_Buffer *empty[] = {fb_new(&arena, &tfl_Buffer_table)};
    struct tfl_ExternalBufferGroup *group = fb_new(&arena, &tfl_ExternalBufferGroup_table), *groups[] = {group};
    group->name = name;
    struct tfl_ExternalBuffer other = {.id = 3}, *buffers[] = {&buffer, &other};
    struct tfl_Model *model = fb_new(&arena, &tfl_Model_table);
    model->version = 3;
    model->operator_codes.data = codes, model->operator_codes.count = 1;
    model->subgraphs.data = graphs, model->subgraphs.count = 1;
    model->buffers.data = empty, model->buffers.count = 1;
    model->external_buffer_groups.data = groups, model->external_buffer_groups.count = 1;
    model->external_buffers.data = buffers, model->external_buffers.count = 2;
    struct fb_output encoded;
    assert_int_equal(fb_encode(&arena, model, &tfl_Model_table, "TFL3", &encoded), QC_OK);
    assert_int_equal(encoded.insert_count, 0);
    memcpy(to, encoded.bytes, encoded.size);
    qc_arena_free(&arena);
    return encoded.size;
}

static const struct tfl_ExternalBuffer sound = {.id = 7, .offset = 4, .length = 8};

static void constants_are_read_from_beside_the_model(void **state)
{
    char bytes[4096];
    struct qc_error error = {0};
    struct qc_tensor_info info;
    (void)state;
    write_file("model.tflite", bytes, make(bytes, "weights.bin", sound));
    write_file("weights.bin", (float[]){1, 2, 3}, 12);
    struct qc_model *model = qc_model_open(at("model.tflite"), NULL, &error);
    if (!model) fail_msg("%s", error.text);
    struct qc_session *session = qc_session_create(model, NULL, &error);
    if (!session) fail_msg("%s", error.text);
    assert_int_equal(qc_session_input(session, 0, &info), QC_OK);
    memcpy(info.data, (float[]){10, 20}, 8);
    assert_int_equal(qc_session_invoke(session, &error), QC_OK);
    assert_int_equal(qc_session_output(session, 0, &info), QC_OK);
    assert_true(((float *)info.data)[0] == 12 && ((float *)info.data)[1] == 23);
    qc_session_free(session);
    qc_model_free(model);
}

static void refused(const char *name, struct tfl_ExternalBuffer buffer, qc_status status, const char *says)
{
    char bytes[4096];
    struct qc_error error = {0};
    write_file("model.tflite", bytes, make(bytes, name, buffer));
    assert_null(qc_model_open(at("model.tflite"), NULL, &error));
    if (error.status != status || !strstr(error.text, says)) fail_msg("%s", error.text);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    write_file("weights.bin", (float[]){1, 2, 3}, 12);
    refused("/etc/hostname", sound, QC_FORMAT, "not below the model's folder");
    refused("a/../../b", sound, QC_FORMAT, "not below the model's folder");
    refused("..", sound, QC_FORMAT, "not below the model's folder");
    refused("missing.bin", sound, QC_IO, "missing.bin");
    refused("weights.bin", (struct tfl_ExternalBuffer){.id = 7, .offset = 8, .length = 8}, QC_FORMAT, "takes 8 bytes at 8");
    refused("weights.bin", (struct tfl_ExternalBuffer){.id = 7, .offset = UINT64_MAX, .length = 8}, QC_FORMAT, "which has 12");
    refused("weights.bin", (struct tfl_ExternalBuffer){.id = 7, .length = 4}, QC_FORMAT, "needs 8 bytes");
    refused("weights.bin", (struct tfl_ExternalBuffer){.id = 8, .length = 8}, QC_FORMAT, "external buffer 7");
    refused("weights.bin", (struct tfl_ExternalBuffer){.id = 7, .group = 1, .length = 8}, QC_FORMAT, "external buffer 7");
    refused("weights.bin", (struct tfl_ExternalBuffer){.id = 7, .length = 8, .packing = "odd"}, QC_UNSUPPORTED, "odd");
    char bytes[4096];
    struct qc_error error = {0};
    assert_null(qc_model_open_memory(bytes, make(bytes, "weights.bin", sound), NULL, &error));
    if (!strstr(error.text, "by its path")) fail_msg("%s", error.text);
}

static int remove_folder(void **state)
{
    (void)state;
    remove(at("model.tflite"));
    remove(at("weights.bin"));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(constants_are_read_from_beside_the_model), cmocka_unit_test(what_does_not_fit_is_refused)};
    if (!mkdtemp(folder)) return 1;
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
