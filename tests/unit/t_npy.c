/*
 * t_npy.c - array files: everything numpy writes is read, what we write is read back, and damaged files get a sentence.
 *
 * tests/data/npy was written by numpy 2: 2x3 arrays of every type holding i * 7 - 11 (unsigned: i * 7), in both byte orders and both
 * index orders; stored, deflated, and format versions 1 to 3.
 */
#include "base/dtype.h"
#include "wire/npy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define DATA QC_SOURCE_DIR "/tests/data/npy/"

/* A runtime-only build has no zlib and refuses deflated members with a sentence. */
#ifdef QUANTC_RUNTIME_ONLY
enum { FILES = 1 };
#define STRINGS DATA "stored.npz"
#else
enum { FILES = 2 };
#define STRINGS DATA "deflated.npz"
#endif

static struct qc_array get(struct qc_arrays *arrays, const char *name)
{
    struct qc_array array;
    struct qc_error error;
    int at = qc_arrays_find(arrays, name);
    assert_true(at >= 0);
    if (qc_arrays_get(arrays, (size_t)at, &array, &error)) fail_msg("%s", error.text);
    assert_string_equal(array.name, name);
    return array;
}

static double value(const struct qc_array *array, size_t i)
{
    const char *p = (const char *)array->data + i * qc_dtype_bytes(array->type, 1);
#define AS(dtype, type) \
    case dtype: { type v; memcpy(&v, p, sizeof v); return (double)v; }
    switch (array->type) {
    AS(QC_BOOL, uint8_t) AS(QC_INT8, int8_t) AS(QC_INT16, int16_t) AS(QC_INT32, int32_t) AS(QC_INT64, int64_t)
    AS(QC_UINT8, uint8_t) AS(QC_UINT16, uint16_t) AS(QC_UINT32, uint32_t) AS(QC_UINT64, uint64_t) AS(QC_FLOAT32, float) AS(QC_FLOAT64, double)
    AS(QC_COMPLEX64, float) AS(QC_COMPLEX128, double)
    case QC_FLOAT16: { uint16_t v; memcpy(&v, p, sizeof v); return qc_half_to_float(v); }
    default: fail_msg("type %d", array->type); return 0;
    }
#undef AS
}

static void every_type(void **state)
{
    static const struct {
        const char *name;
        qc_dtype type;
        char kind;
    } row[] = {{"b1", QC_BOOL, 'b'},     {"i1", QC_INT8, 'i'},    {"i2", QC_INT16, 'i'},   {"i4", QC_INT32, 'i'},   {"i8", QC_INT64, 'i'},
               {"u1", QC_UINT8, 'u'},    {"u2", QC_UINT16, 'u'},  {"u4", QC_UINT32, 'u'},  {"u8", QC_UINT64, 'u'},  {"f2", QC_FLOAT16, 'i'},
               {"f4", QC_FLOAT32, 'i'},  {"f8", QC_FLOAT64, 'i'}, {"c8", QC_COMPLEX64, 'c'}, {"c16", QC_COMPLEX128, 'c'}};
    static const double truth[] = {1, 0, 1, 0, 0, 1};
    const char *file[] = {DATA "stored.npz", DATA "deflated.npz"}, *form[] = {"", "swapped_", "fortran_"};
    (void)state;
    for (int f = 0; f < FILES; f++) {
        struct qc_error error;
        struct qc_arrays *arrays = qc_arrays_open(file[f], NULL, &error);
        if (!arrays) fail_msg("%s", error.text);
        for (size_t r = 0; r < QC_COUNT(row); r++)
            for (int k = 0; k < 3; k++) {
                char name[32];
                snprintf(name, sizeof name, "%s%s", form[k], row[r].name);
                struct qc_array array = get(arrays, name);
                assert_int_equal(array.type, row[r].type);
                assert_int_equal(array.rank, 2);
                assert_int_equal(array.dims[0], 2);
                assert_int_equal(array.dims[1], 3);
                assert_int_equal(array.bytes, 6 * qc_dtype_bytes(array.type, 1));
                for (size_t i = 0; i < 6; i++) {
                    double want = row[r].kind == 'b' ? truth[i] : row[r].kind == 'c' ? (double)i : (double)i * 7 - (row[r].kind == 'u' ? 0 : 11);
                    assert_true(value(&array, i) == want);
                }
            }
        struct qc_array cube = get(arrays, "cube");
        for (size_t i = 0; i < 24; i++) assert_int_equal(((const int32_t *)cube.data)[i], i);
        assert_int_equal(get(arrays, "scalar").rank, 0);
        assert_true(*(const float *)get(arrays, "scalar").data == 2.5f);
        assert_int_equal(get(arrays, "empty").count, 0);
        qc_arrays_free(arrays);
    }
}

