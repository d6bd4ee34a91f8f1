/*
 * constants.c - the constants of a model, each block of data once. See ir.h.
 */
#include "ir/ir.h"

#include <stdlib.h>

static int by_data(const void *a, const void *b)
{
    const char *x = (const char *)(*(struct qc_tensor *const *)a)->data, *y = (const char *)(*(struct qc_tensor *const *)b)->data;
    return (x > y) - (x < y);
}

const struct qc_tensor **qc_model_constants(const struct qc_model *model, struct qc_env *env, size_t *count)
{
    size_t most = 1, kept = 0;
    for (uint32_t g = 0; g < model->graph_count; g++) most += model->graph[g]->tensor_count;
    const struct qc_tensor **list = qc_env_alloc(env, most * sizeof *list);
    if (!list) return NULL;
    *count = 0;
    for (uint32_t g = 0; g < model->graph_count; g++)
        for (uint32_t i = 0; i < model->graph[g]->tensor_count; i++)
            if (model->graph[g]->tensor[i]->constant) list[(*count)++] = model->graph[g]->tensor[i];
    qsort(list, *count, sizeof *list, by_data);
    for (size_t i = 0; i < *count; i++)
        if (!i || list[i]->data != list[i - 1]->data) list[kept++] = list[i];
    *count = kept;
    return list;
}
