/*
 * einsum.c - Einsum of two operands as one matrix product: sum out what only one operand has, bring both to [batch, left, contracted]
 * and [batch, contracted, right], multiply, bring the result to the order asked for. A constant operand without batch indices makes it
 * a FULLY_CONNECTED.
 */
#include "import/lower/dense.h"

#include <string.h>

/* An equation with "..." written out in digits. */
struct equation {
    char x[QC_MAX_RANK + 1], y[QC_MAX_RANK + 1], out[QC_MAX_RANK + 1];
};

/* One term of the equation, up to `end`, for a tensor of `rank` (-1: as many as the ellipsis of the operands needed, in *ellipsis). */
static bool read_term(const char *from, const char *end, int rank, int *ellipsis, char *term)
{
    int letters = 0, count = 0;
    for (const char *c = from; c < end; c++) letters += *c != '.' && *c != ' ';
    int spread = rank < 0 ? *ellipsis : rank - letters;
    bool has_ellipsis = memchr(from, '.', (size_t)(end - from)) != NULL;
    if (spread < 0 || spread > QC_MAX_RANK || letters + (has_ellipsis ? spread : 0) > QC_MAX_RANK) return false;
    if (has_ellipsis && rank >= 0 && spread > *ellipsis) *ellipsis = spread;
    if (!has_ellipsis && rank >= 0 && spread != 0) return false;
    for (const char *c = from; c < end; c++) {
        if (*c == ' ') continue;
        if (*c == '.') {
            if (end - c < 3 || c[1] != '.' || c[2] != '.') return false;
            c += 2;
            for (int i = spread; i > 0; i--) term[count++] = (char)('0' + i - 1); /* the last one is '0': aligned at the right */
            has_ellipsis = false;
            continue;
        }
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z')) || memchr(term, *c, (size_t)count)) return false;
        term[count++] = *c;
    }
    term[count] = 0;
    return true;
}

static bool read_equation(const char *text, int rank_x, int rank_y, struct equation *e)
{
    const char *comma = strchr(text, ','), *arrow = strstr(text, "->");
    int ellipsis = 0;
    return comma && arrow && comma < arrow && read_term(text, comma, rank_x, &ellipsis, e->x) &&
           read_term(comma + 1, arrow, rank_y, &ellipsis, e->y) && read_term(arrow + 2, arrow + strlen(arrow), -1, &ellipsis, e->out);
}

static struct qc_tensor *bad_equation(struct qc_build *b, const char *text)
{
    return qc_lower_fail(b, QC_UNSUPPORTED, "the Einsum equation '%.100s' is not a matrix product of its operands", text);
}

/* Letters of `from` that are (or are not) in a and in c, in from's order. */
static void pick(char *to, const char *from, const char *a, bool in_a, const char *c, bool in_c)
{
    for (; *from; from++)
        if (!strchr(a, *from) == !in_a && !strchr(c, *from) == !in_c) *to++ = *from;
    *to = 0;
}

/* SUM over the letters of `term` that appear nowhere else; they leave the term. */
static struct qc_tensor *sum_out(struct qc_build *b, struct qc_tensor *x, char *term, const char *other, const char *out)
{
    int32_t axes[QC_MAX_RANK];
    int count = 0, kept = 0;
    for (int i = 0; term[i]; i++)
        if (strchr(other, term[i]) || strchr(out, term[i])) term[kept++] = term[i];
        else axes[count++] = i;
    term[kept] = 0;
    return qc_lower_reduce(b, tfl_BuiltinOperator_SUM, x, count, axes, false);
}

static void find(int32_t *axes, const char *letters, const char *term)
{
    for (; *letters; letters++) *axes++ = (int32_t)(strchr(term, *letters) - term);
}

/* One dimension for all of `letters`, axes [from, from + n) of x. */
static int32_t merged(struct qc_build *b, const struct qc_tensor *x, int from, int n)
{
    int32_t product = 1;
    if (n == 1) return QC_KEEP(from);
    for (int i = from; i < from + n; i++) {
        if (qc_lower_is_free(b, x, i)) return -1;
        product *= x->dims[i];
    }
    return product;
}

