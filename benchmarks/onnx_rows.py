"""ONNX Runtime's and OpenVINO's side of scripts/bench: the rows "upscale" with the network that export_onnx wrote.

Answers requests, one line of JSON each, on standard output:
  {"do": "machine"}                                   → {"version": …, "device": "cpu", "threads": …}
  {"do": "prepare", "row": {…}, "folder": F, "mode": M, "reference": R}
        reads F/network.onnx, and `input` of F/inputs.safetensors; runs once
        → {"peer_error": error of the output against `output` of F/R, which the engine wrote in float32,
           "engine_error": the same for F/results.safetensors, "settings": {…}}; an error above BOUNDS is refused
  {"do": "time", "runs": N, "together": K}            → {"seconds": [N numbers]}; each is the mean of K runs
  {"do": "memory"}                                    one more run → {"bytes": peak growth since the start}
  {"do": "release"}                                   releases the row → {}
Errors are {"error": sentence}. The first argument is the runtime: onnxruntime, openvino or openvino_bfloat16. Modes:
  onnxruntime    spinning, no_spinning: whether waiting threads spin between operations
  openvino…      latency
"""

import gc
import json
import os
import sys
import time

import numpy

# Norm of the difference over the norm of the expected output. The network's correction of the input is 7 % (SRCNN) to
# 74 % (EDSR of 32 blocks) of that norm.
BOUNDS = {"float32": 1e-5, "bfloat16": 2e-2}
THREADS = len(os.sched_getaffinity(0))


def read(path, name):
    """One float32 tensor of a safetensors file, without reading the others."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(length))[name]
        begin, end = entry["data_offsets"]
        file.seek(8 + length + begin)
        return numpy.frombuffer(file.read(end - begin), numpy.float32).reshape(entry["shape"])


def images(tensor):
    """[n, h, w, c] of the engine as [n, c, h, w]."""
    return numpy.ascontiguousarray(tensor.transpose(0, 3, 1, 2))


class OnnxRuntime:
    dtype = "float32"

    def __init__(self):
        import onnxruntime
        self.library, self.version = onnxruntime, onnxruntime.__version__

    def load(self, path, shape, mode):
        options = self.library.SessionOptions()
        options.graph_optimization_level = self.library.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.execution_mode = self.library.ExecutionMode.ORT_SEQUENTIAL
        options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
        spinning = "0" if mode == "no_spinning" else "1"
        options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
        for name, size in zip(("batch", "height", "width"), (shape[0], *shape[2:])):
            options.add_free_dimension_override_by_name(name, size)
        session = self.library.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.settings = {"intra_op_num_threads": THREADS, "graph_optimization_level": "all", "allow_spinning": spinning == "1"}
        return lambda image: session.run(["output"], {"image": image})[0]


class OpenVino:
    def __init__(self, dtype):
        import openvino
        self.version, self.dtype = openvino.__version__.split("-")[0], dtype
        self.core = openvino.Core()

    def load(self, path, shape, mode):
        model = self.core.read_model(path)
        model.reshape(list(shape))
        wanted = {"float32": "f32", "bfloat16": "bf16"}[self.dtype]
        compiled = self.core.compile_model(model, "CPU", {
            "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": wanted, "INFERENCE_NUM_THREADS": THREADS})
        self.settings = {name: property_text(compiled.get_property(name))
                         for name in ("PERFORMANCE_HINT", "INFERENCE_PRECISION_HINT", "INFERENCE_NUM_THREADS", "NUM_STREAMS")}
        if self.settings["INFERENCE_PRECISION_HINT"] != wanted:
            raise ValueError(f"OpenVINO computes in {self.settings['INFERENCE_PRECISION_HINT']}, not in {wanted}")
        request = compiled.create_infer_request()
        return lambda image: request.infer(image, share_inputs=True)[0]


def property_text(value):
    return value.to_string() if hasattr(value, "to_string") else str(value)


RUNTIMES = {"onnxruntime": OnnxRuntime, "openvino": lambda: OpenVino("float32"), "openvino_bfloat16": lambda: OpenVino("bfloat16")}


class UpscaleRow:
    """Slices from memory to memory, one at a time."""

    def __init__(self, runtime, folder, mode):
        self.input = images(read(os.path.join(folder, "inputs.safetensors"), "input"))
        shape = (1, *self.input.shape[1:])
        self.infer = runtime.load(os.path.join(folder, "network.onnx"), shape, mode)

    def run(self):
        self.output = [self.infer(self.input[n:n + 1]) for n in range(len(self.input))]

    def result(self):
        return numpy.concatenate(self.output)


def relative_error(got, expected):
    return float(numpy.linalg.norm(got.astype(numpy.float64) - expected) / numpy.linalg.norm(expected.astype(numpy.float64)))


def seconds_of(row, together):
    begin = time.perf_counter()
    for _ in range(together):
        row.run()
    return (time.perf_counter() - begin) / together


def resident_bytes(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))


def prepare(request, runtime):
    if request["row"]["kind"] != "upscale":
        raise ValueError(f"no rows of the kind {request['row']['kind']}")
    folder = request["folder"]
    row = UpscaleRow(runtime, folder, request["mode"])
    row.run()
    expected = images(read(os.path.join(folder, request["reference"]), "output"))
    error = relative_error(row.result(), expected)
    if not error <= BOUNDS[runtime.dtype]:
        raise ValueError(f"the output differs from the engine's by {error:.2g} of its norm, more than {BOUNDS[runtime.dtype]:.0e}")
    engine = images(read(os.path.join(folder, "results.safetensors"), "output"))
    return row, {"peer_error": error, "engine_error": relative_error(engine, expected), "settings": runtime.settings}


def answer(request, state, runtime):
    what = request["do"]
    if what == "machine":
        return {"version": runtime.version, "device": "cpu", "threads": THREADS}
    if what in ("release", "prepare"):
        state.clear()
        gc.collect()
        if what == "release":
            return {}
        state["row"], reply = prepare(request, runtime)
        return reply
    if what == "time":
        return {"seconds": [seconds_of(state["row"], request["together"]) for _ in range(request["runs"])]}
    if what == "memory":
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # resets the peak
        state["row"].run()
        return {"bytes": resident_bytes("VmHWM") - AT_START}
    raise ValueError("unknown request: " + what)


def main():
    global AT_START
    runtime = RUNTIMES[sys.argv[1]]()
    AT_START = resident_bytes("VmRSS")
    state = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), state, runtime)
        except Exception as error:  # report any error to the other side
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
