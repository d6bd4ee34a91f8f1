/*
 * t_keras.c - models written by Keras 1.2.2, 2.2.4, TF 2.3 and Keras 3 are imported and give Keras's own outputs.
 *
 * Inputs are simple sequences; the expected numbers were computed by tf_keras 2.21 and keras 3.15 (for Keras 1: the same layers with
 * the file's weights).
 */
#include "unit.h"

#include <math.h>
#include <quantc/quantc.h>

#define DATA QC_SOURCE_DIR "/tests/data/keras/"

struct expectation {
    const char *file;
    bool ids;
    int count;
    float output[8];
};

static const struct expectation models[] = {
    /* kernels of Keras 1; running_std is a variance */
    {"keras1_conv.h5", false, 6, {0.427304417F, 0.115060948F, 0.457634717F, 0.0472255088F, 0.316616923F, 0.636157572F}},
    {"keras1_functional.h5", false, 4, {-0.000176869784F, 0.00513924193F, -0.040270742F, -0.0101579251F}},
    /* gates apart, hard_sigmoid of Keras 1, masks */
    {"keras1_lstm.h5", true, 2, {0.500815928F, 0.501494169F}},
    {"keras1_gru.h5", true, 2, {0.0149582289F, 0.0107267071F}},
    {"keras2_nested.h5", false, 4, {0.883578777F, 0.682833195F, -0.377226621F, 0.126320675F}},
    {"keras2_gru.h5", true, 2, {0.00529276766F, 0.00789436325F}},
    /* the order of weights depends on which layers are frozen */
    {"keras3_partly_frozen.h5", false, 4, {0.0967899114F, 0.010260772F, -0.176199868F, -0.0977103263F}},
    {"keras3_partly_frozen.keras", false, 4, {0.0967899114F, 0.010260772F, -0.176199868F, -0.0977103263F}},
    {"keras3_frozen.h5", false, 4, {0.0192677211F, 0.0873299688F, 0.0483241118F, -0.0963974893F}},
    /* a layer and a model used by the outer model and by a nested one: stored once, slots counted differently */
    {"keras2_shared.keras", false, 4, {-6.68818712F, -2.49020863F, -6.82298183F, -2.37661123F}},
    {"keras3_shared.keras", false, 4, {-6.68818712F, -2.49020863F, -6.82298183F, -2.37661123F}},
    {"unknown_keys.keras", false, 4, {-6.68818712F, -2.49020863F, -6.82298183F, -2.37661123F}},
    /* the newer form of HDF5: more links and attributes than an object header holds */
    {"hdf5_latest.h5", false, 6, {2.61138082F, -3.57677579F, -0.807182431F, 2.50868821F, -3.5098176F, -0.805039167F}},
    {"hdf5_chunks.h5", false, 6, {2.61138082F, -3.57677579F, -0.807182431F, 2.50868821F, -3.5098176F, -0.805039167F}}, /* every kind of chunk index */
    {"hdf5_track_order.h5", false, 6, {2.61138082F, -3.57677579F, -0.807182431F, 2.50868821F, -3.5098176F, -0.805039167F}},
    /* TensorFlowOpLayer */
    {"tf23_operations.h5", false, 8, {0.378539741F, 0.245799422F, 1.55494332F, 0.259599626F, 0.509586096F, 0.163622022F, 1.64200974F, 0.414651811F}},
};

static void fill(const struct qc_tensor_info *in, bool ids)
{
    for (size_t i = 0; i < in->bytes / 4; i++) {
        float value = ids ? (float)((i * 7 + 3) % 9) : (float)(i * 37 % 101) / 50.5F - 1;
        if (in->type == QC_INT32) ((int32_t *)in->data)[i] = (int32_t)value;
        else ((float *)in->data)[i] = value;
    }
}

static void check_model(const struct expectation *e, enum qc_recurrent form)
{
    char path[512];
    struct qc_error error = {0};
    struct qc_options options = {.recurrent = form};
    struct qc_tensor_info in, out;
    snprintf(path, sizeof path, DATA "%s", e->file);
    struct qc_model *model = qc_model_open(path, &options, &error);
    if (!model) fail_msg("%s", error.text);
    assert_string_equal(qc_model_signature_key(model, 0), "serving_default");
    struct qc_session *session = qc_session_create(model, NULL, &error);
    if (!session) fail_msg("%s: %s", e->file, error.text);
    assert_int_equal(qc_session_input(session, 0, &in), QC_OK);
    assert_int_equal(in.signature[0], -1);
    int32_t dims[QC_MAX_RANK];
    memcpy(dims, in.dims, sizeof dims);
    dims[0] = 2;
    assert_int_equal(qc_session_resize(session, 0, in.rank, dims, &error), QC_OK);
    for (int call = 0; call < 2; call++) {
        assert_int_equal(qc_session_input(session, 0, &in), QC_OK);
        fill(&in, e->ids);
        if (qc_session_invoke(session, &error)) fail_msg("%s: %s", e->file, error.text);
        assert_int_equal(qc_session_output(session, 0, &out), QC_OK);
        assert_true(out.bytes / 4 >= (size_t)e->count);
        for (int i = 0; i < e->count; i++)
            if (!(fabsf(((float *)out.data)[i] - e->output[i]) < 2e-6F)) fail_msg("%s: output %d is %.9g, not %.9g", e->file, i, ((float *)out.data)[i], e->output[i]);
    }
    qc_session_free(session);
    qc_model_free(model);
}