/* x, whose axes are `term`, as [batch letters..., all of first, all of second]. */
static struct qc_tensor *as_matrix(struct qc_build *b, struct qc_tensor *x, const char *term, const char *batch, const char *first,
                                   const char *second)
{
    int32_t order[QC_MAX_RANK], dims[QC_MAX_RANK];
    int nb = (int)strlen(batch), n1 = (int)strlen(first), n2 = (int)strlen(second), unknown = 0;
    find(order, batch, term);
    find(order + nb, first, term);
    find(order + nb + n1, second, term);
    x = qc_lower_transpose(b, x, order);
    if (!x) return NULL;
    for (int i = 0; i < nb; i++) dims[i] = QC_KEEP(i);
    dims[nb] = merged(b, x, nb, n1);
    dims[nb + 1] = merged(b, x, nb + n1, n2);
    for (int i = 0; i < nb + 2; i++) unknown += dims[i] == -1;
    if (unknown > 1) return qc_lower_fail(b, QC_UNSUPPORTED, "an Einsum that joins dimensions of unknown size on both sides");
    return qc_lower_reshape(b, x, nb + 2, dims);
}

/* Where the letters of the result come from, so that merged axes can be taken apart. */
struct source {
    struct qc_tensor *tensor;
    const char *term;
};

/* product [batch..., left, right] to one axis per letter, in the order of `out`. */
static struct qc_tensor *as_output(struct qc_build *b, struct qc_tensor *product, const char *letters, int kept, int left, int right,
                                   const struct source *x, const struct source *y, const char *out)
{
    int32_t dims[QC_MAX_RANK], order[QC_MAX_RANK];
    int count = (int)strlen(letters), unknown = 0;
    if (!product) return NULL;
    for (int i = 0; i < count; i++) {
        const struct source *from = i < kept + left ? x : y;
        int axis = (int)(strchr(from->term, letters[i]) - from->term);
        if (i < kept) dims[i] = QC_KEEP(i);
        else if (i < kept + left) dims[i] = left == 1 ? QC_KEEP(kept) : from->tensor->dims[axis];
        else dims[i] = right == 1 ? QC_KEEP(kept + 1) : from->tensor->dims[axis];
        if (dims[i] >= 0 && qc_lower_is_free(b, from->tensor, axis)) dims[i] = -1, unknown++;
    }
    if (unknown > 1) return qc_lower_fail(b, QC_UNSUPPORTED, "an Einsum that splits a dimension into several of unknown size");
    product = qc_lower_reshape(b, product, count, dims);
    if (!product) return NULL;
    for (int i = 0; i < count; i++) order[i] = (int32_t)(strchr(letters, out[i]) - letters);
    return qc_lower_transpose(b, product, order);
}

struct qc_tensor *qc_lower_einsum(struct qc_build *b, const char *text, struct qc_tensor *x, struct qc_tensor *y)
{
    struct equation e;
    char batch[QC_MAX_RANK + 1], left[QC_MAX_RANK + 1], right[QC_MAX_RANK + 1], contracted[QC_MAX_RANK + 1], letters[3 * QC_MAX_RANK + 3];
    if (!x || !y) return NULL;
    if (!read_equation(text, x->rank, y->rank, &e)) return bad_equation(b, text);
    x = sum_out(b, x, e.x, e.y, e.out);
    y = sum_out(b, y, e.y, e.x, e.out);
    if (!x || !y) return NULL;
    pick(batch, e.x, e.y, true, e.out, true);
    pick(left, e.x, e.y, false, e.out, true);
    pick(right, e.y, e.x, false, e.out, true);
    pick(contracted, e.x, e.y, true, e.out, false);
    strcpy(letters, batch);
    strcat(letters, left);
    strcat(letters, right);
    if (strlen(letters) != strlen(e.out) || strspn(e.out, letters) != strlen(e.out) || strlen(batch) > 3) return bad_equation(b, text);
    struct source from_x = {x, e.x}, from_y = {y, e.y};
    struct qc_tensor *product = qc_lower_matmul(b, as_matrix(b, x, e.x, batch, left, contracted),
                                                as_matrix(b, y, e.y, batch, contracted, right), false, false);
    return as_output(b, product, letters, (int)strlen(batch), (int)strlen(left), (int)strlen(right), &from_x, &from_y, e.out);
}

/* ---- EinsumDense ---- */

