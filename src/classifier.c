/*
 * classifier.c - the public API of text classification (quantc.h, section 8): a session, a tokenizer and what joins them.
 */
#include "text/pack.h"
#include "text/pad.h"

#include <stdio.h>
#include <string.h>

struct qc_classifier {
    struct qc_env env;
    struct qc_arena arena; /* strings of the packed settings, labels */
    struct qc_model *model;
    struct qc_session *session;
    struct qc_tokenizer *tokenizer;
    struct qc_padding pad;
    float threshold;
    int32_t *ids; /* [pad.maxlen] */
    float *scores;
    size_t score_count;
    const char **labels;
    size_t label_count;
    char number[16]; /* a label without a name */
};

qc_status qc_model_pack_text(struct qc_model *model, const struct qc_text_settings *settings, struct qc_error *error)
{
    if (!QC_GIVEN(model, error) || !QC_GIVEN(settings, error)) return QC_INVALID;
    const struct qc_padding *pad = &settings->padding;
    if (!settings->tokenizer || !pad->maxlen || pad->maxlen > INT32_MAX)
        qc_fail(&model->env, QC_INVALID, "qc_model_pack_text: no tokenizer, or maxlen is not in [1, 2147483647]");
    else if (!(settings->threshold > -1e30f && settings->threshold < 1e30f))
        qc_fail(&model->env, QC_INVALID, "qc_model_pack_text: threshold is no finite number");
    else
        (void)!qc_text_pack(model, settings);
    return qc_env_take(&model->env, error);
}

/* ---- opening ---- */

/* The text's names, one a line. */
static qc_status split_labels(struct qc_classifier *c, const char *text, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++) count += text[i] == '\n';
    c->labels = qc_arena_array(&c->arena, count + 1, sizeof *c->labels);
    char *copy = qc_arena_alloc(&c->arena, size + 1);
    if (!c->labels || !copy) return c->env.error.status;
    memcpy(copy, text, size);
    for (char *line = copy, *end; *line; line = end + 1) {
        c->labels[c->label_count++] = line;
        if (!(end = strchr(line, '\n'))) break;
        *end = 0;
    }
    return QC_OK;
}

/* What the caller sets holds before what the model carries. */
static struct qc_tokenizer_options merge(const struct qc_tokenizer_options *given, const struct qc_tokenizer_options *packed)
{
    struct qc_tokenizer_options o = *packed;
    if (given->filters) o.filters = given->filters;
    if (given->split) o.split = given->split;
    if (given->oov_token) o.oov_token = given->oov_token;
    if (given->num_words) o.num_words = given->num_words;
    o.keep_case |= given->keep_case;
    o.char_level |= given->char_level;
    return o;
}

static qc_status open_tokenizer(struct qc_classifier *c, const struct qc_classifier_options *given, const struct qc_text_packed *packed)
{
    struct qc_error error = {0};
    struct qc_tokenizer_options o = merge(&given->tokenizer, &packed->options);
    if (given->word_index) {
        c->tokenizer = qc_tokenizer_open(given->word_index, &given->tokenizer, &error);
    } else if (!packed->present) {
        return qc_fail(&c->env, QC_INVALID, "the model carries no vocabulary: name one (--word-index word_index.json), or pack it when quantizing");
    } else if (packed->lines) {
        c->tokenizer = qc_tokenizer_new(&o, &error);
        if (c->tokenizer && qc_vocabulary_parse_lines(&c->tokenizer->words, packed->vocabulary, packed->vocabulary_size))
            return qc_fail(&c->env, QC_FORMAT, "%s", c->tokenizer->env.error.text);
    } else {
        c->tokenizer = qc_tokenizer_open_memory(packed->vocabulary, packed->vocabulary_size, &o, &error);
    }
    return c->tokenizer ? QC_OK : qc_fail(&c->env, error.status, "%s", error.text);
}

static bool takes_ids(qc_dtype type)
{
    return type == QC_FLOAT32 || type == QC_INT32 || type == QC_INT64;
}

