/*
 * facts.c - what is known of the tensors written so far. See graph.h.
 *
 * Every operator is evaluated at two sets of sizes: the graph's own (batch 1, say) and other ones for all free dimensions. What is
 * known at both and equal is a constant; what is known at both and differs is arithmetic on a free size. So the chains of
 * SHAPE, STRIDED_SLICE, PACK that TensorFlow writes in front of every reshape become numbers with a note which of them are free, without
 * a rule for any operator: the operators' own code is all there is.
 */
#include "import/savedmodel/graph.h"

#include "op/evaluate.h"

#include <string.h>

enum { SMALL = 1 << 16, LARGE = 1 << 20, GROWTH = 64 };

static const char nothing[1]; /* contents of no bytes, which are known */

struct qc_tf_fact {
    bool learned;
    int32_t other[QC_MAX_RANK]; /* sizes at the other set */
    const void *here, *there;   /* contents at both sets, of a tensor that is no constant; NULL: not known */
};

/* The fact of a tensor, which is made if there is none; NULL without memory. */
static struct qc_tf_fact *fact_of(struct qc_tf_import *im, const struct qc_tensor *tensor)
{
    if (tensor->index >= im->fact_count) {
        uint32_t count = QC_MAX(2 * im->fact_count, tensor->index + 64);
        struct qc_tf_fact *grown = qc_arena_array(im->scratch, count, sizeof *grown);
        if (!grown) return NULL;
        if (im->fact_count) memcpy(grown, im->fact, im->fact_count * sizeof *grown);
        im->fact = grown;
        im->fact_count = count;
    }
    struct qc_tf_fact *fact = &im->fact[tensor->index];
    if (!fact->learned) memcpy(fact->other, tensor->dims, sizeof fact->other);
    fact->learned = true;
    return fact;
}

qc_status qc_tf_learn_input(struct qc_tf_import *im, const struct qc_tensor *tensor, const int32_t *other)
{
    struct qc_tf_fact *fact = fact_of(im, tensor);
    if (!fact) return QC_NOMEM;
    memcpy(fact->other, other, tensor->rank * sizeof *other);
    for (int i = 0; i < tensor->rank; i++) im->free_sizes |= other[i] != tensor->dims[i];
    return QC_OK;
}

/* ---- one node ---- */

struct view { /* of a node's operands at one set of sizes */
    struct qc_value value[64], *in[64], out[64];
};

static qc_status look(struct qc_tf_import *im, const struct qc_node *node, bool other, struct view *view)
{
    for (int i = 0; i < node->in_count; i++) {
        view->in[i] = NULL;
        if (!node->in[i]) continue;
        struct qc_value *value = view->in[i] = &view->value[i];
        qc_value_of_tensor(value, node->in[i]);
        if (value->known) continue;
        struct qc_tf_fact *fact = fact_of(im, node->in[i]);
        if (!fact) return QC_NOMEM;
        if (other) memcpy(value->dims, fact->other, sizeof value->dims);
        value->data = (void *)(uintptr_t)(other ? fact->there : fact->here);
        value->known = value->data != NULL;
        if (value->shaped) value->bytes = qc_dtype_bytes(value->type, qc_value_elements(value));
    }
    return QC_OK;
}

static bool all_constant(const struct qc_node *node)
{
    for (int i = 0; i < node->in_count; i++)
        if (node->in[i] && !node->in[i]->constant) return false;
    return node->in_count > 0;
}

/* Constants may not grow without measure: a few bytes of a file can ask for terabytes. */
static size_t allowance(const struct qc_tf_import *im, const struct qc_node *node)
{
    size_t bytes = 0;
    if (!all_constant(node)) return SMALL;
    for (int i = 0; i < node->in_count; i++) bytes += node->in[i] ? node->in[i]->bytes : 0;
    return QC_MIN(im->bytes_left, QC_MAX((size_t)LARGE, bytes < SIZE_MAX / GROWTH ? GROWTH * bytes : SIZE_MAX));
}

static bool same(const struct qc_value *a, const struct qc_value *b)
{
    return qc_value_same_shape(a, b) && a->bytes == b->bytes && (!a->bytes || !memcmp(a->data, b->data, a->bytes));
}

/* Shapes that depend on data the builder does not know are known here. */
static void take_shape(struct qc_tensor *tensor, const struct qc_value *value)
{
    tensor->type = value->type;
    tensor->rank = value->rank;
    tensor->has_shape = true;
    memcpy(tensor->dims, value->dims, sizeof tensor->dims);
    memcpy(tensor->signature, value->dims, sizeof tensor->signature);
}

static void make_constant(struct qc_tf_import *im, struct qc_tensor *tensor, const struct qc_value *value)
{
    tensor->constant = true;
    tensor->data = value->data;
    tensor->bytes = value->bytes;
    im->bytes_left -= QC_MIN(im->bytes_left, value->bytes);
}

/* At the other sizes. What does not fit them counts as fixed: qc_import_mark_batch tells the user in the end. */
static qc_status evaluate_other(struct qc_tf_import *im, const struct qc_node *node, size_t limit, const struct view *here, struct view *there)
{
    QC_TRY(look(im, node, true, there));
    qc_status status = qc_evaluate(node, there->in, there->out, im->scratch, limit);
    if (status == QC_NOMEM) return status;
    if (status) {
        qc_env_take(im->env, NULL);
        memcpy(there->out, here->out, (size_t)node->out_count * sizeof *here->out);
        for (int i = 0; i < node->out_count; i++) there->out[i].known = false;
    }
    return QC_OK;
}

