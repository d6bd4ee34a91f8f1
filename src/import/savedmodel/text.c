/*
 * text.c - strings. See graph.h. TFLite has no operators for text: what is computed from strings is carried as such, and is an error
 * only where a result needs it.
 */
#include "import/savedmodel/graph.h"

#include <string.h>

static qc_status refuse(struct qc_tf_step *s)
{
    return qc_tf_unsupported(s, "works on text or look-up tables, which TFLite does not have: export the part of the model behind it, and look the "
                                "words up on the host");
}

qc_status qc_tf_text_step(struct qc_tf_step *s)
{
    if (s->in_count == 1 && (pb_equal(s->node->op, "Identity") || pb_equal(s->node->op, "StopGradient"))) {
        QC_TRY(qc_tf_outputs(s, 1));
        s->out[0] = s->in[0];
        return QC_OK;
    }
    if (!strcmp(s->op->name, "Assert") || !strcmp(s->op->name, "PrintV2")) return qc_tf_outputs(s, 0);
    return refuse(s);
}

const struct qc_tf_op qc_tf_text_ops[] = {
    {"LookupTableSizeV2", refuse, 0, -1, 0, 0},
    {"StringLower", refuse, 0, -1, 0, 0},
    {"StaticRegexReplace", refuse, 0, -1, 0, 0},
    {"StringSplitV2", refuse, 0, -1, 0, 0},
    {"StringToHashBucketFast", refuse, 0, -1, 0, 0},
    {NULL, NULL, 0, 0, 0, 0},
};
