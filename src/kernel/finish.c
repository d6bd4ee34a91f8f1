/*
 * finish.c - see finish.h.
 */
#include "kernel/finish.h"

enum { ASIDE_BYTES = 4096 }; /* with the output's piece, a quarter of the first-level cache */

/* `count` elements `at` bytes behind c. */
static void piece(const struct qc_finish *finish, char *c, size_t at, size_t count)
{
    static const size_t step[QC_ROW_INPUTS] = {1, 1};
    _Alignas(64) char aside[ASIDE_BYTES];
    for (int i = 0; i < finish->count; i++) {
        const struct qc_finish_pass *pass = &finish->pass[i];
        const void *in[QC_ROW_INPUTS] = {NULL};
        for (int k = 0; k < 2; k++)
            in[k] = pass->from[k] == QC_FROM_OUTPUT ? c + at : pass->from[k] == QC_FROM_ASIDE ? aside : (const char *)*pass->other + at;
        pass->row(pass->params, pass->aside ? aside : c + at, in, step, count);
    }
}

void qc_finish_rows(const struct qc_finish *finish, void *c, size_t element, size_t at, size_t pitch, size_t rows, size_t columns)
{
    const size_t most = ASIDE_BYTES / element;
    if (columns == pitch) {
        columns *= rows;
        rows = 1;
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t begin = 0; begin < columns; begin += most)
            piece(finish, c, (at + r * pitch + begin) * element, columns - begin < most ? columns - begin : most);
}
