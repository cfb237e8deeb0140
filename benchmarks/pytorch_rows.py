"""PyTorch's side of scripts/bench: the rows of benchmarks/rows as a user of PyTorch would write them.

Answers requests, one line of JSON each, on standard output:
  {"do": "machine"}                                   → {"version": …, "device": …}
  {"do": "prepare", "row": {…}, "folder": F, "mode": M, "precision": P}
        reads F/inputs.safetensors and F/results.safetensors, which the engine has written
        → {"max_rel_error": of the engine against this code in float64, None with "check": false}
  {"do": "time", "runs": N, "together": K}            → {"seconds": [N numbers]}, each of a run, the mean of K that
                                                      are waited for together
  {"do": "memory"}                                    one more run → {"bytes": peak growth since the start}
An error is {"error": sentence}. The first argument is the device. Modes: "eager", "channels_last",
"compiled" (channels_last and torch.compile).
"""

import json
import os
import sys
import time

import torch
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


class LowRank(torch.autograd.Function):
    """Mean over the batch of R − Σ exp(−σ²/2δ²), with its gradient in closed form: one SVD a step."""

    @staticmethod
    def forward(ctx, y, delta):
        u, s, vh = torch.linalg.svd(y, full_matrices=False)
        e = torch.exp(-s.square() / (2 * delta**2))
        ctx.save_for_backward((u * (s / delta**2 * e).unsqueeze(-2)) @ vh / y.shape[0])
        return (s.shape[-1] - e.sum(-1)).mean()

    @staticmethod
    def backward(ctx, cotangent):
        return cotangent * ctx.saved_tensors[0], None


def learned_sharpness(y, filters):
    """Mean variance of the filters' responses."""
    return F.conv2d(y, filters.unsqueeze(1)).var(dim=(2, 3)).mean()


def tap_gram(patches, taps):
    columns = F.unfold(patches, taps)
    return torch.einsum("nip,njp->ij", columns, columns)


# ---- Rows: run() is what is timed, results() is of the first run


class GemmRow:
    """A limit of the device."""

    def __init__(self, row, inputs, metadata, mode, dtype):
        self.a, self.b = (torch.randn(row["side"], row["side"], device=DEVICE, dtype=dtype) for _ in range(2))

    def run(self):
        self.c = self.a @ self.b


class LowRankRow:
    def __init__(self, row, inputs, metadata, mode, dtype):
        self.y = images(inputs["images"]).squeeze(1).to(DEVICE, dtype)
        self.delta = 0.01

    def run(self):
        u, s, vh = torch.linalg.svd(self.y, full_matrices=False)
        e = torch.exp(-s.square() / (2 * self.delta**2))
        self.value = s.shape[-1] - e.sum(-1)
        self.gradient = (u * (s / self.delta**2 * e).unsqueeze(-2)) @ vh

    def results(self):
        return {"value": self.value, "gradient": self.gradient.unsqueeze(-1)}


