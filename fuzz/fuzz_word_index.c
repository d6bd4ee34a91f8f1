/*
 * fuzz_word_index.c - vocabularies in both JSON forms: what opens must come back unchanged when it is written and read again.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct qc_error error = {0};
    struct qc_tokenizer *tokenizer = qc_tokenizer_open_memory(data, size, NULL, &error);
    if (!tokenizer) {
        fuzz_check(&error);
        return 0;
    }
    snprintf(path, sizeof path, "fuzz-%ld.json", (long)getpid());
    if (qc_tokenizer_save(tokenizer, path, &error)) abort();
    struct qc_tokenizer *again = qc_tokenizer_open(path, NULL, &error);
    if (!again || qc_tokenizer_words(again) != qc_tokenizer_words(tokenizer)) abort();
    qc_tokenizer_free(again);
    qc_tokenizer_free(tokenizer);
    unlink(path);
    return 0;
}
