/*
 * variables.c - which variables a layer has, in which order files list them, and their values.
 *
 * A class declares its variables as text (call.h). An .h5 file lists the weights of each layer of the outermost model as one list:
 * first all trainable ones, then the others, so that freezing an inner layer moves its weights to the end. gather() follows the
 * property `weights` of Keras's Layer and Model to the letter, version 2 and 3, and so gives each variable its position.
 */
#include "import/keras/tree.h"

#include <string.h>

/* ---- declaration ---- */

/* Does the condition behind '?' hold? */
static bool holds(const struct qc_keras_layer *layer, const char *condition, size_t length)
{
    char key[64], mode = strchr("!*~-", *condition) ? *condition : 0;
    if (mode) condition++, length--;
    if (length >= sizeof key) return false;
    memcpy(key, condition, length);
    key[length] = 0;
    char *text = strpbrk(key, "=#"), sign = text ? *text : 0;
    if (text) *text++ = 0;
    const struct qc_json *json = qc_keras_get(layer, key);
    bool value = mode == 0 || mode == '-';
    if (text) return qc_json_equal(json, text) == (sign == '=');
    if (mode == '*' || mode == '~') return (json != NULL) == (mode == '*');
    qc_json_bool(json, &value);
    return mode == '-' ? !value : value;
}

static qc_status add_variable(struct qc_keras_import *im, struct qc_keras_layer *layer, const char *text, size_t length, bool lora)
{
    struct qc_keras_variable *v = &layer->variable[layer->variable_count];
    const char *condition = memchr(text, '?', length);
    size_t name_length = condition ? (size_t)(condition - text) : length;
    for (const char *at = condition, *end = text + length, *next; at && at < end; at = next) { /* each begins with ? */
        next = memchr(at + 1, '?', (size_t)(end - at) - 1);
        if (!next) next = end;
        if (!holds(layer, at + 1, (size_t)(next - at) - 1)) return QC_OK;
    }
    bool unused = *text == '.', frozen = unused || *text == '-', optional = *text == '~', marked = frozen || optional;
    char *name = qc_arena_printf(im->arena, "%.*s", (int)name_length - marked, text + marked);
    if (!name) return QC_NOMEM;
    char *slash = strrchr(name, '/');
    if (slash) *slash = 0;
    *v = (struct qc_keras_variable){.part = slash ? name : "", .name = slash ? slash + 1 : name, .trainable = !frozen && !lora,
                                    .optional = optional, .unused = unused};
    for (int i = 0; i < layer->variable_count; i++) v->index += !strcmp(layer->variable[i].part, v->part);
    layer->variable_count++;
    return QC_OK;
}

/* A low-rank update of the first variable (Keras 3): .h5 files hold it beside the frozen original, .keras files merged. */
static const char *lora_variables(const struct qc_keras_layer *layer)
{
    int64_t rank;
    if (!qc_json_int(qc_keras_get(layer, "lora_rank"), &rank)) return "";
    return !strcmp(layer->class_name, "Embedding") ? "~lora_embeddings_a ~lora_embeddings_b" : "~lora_kernel_a ~lora_kernel_b";
}

qc_status qc_keras_declare(struct qc_keras_import *im, struct qc_keras_layer *layer)
{
    const char *list[2] = {layer->class->weights ? layer->class->weights : "", ""};
    size_t most = 0;
    list[1] = *list[0] ? lora_variables(layer) : "";
    for (int k = 0; k < 2; k++)
        for (const char *c = list[k]; *c; c++) most += c == list[k] || *c == ' ';
    if (!most) return QC_OK;
    layer->variable = qc_arena_array(im->arena, most, sizeof *layer->variable);
    if (!layer->variable) return QC_NOMEM;
    for (int k = 0; k < 2; k++)
        for (const char *c = list[k]; *c;) {
            size_t length = strcspn(c, " ");
            QC_TRY(add_variable(im, layer, c, length, *list[1] && layer->variable_count == 0));
            c += length + (c[length] == ' ');
        }
    return QC_OK;
}

