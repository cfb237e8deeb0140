"""PyTorch's side of scripts/bench: the rows of benchmarks/rows in idiomatic PyTorch.

Answers requests, one line of JSON each, on standard output:
  {"do": "machine"}                                   → {"version": …, "device": …}
  {"do": "prepare", "row": {…}, "folder": F, "mode": M, "precision": P}
        reads F/inputs.safetensors and F/results.safetensors, written by the engine
        → {"max_rel_error": error of the engine against this code in float64, None if "check" is false}
  {"do": "time", "runs": N, "together": K}            → {"seconds": [N numbers]}; each is the mean of K runs
                                                      without synchronisation between them
  {"do": "memory"}                                    one more run → {"bytes": peak growth since the start, or
                                                      on a GPU all memory that the row holds at once}
  {"do": "release"}                                   releases the row → {}
Errors are {"error": sentence}. The first argument is the device. A mode is words joined by "+":
  eager          none of the following
  channels_last  images and weights in NHWC
  compiled       the network by torch.compile
  eigh, matrix_exp  low rank by eigenvalues or the exponential of YᵀY in float64 instead of the SVD of Y
  graph          steps as one CUDA graph
  batch8         eight slices at a time
"""

import gc
import json
import os
import sys
import time

import torch
import torch._dynamo
import torch.nn.functional as F

DEVICE = torch.device(sys.argv[1] if len(sys.argv) > 1 else "cpu")


def read(path):
    """Tensors and metadata of a safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        dtype = {"F32": torch.float32, "F64": torch.float64}[entry["dtype"]]
        tensors[name] = torch.frombuffer(bytearray(data[begin:end]), dtype=dtype).reshape(entry["shape"])
    return tensors, metadata


def images(tensor):
    """[n, h, w, c] of the engine as [n, c, h, w]."""
    return tensor.permute(0, 3, 1, 2)


def weights(tensor):
    """[out, kh, kw, in] as [out, in, kh, kw]."""
    return tensor.permute(0, 3, 1, 2)


# ---- Networks


class Srcnn(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.extraction = torch.nn.Conv2d(1, 64, 9, padding=4)
        self.mapping = torch.nn.Conv2d(64, 32, 1)
        self.reconstruction = torch.nn.Conv2d(32, 1, 5, padding=2)

    def forward(self, x):
        return x + self.reconstruction(F.relu(self.mapping(F.relu(self.extraction(x)))))


class ResidualBlock(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        return x + 0.1 * self.conv2(F.relu(self.conv1(x)))


class Edsr(torch.nn.Module):
    def __init__(self, depth, width):
        super().__init__()
        self.head = torch.nn.Conv2d(1, width, 3, padding=1)
        self.blocks = torch.nn.ModuleList(ResidualBlock(width) for _ in range(depth))
        self.body = torch.nn.Conv2d(width, width, 3, padding=1)
        self.tail = torch.nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x):
        head = self.head(x)
        features = head
        for block in self.blocks:
            features = block(features)
        return x + self.tail(head + self.body(features))


def network(row, inputs, dtype):
    model = Srcnn() if row["model"] == "srcnn" else Edsr(row.get("depth", 32), row.get("width", 256))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            value = inputs[name]
            parameter.copy_(weights(value) if value.dim() == 4 else value)
    return model.to(DEVICE, dtype)


# ---- Priors


def low_rank(y, delta, words):
    """R − Σ exp(−σ²/2δ²) of each matrix and its gradient Y · exp(−YᵀY/2δ²)/δ², by one of three methods."""
    if "eigh" in words or "matrix_exp" in words:
        z = y.double()  # float32 is not enough for YᵀY
        if "eigh" in words:
            squares, v = torch.linalg.eigh(z.mT @ z)
            e = torch.exp(squares / (-2 * delta**2))
            value, exponential = (1 - e).sum(-1), (v * e.unsqueeze(-2)) @ v.mT
        else:
            exponential = torch.linalg.matrix_exp(z.mT @ z / (-2 * delta**2))
            value = y.shape[-1] - exponential.diagonal(dim1=-2, dim2=-1).sum(-1)
        return value.to(y.dtype), (z @ exponential / delta**2).to(y.dtype)
    u, s, vh = torch.linalg.svd(y, full_matrices=False)
    e = torch.exp(s.square() / (-2 * delta**2))
    return (1 - e).sum(-1), (u * (s / delta**2 * e).unsqueeze(-2)) @ vh


class LowRank(torch.autograd.Function):
    """Mean over the batch, with its gradient in closed form."""

    @staticmethod
    def forward(ctx, y, delta, words):
        value, gradient = low_rank(y, delta, words)
        ctx.save_for_backward(gradient / y.shape[0])
        return value.mean()

    @staticmethod
    def backward(ctx, cotangent):
        return cotangent * ctx.saved_tensors[0], None, None


def learned_sharpness(y, filters):
    """Mean variance of the filters' responses."""
    return F.conv2d(y, filters.unsqueeze(1)).var(dim=(2, 3)).mean()


