/*
 * samples_pictures.c - representative data from a folder of JPEG and PNG pictures, in order of name, resized as Keras's load_img does, and
 * preprocessed as keras.applications does.
 */
#include "picture.h"
#include "samples.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

struct source {
    char **path;
    size_t count, room;
    int batch; /* pictures that make a sample */
    float mean[3], std[3]; /* (x - mean) / std */
    bool bgr;
    uint8_t *pixels;
    size_t pixel_bytes;
};

static void close_source(void *opaque)
{
    struct source *source = opaque;
    for (size_t i = 0; i < source->count; i++) free(source->path[i]);
    free(source->path);
    free(source->pixels);
    free(source);
}

/* ---- preprocessing ---- */

/* "mean=127.5", "std=58.4:57.1:57.4"; where the text goes on behind it; NULL: it is no such thing. */
static const char *read_triple(const char *text, const char *key, float *value)
{
    size_t length = strlen(key);
    if (strncmp(text, key, length)) return NULL;
    text += length;
    for (int c = 0; c < 3; c++) {
        char *end;
        value[c] = strtof(text, &end);
        if (end == text || !isfinite(value[c])) return NULL;
        text = end;
        if (c == 0 && *text != ':') {
            value[1] = value[2] = value[0];
            return text;
        }
        if (c < 2 && *text++ != ':') return NULL;
    }
    return text;
}

/* Both, in any order, with a comma between; what is not named is 0 and 1. */
static bool read_numbers(struct source *source, const char *text)
{
    do {
        const char *end = read_triple(text, "mean=", source->mean);
        if (!end) end = read_triple(text, "std=", source->std);
        if (!end || (*end && *end != ',')) return false;
        text = end;
    } while (*text++);
    return source->std[0] != 0 && source->std[1] != 0 && source->std[2] != 0;
}

static bool read_preprocess(struct source *source, const char *text)
{
    static const struct {
        const char *name;
        float mean[3], std[3];
        bool bgr;
    } known[] = {
        {"none", {0, 0, 0}, {1, 1, 1}, false},
        {"mobilenet", {127.5f, 127.5f, 127.5f}, {127.5f, 127.5f, 127.5f}, false},
        {"tf", {127.5f, 127.5f, 127.5f}, {127.5f, 127.5f, 127.5f}, false},
        {"caffe", {103.939f, 116.779f, 123.68f}, {1, 1, 1}, true},
        {"torch", {123.675f, 116.28f, 103.53f}, {58.395f, 57.12f, 57.375f}, false}, /* 255 times mean and std of ImageNet */
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i].name, text ? text : "none")) {
            memcpy(source->mean, known[i].mean, sizeof source->mean);
            memcpy(source->std, known[i].std, sizeof source->std);
            source->bgr = known[i].bgr;
            return true;
        }
    for (int c = 0; c < 3; c++) source->std[c] = 1;
    if (read_numbers(source, text)) return true;
    cli_failf(CLI_USAGE, "--preprocess takes mobilenet, caffe, torch, none, or mean=R:G:B,std=R:G:B, not '%s'", text);
    return false;
}

/* ---- one picture ---- */

/* The pixels of `picture` at the size of the input, preprocessed. */
static qc_status put_pixels(struct source *source, const struct cli_picture *picture, const struct qc_tensor_info *input, float *to, struct qc_error *error)
{
    int height = input->dims[1], width = input->dims[2], channels = input->dims[3];
    size_t bytes = (size_t)width * (size_t)height * 3;
    if (bytes > source->pixel_bytes) {
        free(source->pixels);
        source->pixels = malloc(bytes);
        source->pixel_bytes = source->pixels ? bytes : 0;
    }
    if (!source->pixels) return cli_samples_fail(error, QC_NOMEM, "memory ran out");
    cli_picture_resize(picture, width, height, source->pixels);
    for (size_t i = 0; i < bytes; i += 3) {
        const uint8_t *p = source->pixels + i;
        if (channels == 1) *to++ = ((float)cli_picture_luma(p) - source->mean[0]) / source->std[0];
        for (int c = 0; channels == 3 && c < 3; c++) *to++ = ((float)p[source->bgr ? 2 - c : c] - source->mean[c]) / source->std[c];
    }
    return QC_OK;
}

/* Heights and widths that the model leaves open are those of the sample's first picture. */
static qc_status take_size(struct qc_session *session, const struct cli_picture *picture, struct qc_tensor_info *input, struct qc_error *error)
{
    if (input->signature[1] < 0) input->dims[1] = picture->height;
    if (input->signature[2] < 0) input->dims[2] = picture->width;
    qc_status status = qc_session_resize(session, 0, input->rank, input->dims, error);
    if (!status && qc_session_input(session, 0, input)) status = cli_samples_fail(error, QC_INVALID, "input '%s' cannot take its shape", input->name);
    return status;
}

