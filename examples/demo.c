/*
 * demo.c - trained text classifiers in every mode of quantization, on sentences they never saw.
 *
 *   demo FOLDER...      each with model.h5, word_index.json and test.tsv (label, Keras's probability, sentence)
 *
 * Prints a table for each, and fails if a mode cannot be made, loses more than two points of accuracy, or agrees with Keras on less than
 * 97 % of the sentences (float32 and float16: on less than all but one in a thousand).
 */
#include <quantc/quantc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAXLEN = 100, CALIBRATED = 100 };

struct set {
    char *text; /* the whole file, cut up */
    struct row {
        int label, keras_label;
        float keras;
        const char *sentence;
    } *row;
    size_t count;
};

struct job {
    const char *folder;
    struct set set;
    struct qc_model *keras;
    struct qc_tokenizer *tokenizer;
    struct qc_error error;
};

struct result {
    size_t bytes, right, agreeing;
    float difference; /* the largest, of probabilities */
    double convert_ms, sentence_us;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    if (!file) return NULL;
    if (!fseek(file, 0, SEEK_END)) {
        long size = ftell(file);
        rewind(file);
        text = calloc((size_t)size + 1, 1);
        if (text && fread(text, 1, (size_t)size, file) != (size_t)size) text[0] = 0;
    }
    fclose(file);
    return text;
}

static bool read_set(const char *folder, struct set *set)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/test.tsv", folder);
    if (!(set->text = read_file(path)) || !(set->row = calloc(strlen(set->text) / 4 + 1, sizeof *set->row))) return false;
    for (char *line = set->text, *end; *line; line = end + 1) {
        struct row *row = &set->row[set->count];
        if (!(end = strchr(line, '\n'))) break;
        *end = 0;
        row->label = (int)strtol(line, &line, 10);
        row->keras = strtof(line, &line);
        row->keras_label = row->keras > 0.5f;
        row->sentence = line + 1;
        if (*line == '\t') set->count++;
    }
    return set->count > 0;
}

/* A sentence as representative data. */
static qc_status fill(void *user, size_t index, struct qc_session *session, struct qc_error *error)
{
    const struct job *job = user;
    const struct qc_padding pad = {.maxlen = MAXLEN};
    const char *text = job->set.row[index].sentence;
    struct qc_tensor_info in;
    int32_t ids[MAXLEN];
    qc_status status = qc_tokenizer_sequence(job->tokenizer, text, strlen(text), &pad, ids, NULL, error);
    if (!status) status = qc_session_input(session, 0, &in);
    if (!status && in.dims[1] != MAXLEN) {
        status = qc_session_resize(session, 0, 2, (const int32_t[]){1, MAXLEN}, error);
        if (!status) status = qc_session_input(session, 0, &in);
    }
    for (int i = 0; i < MAXLEN && !status; i++) ((float *)in.data)[i] = (float)ids[i];
    return status;
}

static bool convert(struct job *job, const struct qc_mode *mode, const char *path, struct result *result)
{
    const struct qc_samples samples = {.count = job->set.count < CALIBRATED ? job->set.count : CALIBRATED, .fill = fill, .user = job};
    const struct qc_convert_options options = {.mode = mode->name, .samples = mode->needs_samples ? &samples : NULL};
    const struct qc_text_settings settings = {.tokenizer = job->tokenizer, .padding = {.maxlen = MAXLEN}, .threshold = 0.5f};
    double start = now();
    struct qc_model *model = qc_model_convert(job->keras, &options, &job->error);
    bool done = model && !qc_model_pack_text(model, &settings, &job->error) && !qc_model_save(model, path, 0, &result->bytes, &job->error);
    result->convert_ms = now() - start;
    qc_model_free(model);
    return done;
}

