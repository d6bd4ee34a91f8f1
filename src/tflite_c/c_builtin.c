/*
 * c_builtin.c - an operator's options in the structs of TensorFlow Lite's builtin_op_data.h, for callers' operators that take the place of built-in
 * ones. See c_internal.h.
 */
#include "tflite_c/c_internal.h"
#include "tensorflow/lite/core/c/builtin_op_data.h"

#include <stdlib.h>
#include <string.h>

enum how {
    AS_IS = 1, /* bool, float and strings: the same bytes */
    NUMBER,    /* an int or enum from a signed number of any width */
    PADDING,   /* the schema's SAME and VALID are 0 and 1, 0 is unknown there */
    MODE,      /* likewise REFLECT and SYMMETRIC */
    TYPE,      /* an element type */
    LIST,      /* a vector of int32 to an array of 8 and, behind it, their number */
    FLOATS,    /* a vector of floats to a pointer behind their number */
};

struct field {
    uint16_t from, to;
    uint8_t bytes, how; /* bytes of the schema's field */
};

enum { MOST_FIELDS = 8, MOST_LISTED = 8 };

#define FIELD_OF(O, P, from, to, how) {offsetof(struct tfl_##O, from), offsetof(P, to), sizeof(((struct tfl_##O *)0)->from), how}
#define OPEN(from, to, how) from, to, how
#define FIELD_2(O, P, ...) FIELD_OF(O, P, __VA_ARGS__)
#define FIELD(O, P, tuple) FIELD_2(O, P, OPEN tuple)
#define FIELDS_1(O, P, a) FIELD(O, P, a)
#define FIELDS_2(O, P, a, ...) FIELD(O, P, a), FIELDS_1(O, P, __VA_ARGS__)
#define FIELDS_3(O, P, a, ...) FIELD(O, P, a), FIELDS_2(O, P, __VA_ARGS__)
#define FIELDS_4(O, P, a, ...) FIELD(O, P, a), FIELDS_3(O, P, __VA_ARGS__)
#define FIELDS_5(O, P, a, ...) FIELD(O, P, a), FIELDS_4(O, P, __VA_ARGS__)
#define FIELDS_6(O, P, a, ...) FIELD(O, P, a), FIELDS_5(O, P, __VA_ARGS__)
#define FIELDS_7(O, P, a, ...) FIELD(O, P, a), FIELDS_6(O, P, __VA_ARGS__)
#define FIELDS_8(O, P, a, ...) FIELD(O, P, a), FIELDS_7(O, P, __VA_ARGS__)
#define PICK_9(a, b, c, d, e, f, g, h, name, ...) name
#define ROW(O, P, ...)                                                                                                              \
    {&tfl_##O##_table, sizeof(P), {PICK_9(__VA_ARGS__, FIELDS_8, FIELDS_7, FIELDS_6, FIELDS_5, FIELDS_4, FIELDS_3, FIELDS_2, FIELDS_1, )(O, P, __VA_ARGS__)}}

/* ROW(table of the schema, struct, (field there, field here, how) ...) */
static const struct row {
    const struct fb_table *options;
    uint16_t bytes; /* of the params */
    struct field field[MOST_FIELDS];
} rows[] = {
    ROW(Conv2DOptions, TfLiteConvParams, (padding, padding, PADDING), (stride_w, stride_width, NUMBER), (stride_h, stride_height, NUMBER),
        (fused_activation_function, activation, NUMBER), (dilation_w_factor, dilation_width_factor, NUMBER),
        (dilation_h_factor, dilation_height_factor, NUMBER), (quantized_bias_type, quantized_bias_type, TYPE)),
    ROW(Conv3DOptions, TfLiteConv3DParams, (padding, padding, PADDING), (stride_w, stride_width, NUMBER), (stride_h, stride_height, NUMBER),
        (stride_d, stride_depth, NUMBER), (dilation_w_factor, dilation_width_factor, NUMBER), (dilation_h_factor, dilation_height_factor, NUMBER),
        (dilation_d_factor, dilation_depth_factor, NUMBER), (fused_activation_function, activation, NUMBER)),
    ROW(Pool2DOptions, TfLitePoolParams, (padding, padding, PADDING), (stride_w, stride_width, NUMBER), (stride_h, stride_height, NUMBER),
        (filter_width, filter_width, NUMBER), (filter_height, filter_height, NUMBER), (fused_activation_function, activation, NUMBER)),
    ROW(DepthwiseConv2DOptions, TfLiteDepthwiseConvParams, (padding, padding, PADDING), (stride_w, stride_width, NUMBER),
        (stride_h, stride_height, NUMBER), (depth_multiplier, depth_multiplier, NUMBER), (fused_activation_function, activation, NUMBER),
        (dilation_w_factor, dilation_width_factor, NUMBER), (dilation_h_factor, dilation_height_factor, NUMBER)),
    ROW(TransposeConvOptions, TfLiteTransposeConvParams, (padding, padding, PADDING), (stride_w, stride_width, NUMBER),
        (stride_h, stride_height, NUMBER), (fused_activation_function, activation, NUMBER), (quantized_bias_type, quantized_bias_type, TYPE)),
    ROW(FullyConnectedOptions, TfLiteFullyConnectedParams, (fused_activation_function, activation, NUMBER), (weights_format, weights_format, NUMBER),
        (keep_num_dims, keep_num_dims, AS_IS), (asymmetric_quantize_inputs, asymmetric_quantize_inputs, AS_IS),
        (quantized_bias_type, quantized_bias_type, TYPE)),
    ROW(BatchMatMulOptions, TfLiteBatchMatMulParams, (adj_x, adj_x, AS_IS), (adj_y, adj_y, AS_IS),
        (asymmetric_quantize_inputs, asymmetric_quantize_inputs, AS_IS)),
    ROW(SVDFOptions, TfLiteSVDFParams, (rank, rank, NUMBER), (fused_activation_function, activation, NUMBER),
        (asymmetric_quantize_inputs, asymmetric_quantize_inputs, AS_IS)),
    ROW(RNNOptions, TfLiteRNNParams, (fused_activation_function, activation, NUMBER), (asymmetric_quantize_inputs, asymmetric_quantize_inputs, AS_IS)),
    ROW(SequenceRNNOptions, TfLiteSequenceRNNParams, (time_major, time_major, AS_IS), (fused_activation_function, activation, NUMBER),
        (asymmetric_quantize_inputs, asymmetric_quantize_inputs, AS_IS)),
    ROW(BidirectionalSequenceRNNOptions, TfLiteBidirectionalSequenceRNNParams, (time_major, time_major, AS_IS),
        (fused_activation_function, activation, NUMBER), (merge_outputs, merge_outputs, AS_IS),
        (asymmetric_quantize_inputs, asymmetric_quantize_inputs, AS_IS)),
    ROW(LSTMOptions, TfLiteLSTMParams, (fused_activation_function, activation, NUMBER), (cell_clip, cell_clip, AS_IS), (proj_clip, proj_clip, AS_IS),
        (kernel_type, kernel_type, NUMBER), (asymmetric_quantize_inputs, asymmetric_quantize_inputs, AS_IS)),
    ROW(UnidirectionalSequenceLSTMOptions, TfLiteUnidirectionalSequenceLSTMParams, (fused_activation_function, activation, NUMBER),
        (cell_clip, cell_clip, AS_IS), (proj_clip, proj_clip, AS_IS), (time_major, time_major, AS_IS),
        (asymmetric_quantize_inputs, asymmetric_quantize_inputs, AS_IS), (diagonal_recurrent_tensors, diagonal_recurrent_tensors, AS_IS)),
    ROW(BidirectionalSequenceLSTMOptions, TfLiteBidirectionalSequenceLSTMParams, (fused_activation_function, activation, NUMBER),
        (cell_clip, cell_clip, AS_IS), (proj_clip, proj_clip, AS_IS), (merge_outputs, merge_outputs, AS_IS), (time_major, time_major, AS_IS),
        (asymmetric_quantize_inputs, asymmetric_quantize_inputs, AS_IS)),
    ROW(AddOptions, TfLiteAddParams, (fused_activation_function, activation, NUMBER), (pot_scale_int16, pot_scale_int16, AS_IS)),
    ROW(SubOptions, TfLiteSubParams, (fused_activation_function, activation, NUMBER), (pot_scale_int16, pot_scale_int16, AS_IS)),
    ROW(MulOptions, TfLiteMulParams, (fused_activation_function, activation, NUMBER)),
    ROW(DivOptions, TfLiteDivParams, (fused_activation_function, activation, NUMBER)),
    ROW(L2NormOptions, TfLiteL2NormParams, (fused_activation_function, activation, NUMBER)),
    ROW(LocalResponseNormalizationOptions, TfLiteLocalResponseNormParams, (radius, radius, NUMBER), (bias, bias, AS_IS), (alpha, alpha, AS_IS),
        (beta, beta, AS_IS)),
    ROW(SoftmaxOptions, TfLiteSoftmaxParams, (beta, beta, AS_IS)),
    ROW(LeakyReluOptions, TfLiteLeakyReluParams, (alpha, alpha, AS_IS)),
    ROW(GeluOptions, TfLiteGeluParams, (approximate, approximate, AS_IS)),
    ROW(ConcatenationOptions, TfLiteConcatenationParams, (axis, axis, NUMBER), (fused_activation_function, activation, NUMBER)),
    ROW(ReshapeOptions, TfLiteReshapeParams, (new_shape, shape, LIST)),
    ROW(SqueezeOptions, TfLiteSqueezeParams, (squeeze_dims, squeeze_dims, LIST)),
    ROW(StridedSliceOptions, TfLiteStridedSliceParams, (begin_mask, begin_mask, NUMBER), (end_mask, end_mask, NUMBER),
        (ellipsis_mask, ellipsis_mask, NUMBER), (new_axis_mask, new_axis_mask, NUMBER), (shrink_axis_mask, shrink_axis_mask, NUMBER),
        (offset, offset, AS_IS)),
    ROW(GatherOptions, TfLiteGatherParams, (axis, axis, NUMBER), (batch_dims, batch_dims, NUMBER)),
    ROW(PackOptions, TfLitePackParams, (values_count, values_count, NUMBER), (axis, axis, NUMBER)),
    ROW(UnpackOptions, TfLiteUnpackParams, (num, num, NUMBER), (axis, axis, NUMBER)),
    ROW(SplitOptions, TfLiteSplitParams, (num_splits, num_splits, NUMBER)),
    ROW(SplitVOptions, TfLiteSplitVParams, (num_splits, num_splits, NUMBER)),
    ROW(ReducerOptions, TfLiteReducerParams, (keep_dims, keep_dims, AS_IS)),
    ROW(ResizeBilinearOptions, TfLiteResizeBilinearParams, (align_corners, align_corners, AS_IS), (half_pixel_centers, half_pixel_centers, AS_IS)),
    ROW(ResizeNearestNeighborOptions, TfLiteResizeNearestNeighborParams, (align_corners, align_corners, AS_IS),
        (half_pixel_centers, half_pixel_centers, AS_IS)),
    ROW(SpaceToDepthOptions, TfLiteSpaceToDepthParams, (block_size, block_size, NUMBER)),
    ROW(DepthToSpaceOptions, TfLiteDepthToSpaceParams, (block_size, block_size, NUMBER)),
    ROW(MirrorPadOptions, TfLiteMirrorPaddingParams, (mode, mode, MODE)),
    ROW(CastOptions, TfLiteCastParams, (in_data_type, in_data_type, TYPE), (out_data_type, out_data_type, TYPE)),
    ROW(ArgMaxOptions, TfLiteArgMaxParams, (output_type, output_type, TYPE)),
    ROW(ArgMinOptions, TfLiteArgMinParams, (output_type, output_type, TYPE)),
    ROW(ShapeOptions, TfLiteShapeParams, (out_type, out_type, TYPE)),
    ROW(UniqueOptions, TfLiteUniqueParams, (idx_out_type, index_out_type, TYPE)),
    ROW(OneHotOptions, TfLiteOneHotParams, (axis, axis, NUMBER)),
    ROW(SparseToDenseOptions, TfLiteSparseToDenseParams, (validate_indices, validate_indices, AS_IS)),
    ROW(FakeQuantOptions, TfLiteFakeQuantParams, (min, min, AS_IS), (max, max, AS_IS), (num_bits, num_bits, NUMBER),
        (narrow_range, narrow_range, AS_IS)),
    ROW(CumsumOptions, TfLiteCumsumParams, (exclusive, exclusive, AS_IS), (reverse, reverse, AS_IS)),
    ROW(ReverseSequenceOptions, TfLiteReverseSequenceParams, (seq_dim, seq_dim, NUMBER), (batch_dim, batch_dim, NUMBER)),
    ROW(SkipGramOptions, TfLiteSkipGramParams, (ngram_size, ngram_size, NUMBER), (max_skip_size, max_skip_size, NUMBER),
        (include_all_ngrams, include_all_ngrams, AS_IS)),
    ROW(LSHProjectionOptions, TfLiteLSHProjectionParams, (type, type, NUMBER)),
    ROW(EmbeddingLookupSparseOptions, TfLiteEmbeddingLookupSparseParams, (combiner, combiner, NUMBER)),
    ROW(RandomOptions, TfLiteRandomParams, (seed, seed, NUMBER), (seed2, seed2, NUMBER)),
    ROW(BucketizeOptions, TfLiteBucketizeParams, (boundaries, boundaries, FLOATS)),
    ROW(HashtableOptions, TfLiteHashtableParams, (table_id, table_id, NUMBER), (key_dtype, key_dtype, TYPE), (value_dtype, value_dtype, TYPE)),
    ROW(VarHandleOptions, TfLiteVarHandleParams, (container, container, AS_IS), (shared_name, shared_name, AS_IS)),
    ROW(IfOptions, TfLiteIfParams, (then_subgraph_index, then_subgraph_index, NUMBER), (else_subgraph_index, else_subgraph_index, NUMBER)),
    ROW(WhileOptions, TfLiteWhileParams, (cond_subgraph_index, cond_subgraph_index, NUMBER), (body_subgraph_index, body_subgraph_index, NUMBER)),
    ROW(CallOnceOptions, TfLiteCallOnceParams, (init_subgraph_index, init_subgraph_index, NUMBER)),
};

static int number_at(const char *from, int bytes)
{
    int32_t four;
    int64_t eight;
    if (bytes == 1) return (int8_t)*from;
    if (bytes == 4) return memcpy(&four, from, 4), four;
    return memcpy(&eight, from, 8), (int)eight;
}

static void convert(const struct field *f, const char *from, char *to)
{
    const int number = f->bytes <= 8 ? number_at(from, f->bytes) : 0;
    const struct fb_vec *vec = (const void *)from;
    int32_t out = number;
    if (f->how == AS_IS) {
        memcpy(to, from, f->bytes);
    } else if (f->how == LIST) {
        const size_t count = QC_MIN(vec->count, (uint32_t)MOST_LISTED);
        if (count) memcpy(to, vec->data, count * 4);
        out = (int32_t)count;
        memcpy(to + MOST_LISTED * 4, &out, 4);
    } else if (f->how == FLOATS) {
        TfLiteBucketizeParams *p = (TfLiteBucketizeParams *)(void *)(to - offsetof(TfLiteBucketizeParams, boundaries));
        p->num_boundaries = (int)vec->count;
        p->boundaries = vec->data;
    } else {
        if (f->how == PADDING || f->how == MODE) out = number == 0 || number == 1 ? number + 1 : 0;
        if (f->how == TYPE) out = (int32_t)c_type((qc_dtype)number);
        memcpy(to, &out, 4);
    }
}

bool c_builtin_data(const struct qc_node *node, void **data)
{
    const struct qc_op *op = qc_op_find(node->code, NULL);
    const struct fb_table *table = node->options ? node->options_table : op ? op->options : NULL;
    *data = NULL;
    for (size_t i = 0; i < QC_COUNT(rows); i++) {
        if (rows[i].options != table) continue;
        if (!(*data = calloc(1, rows[i].bytes))) return false;
        for (const struct field *f = rows[i].field; node->options && f < rows[i].field + MOST_FIELDS && f->how; f++)
            convert(f, (const char *)node->options + f->from, (char *)*data + f->to);
        return true;
    }
    return !table || table->size <= 1; /* no options, or without fields: TensorFlow Lite passes none either */
}
