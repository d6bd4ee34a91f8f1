/*
 * lower.c - lower case. See lower.h.
 */
#include "text/lower.h"

enum { CAPITAL_SIGMA = 0x3a3, SMALL_SIGMA = 0x3c3, FINAL_SIGMA = 0x3c2, DOTTED_I = 0x130, DOT_ABOVE = 0x307 };

static uint32_t simple_lower(uint32_t code)
{
    int low = 0, high = qc_lower_range_count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (qc_lower_range[middle].last < code)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == qc_lower_range_count || code < qc_lower_range[low].first || (code - qc_lower_range[low].first) % qc_lower_range[low].step)
        return code;
    return (uint32_t)((int32_t)code + qc_lower_range[low].distance);
}

static enum qc_case case_class(uint32_t code)
{
    int low = 0, high = qc_case_start_count; /* the last run that begins at or before `code`; the first begins at 0 */
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (qc_case_start[middle] >> 2 <= code)
            low = middle;
        else
            high = middle;
    }
    return (enum qc_case)(qc_case_start[low] & 3);
}

/* Is the next character that is not ignorable a cased one? A sigma is, so that no stretch of text is looked through twice. */
static bool before_cased(const struct qc_characters *c)
{
    uint32_t code;
    for (size_t at = c->at; qc_utf8_next(c->text, c->length, &at, &code);) {
        enum qc_case kind = case_class(code);
        if (kind != QC_CASE_IGNORABLE) return kind == QC_CASED;
    }
    return false;
}

static uint32_t lower(struct qc_characters *c, uint32_t code)
{
    if (code < 0x80) {
        bool capital = code >= 'A' && code <= 'Z', small = code >= 'a' && code <= 'z';
        if (capital || small)
            c->behind_cased = true;
        else if (case_class(code) != QC_CASE_IGNORABLE)
            c->behind_cased = false;
        return capital ? code + 32 : code;
    }
    bool behind = c->behind_cased;
    enum qc_case kind = case_class(code);
    if (kind != QC_CASE_IGNORABLE) c->behind_cased = kind == QC_CASED;
    if (code == CAPITAL_SIGMA) return behind && !before_cased(c) ? FINAL_SIGMA : SMALL_SIGMA;
    if (code == DOTTED_I) {
        c->pending = DOT_ABOVE;
        return 'i';
    }
    return simple_lower(code);
}

enum qc_next qc_next_character(struct qc_characters *c, uint32_t *code)
{
    if (c->pending) {
        *code = c->pending;
        c->pending = 0;
        return QC_CHARACTER;
    }
    if (c->at == c->length) return QC_END;
    if (!qc_utf8_next(c->text, c->length, &c->at, code)) return QC_NO_UTF8;
    if (c->lower) *code = lower(c, *code);
    return QC_CHARACTER;
}
