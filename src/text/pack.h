/*
 * pack.h - a tokenizer and its settings in a .tflite, so that the file alone turns a sentence into a label.
 *
 * What is written into the model:
 *   vocab.txt          associated file, "word id" lines, where the vocabulary and the settings allow it; else word_index.json
 *   labels.txt         associated file, one name a line, if labels are given
 *   TFLITE_METADATA    TFLite Metadata ("M001") that names these files: a regex tokenizer at the input (with vocab.txt), labels at the
 *                      output; Task Library and other tools read it
 *   QUANTC_TEXT        JSON with all settings, exact; what quantc reads
 */
#ifndef QC_TEXT_PACK_H
#define QC_TEXT_PACK_H

#include "ir/ir.h"
#include "text/tokenizer.h"

#define QC_TEXT_ENTRY "QUANTC_TEXT"

qc_status qc_text_pack(struct qc_model *model, const struct qc_text_settings *settings) QC_MUST_USE;

/* What a model carries. Strings live as long as the model. */
struct qc_text_packed {
    bool present;
    struct qc_padding padding;
    float threshold;
    struct qc_tokenizer_options options; /* complete, no NULL but oov_token */
    const void *vocabulary;
    size_t vocabulary_size;
    bool lines; /* vocabulary is "word id" lines, else JSON */
    const char *labels; /* NULL: none */
    size_t labels_size;
};

/* `arena` keeps the strings. present stays false if the model has no entry. */
qc_status qc_text_unpack(const struct qc_model *model, struct qc_arena *arena, struct qc_text_packed *packed) QC_MUST_USE;

#endif
