/*
 * t_text.c - lower case, tokenizer and padding against Python and Keras.
 *
 * The text (40000 random lines of all planes) is made here as tests/oracle/tokenizer_golden.py makes it; tests/data/text/golden.txt holds
 * the hashes of Keras's word_index files and of its ids.
 */
#include "base/file.h"
#include "base/utf8.h"
#include "text/lower.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- the same text as in the oracle ---- */

enum { LINES = 40000, FITTED = 20000, WORDS = 3000 };

static const uint32_t pool[][2] = {
    {0x61, 0x7a},       {0x41, 0x7a},       {0x20, 0x7e},     {0xc0, 0x24f}, {0x391, 0x3c9},   {0x300, 0x36f}, {0x400, 0x52f},     {0x4e00, 0x4e80}, {0x1f600, 0x1f64f},
    {0x10400, 0x1044f}, {0x1e00, 0x1fff}, {0x0, 0xff},   {0x2000, 0x2fff}, {0x0, 0xffff},  {0x10000, 0x10ffff}, {0x1c80, 0x1cbf}, {0xa640, 0xa7ff},   {0x130, 0x131}};
static const char *const between[] = {" ", " ", " ", " ", ", ", "\t", "\r", "\u00a0", "\u3000", ".", "'", "", "\u0301", "\u03a3", "\u2028", "  ", "\u00ad", "!?"};

static uint64_t random_state;

static uint32_t below(uint32_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % n);
}

static uint64_t fnv(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    while (size--) hash = (hash ^ *p++) * 0x100000001b3u;
    return hash;
}
#define FNV_START 0xcbf29ce484222325u

static struct line {
    char *text;
    size_t length;
} line[LINES];

static size_t put_random(char *out, size_t which)
{
    uint32_t c = pool[which][0] + below(pool[which][1] - pool[which][0] + 1);
    return qc_utf8_put(c >= 0xd800 && c < 0xe000 ? 's' : c == 10 ? 'n' : c, out);
}

static int make_lines(void **state)
{
    static char word[WORDS][32];
    static size_t length[WORDS];
    (void)state;
    random_state = 20240229;
    for (int w = 0; w < WORDS; w++) {
        size_t own = below(COUNT(pool));
        for (uint32_t n = 1 + below(6); n; n--) length[w] += put_random(word[w] + length[w], below(8) ? own : below(COUNT(pool)));
    }
    for (int l = 0; l < LINES; l++) {
        char text[16 * 48];
        size_t at = 0;
        for (uint32_t n = below(16); n; n--) {
            uint32_t w = below(1 + below(WORDS));
            memcpy(text + at, word[w], length[w]);
            at += length[w];
            const char *gap = between[below(COUNT(between))];
            memcpy(text + at, gap, strlen(gap));
            at += strlen(gap);
        }
        line[l].text = malloc(at + 1);
        memcpy(line[l].text, text, at);
        line[l].length = at;
    }
    return 0;
}

static int free_lines(void **state)
{
    (void)state;
    for (int l = 0; l < LINES; l++) free(line[l].text);
    return 0;
}

/* The hashes on a row of the golden file. */
static void golden(const char *name, unsigned long long *first, unsigned long long *second)
{
    FILE *file = fopen(QC_SOURCE_DIR "/tests/data/text/golden.txt", "r");
    char row[128], key[32];
    *first = *second = 0;
    while (file && fgets(row, sizeof row, file))
        if (sscanf(row, "%31s %llx %llx", key, first, second) >= 2 && !strcmp(key, name)) break;
    if (file) fclose(file);
    assert_true(*first != 0);
}

static void lines_are_the_oracles(void **state)
{
    unsigned long long want, none;
    uint64_t hash = FNV_START;
    (void)state;
    for (int l = 0; l < LINES; l++) {
        if (l) hash = fnv(hash, "\n", 1);
        hash = fnv(hash, line[l].text, line[l].length);
    }
    golden("lines", &want, &none);
    assert_int_equal(hash, want);
}

/* ---- lower case ---- */