static qc_status fill(void *user, size_t sample, struct qc_session *session, struct qc_error *error)
{
    struct source *source = ((struct cli_samples *)user)->source;
    struct qc_tensor_info input;
    qc_status status = QC_OK;
    if (qc_session_input_count(session) != 1 || qc_session_input(session, 0, &input) || input.rank != 4 || input.type != QC_FLOAT32 ||
        (input.dims[3] != 3 && input.dims[3] != 1))
        return cli_samples_fail(error, QC_INVALID, "pictures need a model with one float input [batch, height, width, 3 or 1]");
    for (int i = 0; i < source->batch && !status; i++) {
        const char *path = source->path[sample * (size_t)source->batch + (size_t)i];
        struct cli_picture picture;
        char why[256];
        if (!cli_picture_load(path, &picture, why, sizeof why))
            return cli_samples_fail(error, QC_FORMAT, "%s: %s (--skip-bad leaves such pictures out)", path, why);
        if (i == 0) status = take_size(session, &picture, &input, error);
        size_t pixels = (size_t)input.dims[1] * (size_t)input.dims[2] * (size_t)input.dims[3];
        if (!status) status = put_pixels(source, &picture, &input, (float *)input.data + (size_t)i * pixels, error);
        free(picture.rgb);
    }
    return status;
}

/* ---- the folder ---- */

static bool is_picture(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (!strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg") || !strcasecmp(dot, ".png"));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_path(struct source *source, char *path)
{
    if (source->count == source->room) {
        size_t room = 2 * source->room + 64;
        char **grown = realloc(source->path, room * sizeof *grown);
        if (!grown) return false;
        source->path = grown;
        source->room = room;
    }
    source->path[source->count++] = path;
    return true;
}

/* The folder and those in it, such as one for each label. */
static int list_folder(struct source *source, const char *folder, int depth)
{
    enum { DEEPEST = 8 };
    DIR *directory = opendir(folder);
    int code = CLI_DONE;
    if (!directory) return cli_failf(CLI_FAILED, "%s: the folder cannot be read", folder);
    for (struct dirent *entry; !code && (entry = readdir(directory));) {
        struct stat info;
        size_t length = strlen(folder) + strlen(entry->d_name) + 2;
        if (*entry->d_name == '.') continue;
        char *path = malloc(length);
        if (path) snprintf(path, length, "%s/%s", folder, entry->d_name);
        if (!path) {
            code = cli_failf(CLI_FAILED, "memory ran out");
        } else if (is_picture(entry->d_name)) {
            if (add_path(source, path)) continue;
            code = cli_failf(CLI_FAILED, "memory ran out");
        } else if (depth < DEEPEST && !stat(path, &info) && S_ISDIR(info.st_mode)) {
            code = list_folder(source, path, depth + 1);
        }
        free(path);
    }
    closedir(directory);
    return code;
}

static void skip_bad(struct source *source)
{
    size_t kept = 0, skipped;
    for (size_t i = 0; i < source->count; i++) {
        struct cli_picture picture;
        char why[256];
        if (cli_picture_load(source->path[i], &picture, why, sizeof why)) {
            free(picture.rgb);
            source->path[kept++] = source->path[i];
        } else {
            free(source->path[i]);
        }
    }
    skipped = source->count - kept;
    source->count = kept;
    if (skipped) fprintf(stderr, "quantc: warning: %zu unreadable pictures were left out\n", skipped);
}

int cli_samples_pictures(struct cli_samples *samples, struct qc_model *model)
{
    struct source *source = calloc(1, sizeof *source);
    struct qc_tensor_info input;
    if (!source) return cli_failf(CLI_FAILED, "memory ran out");
    samples->source = source;
    samples->free = close_source;
    if (!read_preprocess(source, samples->arguments->preprocess)) return CLI_USAGE;
    const char *folder = samples->arguments->data;
    int code = list_folder(source, folder, 0);
    if (code) return code;
    if (!source->count) return cli_failf(CLI_FAILED, "%s: holds no .jpg, .jpeg or .png", folder);
    qsort(source->path, source->count, sizeof *source->path, by_name);
    if (samples->arguments->skip_bad) skip_bad(source);
    source->batch = qc_model_input(model, 0, &input) && input.rank == 4 && input.signature[0] > 1 ? input.signature[0] : 1;
    samples->samples.count = source->count / (size_t)source->batch;
    if (source->count && !samples->samples.count)
        return cli_failf(CLI_FAILED, "%s: holds %zu pictures, the model takes %d at a time", folder, source->count, source->batch);
    samples->samples.fill = fill;
    return CLI_DONE;
}
