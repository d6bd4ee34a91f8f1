#!/usr/bin/env python3
"""SavedModels of single TensorFlow functions with TensorFlow's results, as cases for pack_golden.py saved: what Keras layers do not draw.

  tensorflow_ops.py DIR        needs tensorflow (2.16 or later)
"""
import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf

draw = np.random.RandomState(7)
weights = tf.Variable(draw.randn(4, 4).astype("f"))
bias = tf.Variable(draw.randn(4).astype("f"))


def of(*dims, kind=tf.float32):
    return tf.TensorSpec(dims, kind)


def branch(x):
    if tf.reduce_sum(x) > 0.0:
        y = tf.matmul(x, weights)
    else:
        y = x * bias
    return y + 1.0


def branch_of_constants(x):
    if tf.reduce_sum(x) > 0.0:
        y, z = x, 3.0
    else:
        y, z = x * 2.0, 4.0
    return y, z


def branch_in_branch(x, k):
    if tf.reduce_sum(x) > 0.0:
        x = tf.switch_case(k % 4, [lambda: x @ weights, lambda: x - 1.0, lambda: x + bias])
    return x


def while_large(x):
    while tf.reduce_sum(tf.abs(x)) > 1.0:
        x = x * 0.5
    return x


def while_of_steps(x, n):
    rows = tf.TensorArray(tf.float32, 6)
    for k in tf.range(n % 6):
        x = tf.tanh(tf.matmul(x, weights)) + bias
        rows = rows.write(k, x)
    return rows.stack(), x


def while_in_while(x, n):
    for k in tf.range(n % 4):
        while tf.reduce_sum(tf.abs(x)) > 1.0:
            x = x * 0.5
        x = x + tf.cast(k, tf.float32)
    return x


def steps_known(x):
    rows = tf.TensorArray(tf.float32, 5)
    state = tf.zeros([4])
    for k in tf.range(5):
        state = state * 0.5 + x[k]
        rows = rows.write(k, state)
    return rows.stack()


i32 = tf.int32
CASES = {  # name: (function, inputs)
    "branch": (branch, [of(None, 4)]),
    "branch_of_constants": (branch_of_constants, [of(3, 4)]),
    "branch_in_branch": (branch_in_branch, [of(3, 4), of(kind=i32)]),
    "switch_case": (lambda x, k: tf.switch_case(k - 1, [lambda: x * 2, lambda: x - 1, lambda: x]), [of(3, 4), of(kind=i32)]),
    "switch_many": (lambda x, k: tf.switch_case(k, [lambda i=i: x * i - bias for i in range(20)]), [of(None, 4), of(kind=i32)]),
    "while_large": (while_large, [of(3, 4)]),
    "while_of_steps": (while_of_steps, [of(3, 4), of(kind=i32)]),
    "while_in_while": (while_in_while, [of(3, 4), of(kind=i32)]),
    "steps_known": (steps_known, [of(5, 4)]),
    "scatter_nd": (lambda x: tf.scatter_nd([[4], [0], [2]], x, [6, 4]), [of(3, 4)]),
    "tensor_scatter_update": (lambda x: tf.tensor_scatter_nd_update(x, [[1], [3]], tf.ones([2, 4])), [of(6, 4)]),
    "tensor_scatter_add": (lambda x: tf.tensor_scatter_nd_add(x, [[1], [1]], tf.ones([2, 4])), [of(6, 4)]),
    "tensor_scatter_max": (lambda x: tf.tensor_scatter_nd_max(x, [[1], [3]], tf.zeros([2, 4])), [of(6, 4)]),
    "segment_sum": (lambda x: tf.math.segment_sum(x, [0, 0, 1, 2, 2, 2]), [of(6, 4)]),
    "unsorted_segment_sum": (lambda x: tf.math.unsorted_segment_sum(x, [0, 1, 1, 2, 0, 2], 3), [of(6, 4)]),
    "unsorted_segment_max": (lambda x: tf.math.unsorted_segment_max(x, [0, 1, 1, 2, 0, 2], 3), [of(6, 4)]),
    "dynamic_stitch": (lambda x, y: tf.dynamic_stitch([[0, 2, 4], [1, 3]], [x, y]), [of(3, 2), of(2, 2)]),
    "reverse_sequence": (lambda x: tf.reverse_sequence(x, [1, 2, 6, 4], seq_axis=1, batch_axis=0), [of(4, 6, 2)]),
    "set_diag": (lambda x: tf.linalg.set_diag(x, tf.ones([2, 4])), [of(2, 4, 4)]),
    "tensor_diag": (lambda x: tf.linalg.tensor_diag(x), [of(4)]),
    "tensor_diag_part": (lambda x: tf.linalg.tensor_diag_part(x), [of(4, 4)]),
    "sparse_to_dense": (lambda x: tf.sparse.to_dense(tf.sparse.SparseTensor([[0, 1], [1, 2], [2, 0]], x, [3, 4])), [of(3)]),
    "unique": (lambda x: tf.unique(x), [of(8, kind=i32)]),
    "boolean_mask": (lambda x: tf.boolean_mask(x, x[:, 0] > 0), [of(5, 4)]),
    "non_max_suppression": (lambda b, s: tf.image.non_max_suppression(tf.abs(b), tf.abs(s), 4), [of(8, 4), of(8)]),
    "non_max_suppression_padded": (lambda b, s: tf.image.non_max_suppression_padded(tf.abs(b), tf.abs(s), 4, pad_to_max_output_size=True), [of(8, 4), of(8)]),
    "fake_quant": (lambda x: tf.quantization.fake_quant_with_min_max_args(x, -3, 3), [of(3, 4)]),
    "fake_quant_vars": (lambda x: tf.quantization.fake_quant_with_min_max_vars(x, -1.0, 2.0, narrow_range=True), [of(3, 4)]),
    "fake_quant_channels": (lambda x: tf.quantization.fake_quant_with_min_max_vars_per_channel(x, [-1.0, -2, 0, -3], [1.0, 1, 2, 0.1]), [of(3, 4)]),
    "adjust_contrast": (lambda x: tf.image.adjust_contrast(x, 2.0), [of(1, 6, 7, 3)]),
    "xlogy": (lambda x, y: tf.math.xlogy(tf.nn.relu(x), tf.nn.relu(y)), [of(3, 4), of(3, 4)]),
    "xdivy": (lambda x, y: tf.math.xdivy(tf.nn.relu(x), tf.nn.relu(y) + tf.nn.relu(-x)), [of(3, 4), of(3, 4)]),
    "truncate_mod": (lambda x: tf.truncatemod(x, 3), [of(3, 4, kind=i32)]),
    "left_shift": (lambda x: tf.bitwise.left_shift(x, 2), [of(3, 4, kind=i32)]),
    "invert": (lambda x: tf.bitwise.invert(x), [of(3, 4, kind=i32)]),
    "l2_loss": (lambda x: tf.nn.l2_loss(x), [of(3, 4)]),
    "euclidean_norm": (lambda x: tf.math.reduce_euclidean_norm(x, axis=1), [of(3, 4)]),
    "bincount": (lambda x: tf.math.bincount(tf.abs(x) % 4, minlength=4, maxlength=4), [of(8, kind=i32)]),
    "to_scalar": (lambda x: (tf.reshape(x, []), tf.where(x[0] > 0.0, tf.reshape(x, []), 3.0)), [of(1)]),
    "einsum": (lambda x, y: tf.einsum("bqhd,bkhd->bhqk", x, y), [of(2, 3, 4, 5), of(2, 6, 4, 5)]),
    "strided_slice": (lambda x: x[1:5:2, ::-1, tf.newaxis, ..., 0], [of(6, 7, 3)]),
    "gather_batch": (lambda x, k: tf.gather(x, tf.abs(k) % 4, axis=1, batch_dims=1), [of(3, 4, 5), of(3, 2, kind=i32)]),
    "padded_convolution": (lambda x: tf.nn.conv2d(x, tf.reshape(weights, [2, 2, 4, 1]), 1, [[0, 0], [1, 2], [0, 1], [0, 0]]), [of(1, 6, 7, 4)]),
    "free_sizes": (lambda x: tf.concat([tf.reshape(x, [tf.shape(x)[0], -1]), tf.zeros([tf.shape(x)[0], 2])], 1), [of(None, 4, 3)]),
}


