/*
 * lower_math.c - functions that TFLite has no operator for. See lower_math.h.
 *
 * GELU is met in several written forms; the error function in them is looked back for by the tensor that it was written to.
 */
#include "import/savedmodel/lower_math.h"
#include "import/lower/function.h"
#include "import/savedmodel/match.h"

#include <math.h>

qc_status qc_tf_lower_math(struct qc_tf_step *s)
{
    struct qc_tensor *x = qc_tf_tensor(s, 0);
    if (!x) return s->im->env->error.status;
    if (x->type != QC_FLOAT32) return qc_tf_unsupported(s, "of %s has no TFLite form", qc_dtype_name(x->type));
    return qc_tf_return(s, qc_lower_function(s->b, (enum qc_function)s->op->detail, x));
}

qc_status qc_tf_lower_div_no_nan(struct qc_tf_step *s)
{
    struct qc_build *b = s->b;
    struct qc_tensor *x = qc_tf_tensor(s, 0), *y = qc_tf_tensor(s, 1);
    if (!x || !y) return s->im->env->error.status;
    struct qc_tensor *zero = qc_build_binary(b, tfl_BuiltinOperator_EQUAL, y, qc_build_f32(b, 0)), *safe = qc_lower_select(b, zero, qc_build_f32(b, 1), y);
    return qc_tf_return(s, qc_lower_select(b, zero, qc_build_f32(b, 0), qc_build_binary(b, tfl_BuiltinOperator_DIV, x, safe)));
}

/* ---- GELU ---- */

/* x if tensor is x / sqrt 2 or x * sqrt 0.5. */
static struct qc_tensor *without_root(struct qc_tf_import *im, const struct qc_tensor *tensor)
{
    struct qc_node *division = qc_tf_made_by(tensor, tfl_BuiltinOperator_DIV);
    double number;
    if (division && qc_tf_splat(im, division->in[1], &number) && qc_tf_near(number, sqrt(2))) return division->in[0];
    return qc_tf_other_than(im, qc_tf_made_by(tensor, tfl_BuiltinOperator_MUL), sqrt(.5));
}

/* x if tensor is 1 + erf(x / sqrt 2), or erfc(-x / sqrt 2) with the sign inside or outside of the root. */
static struct qc_tensor *normal_argument(struct qc_tf_import *im, const struct qc_tensor *tensor)
{
    struct qc_tensor *sum = qc_tf_other_than(im, qc_tf_made_by(tensor, tfl_BuiltinOperator_ADD), 1);
    if (sum) return without_root(im, qc_lower_erf_argument(sum));
    struct qc_node *complement = qc_tf_made_by(tensor, tfl_BuiltinOperator_SUB);
    double one;
    if (!complement || !qc_tf_splat(im, complement->in[0], &one) || one != 1) return NULL;
    struct qc_tensor *argument = qc_lower_erf_argument(complement->in[1]);
    struct qc_node *negated = qc_tf_made_by(argument, tfl_BuiltinOperator_NEG);
    if (negated) return without_root(im, negated->in[0]);
    negated = qc_tf_made_by(without_root(im, argument), tfl_BuiltinOperator_NEG);
    return negated ? negated->in[0] : NULL;
}

/* x if tensor is 1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)). */
static struct qc_tensor *tanh_argument(struct qc_tf_import *im, const struct qc_tensor *tensor)
{
    struct qc_tensor *sum = qc_tf_other_than(im, qc_tf_made_by(tensor, tfl_BuiltinOperator_ADD), 1);
    struct qc_node *tanh_node = qc_tf_made_by(sum, tfl_BuiltinOperator_TANH);
    struct qc_tensor *inner = tanh_node ? qc_tf_other_than(im, qc_tf_made_by(tanh_node->in[0], tfl_BuiltinOperator_MUL), sqrt(2 / 3.14159265358979)) : NULL;
    struct qc_node *add = qc_tf_made_by(inner, tfl_BuiltinOperator_ADD);
    for (int i = 0; add && i < 2; i++) {
        struct qc_node *cube = qc_tf_made_by(qc_tf_other_than(im, qc_tf_made_by(add->in[i], tfl_BuiltinOperator_MUL), 0.044715), tfl_BuiltinOperator_POW);
        double power;
        if (cube && cube->in[0] == add->in[1 - i] && qc_tf_splat(im, cube->in[1], &power) && power == 3) return cube->in[0];
    }
    return NULL;
}

static struct qc_tensor *gelu_of(struct qc_tf_step *s, struct qc_tensor *x, bool approximate)
{
    QC_OPTIONS(s->b, GeluOptions, options);
    if (options) options->approximate = approximate;
    return options ? QC_BUILD(s->b, GELU, options, x) : NULL;
}

/* Met: (0.5 x) n and x (0.5 n) and 0.5 (x n), with n one of the two forms above. */
struct qc_tensor *qc_tf_gelu(struct qc_tf_step *s, struct qc_tensor *x, struct qc_tensor *y)
{
    struct qc_tf_import *im = s->im;
    for (int turn = 0; turn < 2; turn++) {
        struct qc_tensor *first = turn ? y : x, *second = turn ? x : y, *half;
        double number;
        struct qc_tensor *rest[2] = {first, second};
        if (qc_tf_splat(im, first, &number) && number == .5) {
            struct qc_node *product = qc_tf_made_by(second, tfl_BuiltinOperator_MUL);
            if (!product) continue;
            rest[0] = product->in[0];
            rest[1] = product->in[1];
        } else if ((half = qc_tf_other_than(im, qc_tf_made_by(first, tfl_BuiltinOperator_MUL), .5)))
            rest[0] = half;
        else
            continue;
        for (int i = 0; i < 2; i++) {
            if (normal_argument(im, rest[i]) == rest[1 - i] && rest[1 - i]) return gelu_of(s, rest[1 - i], false);
            if (tanh_argument(im, rest[i]) == rest[1 - i] && rest[1 - i]) return gelu_of(s, rest[1 - i], true);
        }
    }
    return NULL;
}