/* The kernel as FULLY_CONNECTED wants it: [all of right, all of contracted]. */
static struct qc_tensor *kernel_matrix(struct qc_build *b, const struct qc_weight *kernel, const char *term, const char *right,
                                       const char *contracted)
{
    int32_t order[QC_MAX_RANK], rows = 1;
    int n = (int)strlen(right);
    find(order, right, term);
    find(order + n, contracted, term);
    for (int i = 0; i < n; i++) rows *= kernel->dims[order[i]];
    struct qc_weight moved = qc_weight_transposed(b, kernel, order);
    if (!moved.data || !rows) return NULL;
    return qc_weight_reshaped(b, "kernel", &moved, 2, (int32_t[]){rows, (int32_t)(qc_weight_elements(kernel) / (size_t)rows)});
}

struct qc_tensor *qc_lower_einsum_dense(struct qc_build *b, struct qc_tensor *x, const char *text, const struct qc_weight *kernel,
                                        const struct qc_weight *bias, const char *bias_axes, const struct qc_activation *activation)
{
    struct equation e;
    char batch[QC_MAX_RANK + 1], left[QC_MAX_RANK + 1], right[QC_MAX_RANK + 1], contracted[QC_MAX_RANK + 1], letters[3 * QC_MAX_RANK + 3];
    int32_t dims[QC_MAX_RANK];
    bool has_bias = bias && bias->data && bias_axes && *bias_axes;
    if (!x || qc_build_status(b)) return NULL;
    if (!kernel->data) return qc_lower_fail(b, QC_FORMAT, "the weight 'kernel' is missing");
    if (!read_equation(text, x->rank, kernel->rank, &e)) return bad_equation(b, text);
    for (int i = 0; e.y[i]; i++) {
        const char *same = strchr(e.x, e.y[i]);
        dims[i] = same ? x->dims[same - e.x] : -1;
    }
    if (!qc_weight_expect(b, "kernel", kernel, kernel->rank, dims)) return NULL;
    pick(batch, e.x, e.y, true, e.out, true);
    pick(left, e.x, e.y, false, e.out, true);
    pick(right, e.y, e.x, false, e.out, true);
    pick(contracted, e.x, e.y, true, e.out, false);
    strcpy(letters, left);
    strcat(letters, right);
    struct qc_tensor *bias_tensor = qc_none(), *product;
    size_t n = strlen(e.out), n_right = strlen(right);
    if (!*batch && *left && strlen(letters) == n && strspn(e.out, letters) == n && strlen(left) + strlen(contracted) == strlen(e.x)) {
        struct qc_tensor *matrix = kernel_matrix(b, kernel, e.y, right, contracted);
        if (has_bias && !strcmp(e.out + n - n_right, right) && matrix && qc_weight_elements(bias) == (size_t)matrix->dims[0]) {
            bias_tensor = qc_weight_reshaped(b, "bias", bias, 1, &matrix->dims[0]); /* over exactly the new axes */
            has_bias = false;
        }
        int32_t order[QC_MAX_RANK], shape[QC_MAX_RANK];
        int n_left = (int)strlen(left);
        find(order, left, e.x);
        find(order + n_left, contracted, e.x);
        struct qc_tensor *moved = qc_lower_transpose(b, x, order);
        for (int i = 0; i < n_left; i++) shape[i] = QC_KEEP(i);
        shape[n_left] = matrix ? matrix->dims[1] : 0;
        product = qc_lower_fully_connected(b, qc_lower_reshape(b, moved, n_left + 1, shape), matrix, bias_tensor, NULL);
        for (size_t i = 0; i < n_right; i++) shape[n_left + (int)i] = kernel->dims[strchr(e.y, right[i]) - e.y];
        product = qc_lower_reshape(b, product, n_left + (int)n_right, shape);
        for (size_t i = 0; i < n; i++) order[i] = (int32_t)(strchr(letters, e.out[i]) - letters);
        product = product ? qc_lower_transpose(b, product, order) : NULL;
    } else {
        product = qc_lower_einsum(b, text, x, qc_weight_constant(b, "kernel", kernel));
    }
    if (has_bias) product = qc_build_binary(b, tfl_BuiltinOperator_ADD, product, qc_weight_constant(b, "bias", bias));
    return qc_lower_activation(b, product, activation);
}
