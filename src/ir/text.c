/*
 * text.c - the text form of a model, for tests, --dump and bug reports. See ir.h.
 *
 *   graph 0 "main" (x) -> (y)
 *     %0 x: float32[-1,4]
 *     %1 w: int8[3,4] const 12 bytes scale 0.1 zero 0
 *     FULLY_CONNECTED "dense" (%0, %1, -) -> (%2)
 */
#include "ir/ir.h"

#include <stdio.h>

struct printer {
    void (*put)(void *user, const char *text);
    void *user;
};

static void say(const struct printer *p, const char *format, ...) QC_PRINTF(2, 3);

static void say(const struct printer *p, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    p->put(p->user, text);
}

static void say_list(const struct printer *p, struct qc_tensor *const *tensor, int count)
{
    say(p, "(");
    for (int i = 0; i < count; i++)
        if (tensor[i])
            say(p, "%s%%%u", i ? ", " : "", tensor[i]->index);
        else
            say(p, "%s-", i ? ", " : "");
    say(p, ")");
}

static void say_tensor(const struct printer *p, const struct qc_tensor *tensor)
{
    say(p, "  %%%u %.300s: %s", tensor->index, tensor->name, qc_dtype_name(tensor->type));
    if (tensor->has_shape) {
        say(p, "[");
        for (int i = 0; i < tensor->rank; i++) say(p, "%s%d", i ? "," : "", (int)tensor->signature[i]);
        say(p, "]");
    } else {
        say(p, "[?]");
    }
    if (tensor->constant) say(p, " const %zu bytes", tensor->bytes);
    if (tensor->variable) say(p, " variable");
    if (tensor->quant && tensor->quant->count == 1)
        say(p, " scale %.9g zero %d", (double)tensor->quant->scale[0], (int)tensor->quant->zero_point[0]);
    else if (tensor->quant && tensor->quant->count)
        say(p, " %u scales on axis %d", tensor->quant->count, (int)tensor->quant->axis);
    say(p, "\n");
}

void qc_model_print(const struct qc_model *model, void (*put)(void *user, const char *text), void *user)
{
    struct printer p = {put, user};
    for (uint32_t g = 0; g < model->graph_count; g++) {
        const struct qc_graph *graph = model->graph[g];
        say(&p, "graph %u \"%.200s\" ", g, graph->name);
        say_list(&p, graph->input, graph->input_count);
        say(&p, " -> ");
        say_list(&p, graph->output, graph->output_count);
        say(&p, "\n");
        for (uint32_t i = 0; i < graph->tensor_count; i++) say_tensor(&p, graph->tensor[i]);
        for (uint32_t n = 0; n < graph->node_count; n++) {
            const struct qc_node *node = graph->node[n];
            if (node->code < 0) continue;
            say(&p, "  %.100s \"%.300s\" ", qc_node_op(node), qc_node_name(node));
            say_list(&p, node->in, node->in_count);
            say(&p, " -> ");
            say_list(&p, node->out, node->out_count);
            if (node->options && node->options_table) {
                say(&p, " ");
                fb_json(node->options, node->options_table, 16, put, user);
            }
            say(&p, "\n");
        }
    }
}
