/*
 * loop.c - While: a recurrent layer where it is one, else written out step by step, else WHILE. See graph.h.
 *
 * A loop is executed like everything else: as long as its condition is a constant, the body is run once more on the values of the step
 * before; what is left when the condition comes to depend on data becomes WHILE. The budget of nodes ends loops that do not end.
 */
#include "import/savedmodel/branch.h"
#include "import/savedmodel/control.h"

#include <string.h>

enum { MAX_STEPS = 1 << 16 };

static qc_status unroll(struct qc_tf_step *s, struct pb_bytes cond, struct pb_bytes body)
{
    int count = s->in_count;
    struct qc_tf_value *now = qc_arena_copy(s->im->scratch, s->in, (size_t)count * sizeof *now);
    struct qc_tf_value *next = qc_arena_array(s->im->scratch, (size_t)count, sizeof *next), more;
    if (!now || !next) return QC_NOMEM;
    for (int step = 0;; step++) {
        double truth;
        QC_TRY(qc_tf_call(s->im, cond, count, now, NULL, 1, &more));
        if (more.kind != QC_TF_TENSOR || !qc_tf_splat(s->im, more.tensor, &truth))
            return s->im->probing ? qc_tf_unsupported(s, "is a loop whose number of steps depends on data") : qc_tf_while(s, cond, body, now);
        if (truth == 0) break;
        if (step == MAX_STEPS) return qc_tf_fail(s, QC_RANGE, "runs more than %d steps", MAX_STEPS);
        QC_TRY(qc_tf_call(s->im, body, count, now, NULL, count, next));
        struct qc_tf_value *swap = now;
        now = next;
        next = swap;
    }
    QC_TRY(qc_tf_outputs(s, count));
    memcpy(s->out, now, (size_t)count * sizeof *now);
    return QC_OK;
}

qc_status qc_tf_lower_while(struct qc_tf_step *s)
{
    struct pb_bytes cond = qc_tf_attr_function(s->node, "cond"), body = qc_tf_attr_function(s->node, "body");
    bool done = false;
    for (int i = 0; i < s->in_count; i++)
        if (s->in[i].kind == QC_TF_UNSUPPORTED || s->in[i].kind == QC_TF_TEXT) return qc_tf_unsupported(s, "loops over values that cannot be converted");
    if (!s->im->probing) QC_TRY(qc_tf_recurrent(s, cond, body, &done));
    return done ? QC_OK : unroll(s, cond, body);
}
