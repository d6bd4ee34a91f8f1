/*
 * store.c - weights from .h5 and .keras files. See store.h; the rules are Keras's legacy_h5_format.py and saving_lib.py.
 */
#include "import/keras/store.h"

#include <stdio.h>
#include <string.h>

static qc_status read_set(struct qc_env *env, struct qc_arena *arena, struct qc_h5 *file, const char *path,
                          const struct qc_keras_layer *layer, struct qc_weight *value)
{
    struct qc_h5_data data;
    qc_status status = qc_h5_describe(file, path, &data);
    if (!status && !data.numeric)
        status = qc_fail(env, QC_FORMAT, "data set '%s' holds no array of numbers of at most %d dimensions", path, QC_MAX_RANK);
    value->rank = data.rank;
    for (int i = 0; !status && i < data.rank; i++) {
        if (data.dims[i] > INT32_MAX) status = qc_fail(env, QC_FORMAT, "data set '%s' has a dimension of %lld", path, (long long)data.dims[i]);
        value->dims[i] = (int32_t)data.dims[i];
    }
    if (!status) status = qc_h5_floats(file, arena, path, &value->data);
    if (status) qc_context(env, "layer '%s' (%s)", layer->path, layer->class_name);
    return status;
}

/* ---- .h5 ---- */

/* States of random generators: some versions list them among the weights. */
static bool is_seed(const char *name)
{
    const char *last = strrchr(name, '/');
    last = last ? last + 1 : name;
    return !strncmp(last, "StateVar", 8) || !strncmp(last, "seed_generator_state", 20);
}

static qc_status list_weights(struct qc_keras_h5 *h5, const struct qc_keras_layer *top, const char *group)
{
    const char **names;
    size_t count, n = 0;
    QC_TRY(qc_h5_texts(h5->file, h5->arena, group, "weight_names", &names, &count));
    if (!names)
        return qc_fail(h5->env, QC_FORMAT, "layer '%s' (%s): the file has no weights for it (no list 'weight_names' in group '%s')", top->path, top->class_name,
                       group);
    for (size_t i = 0; i < count; i++)
        if (!is_seed(names[i])) names[n++] = names[i];
    if (n != (size_t)top->position_count)
        return qc_fail(h5->env, QC_FORMAT, "layer '%s' (%s): the file lists %zu weights for it, but by its configuration it has %d", top->path, top->class_name, n,
                       top->position_count);
    h5->names = names;
    h5->count = n;
    h5->top = top;
    return QC_OK;
}

qc_status qc_keras_find_h5(void *user, const struct qc_keras_layer *layer, const struct qc_keras_variable *variable, struct qc_weight *value)
{
    struct qc_keras_h5 *h5 = user;
    const char *group = qc_arena_printf(h5->arena, "%s/%s", h5->root, layer->top->name), *path;
    if (!group) return QC_NOMEM;
    if (h5->top != layer->top) QC_TRY(list_weights(h5, layer->top, group));
    path = qc_arena_printf(h5->arena, "%s/%s", group, h5->names[variable->position]);
    return !path ? QC_NOMEM : read_set(h5->env, h5->arena, h5->file, path, layer, value);
}

/* ---- .keras ---- */

/* Recent versions note the layer's name beside its variables; where that is another one, the group is not the layer's. */
static bool is_named(struct qc_keras_paths *paths, const char *group, const char *name)
{
    char vars[1200];
    const char *noted = NULL;
    snprintf(vars, sizeof vars, "%s/vars", group);
    return !qc_h5_text(paths->file, paths->arena, vars, "name", &noted) && (!noted || !strcmp(noted, name));
}

/* The group of a layer in its parent's list: by slot, else by the noted name. */
static const char *find_slot(struct qc_keras_paths *paths, const char *list, const struct qc_keras_layer *layer)
{
    const char **names, *group = qc_arena_printf(paths->arena, "%s/%s", list, layer->slot);
    size_t count;
    if (!group || (qc_h5_has_group(paths->file, group) && is_named(paths, group, layer->name))) return group;
    if (qc_h5_groups(paths->file, paths->arena, list, &names, &count)) return NULL;
    for (size_t i = 0; i < count; i++) {
        const char *other = qc_arena_printf(paths->arena, "%s/%s", list, names[i]), *noted = NULL;
        char *vars = qc_arena_printf(paths->arena, "%s/vars", other ? other : "");
        if (!other || !vars || qc_h5_text(paths->file, paths->arena, vars, "name", &noted)) return NULL;
        if (noted && !strcmp(noted, layer->name)) return other;
    }
    return group;
}

/* The group of a layer's object, by the groups of its parents. */
static const char *group_of(struct qc_keras_paths *paths, const struct qc_keras_layer *layer)
{
    if (!layer->parent) return "";
    const char *parent = group_of(paths, layer->parent);
    char *list = parent ? qc_arena_printf(paths->arena, "%s/%s", parent, layer->role) : NULL;
    return !list || !*layer->slot ? list : find_slot(paths, list, layer);
}

qc_status qc_keras_find_path(void *user, const struct qc_keras_layer *layer, const struct qc_keras_variable *variable,
                             struct qc_weight *value)
{
    struct qc_keras_paths *paths = user;
    const char *group = group_of(paths, layer);
    if (!group) return paths->env->error.status;
    for (int hidden = 0; hidden < 2; hidden++) { /* Keras 2 keeps some inner layers in attributes with a leading underscore */
        char path[2048];
        int length = snprintf(path, sizeof path, "%s%s%s%s/vars/%d", group, *variable->part ? "/" : "", hidden ? "_" : "", variable->part, variable->index);
        if (length > 0 && (size_t)length < sizeof path && qc_h5_has_data(paths->file, path))
            return read_set(paths->env, paths->arena, paths->file, path, layer, value);
        if (!*variable->part) break;
    }
    return QC_OK; /* not there */
}
