/*
 * pad.c - see pad.h. While ids come in, `out` is a ring of the last maxlen ids, or holds the first maxlen.
 */
#include "text/pad.h"

#include <string.h>

void qc_window_put(struct qc_window *w, int32_t id)
{
    size_t maxlen = w->pad->maxlen, at = w->count++;
    if (at < maxlen)
        w->out[at] = id;
    else if (maxlen && w->pad->truncating == QC_PRE)
        w->out[at % maxlen] = id;
}

static void reverse(int32_t *ids, size_t count)
{
    for (size_t a = 0, b = count; a + 1 < b; a++) {
        int32_t keep = ids[a];
        ids[a] = ids[--b];
        ids[b] = keep;
    }
}

void qc_window_finish(struct qc_window *w)
{
    const struct qc_padding *pad = w->pad;
    size_t maxlen = pad->maxlen;
    if (w->count >= maxlen) {
        size_t oldest = maxlen && pad->truncating == QC_PRE ? w->count % maxlen : 0;
        reverse(w->out, oldest); /* turning both parts and then the whole rotates the ring to its start */
        reverse(w->out + oldest, maxlen - oldest);
        reverse(w->out, maxlen);
        return;
    }
    size_t missing = maxlen - w->count, first = pad->padding == QC_PRE ? 0 : w->count;
    if (pad->padding == QC_PRE) memmove(w->out + missing, w->out, w->count * sizeof *w->out);
    for (size_t i = 0; i < missing; i++) w->out[first + i] = pad->value;
}