static bool predict(struct job *job, const char *path, struct result *result)
{
    struct qc_classifier *classifier = qc_classifier_open(path, NULL, &job->error);
    bool done = classifier != NULL;
    double start = now();
    for (size_t i = 0; i < job->set.count && done; i++) {
        const struct row *row = &job->set.row[i];
        struct qc_prediction p;
        done = !qc_classifier_predict(classifier, row->sentence, strlen(row->sentence), &p, &job->error);
        if (!done) break;
        float difference = p.probability > row->keras ? p.probability - row->keras : row->keras - p.probability;
        result->right += p.label == row->label;
        result->agreeing += p.label == row->keras_label;
        if (difference > result->difference) result->difference = difference;
    }
    result->sentence_us = (now() - start) * 1e3 / (double)job->set.count;
    qc_classifier_free(classifier);
    return done;
}

/* Is the mode's result good enough? Two points of accuracy, and the agreement that its kind allows. */
static bool good(const struct job *job, const struct qc_mode *mode, const struct result *r)
{
    size_t count = job->set.count, keras = 0;
    for (size_t i = 0; i < count; i++) keras += job->set.row[i].keras_label == job->set.row[i].label;
    bool floats = !strcmp(mode->name, "float32") || !strcmp(mode->name, "float16");
    size_t may_differ = floats ? count / 1000 + 1 : 3 * count / 100;
    return r->right + 2 * count / 100 >= keras && r->agreeing + may_differ >= count;
}

static bool show_mode(struct job *job, const struct qc_mode *mode)
{
    struct result r = {0};
    char path[4096];
    double count = (double)job->set.count;
    const char *temporary = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/quantc-demo-%ld-%s.tflite", temporary ? temporary : "/tmp", (long)getpid(), mode->name);
    bool done = convert(job, mode, path, &r) && predict(job, path, &r);
    remove(path);
    if (!done) {
        printf("  %-9s %s\n", mode->name, job->error.text);
        return false;
    }
    printf("  %-9s %9zu  %7.2f %%  %7.2f %%  %9.6f  %8.1f  %8.1f\n", mode->name, r.bytes, 100 * (double)r.right / count, 100 * (double)r.agreeing / count,
           (double)r.difference, r.convert_ms, r.sentence_us);
    return good(job, mode, &r);
}

static bool show_folder(const char *folder)
{
    struct job job = {.folder = folder};
    struct qc_mode mode;
    char model[4096], vocabulary[4096];
    snprintf(model, sizeof model, "%s/model.h5", folder);
    snprintf(vocabulary, sizeof vocabulary, "%s/word_index.json", folder);
    if (!read_set(folder, &job.set)) {
        snprintf(job.error.text, sizeof job.error.text, "%s/test.tsv cannot be read", folder);
    } else if ((job.keras = qc_model_open(model, NULL, &job.error))) {
        job.tokenizer = qc_tokenizer_open(vocabulary, NULL, &job.error);
    }
    bool fine = job.tokenizer != NULL;
    if (fine) {
        printf("\n%s: %zu sentences that the model was not trained on, %zu words\n", folder, job.set.count, qc_tokenizer_words(job.tokenizer));
        printf("  %-9s %9s  %9s  %9s  %9s  %8s  %8s\n", "mode", "bytes", "accuracy", "as Keras", "max |dp|", "convert", "sentence");
        printf("  %-9s %9s  %9s  %9s  %9s  %8s  %8s\n", "", "", "", "", "", "ms", "us");
    } else {
        fprintf(stderr, "%s\n", job.error.text);
    }
    for (size_t i = 0; job.tokenizer && qc_mode_list(i, &mode); i++) fine &= show_mode(&job, &mode);
    qc_tokenizer_free(job.tokenizer);
    qc_model_free(job.keras);
    free(job.set.row);
    free(job.set.text);
    return fine;
}

int main(int argc, char **argv)
{
    bool fine = argc > 1;
    for (int i = 1; i < argc; i++) fine &= show_folder(argv[i]);
    if (argc < 2) fprintf(stderr, "usage: demo FOLDER...\n");
    return fine ? 0 : 1;
}