def tap_gram(patches, taps):
    columns = F.unfold(patches, taps)
    return torch.einsum("nip,njp->ij", columns, columns)


# ---- Rows: run() is timed, results() returns the results of the first run


def layout_of(words):
    return torch.channels_last if "channels_last" in words else torch.contiguous_format


def on_a_stream_of_its_own(work, times):
    """Warm-up that PyTorch requires before a capture."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(times):
            work()
    torch.cuda.current_stream().wait_stream(stream)


def captured(work):
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph


class GemmRow:
    """A limit of the device."""

    def __init__(self, row, inputs, metadata, words, dtype):
        self.a, self.b = (torch.randn(row["side"], row["side"], device=DEVICE, dtype=dtype) for _ in range(2))

    def run(self):
        self.c = self.a @ self.b


class LowRankRow:
    def __init__(self, row, inputs, metadata, words, dtype):
        self.y = images(inputs["images"]).squeeze(1).to(DEVICE, dtype)
        self.words = words

    def run(self):
        self.value, self.gradient = low_rank(self.y, 0.01, self.words)

    def results(self):
        return {"value": self.value, "gradient": self.gradient.unsqueeze(-1)}


class ConvolutionRow:
    def __init__(self, row, inputs, metadata, words, dtype):
        layout = layout_of(words)
        place = lambda t: t.to(DEVICE, dtype).contiguous(memory_format=layout)
        self.kind, self.padding = row["pass"], row.get("kernel", 3) // 2
        self.x, self.dy = place(images(inputs["input"])), place(images(inputs["output_gradient"]))
        self.w, self.b = place(weights(inputs["weight"])), inputs["bias"].to(DEVICE, dtype)

    def run(self):
        if self.kind == "forward":
            self.result = F.conv2d(self.x, self.w, self.b, padding=self.padding)
            return
        to_input = self.kind == "backward_input"
        grads = torch.ops.aten.convolution_backward(
            self.dy, self.x, self.w, [self.b.shape[0]], [1, 1], [self.padding] * 2, [1, 1], False, [0, 0], 1,
            [to_input, not to_input, not to_input])
        self.result = grads[0] if to_input else grads[1]

    def results(self):
        return {"result": self.result.permute(0, 2, 3, 1)}


class StepRow:
    """Forward, loss and priors, backward, Adam, filters scaled back."""

    def __init__(self, row, inputs, metadata, words, dtype):
        self.words = words
        self.weight = {name: float(metadata[name]) for name in ("alpha", "beta", "gamma", "delta")}
        place = lambda name: images(inputs[name]).to(DEVICE, dtype).contiguous(memory_format=layout_of(words))
        self.input, self.target = place("input"), place("target")
        self.model = network(row, inputs, dtype).to(memory_format=layout_of(words))
        self.forward = torch.compile(self.model) if "compiled" in words else self.model
        parameters = list(self.model.parameters())
        self.filters = None
        if "filters" in inputs:  # AP; otherwise NP
            self.filters = torch.nn.Parameter(inputs["filters"].to(DEVICE, dtype))
            parameters.append(self.filters)
            self.norms = self.filters.detach().square().sum((1, 2), keepdim=True).sqrt()
            measure = tap_gram(images(inputs["smooth"]), 3) - tap_gram(images(inputs["sharp"]), 3)
            self.gram = measure.to(DEVICE, dtype)
        self.adam = torch.optim.Adam(parameters, lr=1e-4, fused=True, capturable="graph" in words)
        self.autocast = None
        self.first = self.graph = None

    def run(self):
        if "graph" not in self.words:
            self.step()
        elif self.first is None:
            on_a_stream_of_its_own(self.step, 3)
        else:
            self.graph = self.graph or captured(self.step)
            self.graph.replay()

    def step(self):
        self.adam.zero_grad()
        if self.autocast:
            with torch.autocast(DEVICE.type, self.autocast, cache_enabled="graph" not in self.words):
                y = self.forward(self.input)
            y = y.float()
        else:
            y = self.forward(self.input)
        loss = 0.5 * F.mse_loss(y, self.target)
        if self.filters is not None:
            w, taps = self.weight, self.filters.flatten(1)
            loss = (loss + w["alpha"] * LowRank.apply(y.squeeze(1), w["delta"], self.words)
                    - w["beta"] * learned_sharpness(y, self.filters) + w["gamma"] * ((taps @ self.gram) * taps).sum())
        loss.backward()
        if self.first is None:
            self.first = {"loss": loss.detach().clone().reshape(1)}
            named = [*self.model.named_parameters()] + [("filters", self.filters)] * (self.filters is not None)
            for name, p in named:
                g = p.grad
                self.first["gradient." + name] = (g.permute(0, 2, 3, 1) if g.dim() == 4 else g).clone()
        self.adam.step()
        if self.filters is not None:
            with torch.no_grad():
                self.filters.mul_(self.norms / self.filters.square().sum((1, 2), keepdim=True).sqrt())

    def results(self):
        return self.first


class UpscaleRow:
    """Slices from the host's memory to the host's memory."""

    def __init__(self, row, inputs, metadata, words, dtype):
        self.layout = layout_of(words)
        self.model = network(row, inputs, dtype).eval().to(memory_format=self.layout)
        self.input = images(inputs["input"]).to(dtype)
        self.forward = torch.compile(self.model) if "compiled" in words else self.model
        self.autocast = None
        self.batch = 8 if "batch8" in words else 1

    def run(self):
        parts = []
        with torch.inference_mode():
            for first in range(0, self.input.shape[0], self.batch):
                x = self.input[first:first + self.batch].to(DEVICE).contiguous(memory_format=self.layout)
                if self.autocast:
                    with torch.autocast(DEVICE.type, self.autocast):
                        y = self.forward(x)
                else:
                    y = self.forward(x)
                parts.append(y.float().cpu() if DEVICE.type == "cuda" else y)
        self.output = torch.cat(parts)

    def results(self):
        return {"output": self.output.permute(0, 2, 3, 1)}


ROWS = {"gemm": GemmRow, "low_rank": LowRankRow, "convolution": ConvolutionRow, "step": StepRow, "upscale": UpscaleRow}


# ---- Requests


def relative_error(got, expected):
    """Norm of the difference over the norm of the expected result; the largest over all results."""
    errors = []
    for name, theirs in expected.items():
        ours = got[name].double().cpu().reshape(-1)
        theirs = theirs.double().cpu().reshape(-1)
        errors.append(((ours - theirs).norm() / theirs.norm()).item())
    return max(errors)


def make(row, inputs, metadata, mode, precision):
    """The timed row: float32 masters; lower precisions as usual on a GPU."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
    storage = torch.bfloat16 if precision == "bfloat16" and row["kind"] in ("convolution", "gemm") else torch.float32
    made = ROWS[row["kind"]](row, inputs, metadata, set(mode.split("+")), storage)
    if precision == "bfloat16" and hasattr(made, "autocast"):
        made.autocast = torch.bfloat16
    return made


