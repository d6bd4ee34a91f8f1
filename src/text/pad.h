/*
 * pad.h - pad_sequences of one sequence, fed id by id: memory is that of the result, however long the sequence.
 */
#ifndef QC_TEXT_PAD_H
#define QC_TEXT_PAD_H

#include <quantc/quantc.h>

struct qc_window {
    const struct qc_padding *pad;
    int32_t *out; /* [pad->maxlen] */
    size_t count; /* ids fed so far */
};

void qc_window_put(struct qc_window *window, int32_t id);
/* Brings the ids into place and pads; `out` is complete then. */
void qc_window_finish(struct qc_window *window);

#endif
