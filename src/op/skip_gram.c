/*
 * skip_gram.c - SKIP_GRAM: all choices of ngram_size words of a sentence, in order, with at most max_skip_size words left out
 * between two of them; with include_all_ngrams shorter ones too. Longer ones come before the shorter ones they begin with.
 */
#include "op/shared/check.h"
#include "op/shared/strings.h"

#include <ctype.h>

struct grams { /* the enumeration; first it counts, then it writes */
    const char **word;
    size_t *length;
    int64_t words, size, skip;
    bool all;
    int64_t *stack; /* [size]: the words chosen */
    size_t count, bytes;
    char *out; /* NULL while counting */
};

static qc_status infer(struct qc_step *step)
{
    const struct tfl_SkipGramOptions *o = step->options;
    const struct qc_value *x = step->in[0];
    if (!x) return qc_step_fail(step, QC_FORMAT, "input 0 is missing");
    if (x->type != QC_STRING) return qc_step_unsupported_type(step);
    if (o->ngram_size < 1 || o->max_skip_size < 0)
        return qc_step_fail(step, QC_FORMAT, "ngram_size is %d, max_skip_size is %d", (int)o->ngram_size, (int)o->max_skip_size);
    return qc_defer(step, 0, QC_STRING);
}

/* Words between white space, as far as word and length are there to hold them. */
static int64_t split(const char *text, size_t n, const char **word, size_t *length)
{
    size_t begin = 0;
    int64_t count = 0;
    for (size_t i = 1; i <= n; i++) {
        if (i < n && !isspace((unsigned char)text[i])) continue;
        bool is_word = i > begin && (i == n || !isspace((unsigned char)text[begin]));
        if (is_word && word) word[count] = text + begin, length[count] = i - begin;
        count += is_word;
        begin = i + 1;
    }
    return count;
}

/* One n-gram of the first `depth` words of the stack, joined by spaces. */
static void emit(struct grams *g, int64_t depth)
{
    size_t n = (size_t)depth - 1;
    for (int64_t i = 0; i < depth; i++) n += g->length[g->stack[i]];
    if (g->out) {
        char *to = g->out + g->bytes;
        int32_t end = (int32_t)(g->bytes + n);
        for (int64_t i = 0; i < depth; i++) {
            if (i) *to++ = ' ';
            memcpy(to, g->word[g->stack[i]], g->length[g->stack[i]]);
            to += g->length[g->stack[i]];
        }
        memcpy(g->out + 8 + 4 * g->count, &end, 4);
    }
    g->count++;
    g->bytes += n;
}

/* Depth first. A choice that cannot be completed is not begun, so that the work is in proportion to the result. */
static bool enumerate(struct grams *g, size_t most)
{
    int64_t depth = 0;
    g->count = 0;
    g->stack[0] = -1;
    while (depth >= 0) {
        int64_t next = g->stack[depth] + 1, before = depth ? g->stack[depth - 1] : -1;
        bool reach = next < g->words && (depth == 0 || next - before <= g->skip + 1);
        if (reach && !g->all && g->words - next < g->size - depth) reach = false;
        if (reach) {
            g->stack[depth] = next;
            if (depth + 1 < g->size) {
                g->stack[depth + 1] = next;
                depth++;
            } else {
                emit(g, depth + 1);
            }
        } else {
            if (g->all && depth > 0) emit(g, depth);
            depth--;
        }
        if (g->bytes + g->count * 4 > most) return false;
    }
    return true;
}

static qc_status produce(struct qc_step *step, struct grams *g)
{
    struct qc_value *y = step->out[0];
    if (g->words >= g->size && !enumerate(g, INT32_MAX - 64)) return qc_step_fail(step, QC_RANGE, "the n-grams take more than 2 GiB");
    int32_t count = (int32_t)g->count, header = 8 + 4 * count;
    QC_TRY(step->rt->resize(step->rt, y, 1, &count, (size_t)header + g->bytes));
    g->out = y->data;
    memcpy(g->out, &count, 4);
    memcpy(g->out + 4, &header, 4);
    g->bytes = (size_t)header;
    if (count) enumerate(g, SIZE_MAX);
    return QC_OK;
}

static qc_status run(struct qc_step *step)
{
    const struct tfl_SkipGramOptions *o = step->options;
    const struct qc_value *x = step->in[0];
    struct qc_env *env = step->rt->env;
    size_t n = 0;
    const char *text = "";
    QC_TRY(qc_strings_check(step, x, qc_value_elements(x)));
    if (qc_value_elements(x)) text = qc_strings_get(x, 0, &n);
    struct grams g = {.size = o->ngram_size, .skip = o->max_skip_size, .all = o->include_all_ngrams};
    g.words = split(text, n, NULL, NULL);
    size_t words = (size_t)g.words + 1;
    g.word = qc_env_alloc(env, words * sizeof *g.word);
    g.length = qc_env_alloc(env, words * sizeof *g.length);
    g.stack = qc_env_alloc(env, (words + 1) * sizeof *g.stack); /* never deeper than there are words */
    qc_status status = QC_NOMEM;
    if (g.word && g.length && g.stack) {
        split(text, n, g.word, g.length);
        status = produce(step, &g);
    }
    qc_env_free(env, g.word);
    qc_env_free(env, g.length);
    qc_env_free(env, g.stack);
    return status;
}

const struct qc_op qc_op_skip_gram[] = {
    {.name = "SKIP_GRAM", .code = tfl_BuiltinOperator_SKIP_GRAM, .options = &tfl_SkipGramOptions_table, .in_min = 1, .in_max = 1,
     .out_min = 1, .out_max = 1, .infer = infer, .run = run},
    {0},
};
