/*
 * finish.c - see finish.h.
 */
#include "kernel/finish.h"

enum { ASIDE = 1024 }; /* floats: with the output's piece, a quarter of the first-level cache */

static void piece(const struct qc_finish *finish, float *c, size_t at, size_t count)
{
    static const size_t step[QC_ROW_INPUTS] = {1, 1};
    float aside[ASIDE];
    for (int i = 0; i < finish->count; i++) {
        const struct qc_finish_pass *pass = &finish->pass[i];
        const void *in[QC_ROW_INPUTS] = {NULL};
        for (int k = 0; k < 2; k++)
            in[k] = pass->from[k] == QC_FROM_OUTPUT ? c + at : pass->from[k] == QC_FROM_ASIDE ? aside : (const float *)*pass->other + at;
        pass->row(pass->params, pass->aside ? aside : c + at, in, step, count);
    }
}

void qc_finish_f32(const struct qc_finish *finish, float *c, size_t at, size_t pitch, size_t rows, size_t columns)
{
    if (columns == pitch) {
        columns *= rows;
        rows = 1;
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t begin = 0; begin < columns; begin += ASIDE)
            piece(finish, c, at + r * pitch + begin, columns - begin < ASIDE ? columns - begin : ASIDE);
}
