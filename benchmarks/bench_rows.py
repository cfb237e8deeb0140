"""The measurements of scripts/bench: rows of benchmarks/rows and its peers, and growing series."""


def step(model, prior="AP", **sizes):
    return {"kind": "step", "model": model, "prior": prior, **sizes}


def upscale(model, **sizes):
    return {"kind": "upscale", "model": model, **sizes}


def volume(model, **sizes):
    return {"kind": "volume", "model": model, "shape": [96, 116, 40], **sizes}


def thick_slices(**options):
    """A volume of voxels of 1 × 1 × 4 mm, which becomes one of 1 mm."""
    return {"kind": "volume", "shape": [96, 116, 20], "spacing": 4, **options}


def convolution(which, batch):
    return {"kind": "convolution", "pass": which, "batch": batch}


EDSR_SMALL, EDSR_PAPER = {"depth": 16, "width": 64}, {"depth": 32, "width": 256}


def rows_of(device, quick):
    """(name, description, precision of the convolutions). On the CPU, inference also in bfloat16."""
    cpu = device == "cpu"
    inner = ["float32"] if cpu else ["bfloat16", "tf32"]
    batch = 4 if quick and cpu else 64
    rows = [("low_rank_64x40x40", {"kind": "low_rank"}, "float32")]
    rows += [(f"conv3x3_256_{which}", convolution(which, batch), precision)
             for which in ("forward", "backward_input", "backward_weight") for precision in inner]
    rows += [("step_srcnn_ap", step("srcnn"), precision) for precision in inner]
    rows += [("step_srcnn_np", step("srcnn", "NP"), precision) for precision in inner]
    rows += [("step_edsr16x64_ap", step("edsr", batch=16, **EDSR_SMALL), precision) for precision in inner]
    inference = ["float32", "bfloat16"] if cpu else inner
    rows += [("upscale_srcnn_slice", upscale("srcnn"), precision) for precision in inference]
    rows += [("upscale_edsr16x64_slice", upscale("edsr", **EDSR_SMALL), precision) for precision in inference]
    if cpu:
        rows += [("upscale_edsr32x256_slice", upscale("edsr", **EDSR_PAPER), precision) for precision in inference]
        rows += [("volume_srcnn", volume("srcnn"), "float32"), ("volume_edsr16x64", volume("edsr", **EDSR_SMALL), "float32"),
                 ("volume_through_plane_srcnn", thick_slices(model="srcnn"), "float32"),
                 ("volume_self_supervised", thick_slices(self_steps=20), "float32")]
    else:
        rows += [("step_edsr32x256_ap", step("edsr", **EDSR_PAPER), precision) for precision in inner]
        rows += [("step_edsr32x256_np", step("edsr", "NP", **EDSR_PAPER), precision) for precision in inner]
        rows += [("upscale_edsr32x256_volume", upscale("edsr", slices=181, height=217, columns=181, **EDSR_PAPER),
                  precision) for precision in inner]
    return rows


def takes_seconds(device, row):
    """Whether one run takes seconds: EDSR of the paper's size on a CPU."""
    return device == "cpu" and (row.get("depth"), row.get("width")) == (32, 256)


def turns_of(device, quick, row):
    if takes_seconds(device, row) or row["kind"] == "volume":
        return 3 if quick else 5
    return 5 if quick else 11


def modes_of(device, quick, row, peer="pytorch"):
    """A peer's modes to try (benchmarks/pytorch_rows.py, benchmarks/onnx_rows.py)."""
    if peer == "onnxruntime":
        return ["spinning"] if takes_seconds(device, row) else ["spinning", "no_spinning"]
    return pytorch_modes(device, quick, row) if peer == "pytorch" else ["latency"]


def pytorch_modes(device, quick, row):
    """No torch.compile in short runs, because compilation takes long."""
    kind = row["kind"]
    if kind == "low_rank":
        return ["eager", "eigh", "matrix_exp"]
    modes = ["channels_last"] if takes_seconds(device, row) else ["eager", "channels_last"]
    if kind == "convolution":
        return modes
    best = "channels_last"
    if kind == "step" and row["prior"] == "AP":
        # The fastest replacement of the SVD: eigh on a CPU, matrix products only on a GPU.
        best += "+eigh" if device == "cpu" else "+matrix_exp"
        modes.append(best)
    if not quick:
        modes.append(best + "+compiled")
    if device == "cuda" and kind == "step":
        # A capture fails where an operation synchronises with the host; bench then reports that the mode is missing.
        modes += [best + "+graph"] + [best + "+compiled+graph"] * (not quick)
    if row.get("slices", 1) > 1:
        modes.append("channels_last+batch8")
    return modes


def growth_of(device):
    """(name, description, growing parameter, its values)"""
    small = {"batch": 4 if device == "cpu" else 64}
    return [
        ("step_srcnn_ap", step("srcnn"), "batch", (16, 32, 64, 128)),
        ("step_edsr16x64_ap", step("edsr", **EDSR_SMALL), "batch", (2, 4, 8, 16)),
        ("step_edsr_ap", step("edsr", width=64, **small), "depth", (2, 4, 8, 16)),
        ("step_edsr_ap", step("edsr", depth=4, **small), "width", (32, 64, 128, 256)),
        ("step_srcnn_ap", step("srcnn", batch=16), "patch", (20, 40, 64, 96, 128)),
        ("low_rank", {"kind": "low_rank"}, "side", (20, 32, 40, 64)),
        ("upscale_srcnn", upscale("srcnn"), "slices", (4, 8, 16, 32)),
    ]
