/*
 * vmath_inline.h - exp, logistic and tanh of a vector; the building blocks of vmath and of the recurrent kernels. Include after a
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

QC_INLINE vf vf_hard_swish(vf x)
{
    const vf gate = vf_min(vf_set1(6.0f), vf_max(vf_zero(), vf_add(x, vf_set1(3.0f)))); /* a NaN passes, being the second operand */
    return vf_mul(vf_mul(x, gate), vf_set1(1.0f / 6));
}

#endif
