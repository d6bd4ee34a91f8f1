/*
 * fingerprint.c - see fingerprint.h. Short inputs are hashed whole; longer ones in blocks of 64 bytes, the last of which ends at the end.
 */
#include "kernel/fingerprint.h"

#include <string.h>

static const uint64_t k0 = UINT64_C(0xc3a5c85c97cb3127), k1 = UINT64_C(0xb492b66fbe98f273), k2 = UINT64_C(0x9ae16a3b2f90404f);

static uint64_t load64(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, 8);
    return x;
}

static uint64_t load32(const uint8_t *p)
{
    uint32_t x;
    memcpy(&x, p, 4);
    return x;
}

static uint64_t rotate(uint64_t x, int by)
{
    return x >> by | x << (64 - by);
}

static uint64_t mix(uint64_t x)
{
    return x ^ x >> 47;
}

static uint64_t combine(uint64_t u, uint64_t v, uint64_t mul)
{
    uint64_t a = mix((u ^ v) * mul);
    return mix((v ^ a) * mul) * mul;
}

static uint64_t up_to_16(const uint8_t *s, size_t n)
{
    uint64_t mul = k2 + n * 2;
    if (n >= 8) {
        uint64_t a = load64(s) + k2, b = load64(s + n - 8);
        return combine(rotate(b, 37) * mul + a, (rotate(a, 25) + b) * mul, mul);
    }
    if (n >= 4) return combine(n + (load32(s) << 3), load32(s + n - 4), mul);
    if (n == 0) return k2;
    uint32_t y = s[0] + ((uint32_t)s[n >> 1] << 8), z = (uint32_t)n + ((uint32_t)s[n - 1] << 2);
    return mix(y * k2 ^ z * k0) * k2;
}

static uint64_t up_to_64(const uint8_t *s, size_t n)
{
    uint64_t mul = k2 + n * 2, a = load64(s) * (n <= 32 ? k1 : k2), b = load64(s + 8);
    uint64_t c = load64(s + n - 8) * mul, d = load64(s + n - 16) * k2;
    uint64_t y = rotate(a + b, 43) + rotate(c, 30) + d, z = combine(y, a + rotate(b + k2, 18) + c, mul);
    if (n <= 32) return z;
    uint64_t e = load64(s + 16) * mul, f = load64(s + 24), g = (y + load64(s + n - 32)) * mul, h = (z + load64(s + n - 24)) * mul;
    return combine(rotate(e + f, 43) + rotate(g, 30) + h, e + rotate(f + a, 18) + g, mul);
}

struct pair {
    uint64_t first, second;
};

static struct pair weak(const uint8_t *s, uint64_t a, uint64_t b)
{
    uint64_t w = load64(s), z = load64(s + 24);
    a += w;
    b = rotate(b + a + z, 21);
    uint64_t c = a;
    a += load64(s + 8) + load64(s + 16);
    return (struct pair){a + z, b + rotate(a, 44) + c};
}

struct blocks {
    uint64_t x, y, z;
    struct pair v, w;
};

/* One block of 64 bytes. `mul` is k1 except for the last block, where `nine` is 9 instead of 1. */
static void block(struct blocks *h, const uint8_t *s, uint64_t mul, uint64_t nine)
{
    h->x = rotate(h->x + h->y + h->v.first + load64(s + 8), 37) * mul;
    h->y = rotate(h->y + h->v.second + load64(s + 48), 42) * mul;
    h->x ^= h->w.second * nine;
    h->y += h->v.first * nine + load64(s + 40);
    h->z = rotate(h->z + h->w.first, 33) * mul;
    h->v = weak(s, h->v.second * mul, h->x + h->w.first);
    h->w = weak(s + 32, h->z + h->w.second, h->y + load64(s + 16));
    uint64_t swap = h->z;
    h->z = h->x;
    h->x = swap;
}

uint64_t qc_fingerprint64(const void *bytes, size_t size)
{
    const uint8_t *s = bytes, *last = s + size - 64;
    if (size <= 16) return up_to_16(s, size);
    if (size <= 64) return up_to_64(s, size);
    const uint64_t seed = 81;
    struct blocks h = {.x = seed * k2 + load64(s), .y = seed * k1 + 113};
    h.z = mix(h.y * k2 + 113) * k2;
    for (const uint8_t *end = s + (size - 1) / 64 * 64; s != end; s += 64) block(&h, s, k1, 1);
    uint64_t mul = k1 + ((h.z & 0xff) << 1);
    h.w.first += (size - 1) & 63;
    h.v.first += h.w.first;
    h.w.first += h.v.first;
    block(&h, last, mul, 9);
    return combine(combine(h.v.first, h.w.first, mul) + mix(h.y) * k0 + h.z, combine(h.v.second, h.w.second, mul) + h.x, mul);
}