static size_t lower(const char *text, size_t length, char *out)
{
    struct qc_characters c = {.text = text, .length = length, .lower = true};
    size_t at = 0;
    for (uint32_t code; qc_next_character(&c, &code) == QC_CHARACTER;) at += qc_utf8_put(code, out + at);
    return at;
}

static void lower_is_pythons(void **state)
{
    static const char *const form[][2] = {{"", ""}, {"A", "\u03a3"}, {"\u03a3", "A"}, {"A\u03a3", "B"}, {"", "\u03a3"}};
    unsigned long long want, none;
    uint64_t hash = FNV_START;
    (void)state;
    for (uint32_t c = 0; c < 0x110000; c++) {
        char character[4], text[16], out[32];
        size_t length = qc_utf8_put(c, character);
        if (!length) continue;
        for (size_t f = 0; f < COUNT(form); f++) {
            size_t front = strlen(form[f][0]), back = strlen(form[f][1]);
            memcpy(text, form[f][0], front);
            memcpy(text + front, character, length);
            memcpy(text + front + length, form[f][1], back);
            if (f) hash = fnv(hash, "|", 1);
            hash = fnv(hash, out, lower(text, front + length + back, out));
        }
    }
    golden("lower", &want, &none);
    assert_int_equal(hash, want);
}

static void bad_utf8(void **state)
{
    static const struct {
        const char *bytes;
        size_t length, at;
    } row[] = {{"ab\xff", 3, 2},          {"\xc0\x80", 2, 0},          {"a\xe2\x82", 3, 1},  {"\xed\xa0\x80", 3, 0},
               {"\xf4\x90\x80\x80", 4, 0}, {"\xe0\x80\xaf", 3, 0}, {"x y \x80", 5, 4}, {"\xf8\x88\x80\x80\x80", 5, 0}};
    struct qc_error error;
    struct qc_tokenizer *t = qc_tokenizer_create(NULL, &error);
    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        char *exact = malloc(row[i].length), want[64];
        size_t count;
        memcpy(exact, row[i].bytes, row[i].length);
        snprintf(want, sizeof want, "byte %zu of the text (0x%02x) is no UTF-8", row[i].at, (unsigned char)row[i].bytes[row[i].at]);
        assert_int_equal(qc_tokenizer_encode(t, exact, row[i].length, NULL, 0, &count, &error), QC_FORMAT);
        assert_string_equal(error.text, want);
        free(exact);
    }
    qc_tokenizer_free(t);
}

/* ---- tokenizer ---- */

static const struct {
    const char *name;
    struct qc_tokenizer_options options;
} setting[] = {{"default", {0}},
               {"characters", {.char_level = true}},
               {"limited", {.num_words = 700, .oov_token = "<oov>"}},
               {"case", {.keep_case = true}},
               {"split", {.split = "aa", .filters = "b\u00e9!"}},
               {"oov", {.oov_token = "a"}}};

static uint64_t hash_of_ids(const struct qc_tokenizer *t)
{
    uint64_t hash = FNV_START;
    for (int l = 0; l < LINES; l++) {
        int32_t ids[16 * 48];
        size_t count;
        assert_int_equal(qc_tokenizer_encode(t, line[l].text, line[l].length, ids, COUNT(ids), &count, NULL), QC_OK);
        uint32_t number = (uint32_t)count;
        hash = fnv(hash, &number, 4);
        hash = fnv(hash, ids, count * 4);
    }
    return hash;
}

static void ids_are_keras(void **state)
{
    char path[] = "t_text_XXXXXX";
    close(mkstemp(path));
    (void)state;
    for (size_t s = 0; s < COUNT(setting); s++) {
        struct qc_env env;
        struct qc_file file;
        unsigned long long index_hash, id_hash;
        struct qc_tokenizer *t = qc_tokenizer_create(&setting[s].options, NULL);
        golden(setting[s].name, &index_hash, &id_hash);
        for (int l = 0; l < FITTED; l++) assert_int_equal(qc_tokenizer_fit(t, line[l].text, line[l].length, NULL), QC_OK);
        assert_int_equal(qc_tokenizer_rank(t, NULL), QC_OK);
        assert_int_equal(qc_tokenizer_save(t, path, NULL), QC_OK);
        assert_int_equal(hash_of_ids(t), id_hash);
        qc_tokenizer_free(t);

        qc_env_init(&env, NULL);
        assert_int_equal(qc_file_map(&env, path, &file), QC_OK);
        assert_int_equal(fnv(FNV_START, file.bytes, file.size), index_hash);
        qc_file_unmap(&file);

        struct qc_error error;
        struct qc_tokenizer *again = qc_tokenizer_open(path, &setting[s].options, &error);
        if (!again) fail_msg("%s", error.text);
        assert_int_equal(hash_of_ids(again), id_hash);
        qc_tokenizer_free(again);
    }
    unlink(path);
}

