/*
 * invoke.c - running the steps of a planned frame in order. See run.h.
 */
#include "run/run.h"

#include <string.h>
#include <time.h>

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static qc_status run_step(struct qc_frame *frame, struct qc_frame_step *fs)
{
    if (fs->at_invoke) QC_TRY(qc_frame_plan_step(frame, fs));
    return fs->step.op->run(&fs->step);
}

/* A value that shares the memory of a graph input follows it to wherever the caller put it. */
static void follow_inputs(struct qc_frame *frame)
{
    for (uint32_t i = 0; i < frame->graph->tensor_count; i++) {
        struct qc_frame_value *fv = &frame->value[i];
        if (fv->root == (int32_t)i) continue;
        const struct qc_frame_value *root = fv;
        while (root != &frame->value[root->root]) root = &frame->value[root->root];
        if (root->first < 0) fv->value.data = root->value.data;
    }
}

qc_status qc_frame_invoke(struct qc_frame *frame)
{
    bool profile = frame->session->options.profile;
    if (frame->busy)
        return qc_fail(&frame->session->env, QC_FORMAT, "subgraph '%s' calls itself; the file is damaged", frame->graph->name);
    frame->busy = true;
    if (frame->follows) follow_inputs(frame);
    qc_status status = QC_OK;
    for (uint32_t n = 0; n < frame->graph->node_count && !status; n++) {
        struct qc_frame_step *fs = &frame->step[n];
        if (fs->evaluated || fs->at != (int32_t)n) continue;
        if (atomic_load_explicit(&frame->session->cancel, memory_order_relaxed)) {
            status = qc_fail(&frame->session->env, QC_CANCELLED, "the invocation was cancelled");
            break;
        }
        if (fs->bands) {
            qc_bands_run(fs->bands, frame->session->rt.pool, profile ? now : NULL);
            continue;
        }
        uint64_t begin = profile ? now() : 0;
        status = run_step(frame, fs);
        if (frame->session->observe && !status) frame->session->observe(frame->session->observer, &fs->step);
        if (!profile) continue;
        fs->nanoseconds += now() - begin;
        fs->calls++;
    }
    frame->busy = false;
    return status;
}
