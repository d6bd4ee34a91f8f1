/*
 * t_bundle.c - checkpoints: two shards, all types, partitioned variables, and damage. tests/data/bundle was written by TensorFlow 2.21.
 */
#include "base/crc32c.h"
#include "import/savedmodel/bundle.h"
#include "unit.h"

#include <unistd.h>

#define DATA QC_SOURCE_DIR "/tests/data/bundle/"

struct opened {
    struct qc_env env;
    struct qc_arena arena;
    struct qc_bundle bundle;
};

static qc_status open_at(struct opened *o, const char *prefix)
{
    qc_env_init(&o->env, NULL);
    qc_arena_init(&o->arena, &o->env);
    return qc_bundle_open(&o->bundle, &o->arena, prefix);
}

static void close_all(struct opened *o)
{
    qc_bundle_close(&o->bundle);
    qc_arena_free(&o->arena);
}

static const struct qc_bundle_entry *find(struct opened *o, const char *key)
{
    return qc_bundle_find(&o->bundle, (struct pb_bytes){(const uint8_t *)key, strlen(key)});
}

static void test_crc(void **state)
{
    (void)state;
    assert_int_equal(qc_crc32c(0, "123456789", 9), 0xe3069283u); /* RFC 3720 B.4 */
    assert_int_equal(qc_crc32c(qc_crc32c(0, "1234", 4), "56789", 5), 0xe3069283u);
}

static void test_shards(void **state)
{
    struct opened o;
    struct qc_tf_array array;
    (void)state;
    assert_int_equal(open_at(&o, DATA "two"), QC_OK);
    assert_int_equal(o.bundle.shard_count, 2);
    static const char *const keys[] = {"a0", "a1"};
    for (int k = 0; k < 2; k++) {
        assert_int_equal(qc_bundle_array(&o.bundle, find(&o, keys[k]), &array), QC_OK);
        assert_int_equal(array.type, QC_FLOAT32);
        assert_int_equal(array.count, 5);
        for (int i = 0; i < 5; i++) assert_true(((const float *)array.data)[i] == (float)i);
    }
    assert_null(find(&o, "a2"));
    close_all(&o);
}

static void test_types(void **state)
{
    static const struct {
        const char *key;
        qc_dtype type;
        double value;
    } rows[] = {{"u8", QC_UINT8, 1},      {"i8", QC_INT8, -1},         {"i16", QC_INT16, 1},     {"i64", QC_INT64, 1},     {"bool", QC_BOOL, 1},
                {"f16", QC_FLOAT32, 1.5}, {"bf16", QC_FLOAT32, 1.5}, {"f64", QC_FLOAT32, 1.5}, {"scalar", QC_FLOAT32, 3}};
    struct opened o;
    struct qc_tf_array array;
    (void)state;
    assert_int_equal(open_at(&o, DATA "types"), QC_OK);
    for (size_t i = 0; i < QC_COUNT(rows); i++) {
        assert_int_equal(qc_bundle_array(&o.bundle, find(&o, rows[i].key), &array), QC_OK);
        assert_int_equal(array.type, rows[i].type);
        int64_t whole = 0;
        memcpy(&whole, array.data, qc_dtype_bytes(array.type, 1));
        if (array.type == QC_FLOAT32) assert_true((double)*(const float *)array.data == rows[i].value);
        else if (array.type == QC_INT8) assert_int_equal(*(const int8_t *)array.data, -1);
        else assert_int_equal(whole, (int64_t)rows[i].value);
    }
    assert_int_equal(qc_bundle_array(&o.bundle, find(&o, "empty"), &array), QC_OK);
    assert_int_equal(array.count, 0);
    struct pb_bytes string;
    assert_int_equal(qc_bundle_string(&o.bundle, find(&o, "str"), &string), QC_OK);
    close_all(&o);
}

static void test_slices(void **state)
{
    struct opened o;
    struct qc_tf_array array;
    struct qc_error error;
    (void)state;
    assert_int_equal(open_at(&o, DATA "slice"), QC_OK);
    qc_status worst = QC_OK;
    for (size_t i = 1; i < o.bundle.entry_count && !worst; i++) worst = qc_bundle_array(&o.bundle, &o.bundle.entry[i], &array);
    assert_int_equal(worst, QC_UNSUPPORTED);
    qc_env_take(&o.env, &error);
    assert_non_null(strstr(error.text, "slices"));
    close_all(&o);
}

static size_t read_file(const char *path, unsigned char *bytes, size_t size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size = fread(bytes, 1, size, file);
    fclose(file);
    return size;
}

static void write_file(const char *path, const unsigned char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* Every byte of index and data flipped in turn: an error or the same values, never anything else. An index cut short, or empty, is an error. */
static void test_damage(void **state)
{
    char folder[] = "/tmp/t_bundle_XXXXXX", prefix[64], index[80], data[96];
    unsigned char good[2][1024];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(prefix, sizeof prefix, "%s/b", folder);
    snprintf(index, sizeof index, "%s.index", prefix);
    snprintf(data, sizeof data, "%s.data-00000-of-00001", prefix);
    size_t size[2] = {read_file(DATA "types.index", good[0], sizeof good[0]), read_file(DATA "types.data-00000-of-00001", good[1], sizeof good[1])};
    int refused = 0;
    for (int which = 0; which < 2; which++)
        for (size_t at = 0; at < size[which]; at++) {
            struct opened o;
            struct qc_tf_array array;
            write_file(index, good[0], size[0]);
            write_file(data, good[1], size[1]);
            good[which][at] ^= 0x55;
            write_file(which ? data : index, good[which], size[which]);
            good[which][at] ^= 0x55;
            qc_status status = open_at(&o, prefix);
            for (size_t i = 1; !status && i < o.bundle.entry_count; i++) {
                struct pb_bytes string;
                status = pb_equal(o.bundle.entry[i].key, "str") ? qc_bundle_string(&o.bundle, &o.bundle.entry[i], &string)
                                                                : qc_bundle_array(&o.bundle, &o.bundle.entry[i], &array);
            }
            refused += status != QC_OK;
            close_all(&o);
        }
    for (size_t cut = 0; cut < size[0]; cut++) {
        struct opened o;
        write_file(index, good[0], cut);
        assert_int_equal(open_at(&o, prefix), QC_FORMAT);
        close_all(&o);
    }
    /* all but the footer's padding, which nothing reads */
    assert_true(refused > (int)(size[0] + size[1]) - 48);
    unlink(index);
    unlink(data);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_crc), cmocka_unit_test(test_shards), cmocka_unit_test(test_types),
                                       cmocka_unit_test(test_slices), cmocka_unit_test(test_damage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
