/*
 * pack.c - writing the text settings into a model. See pack.h; the metadata's meaning is that of metadata_schema.fbs (TFLite Metadata).
 */
#include "text/pack.h"

#include <stdio.h>
#include <string.h>

struct packing {
    struct qc_model *model;
    const struct qc_text_settings *settings;
    const struct qc_tokenizer *tokenizer;
    struct qc_vocabulary kept; /* the words that num_words leaves */
    bool lines;
};

#define NEW(p, type) fb_new(&(p)->model->arena, &tfl_##type##_table)

/* ---- the vocabulary ---- */

static qc_status keep_words(struct packing *p)
{
    const struct qc_tokenizer *t = p->tokenizer;
    for (uint32_t i = 0; i < t->words.count; i++) {
        const struct qc_word *from = &t->words.word[i];
        bool oov = t->oov_token && strlen(t->oov_token) == from->length && !memcmp(t->oov_token, from->text, from->length);
        if (t->num_words && from->number >= t->num_words && !oov) continue;
        struct qc_word *word = qc_vocabulary_add(&p->kept, from->text, from->length, NULL);
        if (!word) return p->model->env.error.status;
        word->number = from->number;
    }
    return QC_OK;
}

static qc_status add_blob(struct qc_model *model, struct qc_blob **list, uint32_t *count, const char *name, const void *data, size_t bytes)
{
    struct qc_blob *longer = qc_arena_array(&model->arena, *count + 1u, sizeof *longer);
    const void *copy = longer ? qc_arena_copy(&model->arena, data, bytes) : NULL;
    if (!copy) return model->env.error.status;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++)
        if (strcmp((*list)[i].name, name)) longer[kept++] = (*list)[i]; /* replaced, if it is there already */
    longer[kept++] = (struct qc_blob){name, copy, bytes};
    *list = longer;
    *count = kept;
    return QC_OK;
}

static qc_status add_file(struct qc_model *model, const char *name, const void *data, size_t bytes)
{
    return add_blob(model, &model->file, &model->file_count, name, data, bytes);
}

static const char *vocabulary_name(const struct packing *p)
{
    return p->lines ? "vocab.txt" : "word_index.json";
}

static qc_status add_vocabulary(struct packing *p)
{
    size_t size = 0;
    char *text = p->lines ? qc_vocabulary_print_lines(&p->kept, &size) : qc_vocabulary_print(&p->kept, &size);
    qc_status status = text ? add_file(p->model, vocabulary_name(p), text, size) : p->model->env.error.status;
    qc_env_free(&p->model->env, text);
    return status;
}

static qc_status add_labels(struct packing *p)
{
    const struct qc_text_settings *s = p->settings;
    size_t room = 0, at = 0;
    for (size_t i = 0; i < s->label_count; i++) {
        if (strpbrk(s->labels[i], "\r\n")) return qc_fail(&p->model->env, QC_INVALID, "label %zu has more than one line", i);
        room += strlen(s->labels[i]) + 1;
    }
    if (!room) return QC_OK;
    char *text = qc_arena_alloc(&p->model->arena, room + 1);
    if (!text) return p->model->env.error.status;
    for (size_t i = 0; i < s->label_count; i++) at += (size_t)sprintf(text + at, "%s\n", s->labels[i]);
    return add_file(p->model, "labels.txt", text, at);
}

/* ---- TFLite Metadata ---- */

static struct tfl_AssociatedFile *associated(struct packing *p, const char *name, const char *description, int type)
{
    struct tfl_AssociatedFile *file = NEW(p, AssociatedFile);
    if (!file) return NULL;
    file->name = name;
    file->description = description;
    file->type = (int8_t)type;
    return file;
}

/* One element in a vector of tables. */
#define SET_ONE(p, vec, value)                                                                                       \
    do {                                                                                                             \
        if (!((vec).data = qc_arena_alloc(&(p)->model->arena, sizeof *(vec).data)) || !((vec).data[0] = (value)))     \
            return (p)->model->env.error.status;                                                                     \
        (vec).count = 1;                                                                                             \
    } while (0)

/* The characters that separate words, as a character class. */
static char *delimiter_pattern(struct packing *p)
{
    const struct qc_tokenizer *t = p->tokenizer;
    char *out = qc_arena_alloc(&p->model->arena, 2 * strlen(t->filters) + 2 * t->split_length + 8), *at = out;
    const char *part[] = {t->split, t->filters};
    if (!out) return NULL;
    *at++ = '[';
    for (int k = 0; k < 2; k++)
        for (const char *c = part[k]; *c; c++) {
            if (strchr("[]\\^-", *c)) *at++ = '\\';
            *at++ = *c;
        }
    memcpy(at, "]+", 3);
    return out;
}

