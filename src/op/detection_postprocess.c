/*
 * detection_postprocess.c - the custom operator TFLite_Detection_PostProcess of SSD models: boxes decoded from anchors, then non-maximum
 * suppression, for each class ("regular") or over the best class of each box ("fast").
 */
#include "op/shared/boxes.h"
#include "op/shared/check.h"
#include "wire/flex.h"

enum { ENCODINGS, SCORES, ANCHORS };

struct settings {
    int64_t most, per_detection, per_class, classes;
    bool regular;
    float least_score, overlap;
    float scale[4]; /* y, x, height, width */
};

struct pick { /* a chosen (box, class) */
    float score;
    int32_t box, label;
};

struct state {
    struct settings set;
    struct qc_box *box; /* [boxes] */
    float *score;       /* [boxes, classes with background] of uint8 models */
    float *best;        /* [boxes] */
    int32_t *order;     /* [boxes] candidates, best first */
    uint8_t *alive;     /* [boxes] */
    int32_t *label;     /* [boxes, classes per detection] */
    struct pick *picked; /* [most + per class] */
};

static qc_status read_settings(struct qc_step *step, struct settings *s)
{
    struct qc_flex map;
    if (!qc_flex_root(step->node->custom_data, step->node->custom_bytes, &map)) return qc_step_fail(step, QC_FORMAT, "its options cannot be read");
    s->most = qc_flex_int_of(&map, "max_detections", 0);
    s->per_detection = qc_flex_int_of(&map, "max_classes_per_detection", 0);
    s->per_class = qc_flex_int_of(&map, "detections_per_class", 100);
    s->regular = qc_flex_int_of(&map, "use_regular_nms", 0) != 0;
    s->least_score = (float)qc_flex_float_of(&map, "nms_score_threshold", 0);
    s->overlap = (float)qc_flex_float_of(&map, "nms_iou_threshold", 0);
    s->classes = qc_flex_int_of(&map, "num_classes", 0);
    s->scale[0] = (float)qc_flex_float_of(&map, "y_scale", 0);
    s->scale[1] = (float)qc_flex_float_of(&map, "x_scale", 0);
    s->scale[2] = (float)qc_flex_float_of(&map, "h_scale", 0);
    s->scale[3] = (float)qc_flex_float_of(&map, "w_scale", 0);
    if (s->most < 1 || s->most > 1000000 || s->per_detection < 1 || s->per_detection > 1000000 || s->per_class < 1 || s->classes < 1)
        return qc_step_fail(step, QC_FORMAT, "max_detections %lld, max_classes_per_detection %lld, detections_per_class %lld, num_classes %lld",
                            (long long)s->most, (long long)s->per_detection, (long long)s->per_class, (long long)s->classes);
    if (!(s->overlap > 0 && s->overlap <= 1)) return qc_step_fail(step, QC_FORMAT, "nms_iou_threshold is %g, outside (0, 1]", (double)s->overlap);
    s->per_class = QC_MIN(s->per_class, s->most);
    return QC_OK;
}

static qc_status infer(struct qc_step *step)
{
    struct settings s;
    QC_TRY(qc_need_inputs(step, 3));
    QC_TRY(read_settings(step, &s));
    for (int k = 0; k < 3; k++) {
        QC_TRY(qc_need_type(step, k, QC_SET(FLOAT32) | QC_SET(UINT8)));
        QC_TRY(qc_need_rank(step, k, k == ANCHORS ? 2 : 3, k == ANCHORS ? 2 : 3));
        if (step->in[k]->type == QC_UINT8) QC_TRY(qc_need_scale(step, k));
    }
    QC_TRY(qc_need_same_type(step, ENCODINGS, ANCHORS));
    const int32_t *encodings = step->in[ENCODINGS]->dims, *scores = step->in[SCORES]->dims, *anchors = step->in[ANCHORS]->dims;
    if (encodings[0] != 1 || scores[0] != 1 || encodings[1] != scores[1] || anchors[0] != encodings[1] || encodings[2] < 4 || anchors[1] != 4)
        return qc_step_fail(step, QC_FORMAT, "encodings [%d, %d, %d], scores [%d, %d, %d] and anchors [%d, %d] do not fit together", encodings[0],
                            encodings[1], encodings[2], scores[0], scores[1], scores[2], anchors[0], anchors[1]);
    if (scores[2] != s.classes && scores[2] != s.classes + 1)
        return qc_step_fail(step, QC_FORMAT, "%d scores for each box, but num_classes is %lld", scores[2], (long long)s.classes);
    int64_t count;
    int32_t dims[3] = {1, 0, 4}, one = 1;
    if (__builtin_mul_overflow(s.most, s.per_detection, &count)) count = INT64_MAX;
    QC_TRY(qc_need_dim(step, count, &dims[1]));
    QC_TRY(qc_step_output(step, 0, QC_FLOAT32, 3, dims));
    QC_TRY(qc_step_output(step, 1, QC_FLOAT32, 2, dims));
    QC_TRY(qc_step_output(step, 2, QC_FLOAT32, 2, dims));
    return qc_step_output(step, 3, QC_FLOAT32, 1, &one);
}

