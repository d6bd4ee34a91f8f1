/*
 * t_pb.c - the reader of Protocol Buffers: numbers and their limits, fields of every wire type, packed values, and damage of every kind.
 */
#include "unit.h"

#include "wire/pb.h"

#define MESSAGE(...) ((struct pb_bytes){(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})})

static void varints_have_up_to_64_bits(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[11];
        size_t size, taken;
        uint64_t value;
    } row[] = {
        {{0}, 1, 1, 0},
        {{0x7f}, 1, 1, 127},
        {{0x80, 0x01}, 2, 2, 128},
        {{0xac, 0x02, 0x55}, 3, 2, 300},
        {{0xff, 0xff, 0xff, 0xff, 0x0f}, 5, 5, UINT32_MAX},
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 10, 10, UINT64_MAX},
        {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02}, 10, 0, 0},       /* bit 64 */
        {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}, 11, 0, 0}, /* eleven bytes */
        {{0x80, 0x80}, 2, 0, 0},                                                        /* cut off */
        {{0}, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        uint64_t value = 0;
        assert_int_equal(pb_varint(row[i].bytes, row[i].bytes + row[i].size, &value), row[i].taken);
        assert_true(value == row[i].value);
    }
}

static void fields_of_every_wire_type(void **state)
{
    (void)state;
    struct pb_reader in = pb_open(MESSAGE(0x08, 0x96, 0x01,                          /* 1: 150 */
                                          0x11, 1, 2, 3, 4, 5, 6, 7, 8,              /* 2: fixed64 */
                                          0x1a, 0x02, 'h', 'i',                      /* 3: "hi" */
                                          0x25, 0x78, 0x56, 0x34, 0x12,              /* 4: fixed32 */
                                          0xf8, 0xff, 0xff, 0xff, 0x0f, 0x01));      /* the largest field number: 1 */
    struct pb_field field;
    assert_true(pb_next(&in, &field) && field.number == 1 && field.wire == PB_VARINT && field.value == 150);
    assert_true(pb_next(&in, &field) && field.number == 2 && field.wire == PB_FIXED64 && field.value == 0x0807060504030201u);
    assert_true(pb_next(&in, &field) && field.number == 3 && field.wire == PB_LENGTH && pb_equal(field.bytes, "hi"));
    assert_true(pb_next(&in, &field) && field.number == 4 && field.wire == PB_FIXED32 && field.value == 0x12345678);
    assert_true(pb_next(&in, &field) && field.number == 0x1fffffff && field.value == 1);
    assert_false(pb_next(&in, &field));
    assert_false(in.damaged);
}

static void the_last_of_a_field_counts(void **state)
{
    (void)state;
    const struct pb_bytes message = MESSAGE(0x08, 1, 0x12, 1, 'a', 0x08, 2, 0x12, 1, 'b', 0x1d, 0, 0, 0, 0);
    assert_true(pb_find_number(message, 1, 9) == 2);
    assert_true(pb_find_number(message, 7, 9) == 9);
    assert_true(pb_equal(pb_find(message, 2), "b"));
    assert_null(pb_find(message, 1).at);
    assert_null(pb_find(message, 7).at);
    assert_true(pb_same(pb_find(message, 2), MESSAGE('b')));
    assert_false(pb_same(pb_find(message, 2), MESSAGE('b', 'b')));
}

static void repeated_numbers_packed_or_not(void **state)
{
    (void)state;
    struct pb_reader in = pb_open(MESSAGE(0x0a, 0x03, 0x01, 0xac, 0x02, /* packed: 1, 300 */
                                          0x08, 0x05));                 /* one by one: 5 */
    struct pb_field field;
    uint64_t value, sum = 0;
    int count = 0;
    while (pb_next(&in, &field)) {
        struct pb_bytes rest = {NULL, 0};
        while (pb_element(&field, PB_VARINT, &rest, &value)) {
            sum += value;
            count++;
        }
    }
    assert_int_equal(count, 3);
    assert_true(sum == 306);
}

static void damage_is_seen(void **state)
{
    (void)state;
    const struct pb_bytes damaged[] = {
        MESSAGE(0x08),                               /* no value */
        MESSAGE(0x80),                               /* half a tag */
        MESSAGE(0x00, 0x01),                         /* field 0 */
        MESSAGE(0x12, 0x05, 'a'),                    /* longer than the message */
        MESSAGE(0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), /* a length of 2^64 - 1 */
        MESSAGE(0x11, 1, 2, 3),                      /* half a number */
        MESSAGE(0x25, 1, 2, 3),
        MESSAGE(0x0b, 0x0c),                         /* a group */
        MESSAGE(0x0f, 0x00),                         /* wire type 7 */
        MESSAGE(0x80, 0x80, 0x80, 0x80, 0x10, 0x00), /* a field number of 30 bits */
    };
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        struct pb_reader in = pb_open(damaged[i]);
        struct pb_field field;
        assert_false(pb_next(&in, &field));
        assert_true(in.damaged);
        assert_false(pb_next(&in, &field)); /* it sticks */
        assert_false(pb_sound(damaged[i]));
    }
    assert_true(pb_sound(MESSAGE(0x12, 0x01, 0xff)));
    assert_true(pb_sound((struct pb_bytes){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(varints_have_up_to_64_bits),
        cmocka_unit_test(fields_of_every_wire_type),
        cmocka_unit_test(the_last_of_a_field_counts),
        cmocka_unit_test(repeated_numbers_packed_or_not),
        cmocka_unit_test(damage_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
