/*
 * complaint.c - the list of operators that are missing. See complaint.h.
 */
#include "import/savedmodel/complaint.h"

#include <stdio.h>
#include <string.h>

enum { LISTED = 12 };

struct qc_tf_complaint {
    struct pb_bytes op, node;
    const char *sentence;
    struct qc_tf_complaint *next;
    int count; /* nodes with the same trouble */
};

qc_status qc_tf_complain(struct qc_tf_import *im, struct pb_bytes op, struct pb_bytes node, const char *sentence)
{
    for (struct qc_tf_complaint *c = im->complaint; c; c = c->next)
        if (pb_same(c->op, op) && !strcmp(c->sentence, sentence)) {
            c->count++;
            return QC_OK;
        }
    struct qc_tf_complaint *fresh = qc_arena_alloc(im->scratch, sizeof *fresh);
    char *copy = qc_arena_string(im->scratch, sentence);
    if (!fresh || !copy) return QC_NOMEM;
    *fresh = (struct qc_tf_complaint){.op = op, .node = node, .sentence = copy, .count = 1};
    if (!im->complaint_end) im->complaint_end = &im->complaint;
    *im->complaint_end = fresh;
    im->complaint_end = &fresh->next;
    im->complaint_count++;
    return QC_OK;
}

qc_status qc_tf_report(struct qc_tf_import *im)
{
    char list[1200] = "";
    size_t used = 0;
    int shown = 0;
    for (const struct qc_tf_complaint *c = im->complaint; c && shown < LISTED; c = c->next, shown++) {
        const char *layer = qc_tf_scope(im, c->node);
        char others[32] = "";
        if (c->count > 1) snprintf(others, sizeof others, " and %d more", c->count - 1);
        if (!layer) return QC_NOMEM;
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%.*s %s (node '%.*s'%s, layer '%s')", shown ? "; " : "", QC_PB(c->op),
                                 c->sentence, QC_PB(c->node), others, layer);
        if (used >= sizeof list) break;
    }
    return qc_fail(im->env, QC_UNSUPPORTED, "%s: %d TensorFlow operator%s cannot be converted: %s%s", im->package->path,
                   im->complaint_count, im->complaint_count == 1 ? "" : "s", list, shown < im->complaint_count ? "; ..." : "");
}
