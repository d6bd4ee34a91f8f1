/*
 * keras.c - the importer of Keras models in one file: .h5 / .hdf5 and .keras, of Keras 1.2, 2 and 3.
 *
 * An .h5 holds the configuration as an attribute and the weights as groups; a .keras is a zip of config.json, metadata.json and
 * model.weights.h5. What they mean is keras/keras.h's matter.
 */
#include "import/import.h"
#include "import/keras/store.h"
#include "wire/zip.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CONFIG = 256 << 20 };

static bool probe(const struct qc_source *source)
{
    return !source->folder && (qc_h5_probe(source->bytes, source->size) || qc_zip_probe(source->bytes, source->size));
}

/* "2.2.4-tf" -> 2; 0 if it is no version. */
static int major_version(const char *version)
{
    int major = version ? atoi(version) : 0;
    return major >= 1 && major <= 3 ? major : 0;
}

/* Keras 2 from 2.14 on gives a layer that it has saved already no slot of its own. */
static bool saves_shared_once(const char *version)
{
    int minor = 0;
    return version && sscanf(version, "2.%d", &minor) == 1 && minor >= 14;
}

/* For a file that does not say its version: Keras 1's Sequential is a list, Keras 3 names the modules of layers. */
static int guess_major(const struct qc_json *config)
{
    const struct qc_json *inner = qc_json_get(config, "config");
    if (qc_json_is_array(inner)) return 1;
    const struct qc_json *layer = qc_json_at(qc_json_get(inner, "layers"), 0);
    return qc_json_get(layer, "module") || qc_json_get(qc_json_get(layer, "config"), "batch_shape") ? 3 : 2;
}

static qc_status build(struct qc_model *model, const char *text, size_t size, const char *version, const struct qc_keras_weights *weights)
{
    struct qc_json *config = qc_json_parse(&model->env, text, size, "the model's configuration");
    if (!config) return model->env.error.status;
    int major = major_version(version), minor = INT_MAX;
    if (major) (void)sscanf(version, "%*d.%d", &minor);
    qc_status status = qc_keras_build(model, config, major ? major : guess_major(config), minor, weights);
    qc_json_free(config);
    return status;
}

/* ---- .h5 ---- */

static qc_status load_h5(struct qc_model *model, struct qc_h5 *file)
{
    const char *config = NULL, *version = NULL;
    struct qc_keras_h5 store = {.env = &model->env, .arena = &model->arena, .file = file, .root = "/model_weights"};
    struct qc_keras_weights weights = {.user = &store, .find = qc_keras_find_h5};
    QC_TRY(qc_h5_text(file, &model->arena, "/", "model_config", &config));
    if (!config) {
        bool only_weights = qc_h5_has_group(file, "/layers") || qc_h5_has_group(file, "/_layer_checkpoint_dependencies");
        const char **names;
        size_t count;
        QC_TRY(qc_h5_texts(file, &model->arena, "/", "layer_names", &names, &count));
        return qc_fail(&model->env, QC_FORMAT, names || only_weights ?
                       "the file holds weights only (save_weights), without the model's configuration; save the whole model with model.save" :
                       "the HDF5 file is no Keras model: it has no attribute 'model_config'");
    }
    if (qc_h5_text(file, &model->arena, "/", "keras_version", &version)) qc_env_take(&model->env, NULL); /* odd: as if it said none */
    if (!qc_h5_has_group(file, store.root)) return qc_fail(&model->env, QC_FORMAT, "the HDF5 file has no group 'model_weights'");
    return build(model, config, strlen(config), version, &weights);
}

/* ---- .keras ---- */

static qc_status read_version(struct qc_model *model, struct qc_zip *zip, const char **version)
{
    const void *text;
    size_t size;
    *version = NULL;
    if (!qc_zip_has(zip, "metadata.json")) return QC_OK;
    QC_TRY(qc_zip_read(zip, &model->arena, "metadata.json", MOST_CONFIG, &text, &size));
    struct qc_json *json = qc_json_parse(&model->env, text, size, "metadata.json");
    if (!json) return model->env.error.status;
    const char *found = qc_json_string(qc_json_get(json, "keras_version"));
    if (found) *version = qc_arena_string(&model->arena, found);
    qc_json_free(json);
    return model->env.error.status;
}

static qc_status load_zip(struct qc_model *model, struct qc_zip *zip)
{
    const void *config, *bytes;
    size_t config_size, size;
    const char *version;
    if (!qc_zip_has(zip, "config.json"))
        return qc_fail(&model->env, QC_FORMAT, "the zip archive is no Keras model: it has no member 'config.json'");
    if (qc_zip_has(zip, "model.weights.json"))
        return qc_fail(&model->env, QC_UNSUPPORTED, "the weights are in several files (shards); save the model again without max_shard_size");
    QC_TRY(read_version(model, zip, &version));
    QC_TRY(qc_zip_read(zip, &model->arena, "config.json", MOST_CONFIG, &config, &config_size));
    QC_TRY(qc_zip_read(zip, &model->arena, "model.weights.h5", SIZE_MAX / 4, &bytes, &size));
    struct qc_keras_paths store = {&model->env, &model->arena, qc_h5_open(&model->env, bytes, size)};
    if (!store.file) return model->env.error.status;
    struct qc_keras_weights weights = {.user = &store, .find = qc_keras_find_path, .once = saves_shared_once(version)};
    qc_status status = build(model, config, config_size, version, &weights);
    qc_h5_close(store.file);
    return status;
}

static qc_status load(const struct qc_source *source, struct qc_model *model)
{
    if (qc_zip_probe(source->bytes, source->size)) {
        struct qc_zip *zip = qc_zip_open(&model->env, source->bytes, source->size);
        qc_status status = zip ? load_zip(model, zip) : model->env.error.status;
        qc_zip_close(zip);
        return status;
    }
    struct qc_h5 *file = qc_h5_open(&model->env, source->bytes, source->size);
    qc_status status = file ? load_h5(model, file) : model->env.error.status;
    qc_h5_close(file);
    return status;
}

const struct qc_importer qc_importer_keras = {.name = "Keras .h5 or .keras", .probe = probe, .load = load};
