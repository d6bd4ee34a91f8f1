/*
 * pictures.c - pictures against what keras.utils.load_img gave for them, pixel by pixel: tests/oracle/pictures_golden.py records.
 */
#include "picture.h"

#include <quantc/quantc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void check(const char *folder, const struct qc_array *want)
{
    char file[64], color[16], path[600], why[256];
    int height, width;
    struct cli_picture picture;
    if (sscanf(want->name, "%63[^@]@%15[^@]@%dx%d", file, color, &height, &width) != 4) {
        printf("%s: no name of a case\n", want->name);
        failures++;
        return;
    }
    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (!cli_picture_load(path, &picture, why, sizeof why)) {
        printf("%s: %s\n", want->name, why);
        failures++;
        return;
    }
    uint8_t *got = malloc((size_t)height * (size_t)width * 3);
    const uint8_t *pixels = want->data;
    int step = strcmp(color, "rgb") ? 1 : 3, different = 0;
    cli_picture_resize(&picture, width, height, got);
    for (size_t i = 0; i < (size_t)height * (size_t)width; i++)
        different += step == 1 ? cli_picture_luma(got + 3 * i) != pixels[i] : memcmp(got + 3 * i, pixels + 3 * i, 3) != 0;
    if (different) printf("%s: %d of %d pixels differ\n", want->name, different, height * width);
    failures += different != 0;
    free(got);
    free(picture.rgb);
}

/* Refused with a reason that holds `text`. */
static void check_refused(const char *folder, const char *file, const char *text)
{
    char path[600], why[256] = "";
    struct cli_picture picture;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    bool loaded = cli_picture_load(path, &picture, why, sizeof why);
    if (loaded || !strstr(why, text)) {
        printf("%s: %s, not '%s'\n", file, loaded ? "taken" : why, text);
        failures++;
    }
    if (loaded) free(picture.rgb);
}

int main(int argc, char **argv)
{
    char path[600];
    struct qc_error error;
    struct qc_array array;
    if (argc != 2) return 2;
    snprintf(path, sizeof path, "%s/expected.npz", argv[1]);
    struct qc_arrays *expected = qc_arrays_open(path, NULL, &error);
    if (!expected) return printf("%s\n", error.text), 1;
    size_t count = qc_arrays_count(expected);
    for (size_t i = 0; i < count; i++)
        if (qc_arrays_get(expected, i, &array, &error))
            failures++;
        else
            check(argv[1], &array);
    check_refused(argv[1], "grey16.png", "16 bits of grey");
    check_refused(argv[1], "expected.npz", "neither JPEG nor PNG");
    qc_arrays_free(expected);
    printf("%zu cases, %d failures\n", count, failures);
    return failures || count < 100;
}