def error_of(engine, row, inputs, metadata):
    """Error of the engine's results against this code in float64; only the first of many slices."""
    torch.backends.cudnn.benchmark = False  # no algorithm search for a single run
    if row["kind"] == "upscale":
        inputs, engine = {**inputs, "input": inputs["input"][:1]}, {"output": engine["output"][:1]}
    reference = ROWS[row["kind"]](row, inputs, metadata, set(), torch.float64)
    reference.run()
    return relative_error(engine, reference.results())


def seconds_of(row, together):
    begin = time.perf_counter()
    for _ in range(together):
        row.run()
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - begin) / together


def resident_bytes(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))


def release(state):
    state.clear()
    # Otherwise torch.compile would compile the next network for dynamic sizes, which is slower.
    torch._dynamo.reset()
    gc.collect()
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.empty_cache()


def answer(request, state):
    what = request["do"]
    if what == "machine":
        device = torch.cuda.get_device_name() if DEVICE.type == "cuda" else "cpu"
        return {"version": torch.__version__, "device": device, "threads": torch.get_num_threads()}
    if what == "release":
        release(state)
        return {}
    if what == "prepare":
        release(state)
        row = request["row"]
        inputs, metadata = read(os.path.join(request["folder"], "inputs.safetensors"))
        error = None
        if request["check"]:
            engine, _ = read(os.path.join(request["folder"], "results.safetensors"))
            error = error_of(engine, row, inputs, metadata)
            release(state)
        state["row"] = make(row, inputs, metadata, request["mode"], request["precision"])
        state["row"].run()
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()
        return {"max_rel_error": error}
    if what == "time":
        return {"seconds": [seconds_of(state["row"], request["together"]) for _ in range(request["runs"])]}
    if what == "memory":
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            state["row"].run()
            torch.cuda.synchronize()
            return {"bytes": torch.cuda.max_memory_allocated()}
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # resets the peak
        state["row"].run()
        return {"bytes": resident_bytes("VmHWM") - AT_START}
    raise ValueError("unknown request: " + what)


def start():
    """Set-up of a process before its first row: starts the thread pool."""
    torch.mm(torch.ones(512, 512), torch.ones(512, 512))
    return resident_bytes("VmRSS")


def main():
    global AT_START
    AT_START = start()
    state = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), state)
        except Exception as error:  # report any error to the other side
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