/* The model must be one that takes ids and gives scores. Fills maxlen. */
static qc_status check_model(struct qc_classifier *c, size_t maxlen)
{
    struct qc_tensor_info in;
    if (qc_session_input_count(c->session) != 1 || qc_session_output_count(c->session) < 1)
        return qc_fail(&c->env, QC_INVALID, "a text classifier has one input and an output; this model has %zu and %zu",
                       qc_session_input_count(c->session), qc_session_output_count(c->session));
    if (qc_session_input(c->session, 0, &in)) return qc_fail(&c->env, QC_INVALID, "the shape of the model's input is not known");
    if (in.rank != 2 || !takes_ids(in.type))
        return qc_fail(&c->env, QC_INVALID, "a text classifier takes ids [batch, maxlen] of type float32, int32 or int64; the input '%s' is %s of rank %d",
                       in.name, qc_dtype_name(in.type), in.rank);
    bool fixed = in.signature[1] >= 0;
    if (fixed && maxlen && maxlen != (size_t)in.signature[1])
        return qc_fail(&c->env, QC_INVALID, "maxlen is %zu, but the model takes exactly %d ids", maxlen, (int)in.signature[1]);
    c->pad.maxlen = maxlen ? maxlen : fixed ? (size_t)in.signature[1] : 100;
    if (c->pad.maxlen < 1 || c->pad.maxlen > INT32_MAX) return qc_fail(&c->env, QC_INVALID, "maxlen is %zu", c->pad.maxlen);
    return QC_OK;
}

static qc_status set_shape(struct qc_classifier *c)
{
    struct qc_error error = {0};
    struct qc_tensor_info in;
    const int32_t dims[2] = {1, (int32_t)c->pad.maxlen};
    if (qc_session_input(c->session, 0, &in)) return qc_fail(&c->env, QC_INVALID, "the shape of the model's input is not known");
    if (in.dims[0] == 1 && in.dims[1] == dims[1]) return QC_OK;
    if (qc_session_resize(c->session, 0, 2, dims, &error)) return qc_fail(&c->env, error.status, "%s", error.text);
    return QC_OK;
}

static qc_status open_parts(struct qc_classifier *c, const char *path, const struct qc_classifier_options *given)
{
    struct qc_error error = {0};
    struct qc_text_packed packed;
    if (!(c->model = qc_model_open(path, &given->run, &error)) || !(c->session = qc_session_create(c->model, &given->run, &error)))
        return qc_fail(&c->env, error.status, "%s", error.text);
    QC_TRY(qc_text_unpack(c->model, &c->arena, &packed));
    QC_TRY(open_tokenizer(c, given, &packed));
    QC_TRY(check_model(c, given->maxlen ? given->maxlen : packed.padding.maxlen));
    c->pad.padding = given->padding ? *given->padding : packed.padding.padding;
    c->pad.truncating = given->truncating ? *given->truncating : packed.padding.truncating;
    c->pad.value = packed.padding.value;
    c->threshold = given->threshold ? *given->threshold : packed.present ? packed.threshold : 0.5f;
    if (packed.labels) QC_TRY(split_labels(c, packed.labels, packed.labels_size));
    if (!(c->ids = qc_arena_array(&c->arena, c->pad.maxlen, sizeof *c->ids))) return c->env.error.status;
    return set_shape(c);
}

struct qc_classifier *qc_classifier_open(const char *path, const struct qc_classifier_options *options, struct qc_error *error)
{
    if (!QC_GIVEN(path, error)) return NULL;
    static const struct qc_classifier_options none;
    struct qc_env env;
    if (!options) options = &none;
    qc_env_init(&env, &options->run);
    struct qc_classifier *c = qc_env_alloc(&env, sizeof *c);
    if (!c) {
        qc_env_take(&env, error);
        return NULL;
    }
    c->env = env;
    qc_arena_init(&c->arena, &c->env);
    if (!open_parts(c, path, options)) return c;
    qc_env_take(&c->env, error);
    qc_classifier_free(c);
    return NULL;
}

void qc_classifier_free(struct qc_classifier *c)
{
    if (!c) return;
    qc_session_free(c->session);
    qc_model_free(c->model);
    qc_tokenizer_free(c->tokenizer);
    qc_arena_free(&c->arena);
    struct qc_env env = c->env;
    qc_env_free(&env, c);
}

