/*
 * t_pack.c - a tokenizer packed into a .tflite: written, read back by quantc, laid out as TFLite Metadata has it, and damaged.
 */
#include "base/file.h"
#include "text/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "t_pack_XXXXXX.tflite";
static const char *const labels[] = {"genuine", "fraud"};

/* A model of one LOGISTIC over [1, 1] ids: id 0 gives 0.5, larger ones more. */
static struct qc_model *make_model(void)
{
    const int32_t dims[2] = {1, 1};
    struct qc_model *model = qc_model_new(NULL, NULL);
    struct qc_graph *graph = model->graph[0];
    struct qc_tensor *in = qc_graph_add_tensor(graph, "ids", QC_FLOAT32, 2, dims), *out = qc_graph_add_tensor(graph, "score", QC_FLOAT32, 2, dims);
    assert_non_null(qc_graph_add_node(graph, NULL, tfl_BuiltinOperator_LOGISTIC, NULL, NULL, 1, &in, 1, &out));
    assert_int_equal(qc_graph_set_inputs(graph, 1, &in), QC_OK);
    assert_int_equal(qc_graph_set_outputs(graph, 1, &out), QC_OK);
    return model;
}

static void save(const char *json, const struct qc_tokenizer_options *options, float threshold)
{
    struct qc_error error;
    struct qc_model *model = make_model();
    struct qc_tokenizer *tokenizer = qc_tokenizer_open_memory(json, strlen(json), options, &error);
    const struct qc_text_settings settings = {
        .tokenizer = tokenizer, .padding = {.maxlen = 1, .truncating = QC_POST}, .threshold = threshold, .labels = labels, .label_count = 2};
    if (!tokenizer || qc_model_pack_text(model, &settings, &error) || qc_model_save(model, path, 0, NULL, &error)) fail_msg("%s", error.text);
    qc_tokenizer_free(tokenizer);
    qc_model_free(model);
}

static void the_file_alone_predicts(void **state)
{
    struct qc_error error;
    struct qc_prediction p;
    (void)state;
    save("{\"good\": 1, \"bad\": 3, \"rare\": 9}", &(struct qc_tokenizer_options){.num_words = 5}, 0.9f);
    struct qc_classifier *classifier = qc_classifier_open(path, NULL, &error);
    if (!classifier) fail_msg("%s", error.text);
    assert_int_equal(qc_classifier_predict(classifier, "BAD good", 8, &p, &error), QC_OK);
    assert_int_equal(p.ids[0], 3); /* cut behind, as packed */
    assert_int_equal(p.known, 2);
    assert_int_equal(p.label, 1);
    assert_string_equal(p.name, "fraud");
    assert_int_equal(qc_classifier_predict(classifier, "good!", 5, &p, &error), QC_OK);
    assert_int_equal(p.label, 0); /* logistic(1) = 0.73, below the packed threshold */
    assert_string_equal(p.name, "genuine");
    assert_int_equal(qc_classifier_predict(classifier, "rare unknown", 12, &p, &error), QC_OK);
    assert_int_equal(p.known, 0); /* num_words is packed, too: all padding */
    assert_true(p.probability == 0.5f);
    qc_classifier_free(classifier);

    const struct qc_classifier_options lower = {.threshold = &(const float){0.6f}};
    assert_non_null(classifier = qc_classifier_open(path, &lower, &error));
    assert_int_equal(qc_classifier_predict(classifier, "good", 4, &p, &error), QC_OK);
    assert_int_equal(p.label, 1);
    qc_classifier_free(classifier);
}

static void files_and_metadata(void **state)
{
    const void *bytes;
    size_t size;
    struct qc_env env;
    struct qc_arena arena;
    (void)state;
    save("{\"good\": 1, \"bad\": 3}", NULL, 0.5f);
    struct qc_model *model = qc_model_open(path, NULL, NULL);
    assert_non_null(model);
    assert_true(qc_model_associated_file(model, "vocab.txt", &bytes, &size));
    assert_int_equal(size, 13);
    assert_memory_equal(bytes, "good 1\nbad 3\n", 13);
    assert_true(qc_model_associated_file(model, "labels.txt", &bytes, &size));
    assert_memory_equal(bytes, "genuine\nfraud\n", size);
    assert_true(qc_model_metadata(model, "TFLITE_METADATA", &bytes, &size));
    qc_env_init(&env, NULL);
    qc_arena_init(&arena, &env);
    const struct tfl_ModelMetadata *root = fb_decode(&arena, bytes, size, "M001", &tfl_ModelMetadata_table);
    assert_non_null(root);
    const struct tfl_TensorMetadata *input = root->subgraph_metadata.data[0]->input_tensor_metadata.data[0];
    assert_int_equal(input->process_units.data[0]->options_type, tfl_ProcessUnitOptions_RegexTokenizerOptions);
    const struct tfl_RegexTokenizerOptions *regex = input->process_units.data[0]->options;
    assert_string_equal(regex->vocab_file.data[0]->name, "vocab.txt");
    assert_string_equal(regex->delim_regex_pattern, "[ !\"#$%&()*+,\\-./:;<=>?@\\[\\\\\\]\\^_`{|}~\t\n]+");
    qc_arena_free(&arena);
    qc_model_free(model);

    save("{\"a b\": 1, \"\\n\": 2}", &(struct qc_tokenizer_options){.char_level = true}, 0.5f); /* no line can hold these words */
    assert_non_null(model = qc_model_open(path, NULL, NULL));
    assert_true(qc_model_associated_file(model, "word_index.json", &bytes, &size));
    assert_memory_equal(bytes, "{\"a b\": 1, \"\\n\": 2}", size);
    qc_model_free(model);
}

/* A model whose archive is damaged still runs, and says why it has no vocabulary. */
static void damaged_archives(void **state)
{
    struct qc_env env;
    struct qc_file file;
    (void)state;
    save("{\"good\": 1, \"bad\": 3}", NULL, 0.5f);
    qc_env_init(&env, NULL);
    assert_int_equal(qc_file_map(&env, path, &file), QC_OK);
    char *bytes = malloc(file.size);
    size_t start = 0;
    while (memcmp((const char *)file.bytes + start, "PK\3\4", 4)) start++;
    for (size_t at = start; at < file.size; at++) {
        struct qc_error error = {0};
        memcpy(bytes, file.bytes, file.size);
        bytes[at] ^= 0x55;
        struct qc_model *model = qc_model_open_memory(bytes, file.size, NULL, &error);
        if (!model) fail_msg("byte %zu: %s", at, error.text);
        qc_model_free(model);
    }
    free(bytes);
    qc_file_unmap(&file);
}

static int remove_file(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_file_alone_predicts), cmocka_unit_test(files_and_metadata),
                                       cmocka_unit_test(damaged_archives)};
    close(mkstemps(path, 7));
    return cmocka_run_group_tests(tests, NULL, remove_file);
}
