/*
 * complaint.c - the list of operators that are missing. See complaint.h.
 */
#include "import/savedmodel/complaint.h"

#include <stdio.h>
#include <string.h>

struct qc_tf_complaint {
    struct pb_bytes op, node; /* the first one */
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

/* "A (node 'x'), B (node 'y' and 2 more): sentence; C ...": operators by what is wrong with them. false if there is no room for all. */
static bool list_all(const struct qc_tf_import *im, char *list, size_t size, bool nodes)
{
    size_t used = 0;
    for (const struct qc_tf_complaint *group = im->complaint; group; group = group->next) {
        const struct qc_tf_complaint *c = im->complaint;
        while (c != group && strcmp(c->sentence, group->sentence)) c = c->next;
        if (c != group) continue; /* it is in an earlier group */
        for (; c && used < size; c = c->next) {
            char others[32] = "";
            if (strcmp(c->sentence, group->sentence)) continue;
            if (c->count > 1) snprintf(others, sizeof others, " and %d more", c->count - 1);
            used += (size_t)snprintf(list + used, size - used, "%s%.*s", c != group ? ", " : used ? "; " : "", QC_PB(c->op));
            if (nodes && used < size) used += (size_t)snprintf(list + used, size - used, " (node '%.*s'%s)", QC_PB(c->node), others);
        }
        if (used < size) used += (size_t)snprintf(list + used, size - used, ": %s", group->sentence);
        if (used >= size) return false;
    }
    return true;
}

qc_status qc_tf_report(struct qc_tf_import *im)
{
    char list[1300];
    bool all = list_all(im, list, sizeof list, true) || list_all(im, list, sizeof list, false);
    return qc_fail(im->env, QC_UNSUPPORTED, "%s: %d TensorFlow operator%s cannot be converted: %s%s", im->package->path,
                   im->complaint_count, im->complaint_count == 1 ? "" : "s", list, all ? "" : " ...");
}
