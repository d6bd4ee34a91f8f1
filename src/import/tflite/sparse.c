/*
 * sparse.c - see sparse.h. The description is checked while it is walked: the file is untrusted.
 */
#include "import/tflite/sparse.h"

#include <string.h>

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
    int levels;
    int32_t size[MOST_LEVELS];         /* of each level, dense */
    int dim[MOST_LEVELS];              /* tensor dimension it belongs to */
    size_t stride[MOST_LEVELS];        /* elements of the dense tensor that one step is */
    struct list segments[MOST_LEVELS], indices[MOST_LEVELS];
    size_t width;
    const char *from;
    char *to;
    size_t leaves, most_leaves;
};

/* Fills the levels; what is wrong if the description is not sound. */
static const char *describe(const struct qc_tensor *tensor, const struct tfl_SparsityParameters *s, struct walk *w)
{
    uint32_t levels = s->traversal_order.count;
    int32_t block[QC_MAX_RANK];
    size_t stride[QC_MAX_RANK], span = 1;
    uint64_t seen = 0;
    w->sparsity = s;
    w->levels = (int)levels;
    if (levels > MOST_LEVELS || levels != s->dim_metadata.count || levels != tensor->rank + s->block_map.count)
        return "the counts of its dimensions do not agree";
    for (int d = tensor->rank - 1; d >= 0; d--) {
        stride[d] = span;
        span *= (size_t)tensor->dims[d];
        block[d] = 1;
    }
    for (uint32_t l = 0; l < levels; l++) {
        const struct tfl_DimensionMetadata *m = s->dim_metadata.data[l];
        int32_t order = s->traversal_order.data[l];
        if (!m || order < 0 || (uint32_t)order >= levels || (seen >> order & 1)) return "its traversal order is no permutation";
        seen |= UINT64_C(1) << order;
        int32_t dim = order < tensor->rank ? order : s->block_map.data[order - tensor->rank];
        if (dim < 0 || dim >= tensor->rank || (order < tensor->rank) != (l < tensor->rank)) return "its block map leads outside the tensor";
        w->dim[l] = dim;
        w->segments[l] = list_of(m->array_segments_type, m->array_segments);
        w->indices[l] = list_of(m->array_indices_type, m->array_indices);
        w->size[l] = m->dense_size;
        if (order >= tensor->rank) {
            if (m->format != tfl_DimensionType_DENSE || m->dense_size < 1 || tensor->dims[dim] % m->dense_size || block[dim] != 1)
                return "a block does not divide its dimension";
            block[dim] = m->dense_size;
        }
    }
    for (uint32_t l = 0; l < levels; l++) {
        const struct tfl_DimensionMetadata *m = s->dim_metadata.data[l];
        bool is_block = l >= tensor->rank;
        int32_t whole = is_block ? block[w->dim[l]] : tensor->dims[w->dim[l]] / block[w->dim[l]];
        if (m->format == tfl_DimensionType_DENSE && m->dense_size != whole) return "a dense level has not its dimension's size";
        if (m->format != tfl_DimensionType_DENSE && m->format != tfl_DimensionType_SPARSE_CSR) return "a level is neither dense nor compressed";
        w->size[l] = whole;
        w->stride[l] = stride[w->dim[l]] * (size_t)(is_block ? 1 : block[w->dim[l]]);
    }
    return NULL;
}

/* What is wrong below node `node` of a level, which stands for the dense elements from `at` on; NULL if nothing. */
static const char *descend(struct walk *w, int level, size_t node, size_t at)
{
    const char *wrong = NULL;
    if (level == w->levels) {
        if (w->leaves == w->most_leaves) return "it holds too few values";
        memcpy(w->to + at * w->width, w->from + w->leaves++ * w->width, w->width);
        return NULL;
    }
    const size_t size = (size_t)w->size[level];
    if (w->sparsity->dim_metadata.data[level]->format == tfl_DimensionType_DENSE) {
        for (size_t i = 0; i < size && !wrong; i++) wrong = descend(w, level + 1, node * size + i, at + i * w->stride[level]);
        return wrong;
    }
    const struct list *segments = &w->segments[level], *indices = &w->indices[level];
    if (node + 1 >= segments->count) return "its segments end too early";
    const int64_t begin = entry(segments, node), end = entry(segments, node + 1);
    if (begin < 0 || end < begin || end > indices->count || end - begin > (int64_t)size) return "its segments lead outside";
    for (int64_t i = begin; i < end && !wrong; i++) {
        const int64_t index = entry(indices, (size_t)i);
        if (index < 0 || index >= (int64_t)size) return "its indices lead outside";
        wrong = descend(w, level + 1, (size_t)i, at + (size_t)index * w->stride[level]);
    }
    return wrong;
}

qc_status qc_sparse_expand(struct qc_tensor *tensor, const struct tfl_SparsityParameters *sparsity)
{
    struct qc_model *model = tensor->graph->model;
    const size_t elements = qc_tensor_elements(tensor);
    struct walk w = {.width = (size_t)qc_dtype_bits(tensor->type) / 8, .from = tensor->data};
    if (!w.width) return qc_fail(&model->env, QC_UNSUPPORTED, "tensor '%s': sparse constants of type %s", tensor->name, qc_dtype_name(tensor->type));
    w.most_leaves = tensor->bytes / w.width;
    const char *wrong = describe(tensor, sparsity, &w);
    if (!wrong && elements) {
        if (!(w.to = qc_arena_array(&model->arena, elements, w.width))) return QC_NOMEM;
        wrong = descend(&w, 0, 0, 0);
    }
    if (wrong) return qc_fail(&model->env, QC_FORMAT, "the sparsity of tensor '%s': %s", tensor->name, wrong);
    tensor->data = w.to;
    tensor->bytes = elements * w.width;
    return QC_OK;
}
