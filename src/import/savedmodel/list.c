/*
 * list.c - tensor lists. See graph.h. A list is known element by element while the graph is read, so that none is left in the result.
 */
#include "import/savedmodel/control.h"
#include "import/savedmodel/match.h"

#include <string.h>

#define FAILED(s) ((s)->im->env->error.status)

enum { MAX_ELEMENTS = 1 << 16 };

static qc_status return_list(struct qc_tf_step *s, struct qc_tf_list *list)
{
    QC_TRY(qc_tf_outputs(s, 1));
    s->out[0] = (struct qc_tf_value){.kind = QC_TF_LIST_VALUE, .list = list};
    return QC_OK;
}

/* Lists of free length are taken whole only. */
static bool is_free(const struct qc_tf_step *s)
{
    return s->in[0].kind == QC_TF_LIST_VALUE && s->in[0].list->free;
}

static const struct qc_tf_list *list_in(struct qc_tf_step *s)
{
    if (s->in[0].kind == QC_TF_LIST_VALUE) return s->in[0].list;
    qc_tf_fail(s, QC_FORMAT, "input 0 is no tensor list");
    return NULL;
}

struct qc_tensor *qc_tf_list_element(struct qc_tf_step *s, const struct qc_tf_list *list, int64_t index)
{
    if (index < 0 || index >= list->count) {
        qc_tf_fail(s, QC_FORMAT, "element %lld of a list of %lld is read", (long long)index, (long long)list->count);
        return NULL;
    }
    if (list->stacked) return qc_lower_pick(s->b, list->stacked, 0, (int32_t)index);
    if (list->item && list->item[index]) return list->item[index];
    int32_t dims[QC_MAX_RANK];
    qc_dtype type;
    double none = 0;
    if (!list->element.known_rank || !qc_tf_compute_dtype(list->type, &type)) {
        qc_tf_fail(s, QC_FORMAT, "an element is read that was never set");
        return NULL;
    }
    for (int i = 0; i < list->element.rank; i++) dims[i] = (int32_t)QC_MIN(QC_MAX(list->element.dims[i], 1), INT32_MAX);
    struct qc_tensor *zero = qc_build_constant(s->b, "zero", type, 0, NULL, &none);
    return QC_BUILD(s->b, FILL, NULL, qc_build_i32s(s->b, list->element.rank, dims), zero);
}

bool qc_tf_list_fixed(const struct qc_tf_list *list)
{
    bool fixed = list->element.known_rank && list->element.rank < QC_MAX_RANK && !list->free && list->count > 0;
    for (int i = 0; fixed && i < list->element.rank; i++) fixed = list->element.dims[i] >= 0 && list->element.dims[i] <= INT32_MAX;
    return fixed;
}

struct qc_tf_list *qc_tf_list_with(struct qc_tf_import *im, const struct qc_tf_list *list, struct qc_tensor *stacked)
{
    struct qc_tf_list *copy = qc_arena_copy(im->scratch, list, sizeof *list);
    if (!copy) return NULL;
    copy->item = NULL;
    copy->stacked = stacked;
    return copy;
}

/* Nothing was set yet: zeros everywhere. NULL if the shape is not known. */
static struct qc_tensor *blank(struct qc_tf_step *s, const struct qc_tf_list *list)
{
    int32_t dims[QC_MAX_RANK] = {(int32_t)list->count};
    double none = 0;
    qc_dtype type;
    if (!qc_tf_list_fixed(list) || !qc_tf_compute_dtype(list->type, &type)) return NULL;
    for (int64_t i = 0; list->item && i < list->count; i++)
        if (list->item[i]) return NULL;
    for (int i = 0; i < list->element.rank; i++) dims[i + 1] = (int32_t)list->element.dims[i];
    return QC_BUILD(s->b, FILL, NULL, qc_build_i32s(s->b, list->element.rank + 1, dims), qc_build_constant(s->b, "zero", type, 0, NULL, &none));
}

struct qc_tensor *qc_tf_list_stacked(struct qc_tf_step *s, const struct qc_tf_list *list)
{
    if (list->stacked) return list->stacked;
    struct qc_tensor *zeros = blank(s, list);
    if (zeros || FAILED(s)) return zeros;
    struct qc_tensor **part = qc_arena_array(s->im->scratch, (size_t)list->count, sizeof *part);
    QC_OPTIONS(s->b, PackOptions, options);
    if (!part || !options) return NULL;
    if (!list->count) {
        qc_tf_fail(s, QC_UNSUPPORTED, "an empty list is stacked");
        return NULL;
    }
    for (int64_t i = 0; i < list->count; i++)
        if (!(part[i] = qc_tf_list_element(s, list, i))) return NULL;
    options->values_count = (int32_t)list->count;
    return qc_build_op(s->b, tfl_BuiltinOperator_PACK, options, (int)list->count, part);
}