static struct qc_tokenizer *from(const char *json, struct qc_error *error)
{
    return qc_tokenizer_open_memory(json, strlen(json), NULL, error);
}

static void to_json_forms(void **state)
{
    static const char config[] = "{\"class_name\": \"Tokenizer\", \"config\": {\"num_words\": 4, \"filters\": \"#\", \"lower\": false, \"split\": \"_\", "
                                 "\"char_level\": false, \"oov_token\": \"?\", \"document_count\": 2, \"word_counts\": \"{}\", "
                                 "\"word_index\": \"{\\\"?\\\": 1, \\\"A\\\": 2, \\\"b c\\\": 3, \\\"\\\\ud83d\\\\ude00\\\": 4}\"}}";
    static const int32_t want[] = {2, 3, 1, 1, 1};
    char quoted[1024];
    size_t at = 0;
    (void)state;
    quoted[at++] = '"'; /* json.dump(tokenizer.to_json(), file) */
    for (const char *c = config; *c; c++) {
        if (*c == '"' || *c == '\\') quoted[at++] = '\\';
        quoted[at++] = *c;
    }
    strcpy(quoted + at, "\"");
    const char *form[] = {config, quoted};
    for (int f = 0; f < 2; f++) {
        struct qc_error error;
        struct qc_tokenizer *t = from(form[f], &error);
        int32_t ids[8];
        size_t count;
        if (!t) fail_msg("%s", error.text);
        const char text[] = "A_b c#a_new_\U0001F600";
        assert_int_equal(qc_tokenizer_encode(t, text, strlen(text), ids, 8, &count, NULL), QC_OK);
        assert_int_equal(count, 5);
        assert_memory_equal(ids, want, sizeof want);
        qc_tokenizer_free(t);
    }
}

static void zero_bytes_and_escapes(void **state)
{
    struct qc_error error;
    struct qc_tokenizer *t = from("{\"a\\u0000b\": 1, \"\\\"\\\\\\/\\b\\f\\n\\r\\t\": 2, \"\\u00e9\": 3, \"\xc3\xa8\": 4}", &error);
    (void)state;
    if (!t) fail_msg("%s", error.text);
    assert_int_equal(qc_tokenizer_words(t), 4);
    assert_int_equal(qc_tokenizer_id(t, "a\0b", 3), 1);
    assert_int_equal(qc_tokenizer_id(t, "\"\\/\b\f\n\r\t", 8), 2);
    assert_int_equal(qc_tokenizer_id(t, "\u00e9", 2), 3);
    assert_int_equal(qc_tokenizer_id(t, "\u00e8", 2), 4);
    qc_tokenizer_free(t);
}

static void bad_vocabularies(void **state)
{
    static const struct {
        const char *json, *sentence;
    } row[] = {{"", "should stand"},
               {"[1, 2]", "should stand"},
               {"{\"a\": 1, \"a\": 2}", "word 'a' stands twice, with the numbers 1 and 2"},
               {"{\"a\": 1, \"\\u0061\": 2}", "stands twice"},
               {"{\"a\": 5, \"b\": 3, \"c\": 5}", "have the same number 5"},
               {"{\"a\": -1}", "word 'a' has the negative number -1"},
               {"{\"a\": 1.5}", "word 'a' has no whole number"},
               {"{\"a\": true}", "word 'a' has no whole number"},
               {"{\"a\": 4294967297}", "beyond 2147483647"},
               {"{\"a\": 1", "closing brace"},
               {"{\"a\": 1} x", "more follows"},
               {"{\"a", "no end"},
               {"{\"\\ud800\": 1}", "escape"},
               {"{\"\xff\": 1}", "no UTF-8"},
               {"{\"class_name\": \"Tokenizer\"}", "config.word_index is missing"},
               {"{\"class_name\": {}, \"config\": {\"word_index\": 3}}", "config.word_index is missing"},
               {"\"{}", "no sound JSON"}};
    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct qc_error error;
        size_t size = strlen(row[i].json);
        char *exact = malloc(size + 1);
        memcpy(exact, row[i].json, size);
        struct qc_tokenizer *t = qc_tokenizer_open_memory(exact, size, NULL, &error);
        if (t || !strstr(error.text, row[i].sentence)) fail_msg("%s: %s", row[i].json, t ? "accepted" : error.text);
        assert_int_equal(error.status, QC_FORMAT);
        free(exact);
    }
}