/* ---- order in .h5 files ---- */

enum want { TRAINABLE, FROZEN, ALL };

static void gather(struct qc_keras_layer *layer, enum want want, int major, int *position)
{
    bool frozen = !layer->trainable, model = layer->kind == QC_KERAS_MODEL;
    if (want == TRAINABLE && frozen) return;
    if (want == ALL && major < 3) {
        gather(layer, TRAINABLE, major, position);
        gather(layer, FROZEN, major, position);
        return;
    }
    for (int i = 0; i < layer->variable_count; i++)
        if (want == ALL || (want == TRAINABLE ? layer->variable[i].trainable : frozen || !layer->variable[i].trainable))
            layer->variable[i].position = (*position)++;
    bool split = model && want == FROZEN && frozen && major < 3;
    for (int i = 0; split && i < layer->child_count; i++) gather(layer->child[i], TRAINABLE, major, position);
    enum want below = want == FROZEN && frozen && !split ? ALL : want;
    for (int i = 0; i < layer->child_count; i++) gather(layer->child[i], below, major, position);
}

static void count_positions(struct qc_keras_layer *top, int major)
{
    int position = 0;
    if (top->position_count >= 0) return;
    gather(top, TRAINABLE, major, &position);
    gather(top, FROZEN, major, &position);
    top->position_count = position;
}

/* ---- values ---- */

/* base + alpha / rank * a b, in place of base; a [..., r], b [r, last]. */
static qc_status merge_lora(struct qc_keras_import *im, struct qc_keras_layer *layer, struct qc_weight *base, const struct qc_weight *a,
                            const struct qc_weight *b)
{
    double rank = 1, alpha = 1;
    qc_json_number(qc_keras_get(layer, "lora_rank"), &rank);
    if (!qc_json_number(qc_keras_get(layer, "lora_alpha"), &alpha)) alpha = rank;
    size_t n = qc_weight_elements(base), columns = base->rank ? (size_t)base->dims[base->rank - 1] : 0;
    size_t inner = b->rank == 2 ? (size_t)b->dims[0] : 0;
    if (!columns || !inner || (size_t)b->dims[1] != columns || qc_weight_elements(a) / inner != n / columns ||
        qc_weight_elements(a) % inner || !(rank > 0))
        return qc_fail(&im->model->env, QC_FORMAT, "layer '%s': the shapes of its low-rank update do not fit", layer->path);
    float *sum = qc_arena_copy(im->arena, base->data, n * sizeof *sum), scale = (float)(alpha / rank);
    if (!sum) return QC_NOMEM;
    for (size_t i = 0; i < n; i++) {
        float product = 0;
        for (size_t k = 0; k < inner; k++) product += a->data[i / columns * inner + k] * b->data[k * columns + i % columns];
        sum[i] += scale * product;
    }
    base->data = sum;
    return QC_OK;
}

qc_status qc_keras_load(struct qc_keras_import *im, struct qc_keras_layer *layer)
{
    if (layer->loaded) return QC_OK;
    count_positions(layer->top, im->major);
    for (int i = 0; i < layer->variable_count; i++) {
        struct qc_keras_variable *v = &layer->variable[i];
        if (v->unused) continue;
        QC_TRY(im->weights->find(im->weights->user, layer, v, &v->value));
        if (!v->value.data && layer->first) QC_TRY(im->weights->find(im->weights->user, layer->first, v, &v->value)); /* stored once */
        if (!v->value.data && !v->optional)
            return qc_fail(&im->model->env, QC_FORMAT, "layer '%s' (%s): the file has no weight '%s%s%s' for it", layer->path, layer->class_name,
                           v->part, *v->part ? "/" : "", v->name);
    }
    layer->loaded = true;
    int n = layer->variable_count;
    if (n < 3 || !layer->variable[n - 1].optional || !layer->variable[n - 1].value.data || !layer->variable[n - 2].value.data) return QC_OK;
    return merge_lora(im, layer, &layer->variable[0].value, &layer->variable[n - 2].value, &layer->variable[n - 1].value);
}