static void strings(void **state)
{
    (void)state;
    struct qc_arrays *arrays = qc_arrays_open(STRINGS, NULL, NULL);
    assert_non_null(arrays);
    struct qc_array array = get(arrays, "bytes");
    assert_int_equal(array.type, QC_STRING);
    assert_int_equal(array.count, 4);
    assert_string_equal(array.strings[0], "one");
    assert_int_equal(array.lengths[1], 0);
    assert_int_equal(array.lengths[2], 7);
    assert_memory_equal(array.strings[2], "three\0x", 8);
    const char *names[] = {"text", "text_swapped"};
    for (int k = 0; k < 2; k++) {
        array = get(arrays, names[k]);
        assert_string_equal(array.strings[0], "zw\xc3\xb6lf");
        assert_string_equal(array.strings[1], "");
        assert_string_equal(array.strings[2], "\xe6\x97\xa5\xe6\x9c\xac");
        assert_string_equal(array.strings[3], "\xf0\x9f\x98\x80");
    }
    qc_arrays_free(arrays);
}

static void versions(void **state)
{
    (void)state;
    for (int v = 1; v <= 3; v++) {
        char path[512];
        snprintf(path, sizeof path, DATA "v%d.npy", v);
        struct qc_arrays *arrays = qc_arrays_open(path, NULL, NULL);
        assert_non_null(arrays);
        assert_int_equal(qc_arrays_count(arrays), 1);
        struct qc_array array = get(arrays, "");
        for (int i = 0; i < 5; i++) assert_int_equal(((const int16_t *)array.data)[i], i);
        qc_arrays_free(arrays);
    }
}

/* A stream gives the same values as a whole read, in any pieces. */
static void streams(void **state)
{
    (void)state;
    struct qc_env env;
    struct qc_npz npz;
    qc_env_init(&env, NULL);
    const char *file[] = {DATA "stored.npz", DATA "deflated.npz"};
    for (int f = 0; f < FILES; f++) {
        assert_int_equal(qc_npz_open(&env, file[f], &npz), QC_OK);
        for (size_t a = 0; a < npz.count; a++) {
            const struct qc_npy *npy = &npz.array[a];
            if (npy->type == QC_STRING) continue;
            const char *whole = qc_npy_read(&npz.arena, npy);
            char piece[5 * 16];
            struct qc_npy_stream *stream = qc_npy_stream_open(&env, npy);
            assert_non_null(stream);
            for (size_t at = 0, n = 1; at < npy->count; at += n, n = n % 5 + 1) {
                n = QC_MIN(n, npy->count - at);
                assert_int_equal(qc_npy_stream_read(stream, piece, n), QC_OK);
                assert_memory_equal(piece, whole + at * npy->item, n * npy->item);
            }
            assert_int_equal(qc_npy_stream_read(stream, piece, 1), QC_RANGE);
            env.error.status = QC_OK;
            qc_npy_stream_close(stream);
        }
        qc_npz_close(&npz);
    }
    assert_int_equal(env.used, 0);
}