static void an_oov_token_must_be_known(void **state)
{
    const struct qc_tokenizer_options options = {.oov_token = "<oov>"};
    struct qc_error error;
    size_t count;
    (void)state;
    struct qc_tokenizer *t = qc_tokenizer_open_memory("{\"a\": 1}", 8, &options, &error);
    assert_true(!t || qc_tokenizer_encode(t, "a", 1, NULL, 0, &count, &error));
    assert_non_null(strstr(error.text, "no word '<oov>'"));
    qc_tokenizer_free(t);
}

/* ---- padding: every combination against a plain definition ---- */

static void padding(void **state)
{
    (void)state;
    for (int bits = 0; bits < 4; bits++)
        for (size_t maxlen = 0; maxlen < 9; maxlen++)
            for (size_t count = 0; count < 30; count++) {
                struct qc_padding pad = {.maxlen = maxlen, .padding = bits & 1 ? QC_POST : QC_PRE, .truncating = bits & 2 ? QC_POST : QC_PRE, .value = -7};
                int32_t ids[30], out[9], want[9];
                for (size_t i = 0; i < count; i++) ids[i] = 100 + (int32_t)i;
                size_t kept = count < maxlen ? count : maxlen, from_id = pad.truncating == QC_PRE ? count - kept : 0;
                size_t to = pad.padding == QC_PRE ? maxlen - kept : 0;
                for (size_t i = 0; i < maxlen; i++) want[i] = i >= to && i < to + kept ? ids[from_id + i - to] : -7;
                qc_pad_sequence(ids, count, &pad, out);
                assert_memory_equal(out, want, maxlen * 4);
            }
}

static void long_text_takes_no_memory(void **state)
{
    struct qc_tokenizer *t = from("{\"ab\": 1, \"c\": 2}", NULL);
    struct qc_padding pad = {.maxlen = 4};
    int32_t ids[4];
    size_t known, size = 3 << 20;
    char *text = malloc(size);
    (void)state;
    for (size_t i = 0; i < size; i++) text[i] = "ab "[i % 3];
    assert_int_equal(qc_tokenizer_sequence(t, text, size, &pad, ids, &known, NULL), QC_OK);
    assert_int_equal(known, 1 << 20);
    for (int i = 0; i < 4; i++) assert_int_equal(ids[i], 1);
    memset(text, 'a', size - 4); /* one huge word, then two small ones */
    memcpy(text + size - 4, " C a", 4);
    assert_int_equal(qc_tokenizer_sequence(t, text, size, &pad, ids, &known, NULL), QC_OK);
    assert_int_equal(known, 1);
    assert_int_equal(ids[3], 2);
    free(text);
    qc_tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_are_the_oracles),
                                       cmocka_unit_test(lower_is_pythons),
                                       cmocka_unit_test(bad_utf8),
                                       cmocka_unit_test(ids_are_keras),
                                       cmocka_unit_test(to_json_forms),
                                       cmocka_unit_test(zero_bytes_and_escapes),
                                       cmocka_unit_test(bad_vocabularies),
                                       cmocka_unit_test(an_oov_token_must_be_known),
                                       cmocka_unit_test(padding),
                                       cmocka_unit_test(long_text_takes_no_memory)};
    return cmocka_run_group_tests(tests, make_lines, free_lines);
}
