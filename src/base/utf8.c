/*
 * utf8.c - see utf8.h; the form is that of RFC 3629.
 */
#include "base/utf8.h"

bool qc_utf8_next(const char *text, size_t length, size_t *at, uint32_t *code)
{
    const unsigned char *p = (const unsigned char *)text + *at;
    size_t left = length - *at;
    if (!left) return false;
    if (p[0] < 0x80) {
        *code = p[0];
        *at += 1;
        return true;
    }
    size_t size = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (!size || left < size) return false;
    uint32_t value = p[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80) return false;
        value = value << 6 | (p[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[size] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return false;
    *code = value;
    *at += size;
    return true;
}

size_t qc_utf8_put(uint32_t code, char out[4])
{
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return 0;
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    out[0] = (char)((0xff00 >> (more + 1) & 0xff) | code >> 6 * more); /* 110..., 1110..., 11110... */
    for (size_t i = 1; i <= more; i++) out[i] = (char)(0x80 | (code >> 6 * (more - i) & 0x3f));
    return more + 1;
}