/* Pieces in any order are those of the whole array. */
static void pieces(void **state)
{
    static const char *const path[] = {DATA "stored.npz", DATA "deflated.npz"};
    (void)state;
    for (int f = 0; f < FILES; f++) {
        struct qc_error error;
        struct qc_arrays *arrays = qc_arrays_open(path[f], NULL, &error), *other = qc_arrays_open(path[f], NULL, &error);
        assert_true(arrays && other);
        for (size_t i = 0; i < qc_arrays_count(arrays); i++) {
            struct qc_array told, whole;
            char piece[512];
            assert_int_equal(qc_arrays_describe(arrays, i, &told, &error), QC_OK);
            assert_null(told.data);
            if (told.type == QC_STRING || !told.count) continue;
            assert_int_equal(qc_arrays_get(other, i, &whole, &error), QC_OK);
            size_t width = whole.bytes / whole.count;
            assert_int_equal(told.bytes, whole.bytes);
            for (size_t first = whole.count; first--;) { /* backwards, then each on to the end */
                assert_int_equal(qc_arrays_read(arrays, i, first, 1, piece, &error), QC_OK);
                assert_memory_equal(piece, (const char *)whole.data + first * width, width);
            }
            assert_int_equal(qc_arrays_read(arrays, i, 1, whole.count - 1, piece, &error), QC_OK);
            assert_memory_equal(piece, (const char *)whole.data + width, (whole.count - 1) * width);
            assert_int_equal(qc_arrays_read(arrays, i, 1, whole.count, piece, &error), QC_RANGE);
            assert_int_equal(qc_arrays_read(arrays, i, SIZE_MAX, 2, piece, &error), QC_RANGE);
        }
        assert_int_equal(qc_arrays_describe(arrays, 1000, &(struct qc_array){0}, &error), QC_INVALID);
        qc_arrays_free(arrays);
        qc_arrays_free(other);
    }
}

static void written_is_read_back(void **state)
{
    (void)state;
    static const float f[6] = {1, -2, 3.5f, 0, 5, 6};
    static const unsigned char nibbles[2] = {0xf1, 0x7c}; /* 1 -1 -4 7 */
    static const uint16_t brain[2] = {0x3f80, 0xc020};    /* 1 -2.5 */
    static const char *const words[2] = {"ab\0c", ""};
    static const size_t lengths[2] = {4, 0};
    const struct qc_array array[] = {
        {.name = "floats", .type = QC_FLOAT32, .rank = 2, .dims = {2, 3}, .data = f},
        {.name = "packed", .type = QC_INT4, .rank = 1, .dims = {4}, .data = nibbles},
        {.name = "brain", .type = QC_BFLOAT16, .rank = 1, .dims = {2}, .data = brain},
        {.name = "words", .type = QC_STRING, .rank = 1, .dims = {2}, .strings = words, .lengths = lengths},
        {.name = "none", .type = QC_INT64, .rank = 3, .dims = {2, 0, 5}},
        {.name = "scalar", .type = QC_FLOAT32, .rank = 0, .data = f}};
    char path[] = "t_npy_XXXXXX.npz";
    close(mkstemps(path, 4));
    struct qc_error error;
    if (qc_arrays_write(path, array, QC_COUNT(array), &error)) fail_msg("%s", error.text);
    struct qc_arrays *back = qc_arrays_open(path, NULL, &error);
    if (!back) fail_msg("%s", error.text);
    assert_int_equal(qc_arrays_count(back), QC_COUNT(array));
    assert_memory_equal(get(back, "floats").data, f, sizeof f);
    assert_memory_equal(get(back, "packed").data, "\x01\xff\xfc\x07", 4);
    assert_true(((const float *)get(back, "brain").data)[1] == -2.5f);
    assert_memory_equal(get(back, "words").strings[0], "ab\0c", 5);
    assert_int_equal(get(back, "none").dims[2], 5);
    assert_int_equal(get(back, "scalar").rank, 0);
    qc_arrays_free(back);
    unlink(path);
    assert_int_equal(qc_arrays_write("x.npy", array, 2, &error), QC_INVALID);
    assert_int_equal(qc_arrays_write("/nowhere/x.npz", array, 1, &error), QC_IO);
}

