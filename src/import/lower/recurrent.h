/*
 * recurrent.h - recurrent layers: one meaning, three written forms.
 *
 * FUSED   UNIDIRECTIONAL_SEQUENCE_LSTM whose states are cleared on every call. LSTM with tanh and sigmoid, no mask, no initial state, no state
 *         returned.
 * LOOP    WHILE with a body subgraph (structure: recurrent_loop.c). Everything.
 * UNROLL  basic operators only, a copy of the cell for each step; the number of steps must be known.
 * AUTO    the fastest in LiteRT. What was chosen and why becomes a note of the model.
 */
#ifndef QC_IMPORT_LOWER_RECURRENT_H
#define QC_IMPORT_LOWER_RECURRENT_H

#include "import/lower/conv.h"

enum qc_cell_kind { QC_CELL_LSTM, QC_CELL_GRU, QC_CELL_SIMPLE_RNN };

struct qc_cell {
    enum qc_cell_kind kind;
    bool reset_after; /* GRU */
    int32_t units;
    struct qc_weight kernel;           /* [I, g * units]; gates i, f, c, o (LSTM) or z, r, h (GRU) */
    struct qc_weight recurrent_kernel; /* [units, g * units] */
    struct qc_weight bias;             /* [g * units]; GRU with reset_after [2, 3 * units]: input, recurrent; data NULL: none */
    struct qc_activation activation, recurrent_activation;
};

struct qc_recurrent_spec {
    const struct qc_cell *cell; /* more than one: StackedRNNCells, in order */
    int cell_count;
    bool go_backwards;
    bool return_sequences;
    bool return_state; /* states are wanted; without, result.state may not be used */
    bool unroll;       /* the layer's own wish: UNROLL if form is AUTO and the steps are known */
    bool time_major;   /* x and the sequence are [T, B, ...] (a mask too) */
    bool zero_output_for_mask;
    struct qc_tensor *const *initial_state; /* one per state, see below; NULL: zeros */
    int initial_state_count;
    struct qc_tensor *mask; /* bool [B, T]; NULL: none */
    enum qc_recurrent form;
};

/* States in Keras's order: of each cell in turn, LSTM h, c; GRU and SimpleRNN h. Each [B, units]. */
int qc_recurrent_state_count(const struct qc_recurrent_spec *spec);

struct qc_recurrent_result {
    struct qc_tensor *output; /* [B, T, units of the last cell], or [B, units] without return_sequences */
    struct qc_tensor **state; /* [state_count] */
    int state_count;
};

/* x [B, T, I]. */
qc_status qc_lower_recurrent(struct qc_build *b, struct qc_tensor *x, const struct qc_recurrent_spec *spec,
                             struct qc_recurrent_result *result);

enum qc_merge { QC_MERGE_CONCAT, QC_MERGE_SUM, QC_MERGE_MUL, QC_MERGE_AVE, QC_MERGE_NONE };

/*
 * Bidirectional: both layers on x, the backward one's sequence reversed in time again, merged. backward->go_backwards must be set as
 * the layer has it (normally !forward->go_backwards). With return_sequences masked steps give zeros, as Keras does.
 * output[1] for QC_MERGE_NONE only. States: forward's, then backward's.
 */
struct qc_bidirectional_result {
    struct qc_tensor *output[2];
    int output_count;
    struct qc_tensor **state;
    int state_count;
};
qc_status qc_lower_bidirectional(struct qc_build *b, struct qc_tensor *x, const struct qc_recurrent_spec *forward,
                                 const struct qc_recurrent_spec *backward, enum qc_merge merge, struct qc_bidirectional_result *result);

/*
 * ConvLSTM1D/2D/3D on [B, T, spatial..., C]. conv.kernel [k..., C, 4F], conv.bias [4F], with the layer's strides, padding and dilation for
 * the input convolution; the recurrent one is always SAME with stride 1. Result as above, states h, c.
 */
struct qc_conv_lstm_spec {
    struct qc_conv_spec conv;          /* its activation is not used */
    struct qc_weight recurrent_kernel; /* [k..., F, 4F] */
    struct qc_activation activation, recurrent_activation;
    bool go_backwards, return_sequences, return_state, zero_output_for_mask;
    struct qc_tensor *initial_state[2]; /* NULL: zeros */
    struct qc_tensor *mask;
    enum qc_recurrent form; /* FUSED counts as AUTO */
};
qc_status qc_lower_conv_lstm(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_lstm_spec *spec,
                             struct qc_recurrent_result *result);

#endif