def value(spec):
    dims = [2 if d is None else d for d in spec.shape]
    return draw.randint(-9, 10, dims).astype("i4") if spec.dtype == tf.int32 else draw.randn(*dims).astype("f")


def write(folder, saved, run, specs):
    folder.mkdir(parents=True, exist_ok=True)
    saved(str(folder / "model_saved"))
    outputs = []
    for call in range(2):
        given = [value(s) for s in specs]
        outputs = run(given)
        np.savez(folder / f"inputs_{call}.npz", **{str(i): a for i, a in enumerate(given)})
        np.savez(folder / f"outputs_{call}.npz", **{str(i): np.asarray(a) for i, a in enumerate(outputs)})
    info = {"formats": ["savedmodel"], "calls": 2, "tolerance": 1e-5, "may_refuse": [], "inputs": [f"a{i}" for i in range(len(specs))],
            "outputs": [f"o{i}" for i in range(len(outputs))]}
    (folder / "info.json").write_text(json.dumps(info))


def case(folder, function, specs):
    named = [tf.TensorSpec(s.shape, s.dtype, name=f"a{i}") for i, s in enumerate(specs)]
    call = tf.function(
        lambda *a: {f"o{i}": t for i, t in enumerate(tf.nest.flatten(tf.function(function)(*a)))}, input_signature=named)
    module = tf.Module()
    module.call, module.variable = call, [weights, bias]
    concrete = call.get_concrete_function()
    names = [f"o{i}" for i in range(len(concrete.structured_outputs))]
    write(folder, lambda path: tf.saved_model.save(module, path, signatures={"serving_default": concrete}),
          lambda given: [concrete(*map(tf.constant, given))[n] for n in names], specs)


def tensorflow1(folder):
    """Conditionals of TensorFlow 1 on whether the model is being trained, with constants on their sides."""
    v1 = tf.compat.v1
    v1.disable_control_flow_v2()
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        training = v1.placeholder_with_default(False, [], name="keras_learning_phase")
        y = tf.matmul(x, v1.get_variable("w", initializer=draw.randn(4, 3).astype("f")))
        z = v1.cond(training, lambda: y * v1.random_uniform([3]), lambda: y)
        k = v1.cond(training, lambda: tf.constant(5.0), lambda: tf.constant(7.0))
        m = v1.cond(training, lambda: tf.reduce_mean(z), lambda: tf.constant(0.5))
        out = tf.identity(tf.nn.relu(z) + k * m)
        session.run(v1.global_variables_initializer())
        write(folder, lambda path: v1.saved_model.simple_save(session, path, {"a0": x}, {"o0": out}),
              lambda given: [session.run(out, {x: given[0]})], [of(None, 4)])


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    for name, (function, specs) in CASES.items():
        case(out / f"tf.{name}", function, specs)
    tensorflow1(out / "tf.tensorflow1_condition")
    print(len(CASES) + 1, "cases")
