/*
 * unpack.c - reading the text settings of a model. See pack.h.
 */
#include "text/pack.h"
#include "wire/json.h"

#include <math.h>
#include <string.h>

static const struct qc_blob *find(const struct qc_blob *blob, uint32_t count, const char *name)
{
    for (uint32_t i = 0; name && i < count; i++)
        if (!strcmp(blob[i].name, name)) return &blob[i];
    return NULL;
}

static qc_status wrong(struct qc_arena *arena, const char *key)
{
    return qc_fail(arena->env, QC_FORMAT, "the entry " QC_TEXT_ENTRY " of the model: '%s' is missing or of the wrong kind", key);
}

static qc_status get_string(struct qc_arena *arena, const struct qc_json *json, const char *key, const char **string)
{
    const char *text = qc_json_string(qc_json_get(json, key));
    if (!text) return wrong(arena, key);
    return (*string = qc_arena_string(arena, text)) ? QC_OK : arena->env->error.status;
}

static qc_status get_int(struct qc_arena *arena, const struct qc_json *json, const char *key, int64_t low, int64_t high, int64_t *value)
{
    return qc_json_int(qc_json_get(json, key), value) && *value >= low && *value <= high ? QC_OK : wrong(arena, key);
}

static qc_status get_side(struct qc_arena *arena, const struct qc_json *json, const char *key, enum qc_side *side)
{
    const struct qc_json *value = qc_json_get(json, key);
    bool post = qc_json_equal(value, "post");
    *side = post ? QC_POST : QC_PRE;
    return post || qc_json_equal(value, "pre") ? QC_OK : wrong(arena, key);
}

static qc_status read_settings(struct qc_arena *arena, const struct qc_json *json, struct qc_text_packed *packed)
{
    struct qc_tokenizer_options *options = &packed->options;
    int64_t maxlen, value;
    double threshold;
    bool lower;
    QC_TRY(get_int(arena, json, "maxlen", 1, INT32_MAX, &maxlen));
    QC_TRY(get_int(arena, json, "value", INT32_MIN, INT32_MAX, &value));
    QC_TRY(get_int(arena, json, "num_words", 0, INT64_MAX, &options->num_words));
    QC_TRY(get_side(arena, json, "padding", &packed->padding.padding));
    QC_TRY(get_side(arena, json, "truncating", &packed->padding.truncating));
    QC_TRY(get_string(arena, json, "filters", &options->filters));
    QC_TRY(get_string(arena, json, "split", &options->split));
    if (!qc_json_is_null(qc_json_get(json, "oov_token"))) QC_TRY(get_string(arena, json, "oov_token", &options->oov_token));
    if (!qc_json_number(qc_json_get(json, "threshold"), &threshold) || isnan(threshold)) return wrong(arena, "threshold");
    if (!qc_json_bool(qc_json_get(json, "lower"), &lower)) return wrong(arena, "lower");
    if (!qc_json_bool(qc_json_get(json, "char_level"), &options->char_level)) return wrong(arena, "char_level");
    options->keep_case = !lower;
    packed->padding.maxlen = (size_t)maxlen;
    packed->padding.value = (int32_t)value;
    packed->threshold = (float)threshold;
    return QC_OK;
}

static qc_status read_files(struct qc_arena *arena, const struct qc_model *model, const struct qc_json *json, struct qc_text_packed *packed)
{
    const char *name = qc_json_string(qc_json_get(json, "vocabulary"));
    const struct qc_blob *file = find(model->file, model->file_count, name);
    if (!file)
        return qc_fail(arena->env, QC_FORMAT, "the associated file '%.100s', which holds the vocabulary, is missing from the model", name ? name : "");
    size_t length = strlen(name);
    packed->lines = length > 4 && !strcmp(name + length - 4, ".txt");
    packed->vocabulary = file->data;
    packed->vocabulary_size = file->bytes;
    const struct qc_blob *labels = find(model->file, model->file_count, qc_json_string(qc_json_get(json, "labels")));
    if (labels) {
        packed->labels = labels->data;
        packed->labels_size = labels->bytes;
    }
    return QC_OK;
}

qc_status qc_text_unpack(const struct qc_model *model, struct qc_arena *arena, struct qc_text_packed *packed)
{
    const struct qc_blob *entry = find(model->metadata, model->metadata_count, QC_TEXT_ENTRY);
    memset(packed, 0, sizeof *packed);
    if (!entry) return QC_OK;
    struct qc_json *json = qc_json_parse(arena->env, entry->data, entry->bytes, "the entry " QC_TEXT_ENTRY " of the model");
    if (!json) return arena->env->error.status;
    qc_status status = read_settings(arena, json, packed);
    if (!status) status = read_files(arena, model, json, packed);
    qc_json_free(json);
    packed->present = !status;
    return status;
}
