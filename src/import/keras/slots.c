/*
 * slots.c - the names that layers have in .keras files, and layers that stand in the configuration more than once.
 *
 * Keras writes the layers of a list by class and number ("dense", "dense_1"), and the weights of a layer that several models share only
 * where it meets it first. The configuration spells such a layer out at every place: the same name, class and configuration tell.
 */
#include "import/keras/tree.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_CLASSES = 512, MOST_SHARED = 64 };

void qc_keras_snake_case(const char *class_name, char *snake, size_t size)
{
    size_t n = 0;
    char before = 0;
    for (const char *c = class_name; *c && n + 2 < size; c++) {
        bool upper = *c >= 'A' && *c <= 'Z', lower_after = c[1] >= 'a' && c[1] <= 'z';
        bool lower_before = before >= 'a' && before <= 'z';
        if (!upper && !(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && *c != '_') continue;
        if (upper && before && (lower_after || lower_before)) snake[n++] = '_';
        snake[n++] = upper ? (char)(*c + 32) : *c;
        before = *c;
    }
    snake[n] = 0;
}

/* ---- shared layers ---- */

struct meeting { /* of a layer, in the order of Keras's saving */
    struct qc_keras_layer *layer;
    size_t order;
};

static size_t count_layers(const struct qc_keras_layer *layer)
{
    size_t count = 1;
    for (int i = 0; i < layer->child_count; i++) count += count_layers(layer->child[i]);
    return count;
}

static void list_layers(struct qc_keras_layer *layer, struct meeting *list, size_t *count)
{
    list[*count] = (struct meeting){layer, *count};
    ++*count;
    for (int i = 0; i < layer->child_count; i++) list_layers(layer->child[i], list, count);
}

static int by_name(const void *a, const void *b)
{
    const struct meeting *x = a, *y = b;
    int order = strcmp(x->layer->name, y->layer->name);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static bool same_layer(const struct qc_keras_layer *a, const struct qc_keras_layer *b)
{
    return a->parent != b->parent && a->kind == b->kind && !strcmp(a->class_name, b->class_name) && qc_json_same(a->config, b->config, "shared_object_id");
}

/* Among the layers of one name; all that are the same point to the first of them. Past MOST_SHARED names are chance. */
static void match(struct meeting *list, size_t count)
{
    for (size_t i = 1; i < count && i < MOST_SHARED; i++)
        for (size_t k = 0; k < i && !list[i].layer->first; k++)
            if (!list[k].layer->first && same_layer(list[i].layer, list[k].layer)) list[i].layer->first = list[k].layer;
}

static qc_status find_shared(struct qc_keras_import *im, struct qc_keras_layer *root)
{
    size_t count = count_layers(root), n = 0;
    struct meeting *list = qc_env_alloc(&im->model->env, count * sizeof *list);
    if (!list) return QC_NOMEM;
    list_layers(root, list, &n);
    qsort(list, n, sizeof *list, by_name);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && !strcmp(list[to].layer->name, list[from].layer->name);) to++;
        match(list + from, to - from);
    }
    qc_env_free(&im->model->env, list);
    return QC_OK;
}

/* ---- slots ---- */

static bool has_slot(const struct qc_keras_import *im, const struct qc_keras_layer *layer)
{
    if (layer->kind == QC_KERAS_OPERATION || (im->weights->once && layer->first)) return false;
    return layer->kind != QC_KERAS_INPUT || !layer->parent->sequential;
}

/* Snake case of the class, numbered from the second on. (Wrappers that are no lists name their layer by its role alone.) */
static qc_status name_list(struct qc_keras_import *im, struct qc_keras_layer *const *child, int count)
{
    struct {
        char snake[64];
        int count;
    } seen[MOST_CLASSES];
    size_t seen_count = 0;
    for (int i = 0; i < count; i++) {
        char snake[64];
        size_t k = 0;
        if (!has_slot(im, child[i])) continue;
        qc_keras_snake_case(child[i]->class_name, snake, sizeof snake);
        while (k < seen_count && strcmp(seen[k].snake, snake)) k++;
        if (k == QC_COUNT(seen)) return qc_fail(&im->model->env, QC_FORMAT, "the model has more than %zu classes of layers", k);
        if (k == seen_count) {
            memcpy(seen[k].snake, snake, sizeof snake);
            seen[seen_count++].count = 0;
        }
        child[i]->slot = seen[k].count ? qc_arena_printf(im->arena, "%s_%d", snake, seen[k].count) : qc_arena_string(im->arena, snake);
        if (!child[i]->slot) return QC_NOMEM;
        seen[k].count++;
    }
    return QC_OK;
}

static qc_status name_below(struct qc_keras_import *im, struct qc_keras_layer *layer)
{
    bool list = layer->kind == QC_KERAS_MODEL || !strcmp(layer->class_name, "StackedRNNCells") || !strcmp(layer->class_name, "Pipeline");
    if (list) QC_TRY(name_list(im, layer->child, layer->child_count));
    for (int i = 0; i < layer->child_count; i++) QC_TRY(name_below(im, layer->child[i]));
    return QC_OK;
}

qc_status qc_keras_name_slots(struct qc_keras_import *im, struct qc_keras_layer *root)
{
    QC_TRY(find_shared(im, root));
    return name_below(im, root);
}
