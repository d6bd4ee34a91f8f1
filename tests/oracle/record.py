#!/usr/bin/env python3
"""Records what LiteRT makes of a .tflite file, as a case for pack_golden.py ops: a fault found is kept as a test by this.

  record.py MODEL.tflite INPUTS.npz DIR/NAME [--exact]      inputs named by the signature; needs ai-edge-litert
"""
import argparse
import json
import pathlib
import shutil

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument("model", type=pathlib.Path)
ap.add_argument("inputs", type=pathlib.Path)
ap.add_argument("case", type=pathlib.Path)
ap.add_argument("--exact", action="store_true", help="every bit counts")
a = ap.parse_args()

given = dict(np.load(a.inputs))


def run(resolver):
    interpreter = Interpreter(str(a.model), experimental_op_resolver_type=resolver)
    (key, signature), = interpreter.get_signature_list().items()
    made = interpreter.get_signature_runner(key)(**given)
    order = {d["index"]: i for i, d in enumerate(interpreter.get_output_details())}
    names = sorted(made, key=lambda n: order[interpreter.get_signature_runner(key).get_output_details()[n]["index"]])
    inputs = interpreter.get_signature_runner(key).get_input_details()
    return key, sorted(given, key=lambda n: inputs[n]["index"]), [np.array(made[n]) for n in names]


def save(name, arrays):
    np.savez(a.case / name, **{str(i): x for i, x in enumerate(arrays)})


a.case.mkdir(parents=True, exist_ok=True)
key, names, made = run(OpResolverType.AUTO)
shutil.copyfile(a.model, a.case / "model.tflite")
save("inputs.npz", [given[n] for n in names])
save("default.npz", made)
info = {"tolerance": "exact" if a.exact else "float", "signature": None}
try:
    save("reference.npz", run(OpResolverType.BUILTIN_REF)[2])
except (RuntimeError, ValueError):
    info["reference_missing"] = True
(a.case / "info.json").write_text(json.dumps(info))
