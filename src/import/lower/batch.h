/*
 * batch.h - which dimensions of a graph are free.
 *
 * Importers build with a size for every dimension; where an input's signature says -1, any size may come. What that does to all other
 * tensors is found by inferring every shape a second time with other sizes: dimensions that change are -1 in tensor->signature.
 */
#ifndef QC_IMPORT_LOWER_BATCH_H
#define QC_IMPORT_LOWER_BATCH_H

#include "ir/ir.h"

/*
 * Sets the signatures of all tensors of the graph, and of the subgraphs its WHILE and IF nodes run, from those of its inputs. May be
 * called again when nodes were added. If an operator does not fit another size, the inputs' free dimensions become fixed (batch or
 * others, as few as possible) and a note names the layer that fixes them.
 */
qc_status qc_import_mark_batch(struct qc_graph *graph) QC_MUST_USE;

/*
 * Is this dimension of a tensor free, as far as the graph is built? For lowerings, while they add nodes at the graph's end. Tensors that no node
 * writes count as inputs, so that graph->input need not be set yet.
 */
bool qc_import_is_free(struct qc_graph *graph, const struct qc_tensor *tensor, int axis);

/* The size an importer should give an unknown dimension other than the batch while building: large enough for what usually follows. */
enum { QC_UNKNOWN_SIZE = 64 };

#endif
