/*
 * fuzz_tokenizer.c - text of any bytes: split with odd settings, numbered in two ways that must agree, and fitted.
 *
 * The first byte chooses the settings, the rest is the text.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const split[] = {" ", "aa", "\u00e9", "ab c"};
    if (!size) return 0;
    const struct qc_tokenizer_options options = {.split = split[data[0] & 3],
                                                 .keep_case = data[0] & 4,
                                                 .char_level = data[0] & 8,
                                                 .num_words = data[0] & 16 ? 5 : 0,
                                                 .oov_token = data[0] & 32 ? "?" : NULL};
    struct qc_error error = {0};
    struct qc_tokenizer *tokenizer = qc_tokenizer_create(&options, &error);
    const char *text = (const char *)data + 1;
    size_t length = size - 1, count, known;
    if (!tokenizer) abort();
    if (qc_tokenizer_fit(tokenizer, text, length, &error)) {
        fuzz_check(&error);
    } else {
        const struct qc_padding pad = {.maxlen = 7, .padding = data[0] & 64 ? QC_POST : QC_PRE, .truncating = data[0] & 128 ? QC_POST : QC_PRE};
        int32_t *ids = calloc(length + 1, sizeof *ids), cut[7], padded[7];
        if (qc_tokenizer_rank(tokenizer, &error) || qc_tokenizer_encode(tokenizer, text, length, ids, length + 1, &count, &error) || count > length ||
            qc_tokenizer_sequence(tokenizer, text, length, &pad, cut, &known, &error) || known != count)
            abort();
        qc_pad_sequence(ids, count, &pad, padded);
        if (memcmp(cut, padded, sizeof cut)) abort();
        free(ids);
    }
    qc_tokenizer_free(tokenizer);
    return 0;
}
