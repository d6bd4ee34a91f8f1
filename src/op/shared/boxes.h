/*
 * boxes.h - boxes as detection operators know them: opposite corners y1, x1, y2, x2.
 */
#ifndef QC_OP_SHARED_BOXES_H
#define QC_OP_SHARED_BOXES_H

#include <math.h>

struct qc_box {
    float y1, x1, y2, x2;
};

/* Intersection over union; 0 if a box has no area. Corners may come in any order. */
static inline float qc_box_overlap(const struct qc_box *a, const struct qc_box *b)
{
    float a_top = fminf(a->y1, a->y2), a_bottom = fmaxf(a->y1, a->y2), a_left = fminf(a->x1, a->x2), a_right = fmaxf(a->x1, a->x2);
    float b_top = fminf(b->y1, b->y2), b_bottom = fmaxf(b->y1, b->y2), b_left = fminf(b->x1, b->x2), b_right = fmaxf(b->x1, b->x2);
    float a_area = (a_bottom - a_top) * (a_right - a_left), b_area = (b_bottom - b_top) * (b_right - b_left);
    if (a_area <= 0 || b_area <= 0) return 0;
    float common = fmaxf(fminf(a_bottom, b_bottom) - fmaxf(a_top, b_top), 0) * fmaxf(fminf(a_right, b_right) - fmaxf(a_left, b_left), 0);
    return common / (a_area + b_area - common);
}

#endif
