/*
 * lower_table.c - look-up tables from integers to integers, whose contents the function that initializes them binds as constants: StaticHashTable, and
 * IntegerLookup as Keras 3 exports it. See graph.h.
 */
#include "import/lower/lookup.h"
#include "import/savedmodel/captures.h"
#include "import/savedmodel/match.h"

#include <string.h>

enum { MOST_KEYS = 1 << 16, KIND_FUNCTION = 6 };

/* The body of the function that fills a table, if it is nothing but LookupTableImportV2 of its arguments: table, keys, values. */
static qc_status importing(struct qc_tf_import *im, struct pb_bytes name, bool *is)
{
    struct qc_tf_body *body;
    QC_TRY(qc_tf_function_body(im->package, name, &body));
    *is = false;
    for (uint32_t i = 0; body && i < body->node_count; i++) {
        const struct qc_tf_node *node = &body->node[i];
        if (!pb_equal(node->op, "LookupTableImportV2")) continue;
        if (*is || body->arg_count != 3) return *is = false, QC_OK;
        *is = true;
        for (int k = 0; k < 3; k++) *is &= pb_same(qc_tf_node_input(node, k), body->arg[k]);
    }
    return QC_OK;
}

/* A constant of integers as int32; count -1: it is none. */
static qc_status integers(struct qc_tf_import *im, const struct qc_tf_value *value, int32_t **number, int32_t *count)
{
    const struct qc_tensor *tensor = value->kind == QC_TF_TENSOR ? value->tensor : NULL;
    size_t elements = tensor && tensor->constant ? qc_tensor_elements(tensor) : 0;
    *count = -1;
    if (!elements || elements > MOST_KEYS || (tensor->type != QC_INT64 && tensor->type != QC_INT32)) return QC_OK;
    if (!(*number = qc_arena_array(&im->model->arena, elements, sizeof **number))) return QC_NOMEM;
    for (size_t i = 0; i < elements; i++) {
        int64_t wide;
        if (tensor->type == QC_INT64) memcpy(&wide, (const char *)tensor->data + 8 * i, 8);
        else memcpy(&(*number)[i], (const char *)tensor->data + 4 * i, 4), wide = (*number)[i];
        if (wide != (int32_t)wide) return QC_OK;
        (*number)[i] = (int32_t)wide;
    }
    *count = (int32_t)elements;
    return QC_OK;
}

/* Keys and values of a table; *count -1 if they are not to be had. */
static qc_status contents(struct qc_tf_import *im, int64_t table, int32_t **keys, int32_t **values, int32_t *count)
{
    int64_t initialize = qc_tf_object_child(im, table, "_initialize");
    struct pb_bytes name = initialize < 0 ? (struct pb_bytes){NULL, 0} : pb_find(pb_find(im->captures->object[initialize].message, KIND_FUNCTION), 1);
    struct pb_bytes concrete = name.at ? qc_tf_concrete(im, name) : name;
    struct qc_tf_value value[2];
    int32_t more = -1;
    bool is = false;
    *count = -1;
    if (concrete.at && qc_tf_bound_count(concrete) == 3) QC_TRY(importing(im, name, &is));
    if (!is) return QC_OK;
    for (int i = 0; i < 2; i++) QC_TRY(qc_tf_bound_value(im, concrete, 1 + i, &value[i]));
    QC_TRY(integers(im, &value[0], keys, count));
    QC_TRY(integers(im, &value[1], values, &more));
    if (more != *count) *count = -1;
    return QC_OK;
}

static qc_status lower_find(struct qc_tf_step *s)
{
    int32_t *keys = NULL, *values = NULL, count = -1;
    int64_t absent = 0;
    qc_dtype type = QC_INT64;
    struct qc_tensor *x = qc_tf_tensor(s, 1), *other = qc_tf_tensor(s, 2);
    if (!x || !other) return s->im->env->error.status;
    if (s->in[0].kind == QC_TF_TABLE) QC_TRY(contents(s->im, s->in[0].id, &keys, &values, &count));
    if (count < 0 || (x->type != QC_INT64 && x->type != QC_INT32) || x->rank >= QC_MAX_RANK || !qc_tf_int(s->im, other, &absent) || absent != (int32_t)absent)
        return qc_tf_unsupported(s, "looks up in a table whose contents are not integers of 32 bits that the model holds: export the part of the model "
                                    "behind it, and look up on the host");
    qc_tf_type(s, "Tout", 0, &type);
    x = qc_lower_lookup(s->b, x, keys, values, count, (int32_t)absent);
    return qc_tf_return(s, qc_lower_cast(s->b, x, type));
}

const struct qc_tf_op qc_tf_table_ops[] = {
    {"LookupTableFindV2", lower_find, 3, 3, 0, 0},
    {NULL, NULL, 0, 0, 0, 0},
};
