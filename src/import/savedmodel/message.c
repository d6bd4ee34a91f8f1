/*
 * message.c - shapes, nodes and attributes out of TensorFlow's messages. See message.h; field numbers: research of the .proto files of
 * tensorflow/core/framework.
 */
#include "import/savedmodel/message.h"

#include <string.h>

bool qc_tf_shape(struct pb_bytes message, struct qc_tf_shape *shape)
{
    struct pb_reader in = pb_open(message);
    struct pb_field field;
    *shape = (struct qc_tf_shape){.known_rank = true};
    while (pb_next(&in, &field)) {
        if (field.number == 3 && field.value) shape->known_rank = false; /* unknown_rank */
        if (field.number != 2 || field.wire != PB_LENGTH) continue;
        int64_t size = (int64_t)pb_find_number(field.bytes, 1, 0);
        if (shape->rank == QC_MAX_RANK || size < -1) return false;
        shape->dims[shape->rank++] = size;
    }
    return !in.damaged;
}

bool qc_tf_node(struct pb_bytes message, struct qc_tf_node *node)
{
    struct pb_reader in = pb_open(message);
    struct pb_field field;
    *node = (struct qc_tf_node){.message = message};
    while (pb_next(&in, &field)) {
        if (field.wire != PB_LENGTH) continue;
        if (field.number == 1) node->name = field.bytes;
        if (field.number == 2) node->op = field.bytes;
    }
    return !in.damaged;
}

struct pb_bytes qc_tf_attr(const struct qc_tf_node *node, const char *name)
{
    struct pb_reader in = pb_open(node->message);
    struct pb_field field;
    while (pb_next(&in, &field))
        if (field.number == 5 && field.wire == PB_LENGTH && pb_equal(pb_find(field.bytes, 1), name)) return pb_find(field.bytes, 2);
    return (struct pb_bytes){NULL, 0};
}

int64_t qc_tf_attr_int(const struct qc_tf_node *node, const char *name, int64_t absent)
{
    return (int64_t)pb_find_number(qc_tf_attr(node, name), 3, (uint64_t)absent);
}

bool qc_tf_attr_bool(const struct qc_tf_node *node, const char *name, bool absent)
{
    return pb_find_number(qc_tf_attr(node, name), 5, absent) != 0;
}

float qc_tf_attr_float(const struct qc_tf_node *node, const char *name, float absent)
{
    struct pb_reader in = pb_open(qc_tf_attr(node, name));
    struct pb_field field;
    while (pb_next(&in, &field))
        if (field.number == 4 && field.wire == PB_FIXED32) {
            uint32_t bits = (uint32_t)field.value;
            memcpy(&absent, &bits, sizeof absent);
        }
    return absent;
}

int64_t qc_tf_attr_type(const struct qc_tf_node *node, const char *name, int64_t absent)
{
    return (int64_t)pb_find_number(qc_tf_attr(node, name), 6, (uint64_t)absent);
}

struct pb_bytes qc_tf_attr_string(const struct qc_tf_node *node, const char *name)
{
    return pb_find(qc_tf_attr(node, name), 2);
}

struct pb_bytes qc_tf_attr_function(const struct qc_tf_node *node, const char *name)
{
    return pb_find(pb_find(qc_tf_attr(node, name), 10), 1);
}

int qc_tf_attr_ints(const struct qc_tf_node *node, const char *name, int64_t *values, int max)
{
    struct pb_bytes list = pb_find(qc_tf_attr(node, name), 1);
    if (!list.at) return -1;
    struct pb_reader in = pb_open(list);
    struct pb_field field;
    int count = 0;
    while (pb_next(&in, &field)) {
        struct pb_bytes rest = {NULL, 0};
        uint64_t value;
        if (field.number != 3) continue;
        while (pb_element(&field, PB_VARINT, &rest, &value)) {
            if (count < max) values[count] = (int64_t)value;
            count++;
        }
    }
    return in.damaged ? -1 : count;
}
