"""quantc and LiteRT side by side in one process, for bench/run: pair.py LIBTENSORFLOWLITE_C MODEL.tflite THREADS ROUNDS; prints JSON.

quantc is driven by its TensorFlow Lite C API. The two take turns of some 30 ms on the same inputs; a turn's first inference is not counted, since the
other one has had the caches. Loading is timed likewise, from the file to the end of the first inference. Without ai-edge-litert quantc runs alone.
"""
import array
import ctypes
import json
import os
import random
import statistics
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
try:
    import numpy
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    Interpreter = None

TURN = 0.03


def load(library):
    """The shared library, once, as LiteRT's module is loaded once: no part of loading a model."""
    c = ctypes.CDLL(library)
    for name in ("ModelCreateFromFile", "InterpreterOptionsCreate", "InterpreterCreate", "InterpreterGetInputTensor", "TensorData"):
        getattr(c, "TfLite" + name).restype = ctypes.c_void_p
    c.TfLiteTensorByteSize.restype = ctypes.c_size_t
    return c


class Quantc:
    def __init__(self, c, path, threads):
        self.c = c
        self.model = ctypes.c_void_p(c.TfLiteModelCreateFromFile(path.encode()))
        options = ctypes.c_void_p(c.TfLiteInterpreterOptionsCreate())
        c.TfLiteInterpreterOptionsSetNumThreads(options, threads)
        self.interpreter = ctypes.c_void_p(c.TfLiteInterpreterCreate(self.model, options))
        if not self.interpreter or c.TfLiteInterpreterAllocateTensors(self.interpreter):
            raise RuntimeError(f"quantc cannot run {path}")
        c.TfLiteInterpreterOptionsDelete(options)
        run, me = c.TfLiteInterpreterInvoke, self.interpreter
        self.invoke = lambda: run(me)

    def inputs(self):
        """(address, bytes, type) of each."""
        for i in range(self.c.TfLiteInterpreterGetInputTensorCount(self.interpreter)):
            tensor = ctypes.c_void_p(self.c.TfLiteInterpreterGetInputTensor(self.interpreter, i))
            yield ctypes.c_void_p(self.c.TfLiteTensorData(tensor)), self.c.TfLiteTensorByteSize(tensor), self.c.TfLiteTensorType(tensor)

    def close(self):
        self.c.TfLiteInterpreterDelete(self.interpreter)
        self.c.TfLiteModelDelete(self.model)


def litert(path, threads):
    it = Interpreter(model_path=path, num_threads=threads)
    it.allocate_tensors()
    return it


def values(kind, count, source):
    """Bytes for an input of TfLiteType `kind`: floats in [0, 1), ids below 100 (so that embeddings find them)."""
    if kind == 1:
        return array.array("f", (source.random() for _ in range(count // 4))).tobytes()
    if kind in (2, 4):
        return array.array("i" if kind == 2 else "q", (source.randrange(100) for _ in range(count // (4 if kind == 2 else 8)))).tobytes()
    return bytes(source.randrange(100) for _ in range(count))


def feed(runtime, data):
    """Copies the inputs; makes them first if the list is empty, for the types and sizes of quantc's."""
    if isinstance(runtime, Quantc):
        if not data:
            source = random.Random(1)
            data += [values(kind, count, source) for _, count, kind in runtime.inputs()]
        for (address, count, _), one in zip(runtime.inputs(), data):
            ctypes.memmove(address, one, count)
    else:
        for detail, one in zip(runtime.get_input_details(), data):
            runtime.set_tensor(detail["index"], numpy.frombuffer(one, detail["dtype"]).reshape(detail["shape"]))


def turn(invoke):
    invoke()
    times, end = [], time.perf_counter() + TURN
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        invoke()
        times.append((time.perf_counter() - start) * 1e6)
    return times


def start(make, threads, path, data):
    """Milliseconds to load, and of the first inference."""
    begin = time.perf_counter()
    runtime = make(path, threads)
    loaded = time.perf_counter()
    feed(runtime, data)
    fed = time.perf_counter()
    runtime.invoke()
    done = time.perf_counter()
    if isinstance(runtime, Quantc):
        runtime.close()
    return (loaded - begin) * 1e3, (done - fed) * 1e3


def summary(times, starts):
    times = sorted(times)
    return {"median_us": times[len(times) // 2], "min_us": times[0], "p90_us": times[len(times) * 9 // 10],
            "load_ms": statistics.median(s[0] for s in starts), "first_ms": statistics.median(s[1] for s in starts)}


def main():
    library, path, threads, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    c = load(library)
    makers = {"quantc": lambda p, t: Quantc(c, p, t)}
    if Interpreter:
        makers["litert"] = litert
    data = []
    try:
        runtimes = {name: make(path, threads) for name, make in makers.items()}
        for r in runtimes.values():  # quantc first
            feed(r, data)
            r.invoke()
    except (RuntimeError, ValueError) as error:  # LiteRT refuses the file
        print(json.dumps({"error": str(error).splitlines()[0]}))
        return
    times, ratios = {name: [] for name in runtimes}, []
    for i in range(rounds):
        turns = {name: turn(runtimes[name].invoke) for name in (list(runtimes) if i % 2 else list(runtimes)[::-1])}
        for name in turns:
            times[name] += turns[name]
        if len(turns) == 2:
            ratios.append(statistics.median(turns["litert"]) / statistics.median(turns["quantc"]))
    starts = {name: [] for name in runtimes}
    for _ in range(5):
        for name, make in makers.items():
            starts[name].append(start(make, threads, path, data))
    row = {name: summary(times[name], starts[name]) for name in runtimes}
    if ratios:
        row["ratio"] = statistics.median(ratios)
        row["start_ratio"] = statistics.median(sum(s) for s in starts["litert"]) / statistics.median(sum(s) for s in starts["quantc"])
    print(json.dumps(row))


main()
