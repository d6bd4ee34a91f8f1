"""One conversion by TFLiteConverter: tflite.py MODEL OUT.tflite MODE [SAMPLES.npy]; prints the seconds of the conversion alone.

For a batch of one, as recurrent layers need, with builtin operators only; int8 and int16x8 fall back to float where there is no kernel, as in quantc.
int8-uint8 is int8 with uint8 inputs and outputs.
"""
import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import numpy
import tensorflow as tf

path, out, mode = sys.argv[1:4]
try:
    model = tf.keras.models.load_model(path, compile=False)
    keras = tf.keras
except Exception:  # files of Keras 2 that Keras 3 does not load
    import tf_keras as keras
    model = keras.models.load_model(path, compile=False)
start = time.perf_counter()
inputs = [keras.Input(batch_shape=[1] + list(t.shape[1:]), dtype=t.dtype) for t in model.inputs]
converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(inputs, model(inputs[0] if len(inputs) == 1 else inputs, training=False)))
ops = tf.lite.OpsSet
if mode != "float32":
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
if mode == "float16":
    converter.target_spec.supported_types = [tf.float16]
if mode.startswith("int"):
    samples = numpy.load(sys.argv[4]).astype(model.inputs[0].dtype if isinstance(model.inputs[0].dtype, str) else model.inputs[0].dtype.as_numpy_dtype)
    integer = ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8 if mode == "int16x8" else ops.TFLITE_BUILTINS_INT8
    converter.representative_dataset = lambda: ([samples[i:i + 1]] for i in range(len(samples)))
    converter.target_spec.supported_ops = [integer, ops.TFLITE_BUILTINS]
if mode == "int8-uint8":
    converter.inference_input_type = converter.inference_output_type = tf.uint8
data = converter.convert()
print("convert", time.perf_counter() - start)
with open(out, "wb") as f:
    f.write(data)
