#!/usr/bin/env python3
"""Packs conformance cases (models, inputs, oracle's outputs) into the archives that tests/golden reads.

  pack_golden.py ops    DIR tests/golden/ops.zip       cases of .tflite operators with LiteRT's outputs
  pack_golden.py ops    DIR tests/golden/ops_found.zip   the same of faults found, recorded by record.py
  pack_golden.py keras  DIR tests/golden/keras3.zip    Keras models with Keras's outputs; h5 and .keras in turn
  pack_golden.py saved  DIR tests/golden/keras_saved3.zip   the same as SavedModels; with tensorflow_ops.py: keras_tensorflow.zip, with keras_found.py and kind keras: keras_found.zip (--most 60000)
  pack_golden.py bad    DIR tests/golden/bad.zip       hostile files of any kind: everything in DIR

Options: --most BYTES leaves out cases whose packed model is larger, --every N takes every N-th of the others. Members: cases.tsv, one line a case, and for each case the
model and <case>.npz. Columns of cases.tsv:
  ops    case, class, atol, rtol, signature, reference_missing, model file
  keras, saved  case, model file or folder, tolerance, may refuse, calls, input names, output names (lists by |, alternatives by ;),
         may refuse by the configuration of a SavedModel
  bad    model file or folder, any or reject
"""
import argparse
import io
import json
import pathlib
import zipfile
import zlib

import numpy as np

# Layers for which TensorFlow Lite has no operators (text), or whose inference differs between versions of Keras: "unsupported" is right.
NO_OPERATOR = ("TextVectorization", "StringLookup", "Hashing", "HashedCrossing", "RandomCrop")
# Python code, or what only the graph says.
NO_CONFIGURATION = NO_OPERATOR + ("Lambda", "ops.einsum", "ops.dynamic_batch_ones")
DATE = (1980, 1, 1, 0, 0, 0)


class Archive:
    def __init__(self, path):
        self.zip, self.rows = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9), []

    def add(self, name, data):
        self.zip.writestr(zipfile.ZipInfo(name, DATE), data, zipfile.ZIP_DEFLATED, 9)

    def arrays(self, name, arrays):
        packed = io.BytesIO()
        np.savez(packed, **arrays)
        # np.savez stamps the time of day into its members: write them anew.
        fixed = io.BytesIO()
        with zipfile.ZipFile(packed) as old, zipfile.ZipFile(fixed, "w") as new:
            for info in old.infolist():
                new.writestr(zipfile.ZipInfo(info.filename, DATE), old.read(info))
        self.add(name, fixed.getvalue())

    def close(self):
        self.add("cases.tsv", "".join("\t".join(map(str, row)) + "\n" for row in self.rows))
        self.zip.close()


def load(path):
    with np.load(path, allow_pickle=False) as stored:
        return [stored[str(i)] for i in range(len(stored.files))]


def files_of(path):
    """Of a file or a folder, without the fingerprint, which nothing reads."""
    return sorted(p for p in path.rglob("*") if p.is_file() and p.name != "fingerprint.pb") if path.is_dir() else [path]


def packed_size(path):
    return sum(len(zlib.compress(p.read_bytes())) for p in files_of(path))


def pack_ops(folder, archive, most, every):
    for info_path in sorted(folder.glob("*/info.json")):
        info, case = json.loads(info_path.read_text()), info_path.parent
        if packed_size(case / "model.tflite") > most:
            continue
        arrays = {f"i{k}": a for k, a in enumerate(load(case / "inputs.npz"))}
        arrays |= {f"d{k}": a for k, a in enumerate(load(case / "default.npz"))}
        if not info.get("reference_missing"):
            arrays |= {f"r{k}": a for k, a in enumerate(load(case / "reference.npz"))}
        archive.add(case.name + ".tflite", (case / "model.tflite").read_bytes())
        archive.arrays(case.name + ".npz", arrays)
        archive.rows.append([case.name, info["tolerance"], info.get("atol", 1e-5), info.get("rtol", 1e-5), info.get("signature") or "-",
                             int(bool(info.get("reference_missing"))), case.name + ".tflite"])


def alternatives(info, key, count):
    signature = (info.get("signature") or {}).get(key)
    lists = [info.get(key), signature, [f"output_{i}" for i in range(count)] if key == "outputs" else None]
    return "|".join(";".join(str(names[i]) for names in lists if names and i < len(names)) for i in range(count))


def pack_keras(folder, archive, most, every, formats_wanted=("h5", "keras")):
    turn = taken = 0
    for info_path in sorted(folder.glob("*/info.json")):
        info, case = json.loads(info_path.read_text()), info_path.parent
        formats = [f for f in formats_wanted if f in info["formats"]]
        if not formats:
            continue
        turn += 1
        fmt = formats[turn % len(formats)]
        model = case / ("model_saved" if fmt == "savedmodel" else f"model.{fmt}")
        if packed_size(model) > most:
            continue
        taken += 1
        if taken % every:
            continue
        name = f"{case.name}.{fmt}"
        arrays, counts = {}, {}
        for call in range(min(info["calls"], 2)):
            for key, kind in (("i", "inputs"), ("o", "outputs")):
                stored = load(case / f"{kind}_{call}.npz")
                counts[key] = len(stored)
                arrays |= {f"{key}{call}_{k}": a for k, a in enumerate(stored)}
        for file in files_of(model):
            archive.add(name + str(file)[len(str(model)):], file.read_bytes())
        archive.arrays(case.name + ".npz", arrays)
        archive.rows.append([case.name, name, info["tolerance"], int(fmt in info["may_refuse"] or case.name.startswith(NO_OPERATOR)), min(info["calls"], 2),
                             alternatives(info, "inputs", counts["i"]), alternatives(info, "outputs", counts["o"]),
                             int(case.name.startswith(NO_CONFIGURATION))])


def pack_saved(folder, archive, most, every):
    pack_keras(folder, archive, most, every, ("savedmodel",))


def pack_bad(folder, archive, most, every):
    marks = {}
    for manifest in folder.glob("*.json"):
        listed = json.loads(manifest.read_text())
        for row in listed if isinstance(listed, list) else listed.get("mutants", []):
            if isinstance(row, dict):
                marks[str(row.get("file") or row.get("name"))] = row.get("expect") or row.get("mark") or "any"
    for path in sorted(folder.iterdir()):
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        saved_model = path.is_dir() and any(p.name == "saved_model.pb" for p in files)
        if (saved_model or path.suffix in (".tflite", ".h5", ".keras", ".pb")) and sum(map(packed_size, files)) <= most:
            for file in files:
                archive.add(str(file.relative_to(folder)), file.read_bytes())
            archive.rows.append([path.name, marks.get(path.name, "any")])


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("kind", choices=["ops", "keras", "saved", "bad"])
    ap.add_argument("folder", type=pathlib.Path)
    ap.add_argument("archive")
    ap.add_argument("--most", type=int, default=20000)
    ap.add_argument("--every", type=int, default=1)
    a = ap.parse_args()
    archive = Archive(a.archive)
    {"ops": pack_ops, "keras": pack_keras, "saved": pack_saved, "bad": pack_bad}[a.kind](a.folder, archive, a.most, a.every)
    archive.close()
    print(len(archive.rows), "cases,", pathlib.Path(a.archive).stat().st_size, "bytes")
