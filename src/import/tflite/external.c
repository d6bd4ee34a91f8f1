/*
 * external.c - see external.h.
 */
#include "import/tflite/external.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

struct opened { /* model->close_data */
    struct qc_file *group;                  /* by number; bytes NULL: not opened */
    uint32_t group_count;
    const struct tfl_ExternalBuffer **list; /* sorted by id */
    uint32_t count;
};

static void close_all(struct qc_model *model)
{
    struct opened *o = model->close_data;
    for (uint32_t i = 0; i < o->group_count; i++) qc_file_unmap(&o->group[i]);
}

static int by_id(const void *a, const void *b)
{
    const struct tfl_ExternalBuffer *x = *(const struct tfl_ExternalBuffer *const *)a, *y = *(const struct tfl_ExternalBuffer *const *)b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static struct opened *start(struct qc_model *model, const struct tfl_Model *file)
{
    struct qc_arena *arena = &model->arena;
    struct opened *o = qc_arena_alloc(arena, sizeof *o);
    if (!o) return NULL;
    o->group = qc_arena_array(arena, (size_t)file->external_buffer_groups.count + 1, sizeof *o->group);
    o->list = qc_arena_array(arena, (size_t)file->external_buffers.count + 1, sizeof *o->list);
    if (!o->group || !o->list) return NULL;
    o->group_count = file->external_buffer_groups.count;
    o->count = file->external_buffers.count;
    for (uint32_t i = 0; i < o->count; i++) o->list[i] = file->external_buffers.data[i];
    qsort(o->list, o->count, sizeof *o->list, by_id);
    model->close = close_all;
    return model->close_data = o;
}

/* Is it a way down from the model's folder? */
static bool is_below(const char *name)
{
    if (!*name || *name == '/') return false;
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (!strncmp(part, "..", 2) && (!part[2] || part[2] == '/')) return false;
    }
    return true;
}

static qc_status open_group(struct qc_model *model, const char *name, struct qc_file *file)
{
    if (!name || !is_below(name))
        return qc_fail(&model->env, QC_FORMAT, "constants are in the file '%s', which is not below the model's folder", name ? name : "");
    if (!*model->path)
        return qc_fail(&model->env, QC_UNSUPPORTED, "constants are in the file '%s' beside the model: open the model by its path", name);
    const char *slash = strrchr(model->path, '/');
    const char *path = qc_arena_printf(&model->arena, "%.*s%s", slash ? (int)(slash + 1 - model->path) : 0, model->path, name);
    return path ? qc_file_map(&model->env, path, file) : QC_NOMEM;
}

qc_status qc_external_bytes(struct qc_model *model, const struct tfl_Model *file, uint32_t id, const char *what, const void **data, size_t *bytes)
{
    struct opened *o = model->close_data ? model->close_data : start(model, file);
    if (!o) return QC_NOMEM;
    const struct tfl_ExternalBuffer key = {.id = id}, *wanted = &key, **found = bsearch(&wanted, o->list, o->count, sizeof *o->list, by_id);
    if (!found || (*found)->group >= o->group_count)
        return qc_fail(&model->env, QC_FORMAT, "'%s' refers to external buffer %u, which the file does not describe", what, id);
    const struct tfl_ExternalBuffer *buffer = *found;
    const char *name = file->external_buffer_groups.data[buffer->group]->name;
    struct qc_file *group = &o->group[buffer->group];
    if (buffer->packing && *buffer->packing)
        return qc_fail(&model->env, QC_UNSUPPORTED, "'%s' is packed in a way of its own ('%.100s') in the file '%.200s'", what, buffer->packing, name ? name : "");
    if (!group->bytes) QC_TRY(open_group(model, name, group));
    if (buffer->offset > group->size || buffer->length > group->size - buffer->offset)
        return qc_fail(&model->env, QC_FORMAT, "'%s' takes %llu bytes at %llu of the file '%.200s', which has %zu", what, (unsigned long long)buffer->length,
                       (unsigned long long)buffer->offset, name, group->size);
    *data = group->bytes ? (const char *)group->bytes + buffer->offset : "";
    *bytes = (size_t)buffer->length;
    return QC_OK;
}