static qc_status plan(struct qc_step *step)
{
    struct state *s = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    step->state = s;
    QC_TRY(read_settings(step, &s->set));
    size_t boxes = (size_t)step->in[ENCODINGS]->dims[1], labels = (size_t)QC_MIN(s->set.per_detection, s->set.classes);
    s->box = qc_step_alloc(step, boxes * sizeof *s->box);
    s->score = qc_step_alloc(step, step->in[SCORES]->type == QC_UINT8 ? qc_value_elements(step->in[SCORES]) * sizeof *s->score : 1);
    s->best = qc_step_alloc(step, boxes * sizeof *s->best);
    s->order = qc_step_alloc(step, boxes * sizeof *s->order);
    s->alive = qc_step_alloc(step, boxes);
    s->label = qc_step_alloc(step, boxes * labels * sizeof *s->label);
    s->picked = qc_step_alloc(step, (size_t)(s->set.most + s->set.per_class) * sizeof *s->picked);
    return s->box && s->score && s->best && s->order && s->alive && s->label && s->picked ? QC_OK : QC_NOMEM;
}

static float real_at(const struct qc_value *value, size_t i)
{
    if (value->type == QC_FLOAT32) return ((const float *)value->data)[i];
    return ((float)((const uint8_t *)value->data)[i] - (float)qc_value_zero_point(value)) * qc_value_scale(value);
}

static qc_status decode(struct qc_step *step, struct state *s)
{
    const struct qc_value *encodings = step->in[ENCODINGS], *anchors = step->in[ANCHORS];
    const float *scale = s->set.scale;
    size_t stride = (size_t)encodings->dims[2];
    for (size_t i = 0; i < (size_t)encodings->dims[1]; i++) {
        double y = real_at(encodings, i * stride), x = real_at(encodings, i * stride + 1);
        double h = real_at(encodings, i * stride + 2), w = real_at(encodings, i * stride + 3);
        double anchor_y = real_at(anchors, 4 * i), anchor_x = real_at(anchors, 4 * i + 1);
        double anchor_h = real_at(anchors, 4 * i + 2), anchor_w = real_at(anchors, 4 * i + 3);
        float centre_y = (float)(y / scale[0] * anchor_h + anchor_y), centre_x = (float)(x / scale[1] * anchor_w + anchor_x);
        float half_h = (float)(0.5 * exp(h / scale[2]) * anchor_h), half_w = (float)(0.5 * exp(w / scale[3]) * anchor_w);
        s->box[i] = (struct qc_box){centre_y - half_h, centre_x - half_w, centre_y + half_h, centre_x + half_w};
        if (s->box[i].y1 > s->box[i].y2 || s->box[i].x1 > s->box[i].x2)
            return qc_step_fail(step, QC_RANGE, "box %zu has a negative size", i);
    }
    return QC_OK;
}

/* Stable, best first. */
static void sort_by_score(int32_t *order, int32_t *spare, size_t count, const float *score)
{
    if (count < 2) return;
    size_t half = count / 2;
    sort_by_score(order, spare, half, score);
    sort_by_score(order + half, spare, count - half, score);
    memcpy(spare, order, half * sizeof *order);
    for (size_t i = 0, j = half, k = 0; i < half; k++)
        order[k] = j < count && score[order[j]] > score[spare[i]] ? order[j++] : spare[i++];
}

/* Boxes that remain of the candidates with score[], best first, into order; at most `most`. spare is as long as order. */
static size_t suppress(struct state *s, const float *score, size_t boxes, size_t most, int32_t *spare)
{
    size_t kept = 0, chosen = 0;
    for (size_t i = 0; i < boxes; i++)
        if (score[i] >= s->set.least_score) s->order[kept++] = (int32_t)i;
    sort_by_score(s->order, spare, kept, score);
    memset(s->alive, 1, kept);
    for (size_t i = 0; i < kept && chosen < most; i++) {
        if (!s->alive[i]) continue;
        for (size_t j = i + 1; j < kept; j++)
            if (s->alive[j] && qc_box_overlap(&s->box[s->order[i]], &s->box[s->order[j]]) > s->set.overlap) s->alive[j] = 0;
        s->order[chosen++] = s->order[i];
    }
    return chosen;
}