/* ---- predicting ---- */

static void put_ids(const struct qc_classifier *c, const struct qc_tensor_info *in)
{
    for (size_t i = 0; i < c->pad.maxlen; i++) {
        if (in->type == QC_FLOAT32)
            ((float *)in->data)[i] = (float)c->ids[i];
        else if (in->type == QC_INT32)
            ((int32_t *)in->data)[i] = c->ids[i];
        else
            ((int64_t *)in->data)[i] = c->ids[i];
    }
}

/* All scores of the first output as floats. */
static qc_status get_scores(struct qc_classifier *c)
{
    struct qc_tensor_info out;
    size_t count = 1;
    if (qc_session_output(c->session, 0, &out) || !out.data) return qc_fail(&c->env, QC_INVALID, "the model gives no scores");
    for (int i = 0; i < out.rank; i++) count *= (size_t)out.dims[i];
    bool quantized = out.type == QC_INT8 || out.type == QC_UINT8 || out.type == QC_INT16;
    if (out.type != QC_FLOAT32 && !quantized)
        return qc_fail(&c->env, QC_INVALID, "scores are float32, int8, uint8 or int16; the output '%s' is %s", out.name, qc_dtype_name(out.type));
    if (count != c->score_count && !(c->scores = qc_arena_array(&c->arena, count, sizeof *c->scores))) return c->env.error.status;
    c->score_count = count;
    for (size_t i = 0; i < count; i++) {
        if (!quantized) {
            c->scores[i] = ((const float *)out.data)[i];
            continue;
        }
        int stored = out.type == QC_INT8 ? ((const int8_t *)out.data)[i] : out.type == QC_UINT8 ? ((const uint8_t *)out.data)[i] : ((const int16_t *)out.data)[i];
        c->scores[i] = (float)(stored - out.zero_point) * out.scale;
    }
    return QC_OK;
}

static void decide(struct qc_classifier *c, struct qc_prediction *p)
{
    size_t best = 0;
    for (size_t i = 1; i < c->score_count; i++)
        if (c->scores[i] > c->scores[best]) best = i;
    p->probability = c->scores[best];
    p->label = c->score_count == 1 ? c->scores[0] > c->threshold : (int)best;
    snprintf(c->number, sizeof c->number, "%d", p->label);
    p->name = (size_t)p->label < c->label_count ? c->labels[p->label] : c->number;
}

static qc_status predict(struct qc_classifier *c, const char *text, size_t length, struct qc_prediction *p)
{
    struct qc_error error = {0};
    struct qc_tensor_info in;
    if (qc_tokenizer_sequence(c->tokenizer, text, length, &c->pad, c->ids, &p->known, &error) ||
        (qc_session_input(c->session, 0, &in) && qc_session_invoke(c->session, &error)))
        return qc_fail(&c->env, error.status, "%s", error.text);
    if (!in.data || in.bytes != qc_dtype_bytes(in.type, c->pad.maxlen))
        return qc_fail(&c->env, QC_INVALID, "the model does not take %zu ids", c->pad.maxlen);
    put_ids(c, &in);
    if (qc_session_invoke(c->session, &error)) return qc_fail(&c->env, error.status, "%s", error.text);
    QC_TRY(get_scores(c));
    if (!c->score_count) return qc_fail(&c->env, QC_INVALID, "the model gives no scores");
    decide(c, p);
    p->scores = c->scores;
    p->score_count = c->score_count;
    p->ids = c->ids;
    p->id_count = c->pad.maxlen;
    return QC_OK;
}

qc_status qc_classifier_predict(struct qc_classifier *c, const char *text, size_t length, struct qc_prediction *prediction, struct qc_error *error)
{
    if (!qc_given(c, __func__, "classifier", error) || !QC_GIVEN(text, error) || !QC_GIVEN(prediction, error)) return QC_INVALID;
    return predict(c, text, length, prediction) ? qc_env_take(&c->env, error) : QC_OK;
}
