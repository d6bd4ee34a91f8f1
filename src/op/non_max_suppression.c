/*
 * non_max_suppression.c - NON_MAX_SUPPRESSION_V4 and V5: the best boxes of one class, less those that overlap a better one. V5 with sigma > 0
 * lowers the scores of overlapping boxes instead (Bodla et al., Soft-NMS, arXiv:1704.04503).
 */
#include "op/shared/boxes.h"
#include "op/shared/check.h"

enum { BOXES, SCORES, MOST, OVERLAP, LEAST_SCORE, SIGMA };

static bool is_soft(const struct qc_step *step)
{
    return step->op->code == tfl_BuiltinOperator_NON_MAX_SUPPRESSION_V5;
}

static qc_status infer(struct qc_step *step)
{
    int count = is_soft(step) ? 6 : 5;
    QC_TRY(qc_need_inputs(step, count));
    for (int k = 0; k < count; k++) QC_TRY(qc_need_type(step, k, k == MOST ? QC_SET(INT32) : QC_SET(FLOAT32)));
    QC_TRY(qc_need_rank(step, BOXES, 2, 2));
    QC_TRY(qc_need_rank(step, SCORES, 1, 1));
    for (int k = MOST; k < count; k++) QC_TRY(qc_need_scalar(step, k));
    if (step->in[BOXES]->dims[1] != 4 || step->in[BOXES]->dims[0] != step->in[SCORES]->dims[0])
        return qc_step_fail(step, QC_FORMAT, "boxes of shape [%d, %d] with %d scores", step->in[BOXES]->dims[0], step->in[BOXES]->dims[1], step->in[SCORES]->dims[0]);
    if (!step->in[MOST]->known) {
        for (int k = 0; k < step->out_count; k++) QC_TRY(qc_defer(step, k, is_soft(step) && k == 1 ? QC_FLOAT32 : QC_INT32));
        return QC_OK;
    }
    int32_t most;
    QC_TRY(qc_need_dim(step, qc_value_int(step->in[MOST], 0), &most));
    QC_TRY(qc_step_output(step, 0, QC_INT32, 1, &most));
    if (is_soft(step)) QC_TRY(qc_step_output(step, 1, QC_FLOAT32, 1, &most));
    return qc_step_output(step, step->out_count - 1, QC_INT32, 0, NULL);
}

struct candidate {
    float score;
    int32_t box, compared; /* selections it was compared with */
};

static qc_status plan(struct qc_step *step)
{
    qc_step_scratch(step, (size_t)step->in[BOXES]->dims[0] * sizeof(struct candidate));
    return QC_OK;
}

/*
 * A heap with the best candidate at its root. Equal scores, which quantized models are full of, come out in the order of the C++ library
 * that LiteRT is built with (libstdc++'s push_heap and pop_heap), so that the same boxes are chosen.
 */
static void push(struct candidate *heap, size_t hole, struct candidate c)
{
    for (; hole && heap[(hole - 1) / 2].score < c.score; hole = (hole - 1) / 2) heap[hole] = heap[(hole - 1) / 2];
    heap[hole] = c;
}

/* Takes the root off a heap of `size`. */
static struct candidate pop(struct candidate *heap, size_t size)
{
    struct candidate top = heap[0], last = heap[size - 1];
    size_t hole = 0, length = size - 1;
    while (2 * hole + 2 < length) { /* both children are there */
        size_t child = 2 * hole + 2;
        child -= heap[child].score < heap[child - 1].score;
        heap[hole] = heap[child];
        hole = child;
    }
    if (2 * hole + 2 == length) {
        heap[hole] = heap[2 * hole + 1];
        hole = 2 * hole + 1;
    }
    if (length) push(heap, hole, last);
    return top;
}

/* Compares with the selections made since the last time, latest first. False: drop it. */
static bool survives(struct candidate *c, const struct qc_box *box, const int32_t *selected, int32_t count, float overlap, float least, float scale)
{
    for (int32_t j = count - 1; j >= c->compared; j--) {
        float iou = qc_box_overlap(&box[c->box], &box[selected[j]]);
        if (iou >= overlap) return false;
        if (scale < 0) c->score *= expf(scale * iou * iou);
        if (c->score <= least) break;
    }
    c->compared = count;
    return true;
}

static qc_status run(struct qc_step *step)
{
    const struct qc_box *box = step->in[BOXES]->data;
    const float *score = step->in[SCORES]->data;
    float overlap = *(const float *)step->in[OVERLAP]->data, least = *(const float *)step->in[LEAST_SCORE]->data;
    float sigma = is_soft(step) ? *(const float *)step->in[SIGMA]->data : 0, scale = sigma > 0 ? -0.5f / sigma : 0;
    struct candidate *heap = step->scratch;
    int32_t *selected = step->out[0]->data, most = step->out[0]->dims[0], found = 0;
    float *selected_score = is_soft(step) ? step->out[1]->data : NULL;
    size_t size = 0;
    for (int32_t i = 0; i < step->in[SCORES]->dims[0]; i++)
        if (score[i] > least) push(heap, size++, (struct candidate){score[i], i, 0});
    if (most > 0 && (size_t)most > size) most = (int32_t)size;
    while (found < most && size) {
        struct candidate c = pop(heap, size--);
        float before = c.score;
        bool keep = survives(&c, box, selected, found, overlap, least, scale);
        if (keep && c.score == before) {
            if (selected_score) selected_score[found] = c.score;
            selected[found++] = c.box;
        }
        if (keep && c.score > least) push(heap, size++, c); /* a chosen one suppresses itself next, unless its area is 0: as in LiteRT */
    }
    for (int32_t i = found; i < step->out[0]->dims[0]; i++) {
        selected[i] = 0;
        if (selected_score) selected_score[i] = 0;
    }
    *(int32_t *)step->out[step->out_count - 1]->data = found;
    return QC_OK;
}

const struct qc_op qc_op_non_max_suppression[] = {
    {.name = "NON_MAX_SUPPRESSION_V4", .code = tfl_BuiltinOperator_NON_MAX_SUPPRESSION_V4, .options = &tfl_NonMaxSuppressionV4Options_table,
     .in_min = 5, .in_max = 5, .out_min = 2, .out_max = 2, .infer = infer, .plan = plan, .run = run},
    {.name = "NON_MAX_SUPPRESSION_V5", .code = tfl_BuiltinOperator_NON_MAX_SUPPRESSION_V5, .options = &tfl_NonMaxSuppressionV5Options_table,
     .in_min = 6, .in_max = 6, .out_min = 3, .out_max = 3, .infer = infer, .plan = plan, .run = run},
    {0},
};