static void write_pick(struct qc_step *step, const struct state *s, size_t at, const struct pick *pick)
{
    static const struct qc_box none;
    memcpy((float *)step->out[0]->data + 4 * at, pick ? &s->box[pick->box] : &none, sizeof none);
    ((float *)step->out[1]->data)[at] = pick ? (float)pick->label : 0;
    ((float *)step->out[2]->data)[at] = pick ? pick->score : 0;
}

/* Each class by itself; the best of all in order of score, earlier classes first among equals. */
static size_t run_regular(struct qc_step *step, struct state *s, const float *score, int32_t *spare)
{
    size_t boxes = (size_t)step->in[SCORES]->dims[1], columns = (size_t)step->in[SCORES]->dims[2], background = columns - (size_t)s->set.classes;
    size_t count = 0, most = (size_t)s->set.most;
    for (size_t c = 0; c < (size_t)s->set.classes; c++) {
        for (size_t i = 0; i < boxes; i++) s->best[i] = score[i * columns + c + background];
        size_t chosen = suppress(s, s->best, boxes, (size_t)s->set.per_class, spare);
        size_t total = QC_MIN(count + chosen, most), i = count, j = chosen;
        for (size_t k = count + chosen; k-- > 0 && j > 0;) { /* merge from the end; what falls beyond `most` is not kept */
            bool old = i > 0 && s->best[s->order[j - 1]] > s->picked[i - 1].score;
            struct pick next = old ? s->picked[--i] : (struct pick){0};
            if (!old) {
                int32_t box = s->order[--j];
                next = (struct pick){s->best[box], box, (int32_t)c};
            }
            s->picked[k] = next;
        }
        count = total;
    }
    for (size_t k = 0; k < most; k++) write_pick(step, s, k, k < count ? &s->picked[k] : NULL);
    return count;
}

/* The best classes of a box, best first. */
static void best_labels(const float *score, int32_t classes, int32_t most, int32_t *label)
{
    int32_t count = 0;
    for (int32_t c = 0; c < classes; c++) {
        int32_t at = count;
        while (at > 0 && score[c] > score[label[at - 1]]) at--;
        if (at >= most) continue;
        if (count < most) count++;
        for (int32_t k = count - 1; k > at; k--) label[k] = label[k - 1];
        label[at] = c;
    }
}

static size_t run_fast(struct qc_step *step, struct state *s, const float *score, int32_t *spare)
{
    size_t boxes = (size_t)step->in[SCORES]->dims[1], columns = (size_t)step->in[SCORES]->dims[2], background = columns - (size_t)s->set.classes;
    size_t labels = (size_t)QC_MIN(s->set.per_detection, s->set.classes), per_detection = (size_t)s->set.per_detection;
    for (size_t i = 0; i < boxes; i++) {
        const float *own = score + i * columns + background;
        best_labels(own, (int32_t)s->set.classes, (int32_t)labels, s->label + i * labels);
        s->best[i] = own[s->label[i * labels]];
    }
    size_t chosen = suppress(s, s->best, boxes, (size_t)s->set.most, spare);
    for (size_t k = 0; k < (size_t)s->set.most * per_detection; k++) write_pick(step, s, k, NULL);
    for (size_t k = 0; k < chosen; k++) {
        int32_t box = s->order[k];
        for (size_t c = 0; c < labels; c++) {
            int32_t label = s->label[(size_t)box * labels + c];
            struct pick pick = {score[(size_t)box * columns + background + (size_t)label], box, label};
            write_pick(step, s, k * per_detection + c, &pick);
        }
    }
    return chosen;
}

static qc_status prepare_scratch(struct qc_step *step)
{
    QC_TRY(plan(step));
    qc_step_scratch(step, (size_t)step->in[ENCODINGS]->dims[1] * sizeof(int32_t));
    return QC_OK;
}

static qc_status run(struct qc_step *step)
{
    struct state *s = step->state;
    const struct qc_value *scores = step->in[SCORES];
    const float *score = scores->data;
    if (scores->type == QC_UINT8) {
        for (size_t i = 0; i < qc_value_elements(scores); i++) s->score[i] = real_at(scores, i);
        score = s->score;
    }
    QC_TRY(decode(step, s));
    for (int k = 0; k < 3; k++)
        if (step->out[k]->bytes) memset(step->out[k]->data, 0, step->out[k]->bytes);
    size_t count = s->set.regular ? run_regular(step, s, score, step->scratch) : run_fast(step, s, score, step->scratch);
    *(float *)step->out[3]->data = (float)count;
    return QC_OK;
}

const struct qc_op qc_op_detection_postprocess[] = {
    {.name = "TFLite_Detection_PostProcess", .code = tfl_BuiltinOperator_CUSTOM, .in_min = 3, .in_max = 3, .out_min = 4, .out_max = 4,
     .infer = infer, .plan = prepare_scratch, .run = run},
    {0},
};