class ConvolutionRow:
    def __init__(self, row, inputs, metadata, mode, dtype):
        layout = torch.contiguous_format if mode == "eager" else torch.channels_last
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
    def __init__(self, row, inputs, metadata, mode, dtype):
        self.weight = {name: float(metadata[name]) for name in ("alpha", "beta", "gamma", "delta")}
        self.model = network(row, inputs, dtype)
        place = lambda name: images(inputs[name]).to(DEVICE, dtype)
        self.input, self.target = place("input"), place("target")
        if mode != "eager":
            self.model = self.model.to(memory_format=torch.channels_last)
            self.input = self.input.contiguous(memory_format=torch.channels_last)
        self.forward = torch.compile(self.model) if mode == "compiled" else self.model
        self.filters = torch.nn.Parameter(inputs["filters"].to(DEVICE, dtype))
        self.norms = self.filters.detach().square().sum((1, 2), keepdim=True).sqrt()
        self.gram = (tap_gram(images(inputs["smooth"]), 3) - tap_gram(images(inputs["sharp"]), 3)).to(DEVICE, dtype)
        self.adam = torch.optim.Adam([*self.model.parameters(), self.filters], lr=1e-4, fused=True)
        self.autocast = None
        self.first = None

    def run(self):
        self.adam.zero_grad()
        if self.autocast:
            with torch.autocast(DEVICE.type, self.autocast):
                y = self.forward(self.input)
            y = y.float()
        else:
            y = self.forward(self.input)
        w = self.weight
        taps = self.filters.flatten(1)
        loss = (0.5 * F.mse_loss(y, self.target)
                + w["alpha"] * LowRank.apply(y.squeeze(1), w["delta"])
                - w["beta"] * learned_sharpness(y, self.filters)
                + w["gamma"] * ((taps @ self.gram) * taps).sum())
        loss.backward()
        if self.first is None:
            self.first = {"loss": loss.detach().clone().reshape(1), "gradient.filters": self.filters.grad.clone()}
            for name, p in self.model.named_parameters():
                g = p.grad
                self.first["gradient." + name] = (g.permute(0, 2, 3, 1) if g.dim() == 4 else g).clone()
        self.adam.step()
        with torch.no_grad():
            self.filters.mul_(self.norms / self.filters.square().sum((1, 2), keepdim=True).sqrt())

    def results(self):
        return self.first


class UpscaleRow:
    def __init__(self, row, inputs, metadata, mode, dtype):
        self.model = network(row, inputs, dtype).eval()
        self.input = images(inputs["input"]).to(dtype)
        self.layout = torch.contiguous_format if mode == "eager" else torch.channels_last
        self.model = self.model.to(memory_format=self.layout)
        self.forward = torch.compile(self.model) if mode == "compiled" else self.model
        self.autocast = None
        self.batch = 1

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
    """Norm of the difference over the norm of what is expected; the largest over all results."""
    errors = []
    for name, theirs in expected.items():
        ours = got[name].double().cpu().reshape(-1)
        theirs = theirs.double().cpu().reshape(-1)
        errors.append(((ours - theirs).norm() / theirs.norm()).item())
    return max(errors)


def make(row, inputs, metadata, mode, precision):
    """The timed row: float32 masters; lower precisions as PyTorch's users choose them on a GPU."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
    storage = torch.bfloat16 if precision == "bfloat16" and row["kind"] in ("convolution", "gemm") else torch.float32
    made = ROWS[row["kind"]](row, inputs, metadata, mode, storage)
    if precision == "bfloat16" and hasattr(made, "autocast"):
        made.autocast = torch.bfloat16
    return made


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


def answer(request, state):
    what = request["do"]
    if what == "machine":
        device = torch.cuda.get_device_name() if DEVICE.type == "cuda" else "cpu"
        return {"version": torch.__version__, "device": device, "threads": torch.get_num_threads()}
    if what == "prepare":
        state.clear()
        row = request["row"]
        inputs, metadata = read(os.path.join(request["folder"], "inputs.safetensors"))
        error = None
        if request["check"]:
            engine, _ = read(os.path.join(request["folder"], "results.safetensors"))
            reference = ROWS[row["kind"]](row, inputs, metadata, "eager", torch.float64)
            reference.run()
            error = relative_error(engine, reference.results())
            del reference
        state["row"] = make(row, inputs, metadata, request["mode"], request["precision"])
        state["row"].run()
        return {"max_rel_error": error}
    if what == "time":
        return {"seconds": [seconds_of(state["row"], request["together"]) for _ in range(request["runs"])]}
    if what == "memory":
        if DEVICE.type == "cuda":
            return {"bytes": torch.cuda.max_memory_allocated()}
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the peak counts from here
        state["row"].run()
        return {"bytes": resident_bytes("VmHWM") - AT_START}
    raise ValueError("unknown request: " + what)


def start():
    """What every process needs before its first row: a pool of threads."""
    torch.mm(torch.ones(512, 512), torch.ones(512, 512))
    return resident_bytes("VmRSS")


def main():
    global AT_START
    AT_START = start()
    state = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), state)
        except Exception as error:  # noqa: BLE001: whatever it is, the other side has to know
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
