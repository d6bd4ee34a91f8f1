#!/usr/bin/env python3
"""Records what TFLiteConverter makes of small networks: types, scales and zero points of every operand.

  quant_golden.py tests/golden/quant.zip        (tensorflow with Keras 3, ai-edge-litert)

Members: cases.tsv (case, float model, data, mode, io, expected parameters); for each network the float .tflite and its calibration data,
for each case the expected parameters, a line for each operand and result that has any:
  number of the operator among those that compute, operator, in or out, slot, type, scales in hexadecimal (comma), zero point

Left out: values that feed an elementwise operator whose result may take their memory. The converter's calibration reads them once more after
the operator has run, and so takes the result's range for theirs; quantc takes their own. And biases that several layers share, which the converter
gives the scale of one of them.
"""
import io
import sys
import zipfile

import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from tensorflow import keras

DATE = (1980, 1, 1, 0, 0, 0)
NAMES = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
TYPES = {v: k.lower() for k, v in vars(schema.TensorType).items() if isinstance(v, int)}
MOVES = {"QUANTIZE", "DEQUANTIZE", "SHAPE", "STRIDED_SLICE", "PACK"}
IN_PLACE = {"ADD", "SUB", "MUL", "DIV", "HARD_SWISH", "LOGISTIC", "TANH", "RELU", "RELU6", "LEAKY_RELU", "SOFTMAX", "RESHAPE"}
L = keras.layers


def bn(x, seed):
    r = np.random.default_rng(seed)
    n = x.shape[-1]
    layer = L.BatchNormalization()
    y = layer(x)
    layer.set_weights([r.uniform(0.5, 1.5, n), r.normal(0, 0.3, n), r.normal(0, 0.3, n), r.uniform(0.3, 1.5, n)])
    return y


def mobile(x):
    y = L.ReLU(6.0)(bn(L.Conv2D(8, 3, 2, "same", use_bias=False)(x), 1))
    z = L.ReLU(6.0)(bn(L.DepthwiseConv2D(3, 1, "same", use_bias=False)(y), 2))
    z = bn(L.Conv2D(8, 1, use_bias=False)(z), 3)
    y = L.Add()([y, z])
    y = L.Conv2D(12, 3, 1, "valid", activation="relu")(y)
    return L.Softmax()(L.Dense(5)(L.GlobalAveragePooling2D()(y)))


def branches(x):
    y = L.Conv2D(6, 3, padding="same")(x)
    a, b = L.MaxPooling2D(2)(y), L.AveragePooling2D(2)(y)
    c = L.Conv2D(4, 1, activation="sigmoid")(a)
    y = L.Concatenate()([a, b, c])
    y = L.UpSampling2D(2, interpolation="bilinear")(y)
    y = L.ZeroPadding2D(1)(y)
    return L.Dense(7, activation="tanh")(L.Flatten()(L.Conv2D(3, 3, 2)(y)))


def squeeze(x):
    y = L.Conv2D(8, 3, 2, "same")(x)
    y = L.Activation("hard_swish" if hasattr(keras.activations, "hard_swish") else "swish")(y)
    s = L.GlobalAveragePooling2D(keepdims=True)(y)
    s = L.Conv2D(4, 1, activation="relu")(s)
    s = L.Conv2D(8, 1, activation="sigmoid")(s)
    y = L.Multiply()([y, s])
    y = L.LeakyReLU(negative_slope=0.2)(L.Conv2DTranspose(4, 2, 2)(y))
    return L.Dense(3)(L.Flatten()(y))


def sequence(x):
    y = L.Reshape((16, 48))(x)
    y = L.Conv1D(10, 3, activation="relu")(y)
    y = L.MaxPooling1D(2)(y)
    return L.Dense(1, activation="sigmoid")(L.GlobalMaxPooling1D()(L.Dense(6)(y)))


def parameters(content):
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    graph, number, lines = model.subgraphs[0], 0, []
    code = [NAMES[max(c.builtinCode, c.deprecatedBuiltinCode)] for c in model.operatorCodes]
    shared = {t for o in graph.operators if code[o.opcodeIndex] in IN_PLACE for t in o.inputs}
    uses = [t for o in graph.operators for t in o.inputs]
    shared |= {t for t in uses if uses.count(t) > 1 and TYPES[graph.tensors[t].type] in ("int32", "int64")}
    for o in graph.operators:
        if code[o.opcodeIndex] in MOVES:
            continue
        for what, slots in (("in", o.inputs), ("out", o.outputs)):
            for slot, index in enumerate(slots):
                quant = graph.tensors[index].quantization if index >= 0 else None
                if quant is None or quant.scale is None or not len(quant.scale) or index in shared:
                    continue
                lines.append("\t".join([str(number), code[o.opcodeIndex], what, str(slot), TYPES[graph.tensors[index].type],
                                        ",".join(float(s).hex() for s in quant.scale), str(int(quant.zeroPoint[0]))]))
        number += 1
    return "".join(line + "\n" for line in lines)


def convert(model, mode, io_type, data):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if mode == "float32":
        return converter.convert()
    sets = tf.lite.OpsSet
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode != "dynamic":
        converter.representative_dataset = lambda: ([row[None]] for row in data)
        converter.target_spec.supported_ops = [sets.TFLITE_BUILTINS_INT8 if mode == "int8" else
                                               sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8, sets.TFLITE_BUILTINS]
        converter.inference_input_type = converter.inference_output_type = io_type
    return converter.convert()


def main():
    archive, rows = zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED, compresslevel=9), []

    def add(name, content):
        archive.writestr(zipfile.ZipInfo(name, DATE), content, zipfile.ZIP_DEFLATED, 9)

    for network in (mobile, branches, squeeze, sequence):
        keras.utils.set_random_seed(7)
        data = np.random.default_rng(3).normal(0.2, 0.7, (6, 16, 16, 3)).astype(np.float32)
        x = keras.Input((16, 16, 3), batch_size=1)
        model = keras.Model(x, network(x))
        name, stored = network.__name__, io.BytesIO()
        np.save(stored, data)
        add(name + ".tflite", convert(model, "float32", None, data))
        add(name + ".npy", stored.getvalue())
        for mode, io_type in (("int8", "int8"), ("int8", "uint8"), ("int8", "float32"), ("int16x8", "float32"), ("dynamic", "float32")):
            case = f"{name}-{mode}-{io_type}"
            try:
                add(case + ".tsv", parameters(convert(model, mode, getattr(tf, io_type), data)))
            except Exception as e:
                print(f"{case}: {str(e)[:200]}", file=sys.stderr)
                continue
            rows.append([case, name + ".tflite", name + ".npy", mode, io_type, case + ".tsv"])
    add("cases.tsv", "".join("\t".join(row) + "\n" for row in rows))
    archive.close()


if __name__ == "__main__":
    main()
