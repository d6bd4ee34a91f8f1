/* sparse.c - see sparse.h. */
#include "op/shared/sparse.h"

enum { MOST_LEVELS = 2 * QC_MAX_RANK };

struct list { /* segments or indices, of 8, 16 or 32 bits */
    const void *data;
    uint32_t count;
    int bits;
};

static struct list list_of(uint8_t type, const void *vector)
{
    if (!vector) return (struct list){0};
    switch (type) { /* members have the same layout: one vector */
    case tfl_SparseIndexVector_Int32Vector: {
        const struct tfl_Int32Vector *v = vector;
        return (struct list){v->values.data, v->values.count, 32};
    }
    case tfl_SparseIndexVector_Uint16Vector: {
        const struct tfl_Uint16Vector *v = vector;
        return (struct list){v->values.data, v->values.count, 16};
    }
    case tfl_SparseIndexVector_Uint8Vector: {
        const struct tfl_Uint8Vector *v = vector;
        return (struct list){v->values.data, v->values.count, 8};
    }
    default: return (struct list){0};
    }
}

static int64_t entry(const struct list *list, size_t i)
{
    if (list->bits == 8) return ((const uint8_t *)list->data)[i];
    if (list->bits == 16) return ((const uint16_t *)list->data)[i];
    return ((const int32_t *)list->data)[i];
}

struct walk {
    const struct tfl_SparsityParameters *sparsity;
    int levels, rank;
    int32_t size[MOST_LEVELS];         /* of each level, dense */
    int dim[MOST_LEVELS];              /* tensor dimension it belongs to */
    size_t stride[MOST_LEVELS];        /* elements of the dense tensor that one step is */
    struct list segments[MOST_LEVELS], indices[MOST_LEVELS];
    size_t width;
    const char *from; /* NULL: only count and check */
    char *to;
    size_t leaves, most_leaves;
    bool sound;
};

/* Fills all but the data; a sentence if the description is not sound. */
static const char *describe(const struct qc_value *value, struct walk *w)
{
    const struct tfl_SparsityParameters *s = value->tensor->sparsity;
    uint32_t levels = s->traversal_order.count;
    int32_t block[QC_MAX_RANK];
    size_t stride[QC_MAX_RANK], span = 1;
    uint64_t seen = 0;
    w->sparsity = s;
    w->rank = value->rank;
    w->levels = (int)levels;
    if (levels > MOST_LEVELS || levels != s->dim_metadata.count || levels != value->rank + s->block_map.count)
        return "the counts of its dimensions do not agree";
    for (int d = value->rank - 1; d >= 0; d--) {
        stride[d] = span;
        span *= (size_t)value->dims[d];
        block[d] = 1;
    }
    for (uint32_t l = 0; l < levels; l++) {
        const struct tfl_DimensionMetadata *m = s->dim_metadata.data[l];
        int32_t order = s->traversal_order.data[l];
        if (!m || order < 0 || (uint32_t)order >= levels || (seen >> order & 1)) return "its traversal order is no permutation";
        seen |= UINT64_C(1) << order;
        int32_t dim = order < value->rank ? order : s->block_map.data[order - value->rank];
        if (dim < 0 || dim >= value->rank || (order < value->rank) != (l < value->rank)) return "its block map leads outside the tensor";
        w->dim[l] = dim;
        w->segments[l] = list_of(m->array_segments_type, m->array_segments);
        w->indices[l] = list_of(m->array_indices_type, m->array_indices);
        w->size[l] = m->dense_size;
        if (order >= value->rank) {
            if (m->format != tfl_DimensionType_DENSE || m->dense_size < 1 || value->dims[dim] % m->dense_size || block[dim] != 1)
                return "a block does not divide its dimension";
            block[dim] = m->dense_size;
        }
    }
    for (uint32_t l = 0; l < levels; l++) {
        const struct tfl_DimensionMetadata *m = s->dim_metadata.data[l];
        bool is_block = l >= value->rank;
        int32_t whole = is_block ? block[w->dim[l]] : value->dims[w->dim[l]] / block[w->dim[l]];
        if (m->format == tfl_DimensionType_DENSE && m->dense_size != whole) return "a dense level has not its dimension's size";
        if (m->format != tfl_DimensionType_DENSE && m->format != tfl_DimensionType_SPARSE_CSR) return "a level is neither dense nor compressed";
        w->size[l] = whole;
        w->stride[l] = stride[w->dim[l]] * (size_t)(is_block ? 1 : block[w->dim[l]]);
    }
    return NULL;
}

static void descend(struct walk *w, int level, size_t node, size_t at)
{
    if (!w->sound) return;
    if (level == w->levels) {
        if (w->from) memcpy(w->to + at * w->width, w->from + w->leaves * w->width, w->width);
        w->sound = w->leaves++ < w->most_leaves;
        return;
    }
    if (w->sparsity->dim_metadata.data[level]->format == tfl_DimensionType_DENSE) {
        for (int32_t i = 0; i < w->size[level]; i++)
            descend(w, level + 1, node * (size_t)w->size[level] + (size_t)i, at + (size_t)i * w->stride[level]);
        return;
    }
    const struct list *segments = &w->segments[level], *indices = &w->indices[level];
    if (node + 1 >= segments->count) {
        w->sound = false;
        return;
    }
    int64_t begin = entry(segments, node), end = entry(segments, node + 1);
    if (begin < 0 || end < begin || end > indices->count || end - begin > w->size[level]) {
        w->sound = false;
        return;
    }
    for (int64_t i = begin; i < end; i++) {
        int64_t index = entry(indices, (size_t)i);
        if (index < 0 || index >= w->size[level]) w->sound = false;
        else descend(w, level + 1, (size_t)i, at + (size_t)index * w->stride[level]);
    }
}

qc_status qc_sparse_check(struct qc_step *step, const struct qc_value *value, size_t width)
{
    struct walk w = {.width = width, .sound = true, .most_leaves = value->bytes / width};
    const char *name = value->tensor->name;
    if (!value->tensor->sparsity) return qc_step_fail(step, QC_FORMAT, "'%s' is not sparse", name);
    const char *wrong = describe(value, &w);
    if (wrong) return qc_step_fail(step, QC_FORMAT, "the sparsity of '%s': %s", name, wrong);
    descend(&w, 0, 0, 0);
    if (w.leaves > w.most_leaves)
        return qc_step_fail(step, QC_FORMAT, "the sparse tensor '%s' holds only %zu values, too few", name, w.most_leaves);
    if (!w.sound) return qc_step_fail(step, QC_FORMAT, "the sparsity of '%s': its segments or indices lead outside", name);
    return QC_OK;
}

void qc_sparse_expand(const struct qc_value *value, size_t width, void *dense)
{
    struct walk w = {.width = width, .sound = true, .from = value->data, .to = dense, .most_leaves = SIZE_MAX};
    describe(value, &w);
    memset(dense, 0, qc_value_elements(value) * width);
    descend(&w, 0, 0, 0);
}
