/*
 * samples_pictures.c - representative data from a folder of JPEG and PNG pictures, in order of name, resized as Keras's load_img does, and
 * preprocessed as keras.applications does.
 */
#include "picture.h"
#include "samples.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct source {
    char **path;
    size_t count;
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

static bool read_triple(const char *text, const char *key, float *value)
{
    const char *at = strstr(text, key);
    if (!at) return true;
    at += strlen(key);
    int got = sscanf(at, "%f:%f:%f", &value[0], &value[1], &value[2]);
    if (got == 1) value[1] = value[2] = value[0];
    return got == 1 || got == 3;
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
    bool named = strstr(text, "mean=") || strstr(text, "std=");
    if (named && read_triple(text, "mean=", source->mean) && read_triple(text, "std=", source->std) && source->std[0] != 0 && source->std[1] != 0 &&
        source->std[2] != 0)
        return true;
    cli_failf(CLI_USAGE, "--preprocess takes mobilenet, caffe, torch, none, or mean=R:G:B,std=R:G:B, not '%s'", text);
    return false;
}

/* ---- one picture ---- */

static qc_status fill(void *user, size_t sample, struct qc_session *session, struct qc_error *error)
{
    struct source *source = ((struct cli_samples *)user)->source;
    struct qc_tensor_info input;
    struct cli_picture picture;
    char why[256];
    if (qc_session_input_count(session) != 1 || qc_session_input(session, 0, &input) || input.rank != 4 || input.type != QC_FLOAT32 ||
        (input.dims[3] != 3 && input.dims[3] != 1))
        return cli_samples_fail(error, QC_INVALID, "pictures need a model with one float input [batch, height, width, 3 or 1]");
    int height = input.dims[1], width = input.dims[2], channels = input.dims[3];
    if (!cli_picture_load(source->path[sample], &picture, why, sizeof why))
        return cli_samples_fail(error, QC_FORMAT, "%s: %s (--skip-bad leaves such pictures out)", source->path[sample], why);
    size_t bytes = (size_t)width * (size_t)height * 3;
    if (bytes > source->pixel_bytes) {
        free(source->pixels);
        source->pixels = malloc(bytes);
        source->pixel_bytes = source->pixels ? bytes : 0;
    }
    if (source->pixels) cli_picture_resize(&picture, width, height, source->pixels);
    free(picture.rgb);
    if (!source->pixels) return cli_samples_fail(error, QC_NOMEM, "memory ran out");
    float *to = input.data;
    for (size_t i = 0; i < bytes; i += 3) {
        const uint8_t *p = source->pixels + i;
        if (channels == 1) { /* ITU-R 601 luma as Pillow computes it */
            unsigned luma = (p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000u) >> 16;
            *to++ = ((float)luma - source->mean[0]) / source->std[0];
        } else {
            for (int c = 0; c < 3; c++) *to++ = ((float)p[source->bgr ? 2 - c : c] - source->mean[c]) / source->std[c];
        }
    }
    return QC_OK;
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

static int list_folder(struct source *source, const char *folder)
{
    DIR *directory = opendir(folder);
    size_t capacity = 0;
    if (!directory) return cli_failf(CLI_FAILED, "%s: the folder cannot be read", folder);
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (!is_picture(entry->d_name)) continue;
        if (source->count == capacity) {
            char **grown = realloc(source->path, (capacity = 2 * capacity + 64) * sizeof *grown);
            if (!grown) break;
            source->path = grown;
        }
        size_t length = strlen(folder) + strlen(entry->d_name) + 2;
        char *path = malloc(length);
        if (!path) break;
        snprintf(path, length, "%s/%s", folder, entry->d_name);
        source->path[source->count++] = path;
    }
    closedir(directory);
    if (source->count) qsort(source->path, source->count, sizeof *source->path, by_name);
    return source->count ? CLI_DONE : cli_failf(CLI_FAILED, "%s: holds no .jpg, .jpeg or .png", folder);
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
    (void)model;
    if (!source) return cli_failf(CLI_FAILED, "memory ran out");
    samples->source = source;
    samples->free = close_source;
    if (!read_preprocess(source, samples->arguments->preprocess)) return CLI_USAGE;
    int code = list_folder(source, samples->arguments->data);
    if (code) return code;
    if (samples->arguments->skip_bad) skip_bad(source);
    samples->samples.count = source->count;
    samples->samples.fill = fill;
    return CLI_DONE;
}
