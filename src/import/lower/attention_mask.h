/*
 * attention_mask.h - masks of attention scores, shared by the attention layers. A mask is bool and true where a query may look; NULL: everywhere.
 */
#ifndef QC_IMPORT_LOWER_ATTENTION_MASK_H
#define QC_IMPORT_LOWER_ATTENTION_MASK_H

#include "import/lower/shape.h"

/* Both masks together; either may be NULL. */
struct qc_tensor *qc_lower_and(struct qc_build *b, struct qc_tensor *x, struct qc_tensor *y);
/* For scores [..., T, S]: no key after the query (causal), none at a distance of `window` or more (0: any). NULL if neither is asked for. */
struct qc_tensor *qc_lower_band_mask(struct qc_build *b, struct qc_tensor *scores, bool causal, int32_t window);
/* Softmax over the last axis of what the mask shows. A row that shows nothing: zeros, or equal weights. */
struct qc_tensor *qc_lower_masked_softmax(struct qc_build *b, struct qc_tensor *scores, struct qc_tensor *mask, bool zero_masked_rows);

#endif