/* TensorListReserve(element_shape, count), EmptyTensorList(element_shape, max). */
static qc_status lower_reserve(struct qc_tf_step *s)
{
    struct qc_tf_list *list = qc_arena_alloc(s->im->scratch, sizeof *list);
    struct qc_tensor *shape = qc_tf_tensor(s, 0), *size = qc_tf_tensor(s, 1);
    int64_t dims[QC_MAX_RANK];
    if (!list || !shape || !size) return list ? FAILED(s) : QC_NOMEM;
    struct qc_tf_number count = {0, 0};
    if (s->op->detail && qc_tf_numbers(s->im, size, 1, &count) != 1) return qc_tf_unsupported(s, "has a length that depends on data");
    list->count = count.value;
    list->free = count.value != count.other;
    if (list->count < 0 || list->count > MAX_ELEMENTS) return qc_tf_fail(s, QC_RANGE, "has %lld elements", (long long)list->count);
    int rank = shape->rank == 1 ? qc_tf_ints(s->im, shape, QC_MAX_RANK, dims) : -1;
    list->type = qc_tf_attr_type(s->node, "element_dtype", 0);
    list->element.known_rank = rank >= 0;
    list->element.rank = QC_MAX(rank, 0);
    for (int i = 0; i < rank; i++) list->element.dims[i] = dims[i];
    list->item = qc_arena_array(s->im->scratch, (size_t)list->count, sizeof *list->item);
    return list->item ? return_list(s, list) : QC_NOMEM;
}

static qc_status lower_from_tensor(struct qc_tf_step *s)
{
    struct qc_tf_list *list = qc_arena_alloc(s->im->scratch, sizeof *list);
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    if (!list || !x) return list ? FAILED(s) : QC_NOMEM;
    if (!x->has_shape || x->rank < 1) return qc_tf_unsupported(s, "is made of a tensor whose shape depends on data");
    struct qc_tf_number sizes[QC_MAX_RANK];
    qc_tf_sizes(s->im, x, sizes);
    list->stacked = x;
    list->count = x->dims[0];
    list->free = sizes[0].value != sizes[0].other;
    list->type = qc_tf_attr_type(s->node, "element_dtype", 0);
    list->element = (struct qc_tf_shape){.known_rank = true, .rank = x->rank - 1};
    for (int i = 1; i < x->rank; i++) list->element.dims[i - 1] = x->dims[i];
    return return_list(s, list);
}

static qc_status lower_get(struct qc_tf_step *s)
{
    if (is_free(s)) return qc_tf_unsupported(s, "works on a list of free length");
    const struct qc_tf_list *list = list_in(s);
    struct qc_tensor *which = list ? qc_tf_tensor(s, 1) : NULL;
    int64_t index;
    if (!which) return FAILED(s);
    if (!qc_tf_int(s->im, which, &index)) return qc_tf_return(s, QC_BUILD(s->b, GATHER, NULL, qc_tf_list_stacked(s, list), which));
    return qc_tf_return(s, qc_tf_list_element(s, list, index));
}

/* A copy of `list` with room for `count` elements, each of its own. */
static struct qc_tf_list *opened(struct qc_tf_step *s, const struct qc_tf_list *list, int64_t count)
{
    struct qc_tf_list *copy = qc_arena_copy(s->im->scratch, list, sizeof *list);
    if (!copy) return NULL;
    copy->item = qc_arena_array(s->im->scratch, (size_t)count, sizeof *copy->item);
    if (!copy->item) return NULL;
    for (int64_t i = 0; i < list->count && i < count; i++)
        copy->item[i] = list->stacked ? qc_tf_list_element(s, list, i) : list->item[i];
    s->im->nodes_left -= count / 64;
    copy->stacked = NULL;
    copy->count = count;
    return copy;
}

/* An element of the list is x, which tells their shape if nobody has. */
static void learn_element(struct qc_tf_step *s, struct qc_tf_list *list, const struct qc_tensor *x)
{
    struct qc_tf_number size[QC_MAX_RANK];
    if (qc_tf_list_fixed(list) || !x->has_shape) return;
    qc_tf_sizes(s->im, x, size);
    list->element = (struct qc_tf_shape){.known_rank = true, .rank = x->rank};
    for (int i = 0; i < x->rank; i++) list->element.dims[i] = size[i].value == size[i].other ? x->dims[i] : -1;
}

