/*
 * npy_header.c - the header of a .npy: a Python dictionary {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}. See npy.h.
 */
#include "wire/npy.h"

#include <stdio.h>
#include <string.h>

enum { MAX_HEADER = 1 << 16 }; /* numpy itself refuses headers beyond 10000 characters */

struct text { /* what is left of the header */
    const char *next, *end;
};

static void skip_spaces(struct text *text)
{
    while (text->next < text->end && (*text->next == ' ' || (*text->next >= '\t' && *text->next <= '\r'))) text->next++;
}

static bool take(struct text *text, char wanted)
{
    skip_spaces(text);
    if (text->next == text->end || *text->next != wanted) return false;
    text->next++;
    return true;
}

static bool take_word(struct text *text, const char *word)
{
    size_t length = strlen(word);
    if (!take(text, word[0])) return false;
    text->next--;
    if ((size_t)(text->end - text->next) < length || memcmp(text->next, word, length)) return false;
    text->next += length;
    return true;
}

/* A quoted string without escapes; false if there is none or it does not fit. */
static bool take_string(struct text *text, char *out, size_t size)
{
    char quote = take(text, '\'') ? '\'' : take(text, '"') ? '"' : 0;
    size_t length = 0;
    if (!quote) return false;
    while (text->next < text->end && *text->next != quote) {
        if (length + 1 == size) return false;
        out[length++] = *text->next++;
    }
    out[length] = 0;
    return take(text, quote);
}

/* A whole number that is not negative; Python 2 wrote an L behind some. */
static bool take_number(struct text *text, int64_t *value)
{
    skip_spaces(text);
    const char *start = text->next;
    for (*value = 0; text->next < text->end && *text->next >= '0' && *text->next <= '9'; text->next++) {
        if (*value > (INT64_MAX - 9) / 10) return false;
        *value = *value * 10 + (*text->next - '0');
    }
    if (text->next == start) return false;
    if (text->next < text->end && *text->next == 'L') text->next++;
    return true;
}

/* "<f4" and the like. */
static qc_status parse_descr(struct qc_env *env, const char *descr, struct qc_npy *array)
{
    static const struct {
        const char *code;
        qc_dtype type;
    } table[] = {{"b1", QC_BOOL},    {"i1", QC_INT8},     {"i2", QC_INT16},     {"i4", QC_INT32},     {"i8", QC_INT64},
                 {"u1", QC_UINT8},   {"u2", QC_UINT16},   {"u4", QC_UINT32},    {"u8", QC_UINT64},    {"f2", QC_FLOAT16},
                 {"f4", QC_FLOAT32}, {"f8", QC_FLOAT64}, {"c8", QC_COMPLEX64}, {"c16", QC_COMPLEX128}};
    bool order = descr[0] && strchr("<>|=", descr[0]);
    const char *code = descr + order;
    array->swapped = descr[0] == '>';
    for (size_t i = 0; i < QC_COUNT(table); i++) {
        if (strcmp(code, table[i].code)) continue;
        array->type = table[i].type;
        array->item = qc_dtype_bytes(array->type, 1);
        return QC_OK;
    }
    struct text digits = {code + (code[0] != 0), code + strlen(code)};
    int64_t width = 0;
    if ((code[0] == 'S' || code[0] == 'U') && take_number(&digits, &width) && digits.next == digits.end && width > 0 &&
        width < INT32_MAX / 4) {
        array->type = QC_STRING;
        array->text = code[0] == 'U';
        array->item = (size_t)width * (array->text ? 4 : 1);
        return QC_OK;
    }
    return qc_fail(env, QC_UNSUPPORTED, "element type '%s'; bool, integers, floats to 64 bits, complex and fixed-width strings are read%s",
                   descr, code[0] == 'O' ? ". Object arrays hold Python's own pickles: save with a numeric dtype" : "");
}

static qc_status parse_shape(struct qc_env *env, struct text *text, struct qc_npy *array)
{
    if (!take(text, '(')) return qc_fail(env, QC_FORMAT, "header: 'shape' is no tuple");
    while (!take(text, ')')) {
        int64_t dim;
        if (!take_number(text, &dim)) return qc_fail(env, QC_FORMAT, "header: dimension %d of 'shape' is no whole number", array->rank);
        if (array->rank == QC_MAX_RANK) return qc_fail(env, QC_UNSUPPORTED, "more than %d dimensions", QC_MAX_RANK);
        array->dims[array->rank++] = dim;
        if (!take(text, ',') && !(text->next < text->end && *text->next == ')'))
            return qc_fail(env, QC_FORMAT, "header: 'shape' is no tuple of whole numbers");
    }
    return QC_OK;
}