static void gives_outputs_of_keras(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) check_model(&models[i], QC_RECURRENT_LOOP);
}

/* Of a model's notes, the one about configuration keys that nothing reads. */
static const char *unread_note(const struct qc_model *model)
{
    const char *note;
    for (size_t i = 0; (note = qc_model_note(model, i)); i++)
        if (strstr(note, "does not know")) return note;
    return NULL;
}

static void unknown_keys_are_notes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char path[512];
        struct qc_error error = {0};
        snprintf(path, sizeof path, DATA "%s", models[i].file);
        struct qc_model *model = qc_model_open(path, NULL, &error);
        assert_non_null(model);
        const char *note = unread_note(model);
        if (!strcmp(models[i].file, "unknown_keys.keras"))
            assert_string_equal(note, "layer 'last' (Dense): its configuration has 'sparkle', 'kernel_sparkler', which quantc does not know and does not heed");
        else if (note) fail_msg("%s: %s", models[i].file, note);
        qc_model_free(model);
    }
}

static void unrolled_is_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (models[i].ids) check_model(&models[i], QC_RECURRENT_UNROLL);
}

static void refusal(const char *file, qc_status status, const char *says)
{
    char path[512];
    struct qc_error error = {0};
    snprintf(path, sizeof path, DATA "%s", file);
    assert_null(qc_model_open(path, NULL, &error));
    assert_int_equal(error.status, status);
    if (!strstr(error.text, says)) fail_msg("'%s' does not say '%s'", error.text, says);
}

static void refuses_by_name(void **state)
{
    (void)state;
    refusal("weights_only.h5", QC_FORMAT, "weights only");
    refusal("lambda.keras", QC_UNSUPPORTED, "Python code");
    refusal("hdf5_chunk_short.h5", QC_FORMAT, "its chunks cannot be read"); /* inflates to four bytes less than the chunk's, */
    refusal("hdf5_chunk_long.h5", QC_FORMAT, "its chunks cannot be read");  /* four more */
}

/* A chunk whose elements are smaller than the data set's would be read past its end. */
static void chunks_of_other_elements_are_refused(void **state)
{
    static const unsigned char layout[] = {4, 2, 0, 3, 1, 1, 1, 4}; /* version, class, flags, dimensions, bytes of each, chunk of 1 x 1, element */
    static unsigned char bytes[1 << 16];
    char path[] = "/tmp/t_keras_XXXXXX";
    struct qc_error error;
    int found = 0;
    (void)state;
    FILE *file = fopen(DATA "hdf5_chunks.h5", "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t i = 0; i + sizeof layout <= size; i++)
        if (!memcmp(bytes + i, layout, sizeof layout)) bytes[i + 7] = 1, found++;
    assert_true(found > 0);
    assert_non_null(file = fdopen(mkstemp(path), "wb"));
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    assert_null(qc_model_open(path, NULL, &error));
    remove(path);
    if (!strstr(error.text, "chunks that do not fit its shape")) fail_msg("%s", error.text);
}

/* Damage anywhere gives a model or a sentence; memory is given back either way. */
static void survives_damage(void **state)
{
    static const char *const files[] = {DATA "keras2_nested.h5", DATA "keras3_partly_frozen.keras", DATA "hdf5_latest.h5", DATA "hdf5_chunks.h5", DATA "hdf5_track_order.h5"};
    (void)state;
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        uint64_t random = f;
        static unsigned char bytes[1 << 16], damaged[1 << 16];
        FILE *file = fopen(files[f], "rb");
        assert_non_null(file);
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        for (int round = 0; round < 150; round++) {
            char path[] = "/tmp/t_keras_XXXXXX";
            struct qc_error error = {0};
            memcpy(damaged, bytes, size);
            for (int i = 0; i < 8; i++) damaged[unit_random(&random) % size] ^= (unsigned char)(1U << unit_random(&random) % 8);
            size_t length = round % 5 ? size : unit_random(&random) % size;
            int descriptor = mkstemp(path);
            assert_true(descriptor >= 0);
            file = fdopen(descriptor, "wb");
            assert_int_equal(fwrite(damaged, 1, length, file), length);
            fclose(file);
            struct unit_allocator counter = {0};
            struct qc_allocator allocator = {unit_resize, &counter};
            struct qc_model *model = qc_model_open(path, &(struct qc_options){.allocator = &allocator, .max_memory = 64 << 20}, &error);
            if (!model) assert_true(error.status != QC_OK && error.text[0]);
            qc_model_free(model);
            assert_int_equal(counter.live, 0);
            remove(path);
        }
    }
}

static void survives_without_memory(void **state)
{
    (void)state;
    for (size_t n = 1; n < 4000; n += 1 + n / 16) {
        struct unit_allocator counter = {.fail_at = n};
        struct qc_allocator allocator = {unit_resize, &counter};
        struct qc_error error = {0};
        struct qc_model *model = qc_model_open(DATA "keras3_partly_frozen.keras", &(struct qc_options){.allocator = &allocator}, &error);
        if (!model) assert_int_equal(error.status, QC_NOMEM);
        qc_model_free(model);
        assert_int_equal(counter.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_outputs_of_keras), cmocka_unit_test(unknown_keys_are_notes), cmocka_unit_test(unrolled_is_the_same), cmocka_unit_test(refuses_by_name),
        cmocka_unit_test(chunks_of_other_elements_are_refused), cmocka_unit_test(survives_damage), cmocka_unit_test(survives_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