static qc_status settle_node(struct qc_tf_import *im, struct qc_node *node)
{
    struct view here, there;
    if (node->code < 0 || node->in_count > (int)QC_COUNT(here.in) || node->out_count > (int)QC_COUNT(here.out)) return QC_OK;
    size_t limit = allowance(im, node);
    QC_TRY(look(im, node, false, &here));
    QC_TRY(qc_evaluate(node, here.in, here.out, &im->model->arena, limit));
    bool fixed = all_constant(node) || !im->free_sizes;
    if (!fixed) QC_TRY(evaluate_other(im, node, limit, &here, &there));
    bool constant = node->out_count > 0;
    for (int i = 0; i < node->out_count; i++)
        constant &= here.out[i].known && (fixed || (there.out[i].known && same(&here.out[i], &there.out[i])));
    for (int i = 0; i < node->out_count; i++) {
        if (here.out[i].shaped) take_shape(node->out[i], &here.out[i]);
        if (constant) {
            make_constant(im, node->out[i], &here.out[i]);
            continue;
        }
        struct qc_tf_fact *fact = fact_of(im, node->out[i]);
        if (!fact) return QC_NOMEM;
        if (fixed || !there.out[i].shaped) continue;
        memcpy(fact->other, there.out[i].dims, sizeof fact->other);
        if (!here.out[i].known || !there.out[i].known) continue;
        fact->here = here.out[i].bytes ? here.out[i].data : nothing;
        fact->there = there.out[i].bytes ? there.out[i].data : nothing;
    }
    if (constant) qc_node_remove(node);
    return QC_OK;
}

qc_status qc_tf_settle(struct qc_tf_import *im)
{
    struct qc_graph *graph = im->b.graph;
    QC_TRY(qc_build_status(&im->b));
    for (; im->settled < graph->node_count; im->settled++) QC_TRY(settle_node(im, graph->node[im->settled]));
    return QC_OK;
}

/* ---- asking ---- */

static bool read_number(qc_dtype type, const void *data, int i, int64_t *value)
{
    int32_t narrow;
    switch (type) {
    case QC_INT64: memcpy(value, (const char *)data + 8 * (size_t)i, 8); return true;
    case QC_INT32:
        memcpy(&narrow, (const char *)data + 4 * (size_t)i, 4);
        *value = narrow;
        return true;
    case QC_BOOL: *value = ((const uint8_t *)data)[i] != 0; return true;
    default: return false;
    }
}

int qc_tf_numbers(struct qc_tf_import *im, const struct qc_tensor *tensor, int max, struct qc_tf_number *number)
{
    if (!tensor || !tensor->has_shape) return -1;
    struct qc_tf_fact *fact = fact_of(im, tensor);
    if (!fact) return -1;
    const void *here = tensor->constant ? tensor->data : fact->here, *there = tensor->constant ? tensor->data : fact->there;
    size_t count = qc_tensor_elements(tensor), other = 1;
    for (int i = 0; i < tensor->rank; i++) other *= (size_t)fact->other[i];
    if (!count && tensor->constant) return 0;
    if (count > (size_t)max || other != count || !here || !there) return -1;
    for (int i = 0; i < (int)count; i++)
        if (!read_number(tensor->type, here, i, &number[i].value) || !read_number(tensor->type, there, i, &number[i].other)) return -1;
    return (int)count;
}

int qc_tf_ints(struct qc_tf_import *im, const struct qc_tensor *tensor, int max, int64_t *value)
{
    struct qc_tf_number number[64];
    int count = qc_tf_numbers(im, tensor, QC_MIN(max, (int)QC_COUNT(number)), number);
    for (int i = 0; i < count; i++) {
        if (number[i].value != number[i].other) return -1;
        value[i] = number[i].value;
    }
    return count;
}

bool qc_tf_int(struct qc_tf_import *im, const struct qc_tensor *tensor, int64_t *value)
{
    return qc_tf_ints(im, tensor, 1, value) == 1;
}

void qc_tf_sizes(struct qc_tf_import *im, const struct qc_tensor *tensor, struct qc_tf_number *size)
{
    struct qc_tf_fact *fact = fact_of(im, tensor);
    for (int i = 0; i < tensor->rank; i++) size[i] = (struct qc_tf_number){tensor->dims[i], fact ? fact->other[i] : tensor->dims[i]};
}

static bool uniform(qc_dtype type, const void *data, size_t count, double *value)
{
    size_t each = qc_dtype_bytes(type, 1);
    float real;
    int64_t whole;
    if (!count || !data || !each) return false;
    for (size_t i = 1; i < count; i++)
        if (memcmp(data, (const char *)data + i * each, each)) return false;
    if (type == QC_FLOAT32) {
        memcpy(&real, data, sizeof real);
        *value = (double)real;
        return true;
    }
    if (!read_number(type, data, 0, &whole)) return false;
    *value = (double)whole;
    return true;
}

bool qc_tf_splat(struct qc_tf_import *im, const struct qc_tensor *tensor, double *value)
{
    double other;
    if (!tensor || !tensor->has_shape) return false;
    size_t count = qc_tensor_elements(tensor);
    if (tensor->constant) return uniform(tensor->type, tensor->data, count, value);
    struct qc_tf_fact *fact = fact_of(im, tensor);
    if (!fact || !fact->here || !fact->there) return false;
    size_t there = 1;
    for (int i = 0; i < tensor->rank; i++) there *= (size_t)fact->other[i];
    return uniform(tensor->type, fact->here, count, value) && uniform(tensor->type, fact->there, there, &other) && *value == other;
}