static qc_status parse_dictionary(struct qc_env *env, struct text *text, struct qc_npy *array)
{
    char key[32], descr[32];
    unsigned seen = 0;
    if (!take(text, '{')) return qc_fail(env, QC_FORMAT, "header: no dictionary");
    while (!take(text, '}')) {
        if (!take_string(text, key, sizeof key) || !take(text, ':')) return qc_fail(env, QC_FORMAT, "header: a key and a colon are expected");
        if (!strcmp(key, "descr")) {
            if (take(text, '[')) return qc_fail(env, QC_UNSUPPORTED, "structured arrays are not read: save each field by itself");
            if (!take_string(text, descr, sizeof descr)) return qc_fail(env, QC_FORMAT, "header: 'descr' is no short string");
            QC_TRY(parse_descr(env, descr, array));
            seen |= 1;
        } else if (!strcmp(key, "fortran_order")) {
            array->fortran = take_word(text, "True");
            if (!array->fortran && !take_word(text, "False")) return qc_fail(env, QC_FORMAT, "header: 'fortran_order' is neither True nor False");
            seen |= 2;
        } else if (!strcmp(key, "shape")) {
            array->rank = 0;
            QC_TRY(parse_shape(env, text, array));
            seen |= 4;
        } else {
            return qc_fail(env, QC_FORMAT, "header: unknown key '%s'", key);
        }
        take(text, ',');
    }
    return seen == 7 ? QC_OK : qc_fail(env, QC_FORMAT, "header: 'descr', 'fortran_order' and 'shape' are not all there");
}

/* The number of elements; an order that makes no difference becomes C's. */
static qc_status count_elements(struct qc_env *env, struct qc_npy *array)
{
    int longer = 0;
    bool empty = false;
    for (int i = 0; i < array->rank; i++) empty |= array->dims[i] == 0;
    array->count = !empty;
    for (int i = 0; i < array->rank && !empty; i++) {
        longer += array->dims[i] > 1;
        if (!qc_size_mul(env, array->count, (size_t)array->dims[i], &array->count)) return env->error.status;
    }
    if (longer < 2) array->fortran = false;
    return QC_OK;
}

size_t qc_npy_header_size(const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    if (size < QC_NPY_PREAMBLE || memcmp(p, "\x93NUMPY", 6)) return 0;
    size_t length = (size_t)p[8] | (size_t)p[9] << 8;
    return p[6] == 1 ? 10 + length : 12 + (length | (size_t)p[10] << 16 | (size_t)p[11] << 24);
}

qc_status qc_npy_parse(struct qc_env *env, const void *bytes, size_t size, struct qc_npy *array)
{
    const char *p = bytes;
    array->header = qc_npy_header_size(bytes, size);
    if (!array->header) return qc_fail(env, QC_FORMAT, "no .npy: it does not begin with \\x93NUMPY and a header");
    if (p[6] < 1 || p[6] > 3) return qc_fail(env, QC_UNSUPPORTED, ".npy version %d; 1 to 3 are read", p[6]);
    if (array->header > MAX_HEADER) return qc_fail(env, QC_UNSUPPORTED, "a header of %zu bytes; at most %d are read", array->header, MAX_HEADER);
    if (array->header > size) return qc_fail(env, QC_FORMAT, "the header of %zu bytes is cut short", array->header);
    struct text text = {p + (p[6] == 1 ? 10 : 12), p + array->header};
    QC_TRY(parse_dictionary(env, &text, array));
    return count_elements(env, array);
}

char *qc_npy_header(struct qc_arena *arena, const char *descr, int rank, const int64_t *dims, size_t *size)
{
    char text[512];
    int length = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (int i = 0; i < rank; i++)
        length += snprintf(text + length, sizeof text - (size_t)length, i ? " %lld," : "%lld,", (long long)dims[i]);
    if (rank > 1) length--; /* (2, 3) but (2,) */
    length += snprintf(text + length, sizeof text - (size_t)length, "), }");
    *size = ((size_t)length + 1 + 10 + 63) / 64 * 64;
    char *header = qc_arena_alloc(arena, *size);
    if (!header) return NULL;
    memset(header, ' ', *size);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)((*size - 10) & 255);
    header[9] = (char)((*size - 10) >> 8);
    memcpy(header + 10, text, (size_t)length);
    header[*size - 1] = '\n';
    return header;
}