/* Sets the element that `which` counts to x: the list as one tensor, a slice of which is written. */
static qc_status set_any(struct qc_tf_step *s, const struct qc_tf_list *list, struct qc_tensor *which, struct qc_tensor *x)
{
    struct qc_tf_list *copy = qc_arena_copy(s->im->scratch, list, sizeof *copy);
    struct qc_tensor *at[QC_MAX_RANK] = {which};
    QC_OPTIONS(s->b, PackOptions, options);
    if (!copy || !options) return QC_NOMEM;
    if (!x->has_shape || x->rank >= QC_MAX_RANK) return qc_tf_unsupported(s, "sets an element whose shape depends on data");
    learn_element(s, copy, x);
    if (!copy->stacked && !qc_tf_list_fixed(copy)) return qc_tf_unsupported(s, "sets an element of free size, whose number depends on data");
    struct qc_tensor *all = qc_tf_list_stacked(s, copy), *zero = qc_build_i32(s->b, 0);
    for (int i = 1; i <= x->rank; i++) at[i] = zero;
    options->values_count = x->rank + 1;
    copy->item = NULL;
    copy->stacked = QC_BUILD(s->b, DYNAMIC_UPDATE_SLICE, NULL, all, qc_lower_expand(s->b, x, 0),
                             qc_build_op(s->b, tfl_BuiltinOperator_PACK, options, x->rank + 1, at));
    return copy->stacked ? return_list(s, copy) : FAILED(s);
}

static qc_status lower_set(struct qc_tf_step *s)
{
    if (is_free(s)) return qc_tf_unsupported(s, "works on a list of free length");
    const struct qc_tf_list *list = list_in(s);
    struct qc_tensor *which = list ? qc_tf_tensor(s, 1) : NULL, *x = which ? qc_tf_tensor(s, 2) : NULL;
    int64_t index;
    if (!x) return FAILED(s);
    if (!qc_tf_int(s->im, which, &index)) return set_any(s, list, which, x);
    if (index < 0 || index >= MAX_ELEMENTS || (index >= list->count && !qc_tf_attr_bool(s->node, "resize_if_index_out_of_bounds", false)))
        return qc_tf_fail(s, QC_FORMAT, "sets element %lld of %lld", (long long)index, (long long)list->count);
    struct qc_tf_list *copy = opened(s, list, QC_MAX(list->count, index + 1));
    if (!copy) return FAILED(s);
    copy->item[index] = x;
    learn_element(s, copy, x);
    return return_list(s, copy);
}

static qc_status lower_push(struct qc_tf_step *s)
{
    if (is_free(s)) return qc_tf_unsupported(s, "works on a list of free length");
    const struct qc_tf_list *list = list_in(s);
    struct qc_tensor *x = list ? qc_tf_tensor(s, 1) : NULL;
    if (!x) return FAILED(s);
    if (list->count >= MAX_ELEMENTS) return qc_tf_fail(s, QC_RANGE, "has too many elements");
    struct qc_tf_list *copy = opened(s, list, list->count + 1);
    if (!copy) return FAILED(s);
    copy->item[list->count] = x;
    return return_list(s, copy);
}

static qc_status lower_length(struct qc_tf_step *s)
{
    if (is_free(s)) return qc_tf_unsupported(s, "works on a list of free length");
    const struct qc_tf_list *list = list_in(s);
    return list ? qc_tf_return(s, qc_build_i32(s->b, (int32_t)list->count)) : FAILED(s);
}

static qc_status lower_stack(struct qc_tf_step *s)
{
    const struct qc_tf_list *list = list_in(s);
    if (!list) return FAILED(s);
    if (list->free && !list->stacked) return qc_tf_unsupported(s, "works on a list of free length");
    return qc_tf_return(s, qc_tf_list_stacked(s, list));
}

const struct qc_tf_op qc_tf_list_ops[] = {
    {"TensorListReserve", lower_reserve, 2, 2, 0, 1},
    {"EmptyTensorList", lower_reserve, 2, 2, 0, 0},
    {"TensorListFromTensor", lower_from_tensor, 2, 2, 0, 0},
    {"TensorListGetItem", lower_get, 2, 3, 0, 0},
    {"TensorListSetItem", lower_set, 3, 3, 0, 0},
    {"TensorListPushBack", lower_push, 2, 2, 0, 0},
    {"TensorListLength", lower_length, 1, 1, 0, 0},
    {"TensorListStack", lower_stack, 1, 2, 0, 0},
    {NULL, NULL, 0, 0, 0, 0},
};