static qc_status describe_input(struct packing *p, struct tfl_TensorMetadata **result)
{
    struct tfl_TensorMetadata *input = *result = NEW(p, TensorMetadata);
    struct tfl_AssociatedFile *file = associated(p, vocabulary_name(p), "Words and their ids.", tfl_AssociatedFileType_VOCABULARY);
    if (!input || !file) return p->model->env.error.status;
    input->name = "ids";
    input->description = "Word ids of one text, padded and cut to a fixed length.";
    if (!p->lines) {
        SET_ONE(p, input->associated_files, file);
        return QC_OK;
    }
    struct tfl_RegexTokenizerOptions *regex = NEW(p, RegexTokenizerOptions);
    struct tfl_ProcessUnit *unit = NEW(p, ProcessUnit);
    if (!regex || !unit || !(regex->delim_regex_pattern = delimiter_pattern(p))) return p->model->env.error.status;
    SET_ONE(p, regex->vocab_file, file);
    unit->options_type = tfl_ProcessUnitOptions_RegexTokenizerOptions;
    unit->options = regex;
    SET_ONE(p, input->process_units, unit);
    return QC_OK;
}

static qc_status describe_output(struct packing *p, struct tfl_TensorMetadata **result)
{
    struct tfl_TensorMetadata *output = *result = NEW(p, TensorMetadata);
    if (!output) return p->model->env.error.status;
    output->name = "probability";
    output->description = "Probability of each label, or of label 1.";
    if (p->settings->label_count)
        SET_ONE(p, output->associated_files, associated(p, "labels.txt", "Names of the labels.", tfl_AssociatedFileType_TENSOR_AXIS_LABELS));
    return QC_OK;
}

static qc_status add_metadata(struct packing *p)
{
    struct tfl_TensorMetadata *input, *output;
    struct tfl_SubGraphMetadata *graph = NEW(p, SubGraphMetadata);
    struct tfl_ModelMetadata *root = NEW(p, ModelMetadata);
    if (!graph || !root) return p->model->env.error.status;
    QC_TRY(describe_input(p, &input));
    QC_TRY(describe_output(p, &output));
    SET_ONE(p, graph->input_tensor_metadata, input);
    SET_ONE(p, graph->output_tensor_metadata, output);
    SET_ONE(p, root->subgraph_metadata, graph);
    root->name = "text classifier";
    root->description = "Input: text split and numbered as the Keras Tokenizer does it; exact settings in the entry " QC_TEXT_ENTRY ".";
    root->min_parser_version = "1.2.1"; /* the first with the regex tokenizer */
    struct fb_output bytes;
    QC_TRY(fb_encode(&p->model->arena, root, &tfl_ModelMetadata_table, "M001", &bytes));
    /* No vector here is large, so nothing is spliced in: the bytes are whole. */
    return add_blob(p->model, &p->model->metadata, &p->model->metadata_count, "TFLITE_METADATA", bytes.bytes, bytes.size);
}

/* ---- the entry of our own ---- */

static char *quoted(struct qc_arena *arena, const char *text)
{
    char *out = text ? qc_arena_alloc(arena, 6 * strlen(text) + 8) : NULL, *at = out;
    if (!text) return qc_arena_string(arena, "null");
    if (!out) return NULL;
    *at++ = '"';
    for (const char *c = text; *c; c++) at += qc_json_put_byte(*c, at);
    memcpy(at, "\"", 2);
    return out;
}

static qc_status add_settings(struct packing *p)
{
    static const char *const side[] = {"pre", "post"};
    const struct qc_text_settings *s = p->settings;
    const struct qc_tokenizer *t = p->tokenizer;
    struct qc_arena *arena = &p->model->arena;
    char *filters = quoted(arena, t->filters), *split = quoted(arena, t->split), *oov = quoted(arena, t->oov_token);
    if (!filters || !split || !oov) return p->model->env.error.status;
    char *text = qc_arena_printf(arena,
                                 "{\"vocabulary\": \"%s\", \"labels\": %s, \"maxlen\": %zu, \"padding\": \"%s\", \"truncating\": \"%s\", \"value\": %d, "
                                 "\"threshold\": %.9g, \"num_words\": %lld, \"oov_token\": %s, \"filters\": %s, \"split\": %s, \"lower\": %s, \"char_level\": %s}",
                                 vocabulary_name(p), s->label_count ? "\"labels.txt\"" : "null", s->padding.maxlen, side[s->padding.padding == QC_POST],
                                 side[s->padding.truncating == QC_POST], (int)s->padding.value, (double)s->threshold, (long long)t->num_words, oov,
                                 filters, split, t->lower ? "true" : "false", t->char_level ? "true" : "false");
    if (!text) return p->model->env.error.status;
    return add_blob(p->model, &p->model->metadata, &p->model->metadata_count, QC_TEXT_ENTRY, text, strlen(text));
}

qc_status qc_text_pack(struct qc_model *model, const struct qc_text_settings *settings)
{
    struct packing p = {.model = model, .settings = settings, .tokenizer = settings->tokenizer};
    if (model->graph[0]->input_count != 1)
        return qc_fail(&model->env, QC_INVALID, "a tokenizer is packed into a model with one input; this one has %d", model->graph[0]->input_count);
    qc_vocabulary_init(&p.kept, &model->env);
    qc_status status = keep_words(&p);
    p.lines = !p.tokenizer->char_level && p.tokenizer->split_length == 1 && qc_vocabulary_fits_lines(&p.kept);
    if (!status) status = add_vocabulary(&p);
    qc_vocabulary_free(&p.kept);
    if (!status) status = add_labels(&p);
    if (!status) status = add_metadata(&p);
    return status ? status : add_settings(&p);
}
