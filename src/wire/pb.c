/*
 * pb.c - Protocol Buffers wire format, read lazily. See pb.h.
 */
#include "wire/pb.h"

#include <string.h>

struct pb_reader pb_open(struct pb_bytes message)
{
    return (struct pb_reader){.at = message.at, .end = message.at ? message.at + message.size : NULL};
}

size_t pb_varint(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
    uint64_t v = 0;
    for (size_t i = 0; i < 10 && at + i < end; i++) {
        if (i == 9 && at[i] > 1) return 0; /* bit 64 and above */
        v |= (uint64_t)(at[i] & 127) << (7 * i);
        if (at[i] < 128) {
            *value = v;
            return i + 1;
        }
    }
    return 0;
}

static uint64_t little_endian(const uint8_t *at, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = bytes; i--;) v = v << 8 | at[i];
    return v;
}

static bool damage(struct pb_reader *reader)
{
    reader->damaged = true;
    reader->at = reader->end;
    return false;
}

bool pb_next(struct pb_reader *reader, struct pb_field *field)
{
    if (reader->at == reader->end) return false;
    uint64_t tag, length;
    size_t taken = pb_varint(reader->at, reader->end, &tag);
    if (!taken || tag >> 3 == 0 || tag >> 3 > 0x1fffffff) return damage(reader);
    reader->at += taken;
    field->number = (uint32_t)(tag >> 3);
    field->wire = (enum pb_wire)(tag & 7);
    field->bytes.at = reader->at;
    field->value = 0;
    size_t left = (size_t)(reader->end - reader->at);
    switch (field->wire) {
    case PB_VARINT:
        if (!(taken = pb_varint(reader->at, reader->end, &field->value))) return damage(reader);
        break;
    case PB_FIXED64:
    case PB_FIXED32:
        taken = field->wire == PB_FIXED64 ? 8 : 4;
        if (left < taken) return damage(reader);
        field->value = little_endian(reader->at, taken);
        break;
    case PB_LENGTH:
        if (!(taken = pb_varint(reader->at, reader->end, &length)) || length > left - taken) return damage(reader);
        reader->at += taken;
        field->bytes.at = reader->at;
        taken = (size_t)length;
        break;
    default: return damage(reader);
    }
    field->bytes.size = taken;
    reader->at += taken;
    return true;
}

bool pb_element(const struct pb_field *field, enum pb_wire wire, struct pb_bytes *rest, uint64_t *value)
{
    if (field->wire == wire) {
        if (rest->at) return false;
        rest->at = field->bytes.at + field->bytes.size;
        *value = field->value;
        return true;
    }
    if (field->wire != PB_LENGTH || wire == PB_LENGTH) return false;
    if (!rest->at) *rest = field->bytes;
    if (!rest->size) return false;
    size_t taken = wire == PB_FIXED32 ? 4 : 8;
    if (wire == PB_VARINT) {
        if (!(taken = pb_varint(rest->at, rest->at + rest->size, value))) return false;
    } else {
        if (rest->size < taken) return false;
        *value = little_endian(rest->at, taken);
    }
    rest->at += taken;
    rest->size -= taken;
    return true;
}

struct pb_bytes pb_find(struct pb_bytes message, uint32_t number)
{
    struct pb_reader in = pb_open(message);
    struct pb_field field;
    struct pb_bytes found = {NULL, 0};
    while (pb_next(&in, &field))
        if (field.number == number && field.wire == PB_LENGTH) found = field.bytes;
    return found;
}

uint64_t pb_find_number(struct pb_bytes message, uint32_t number, uint64_t absent)
{
    struct pb_reader in = pb_open(message);
    struct pb_field field;
    while (pb_next(&in, &field))
        if (field.number == number && field.wire != PB_LENGTH) absent = field.value;
    return absent;
}

bool pb_sound(struct pb_bytes message)
{
    struct pb_reader in = pb_open(message);
    struct pb_field field;
    while (pb_next(&in, &field)) continue;
    return !in.damaged;
}

bool pb_equal(struct pb_bytes bytes, const char *string)
{
    return bytes.size == strlen(string) && (!bytes.size || !memcmp(bytes.at, string, bytes.size));
}
