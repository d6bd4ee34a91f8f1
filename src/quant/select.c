/*
 * select.c - which scheme a node has: the mode asked for, overridden by patterns of layer names and operator types.
 */
#include "quant/quant.h"
#include "wire/json.h"

#include <ctype.h>
#include <string.h>

bool qc_pattern_matches(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (*pattern == '?' || tolower((unsigned char)*pattern) == tolower((unsigned char)*text)) {
            pattern++;
            text++;
        } else if (star) { /* let the last star take one more */
            pattern = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}

static bool node_matches(const struct qc_node *node, const char *pattern)
{
    if (qc_pattern_matches(pattern, qc_node_name(node)) || qc_pattern_matches(pattern, qc_node_op(node))) return true;
    for (int i = 0; i < node->out_count; i++)
        if (node->out[i] && qc_pattern_matches(pattern, node->out[i]->name)) return true;
    return false;
}

const struct qc_scheme *qc_select(const struct qc_quantizer *q, const struct qc_node *node)
{
    const struct qc_scheme *scheme = q->scheme;
    for (size_t i = 0; i < q->rule_count; i++)
        if (node_matches(node, q->rule[i].pattern)) scheme = q->rule[i].scheme;
    return scheme;
}

/* ---- reading the options ---- */

static size_t count_patterns(const char *const *list)
{
    size_t count = 0;
    while (list && list[count]) count++;
    return count;
}

static qc_status read_recipe(struct qc_quantizer *q, const struct qc_json *root)
{
    struct qc_env *env = &q->model->env;
    if (!qc_json_is_array(root)) return qc_fail(env, QC_INVALID, "the recipe is not a JSON array of {\"match\": pattern, \"mode\": name}");
    for (size_t i = 0; i < qc_json_count(root); i++) {
        const char *match = qc_json_string(qc_json_get(qc_json_at(root, i), "match"));
        const char *mode = qc_json_string(qc_json_get(qc_json_at(root, i), "mode"));
        const struct qc_scheme *scheme = mode ? qc_scheme_find(mode) : NULL;
        if (!match || !mode) return qc_fail(env, QC_INVALID, "entry %zu of the recipe lacks \"match\" or \"mode\"", i);
        if (!scheme) return qc_fail(env, QC_INVALID, "entry %zu of the recipe: there is no mode '%s'", i, mode);
        if (!(match = qc_arena_string(&q->model->arena, match))) return QC_NOMEM;
        q->rule[q->rule_count++] = (struct qc_rule_row){match, scheme};
    }
    return QC_OK;
}

/* A pattern that matches nothing is most likely a typing error. */
static qc_status check_used(const struct qc_quantizer *q, const struct qc_rule_row *rule)
{
    for (uint32_t g = 0; g < q->model->graph_count; g++)
        for (uint32_t n = 0; n < q->model->graph[g]->node_count; n++)
            if (node_matches(q->model->graph[g]->node[n], rule->pattern)) return QC_OK;
    return qc_fail(&q->model->env, QC_INVALID, "no layer, operator or tensor matches '%s'; 'quantc inspect' lists them", rule->pattern);
}

static qc_status read_rules(struct qc_quantizer *q, const struct qc_json *recipe)
{
    const struct qc_scheme *keep = qc_scheme_find("float32");
    const char *const *only = q->options->only, *const *kept = q->options->keep_float;
    size_t most = 1 + count_patterns(only) + count_patterns(kept) + qc_json_count(recipe);
    if (!(q->rule = qc_arena_array(&q->model->arena, most, sizeof *q->rule))) return QC_NOMEM;
    if (only && *only) { /* everything is kept, then the named get the mode back */
        q->rule[q->rule_count++] = (struct qc_rule_row){"*", keep};
        for (; *only; only++) q->rule[q->rule_count++] = (struct qc_rule_row){*only, q->scheme};
    }
    if (recipe) QC_TRY(read_recipe(q, recipe));
    for (; kept && *kept; kept++) q->rule[q->rule_count++] = (struct qc_rule_row){*kept, keep};
    for (size_t i = 0; i < q->rule_count; i++) QC_TRY(check_used(q, &q->rule[i]));
    return QC_OK;
}

qc_status qc_select_init(struct qc_quantizer *q)
{
    const char *mode = q->options->mode ? q->options->mode : "float32", *text = q->options->recipe;
    if (!(q->scheme = qc_scheme_find(mode)))
        return qc_fail(&q->model->env, QC_INVALID, "there is no mode '%s'; there are float32, float16, dynamic, weights, int8 and int16x8", mode);
    struct qc_json *recipe = text ? qc_json_parse(&q->model->env, text, strlen(text), "recipe") : NULL;
    if (text && !recipe) return q->model->env.error.status;
    qc_status status = read_rules(q, recipe);
    qc_json_free(recipe);
    return status;
}
