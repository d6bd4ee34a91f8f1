/*
 * model.c - the public model API: opening by content, metadata, freeing. See quantc.h section 4.
 */
#include "base/cpu.h"
#include "base/file.h"
#include "import/import.h"
#include "run/run.h"

#include <stdio.h>
#include <string.h>

const char *qc_version(void)
{
    return QC_VERSION;
}

const char *qc_cpu_name(char *text, size_t size)
{
    return qc_cpu_describe(qc_cpu_features(), text, (int)size);
}

static const struct qc_importer *find_importer(const struct qc_source *source)
{
    for (size_t i = 0; qc_importers[i]; i++)
        if (qc_importers[i]->probe(source)) return qc_importers[i];
    return NULL;
}

static qc_status unknown_kind(struct qc_model *model, const struct qc_source *source)
{
    const unsigned char *b = source->bytes;
    char kinds[200] = "it reads";
    for (size_t i = 0, at = strlen(kinds); qc_importers[i] && at < sizeof kinds; i++)
        at += (size_t)snprintf(kinds + at, sizeof kinds - at, "%s %s", i ? "," : "", qc_importers[i]->name);
    if (source->folder) return qc_fail(&model->env, QC_FORMAT, "the folder holds no model (no saved_model.pb); %s", kinds);
    if (!source->size) return qc_fail(&model->env, QC_FORMAT, "the file is empty");
    if (source->size >= 8)
        return qc_fail(&model->env, QC_FORMAT, "this is no model file that quantc knows (its first bytes are %02x %02x %02x %02x %02x %02x %02x %02x); %s",
                       b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], kinds);
    return qc_fail(&model->env, QC_FORMAT, "the file of %zu bytes is too short to be a model", source->size);
}

static qc_status load(struct qc_model *model, const struct qc_source *source)
{
    const struct qc_importer *importer = find_importer(source);
    if (!importer) return unknown_kind(model, source);
    QC_TRY(importer->load(source, model));
    return qc_model_check(model);
}

static qc_status open_path(struct qc_model *model, const char *path)
{
    struct qc_source source = {.path = path, .folder = qc_file_is_folder(path)};
    if (!(model->path = qc_arena_string(&model->arena, path))) return QC_NOMEM;
    if (!source.folder) {
        if (!(model->mapping = qc_arena_alloc(&model->arena, sizeof *model->mapping))) return QC_NOMEM;
        QC_TRY(qc_file_map(&model->env, path, model->mapping));
        source.bytes = model->mapping->bytes;
        source.size = model->mapping->size;
    }
    qc_status status = load(model, &source);
    if (status) qc_context(&model->env, "%s", path);
    return status;
}

struct qc_model *qc_model_open(const char *path, const struct qc_options *options, struct qc_error *error)
{
    if (!QC_GIVEN(path, error)) return NULL;
    struct qc_model *model = qc_model_new(options, error);
    if (!model) return NULL;
    if (!open_path(model, path)) return model;
    qc_env_take(&model->env, error);
    qc_model_free(model);
    return NULL;
}

struct qc_model *qc_model_open_memory(const void *bytes, size_t size, const struct qc_options *options, struct qc_error *error)
{
    if (!QC_GIVEN(bytes, error)) return NULL;
    struct qc_model *model = qc_model_new(options, error);
    if (!model) return NULL;
    struct qc_source source = {.path = "", .bytes = bytes, .size = size};
    if (!load(model, &source)) return model;
    qc_env_take(&model->env, error);
    qc_model_free(model);
    return NULL;
}

void qc_model_free(struct qc_model *model)
{
    if (!model) return;
    qc_pack_free(model);
    if (model->close) model->close(model);
    if (model->mapping) qc_file_unmap(model->mapping);
    qc_arena_free(&model->arena);
    struct qc_env env = model->env;
    qc_env_free(&env, model);
}

const char *qc_model_note(const struct qc_model *model, size_t index)
{
    return index < model->note_count ? model->notes[index] : NULL;
}

static bool find_blob(const struct qc_blob *blob, uint32_t count, const char *name, const void **bytes, size_t *size)
{
    for (uint32_t i = 0; name && i < count; i++)
        if (!strcmp(blob[i].name, name)) {
            *bytes = blob[i].data;
            *size = blob[i].bytes;
            return true;
        }
    return false;
}

bool qc_model_associated_file(const struct qc_model *model, const char *name, const void **bytes, size_t *size)
{
    return find_blob(model->file, model->file_count, name, bytes, size);
}

bool qc_model_metadata(const struct qc_model *model, const char *name, const void **bytes, size_t *size)
{
    return find_blob(model->metadata, model->metadata_count, name, bytes, size);
}

size_t qc_model_signature_count(const struct qc_model *model)
{
    return model->signature_count;
}

const char *qc_model_signature_key(const struct qc_model *model, size_t index)
{
    return index < model->signature_count ? model->signature[index].key : NULL;
}