/* Opens and reads everything in a file; whatever it holds, there is an answer. */
static void read_everything(const char *path)
{
    const struct qc_options options = {.max_memory = 64 << 20};
    struct qc_error error = {0};
    struct qc_arrays *arrays = qc_arrays_open(path, &options, &error);
    if (!arrays) {
        assert_true(error.status != QC_OK && error.text[0]);
        return;
    }
    for (size_t i = 0; i < qc_arrays_count(arrays); i++) {
        struct qc_array array;
        if (qc_arrays_get(arrays, i, &array, &error)) assert_true(error.status != QC_OK && error.text[0]);
    }
    qc_arrays_free(arrays);
}

static void damaged_files(void **state)
{
    (void)state;
    const char *name[] = {"stored.npz", "deflated.npz", "v1.npy"};
    char path[] = "t_npy_XXXXXX";
    close(mkstemp(path));
    uint32_t seed = 1;
    for (int n = 0; n < 600; n++) {
        char from[512];
        static unsigned char bytes[1 << 16];
        snprintf(from, sizeof from, DATA "%s", name[n % 3]);
        FILE *in = fopen(from, "rb"), *out = fopen(path, "wb");
        size_t size = fread(bytes, 1, sizeof bytes, in);
        fclose(in);
        for (int k = 0; k < 1 + n % 4; k++) {
            seed = seed * 1664525 + 1013904223;
            size_t at = (seed >> 8) % size;
            if (n % 2 && n % 3 < 2) at = size - 1 - at % (size / 3); /* the directory */
            bytes[at] = n % 5 ? (unsigned char)(seed >> 3) : 0xff;
        }
        if (n % 7 == 0) size = size * (seed >> 24) / 256;
        fwrite(bytes, 1, size, out);
        fclose(out);
        read_everything(path);
    }
    unlink(path);
}

static void bad_headers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
        qc_status status;
    } row[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 8), }", "does not fit", QC_NOMEM},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "no whole number", QC_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "no whole number", QC_FORMAT},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,), }", "neither True nor False", QC_FORMAT},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "Object arrays", QC_UNSUPPORTED},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "structured", QC_UNSUPPORTED},
        {"{'descr': '<f4', 'shape': (1,), }", "not all there", QC_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1), }", "more than 8", QC_UNSUPPORTED},
        {"{'descr': '|S0', 'fortran_order': False, 'shape': (9999999999,), }", "element type", QC_UNSUPPORTED},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1", "no tuple", QC_FORMAT},
        {"{'descr': '<f4", "no short string", QC_FORMAT},
        {"(1, 2)", "no dictionary", QC_FORMAT}};
    for (size_t i = 0; i < QC_COUNT(row); i++) {
        struct qc_env env;
        struct qc_npy array = {0};
        char *bytes = malloc(10 + strlen(row[i].text)); /* exact, so that a sanitizer sees a step too far */
        qc_env_init(&env, NULL);
        memcpy(bytes, "\x93NUMPY\1\0", 8);
        bytes[8] = (char)strlen(row[i].text);
        bytes[9] = 0;
        memcpy(bytes + 10, row[i].text, strlen(row[i].text));
        assert_int_equal(qc_npy_parse(&env, bytes, 10 + strlen(row[i].text), &array), row[i].status);
        if (!strstr(env.error.text, row[i].sentence)) fail_msg("'%s' does not say '%s'", env.error.text, row[i].sentence);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type), cmocka_unit_test(strings),      cmocka_unit_test(versions),   cmocka_unit_test(streams), cmocka_unit_test(pieces),
        cmocka_unit_test(written_is_read_back), cmocka_unit_test(damaged_files), cmocka_unit_test(bad_headers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
