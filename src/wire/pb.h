/*
 * pb.h - Protocol Buffers wire format, read lazily.
 *
 * A message is a range of bytes; pb_next steps through its fields without allocating or descending, and whoever needs an inner message
 * opens it as another reader. So a file with a thousand functions costs what its one serving function costs, depth is bounded by the
 * code that descends, and every length is checked against the enclosing message as it is met.
 *
 *     struct pb_reader in = pb_open(bytes, size);
 *     struct pb_field field;
 *     while (pb_next(&in, &field))
 *         if (field.number == 1) name = pb_bytes(&field);
 *     if (in.damaged) ...
 */
#ifndef QC_WIRE_PB_H
#define QC_WIRE_PB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pb_bytes { /* a string, a byte string or a message; not terminated */
    const uint8_t *at;
    size_t size;
};

struct pb_reader {
    const uint8_t *at, *end;
    bool damaged; /* the bytes are no sound message; sticks */
};

enum pb_wire { PB_VARINT = 0, PB_FIXED64 = 1, PB_LENGTH = 2, PB_FIXED32 = 5 };

struct pb_field {
    uint32_t number;
    enum pb_wire wire;
    uint64_t value;        /* VARINT, FIXED64, FIXED32 */
    struct pb_bytes bytes; /* LENGTH; of the others: the raw value */
};

struct pb_reader pb_open(struct pb_bytes message);

/* The next field, or false at the end or at damage. Groups (wire types 3, 4) count as damage: proto3 has none. */
bool pb_next(struct pb_reader *reader, struct pb_field *field);

/* One base-128 number at `at`; 0 if it runs past `end` or over 64 bits. Returns the bytes taken. */
size_t pb_varint(const uint8_t *at, const uint8_t *end, uint64_t *value);

/*
 * Values of a repeated scalar that may be packed: calls with the same `rest` until it returns false. `wire` is the element's own wire
 * type. Start with rest = {NULL, 0}.
 */
bool pb_element(const struct pb_field *field, enum pb_wire wire, struct pb_bytes *rest, uint64_t *value);

/* The last field `number` of a message as bytes; {NULL, 0} if absent or of another wire type. */
struct pb_bytes pb_find(struct pb_bytes message, uint32_t number);
/* The same for a number, `absent` if there is none. */
uint64_t pb_find_number(struct pb_bytes message, uint32_t number, uint64_t absent);

/* Every length fits and every tag is sound, on this level. */
bool pb_sound(struct pb_bytes message);

bool pb_equal(struct pb_bytes bytes, const char *string);
static inline bool pb_same(struct pb_bytes a, struct pb_bytes b)
{
    return a.size == b.size && (!a.size || !__builtin_memcmp(a.at, b.at, a.size));
}

#endif
