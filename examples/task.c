/*
 * task.c - the whole job in two functions: make a trained classifier small, and ask it about a sentence.
 *
 *   task model.h5 small.tflite "sentence"...      prints 0 or 1 for each sentence
 */
#include <quantc/quantc.h>
#include <stdio.h>
#include <string.h>

/* The vocabulary lies beside the model. */
static void vocabulary_beside(const char *model_path, char *path, size_t size)
{
    const char *slash = strrchr(model_path, '/');
    int folder = slash ? (int)(slash - model_path) + 1 : 0;
    snprintf(path, size, "%.*sword_index.json", folder, model_path);
}

static int complain(const struct qc_error *error)
{
    fprintf(stderr, "%s\n", error->text);
    return -1;
}

/* Writes a float16 .tflite with the vocabulary inside. 0, or -1 after a message. */
static int quantize_model(const char *model_path, const char *quantized_model_path)
{
    char vocabulary[4096];
    struct qc_error error;
    vocabulary_beside(model_path, vocabulary, sizeof vocabulary);
    const struct qc_convert_options options = {.mode = "float16"};
    struct qc_model *keras = qc_model_open(model_path, NULL, &error), *small = keras ? qc_model_convert(keras, &options, &error) : NULL;
    struct qc_tokenizer *tokenizer = small ? qc_tokenizer_open(vocabulary, NULL, &error) : NULL;
    const struct qc_text_settings settings = {.tokenizer = tokenizer, .padding = {.maxlen = 100}, .threshold = 0.5f};
    int result = 0;
    if (!tokenizer || qc_model_pack_text(small, &settings, &error) || qc_model_save(small, quantized_model_path, 4 << 20, NULL, &error))
        result = complain(&error);
    qc_tokenizer_free(tokenizer);
    qc_model_free(small);
    qc_model_free(keras);
    return result;
}

/* 0 or 1, or -1 after a message. */
static int prediction_label(const char *sentence, const char *model_path)
{
    struct qc_error error;
    struct qc_prediction prediction;
    struct qc_classifier *classifier = qc_classifier_open(model_path, NULL, &error);
    if (!classifier) return complain(&error);
    int label = qc_classifier_predict(classifier, sentence, strlen(sentence), &prediction, &error) ? complain(&error) : prediction.label;
    qc_classifier_free(classifier);
    return label;
}

int main(int argc, char **argv)
{
    if (argc < 3) return fprintf(stderr, "usage: task model.h5 small.tflite \"sentence\"...\n"), 2;
    if (quantize_model(argv[1], argv[2])) return 1;
    for (int i = 3; i < argc; i++) {
        int label = prediction_label(argv[i], argv[2]);
        if (label < 0) return 1;
        printf("%d\n", label);
    }
    return 0;
}
