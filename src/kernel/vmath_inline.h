/*
 * vmath_inline.h - exp, logistic, tanh and what is made of them; the building blocks of vmath and of the recurrent kernels. Include after a
 * simd_*.h. The bounds are in vmath.h.
 *
 * All start from e^x = 2^n e^r with n = round(x / ln 2), r = x - n ln 2 in two steps, |r| <= ln 2 / 2, and
 * e^r - 1 = r + r^2 q(r) with q of degree 4, a weighted minimax fit whose relative error of e^r is 4e-9.
 */
#ifndef QC_KERNEL_VMATH_INLINE_H
#define QC_KERNEL_VMATH_INLINE_H

/* e^r - 1 returned, for a given n. */
QC_INLINE vf vf_exp_rest(vf x, vf n)
{
    vf r = vf_fma(n, vf_set1(-0x1.62e430p-1f), x), q = vf_set1(0x1.6a2454p-10f);  /* high part of ln 2 */
    r = vf_fma(n, vf_set1(0x1.05c610p-29f), r);                                   /* and what that part has too much */
    q = vf_fma(q, r, vf_set1(0x1.1239d6p-7f));
    q = vf_fma(q, r, vf_set1(0x1.5558f2p-5f));
    q = vf_fma(q, r, vf_set1(0x1.555492p-3f));
    q = vf_fma(q, r, vf_set1(0x1.fffffcp-2f));
    return vf_fma(vf_mul(r, r), q, r);
}

QC_INLINE vf vf_exp_parts(vf x, vf *whole)
{
    *whole = vf_round(vf_mul(x, vf_set1(0x1.715476p+0f))); /* 1 / ln 2 */
    return vf_exp_rest(x, *whole);
}

/* The same for x in [-88, 0], and 2^n in *power, which is 0 for n = -127. Adding 1.5 * 2^23 rounds x / ln 2 to n, which then stands in the lowest
 * bits of the sum, to be shifted to where a float has its exponent. */
QC_INLINE vf vf_exp_parts_negative(vf x, vf *power)
{
    const vf magic = vf_set1(0x1.8p+23f), sum = vf_fma(x, vf_set1(0x1.715476p+0f), magic);
    *power = vf_of_bits(vi_add(vi_shift_left(vi_bits(sum), 23), vi_bits(vf_set1(1.0f))));
    return vf_exp_rest(x, vf_sub(sum, magic));
}

QC_INLINE vf vf_exp(vf x)
{
    /* Outside of these bounds the result is infinity or 0. A NaN passes, being the second operand. */
    x = vf_min(vf_set1(89.0f), vf_max(vf_set1(-104.0f), x));
    vf n;
    const vf p = vf_exp_parts(x, &n);
    return vf_scale2(vf_add(p, vf_set1(1.0f)), n);
}

/* e = e^-|x| never overflows; 1 / (1 + e) for x >= 0, and e / (1 + e) keeps full precision for x < 0. */
struct vf_ratio { /* a / b, b in [1, 2] */
    vf a, b;
};
QC_INLINE struct vf_ratio vf_logistic_ratio(vf x)
{
    const vf one = vf_set1(1.0f);
    vf power;
    const vf p = vf_exp_parts_negative(vf_max(vf_set1(-88.0f), vf_negative_abs(x)), &power); /* a NaN passes, being the second operand */
    const vf e = vf_fma(power, p, power);
    return (struct vf_ratio){vf_select_lt(x, vf_zero(), e, one), vf_add(one, e)};
}
QC_INLINE vf vf_logistic(vf x)
{
    const struct vf_ratio y = vf_logistic_ratio(x);
    return vf_div(y.a, y.b);
}

/* With m = e^-2|x| - 1, computed without cancellation: tanh |x| = -m / (m + 2). Past 9 the result is 1. */
QC_INLINE struct vf_ratio vf_tanh_ratio(vf x)
{
    const vf one = vf_set1(1.0f);
    const vf z = vf_max(vf_set1(-20.0f), vf_mul(vf_set1(-2.0f), vf_abs(x)));
    vf s;
    const vf p = vf_exp_parts_negative(z, &s);
    const vf m = vf_fma(s, p, vf_sub(s, one));
    return (struct vf_ratio){vf_copysign(m, x), vf_add(m, vf_set1(2.0f))};
}
QC_INLINE vf vf_tanh(vf x)
{
    const struct vf_ratio y = vf_tanh_ratio(x);
    return vf_div(y.a, y.b);
}

QC_INLINE vf vf_elu(vf x)
{
    vf s;
    const vf p = vf_exp_parts_negative(vf_max(vf_set1(-88.0f), vf_negative_abs(x)), &s);
    return vf_select_lt(x, vf_zero(), vf_fma(s, p, vf_sub(s, vf_set1(1.0f))), x);
}

/* erfc z for z >= 0: t e^(-z^2 + p(t)) with t = 2 / (2 + z), relative error 1.2e-7 (Press et al., Numerical Recipes, 6.2). */
QC_INLINE vf vf_erfc_positive(vf z)
{
    const vf t = vf_div(vf_set1(2.0f), vf_add(vf_set1(2.0f), z));
    vf p = vf_set1(0.17087277f);
    p = vf_fma(p, t, vf_set1(-0.82215223f));
    p = vf_fma(p, t, vf_set1(1.48851587f));
    p = vf_fma(p, t, vf_set1(-1.13520398f));
    p = vf_fma(p, t, vf_set1(0.27886807f));
    p = vf_fma(p, t, vf_set1(-0.18628806f));
    p = vf_fma(p, t, vf_set1(0.09678418f));
    p = vf_fma(p, t, vf_set1(0.37409196f));
    p = vf_fma(p, t, vf_set1(1.00002368f));
    p = vf_fma(p, t, vf_set1(-1.26551223f));
    return vf_mul(t, vf_exp(vf_sub(p, vf_mul(z, z))));
}

/* Half of x erfc(-x / sqrt 2), which does not cancel for large negative x. */
QC_INLINE vf vf_gelu(vf x)
{
    const vf e = vf_erfc_positive(vf_mul(vf_abs(x), vf_set1(0x1.6a09e6p-1f)));
    return vf_mul(vf_mul(x, vf_set1(0.5f)), vf_select_lt(x, vf_zero(), e, vf_sub(vf_set1(2.0f), e)));
}

/* (1 + tanh u) / 2 is the logistic function of 2 u. */
QC_INLINE vf vf_gelu_tanh(vf x)
{
    const vf cubic = vf_fma(vf_mul(vf_mul(x, x), vf_set1(0.044715f)), x, x);
    return vf_mul(x, vf_logistic(vf_mul(cubic, vf_set1(0x1.988454p+0f)))); /* 2 sqrt(2 / pi) */
}

QC_INLINE vf vf_hard_swish(vf x)
{
    const vf gate = vf_min(vf_set1(6.0f), vf_max(vf_zero(), vf_add(x, vf_set1(3.0f)))); /* a NaN passes, being the second operand */
    return vf_mul(vf_mul(x, gate), vf_set1(1.0f / 6));
}

#endif
