"""export_onnx: files against onnx.checker, and their results in ONNX Runtime against the engine's and those of upscale.

Usage: onnx_contract.py BUILD_FOLDER WEIGHTS_FOLDER
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import nibabel
    import numpy
    import onnx
    import onnxruntime
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit()

BUILD, WEIGHTS = Path(sys.argv[1]), Path(sys.argv[2])
TOLERANCE = 1e-5
NETWORKS = {
    "srcnn": "--model srcnn",
    "srcnn that predicts the image": "--model srcnn --global-skip false --scale 3",
    "edsr": "--model edsr --depth 2 --width 8",
    "edsr that predicts the image": "--model edsr --depth 1 --width 4 --global-skip false --residual-scale 1 --preset gaussian-corner",
    "edsr at low resolution": "--model edsr --depth 1 --width 16 --unshuffle 2",
    "edsr at a quarter": "--model edsr --depth 1 --width 4 --unshuffle 4 --scale 4 --global-skip false",
    "dcsrn": "--model dcsrn --depth 2 --width 4",
    "dcsrn that predicts the image": "--model dcsrn --depth 3 --width 3 --global-skip false --preset bicubic --scale 3",
    "lfmri without labels": "--model lfmri --lfmri-labels false",
    "lfmri": "--model lfmri",
    "the same grid": "--model srcnn --preset low-field",
    "thick slices": "--model srcnn --direction through-plane --thickness 3",
}
NO_WHOLE = {"lfmri": "tissue labels", "thick slices": "thin slices"}
random = numpy.random.default_rng(1)


def check(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")


def run(program, *arguments):
    command = [str(word) for word in (BUILD / "bin" / program, *arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def succeed(program, *arguments):
    status, output = run(program, *arguments)
    check(status == 0, f"{program} {arguments}: {output}")
    return output


def head(shape):
    i, j, k = numpy.indices(shape)
    radius = ((i - shape[0] / 2) / (0.45 * shape[0])) ** 2 + ((j - shape[1] / 2) / (0.45 * shape[1])) ** 2
    values = 500 + 90 * numpy.sin(i / 2) * numpy.cos(j / 3) + 20 * random.standard_normal(shape) + 3 * k
    return numpy.where(radius < 1, values, 0).astype(numpy.float32)


def save(values, path):
    nibabel.save(nibabel.Nifti1Image(values, numpy.eye(4)), path)


def make_network(folder, name, options):
    """A network of one training step whose parameters then get random numbers added, so that none is trivial."""
    succeed("train_dnsp", folder / "head.nii", "--out", folder / "run", "--force", "--steps", 1, "--prior", "NP",
            "--patch", 24, "--batch", 4, "--validation-slices", 1, *options.split())
    with safe_open(folder / "run/weights.safetensors", "numpy") as file:
        metadata = file.metadata()
    tensors = load_file(folder / "run/weights.safetensors")
    for key, values in tensors.items():
        changed = values + 0.05 * random.standard_normal(values.shape)
        tensors[key] = (abs(changed) if key.endswith("running_var") else changed).astype(numpy.float32)
    path = folder / f"{name.replace(' ', '_')}.safetensors"
    save_file(tensors, path, metadata)
    return path


def export(weights, path, *options):
    succeed("export_onnx", weights, path, "--force", *options)
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(str(path))
    facts = {entry.key: entry.value for entry in model.metadata_props}
    settings = json.loads(facts["dnsp.model"])
    check(settings["name"] in ("srcnn", "edsr", "dcsrn", "lfmri") and facts["dnsp.scale"] in "1234", facts)
    check(json.loads(facts["dnsp.degradation"])["preset"] and facts["dnsp.licence"] and len(facts["dnsp.weights_sha256"]) == 64, facts)
    version = succeed("export_onnx", "--version").split()[-1]
    check(facts["dnsp.version"] == version == model.producer_version, facts)
    return model, onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def check_network(folder, name, weights):
    """Two sizes, several images at once, odd sides."""
    model, session = export(weights, folder / "network.onnx")
    channels = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    check("channel 0" in model.graph.input[0].doc_string, "the channels are not described")
    check(channels == (4 if name == "lfmri" else 1), f"{name}: {channels} channels")
    for shape in ((1, 33, 21, channels), (3, 16, 40, channels)):
        image = random.uniform(-0.1, 1.2, shape).astype(numpy.float32)
        save_file({"input": image}, folder / "input.safetensors")
        succeed("network_driver", weights, folder / "input.safetensors", folder / "output.safetensors")
        expected = load_file(folder / "output.safetensors")["output"].transpose(0, 3, 1, 2)
        (result,) = session.run(["output"], {"image": image.transpose(0, 3, 1, 2)})
        check(result.shape == expected.shape, f"{name}: {result.shape}")
        difference = abs(result - expected).max() / max(1.0, numpy.ptp(expected))
        check(difference < TOLERANCE, f"{name}, {shape}: {difference}")
        if "lfmri" not in name:
            check(numpy.ptp(expected) > 0.1, f"{name}: a trivial network")


def check_whole(folder, name, weights):
    """The volumes of upscale, slice by slice."""
    _, session = export(weights, folder / "whole.onnx", "--whole")
    for shape in ((31, 23, 3), (18, 20, 4)):
        volume = head(shape) - 100
        save(volume, folder / "in.nii")
        succeed("upscale", folder / "in.nii", folder / "out.nii", "--weights", weights, "--axis", "z", "--force")
        expected = nibabel.load(folder / "out.nii").get_fdata(dtype=numpy.float32)
        ordered = numpy.sort(volume, axis=None)
        n = ordered.size
        low, high = ordered[(n + 999) // 1000 - 1], ordered[(999 * n + 999) // 1000 - 1]
        # Rows of a slice run along axis 0, the second axis counts them.
        slices = numpy.ascontiguousarray(volume.transpose(2, 1, 0))[:, None]
        (result,) = session.run(["output"], {"image": slices, "low": numpy.array(low), "high": numpy.array(high)})
        check(result.shape == expected.transpose(2, 1, 0)[:, None].shape, f"{name}: {result.shape}")
        difference = abs(result[:, 0] - expected.transpose(2, 1, 0)).max() / numpy.ptp(expected)
        check(difference < TOLERANCE, f"{name}, whole, {shape}: {difference}")


def check_refusals(folder, weights):
    output = folder / "refused.onnx"

    def refused(*arguments, status=1, reason):
        got, text = run("export_onnx", *arguments)
        check(got == status and reason in text and text.count("\n") == 1, f"{reason}: {got}, {text}")
        check(not output.exists(), f"{reason}: a file was written")

    (folder / "junk").write_text("no weights at all, but long enough to have a header")
    refused(folder / "junk", output, reason="not a safetensors file")
    refused(folder / "absent.safetensors", output, reason="absent.safetensors")
    refused("x9-fast", output, reason="weights x9-fast: no such file")
    refused(weights, folder / "nowhere/refused.onnx", reason="no such folder")
    refused(weights, folder, reason="is a folder")
    refused(weights, output, "--hole", status=2, reason="--hole")
    refused(weights, status=2, reason="output")
    (folder / "old.onnx").write_text("kept")
    refused(weights, folder / "old.onnx", reason="--force")
    check((folder / "old.onnx").read_text() == "kept", "an existing file was replaced")


with tempfile.TemporaryDirectory() as temporary:
    place = Path(temporary)
    save(head((40, 44, 40)), place / "head.nii")
    for title, words in NETWORKS.items():
        made = make_network(place, title, words)
        check_network(place, title, made)
        if title in NO_WHOLE:
            code, text = run("export_onnx", made, place / "whole.onnx", "--whole", "--force")
            check(code == 1 and NO_WHOLE[title] in text, text)
        else:
            check_whole(place, title, made)
    check_refusals(place, made)
    for shipped in sorted(WEIGHTS.glob("*.safetensors")):
        check_network(place, shipped.stem, shipped)
        if not shipped.stem.startswith("thin"):
            check_whole(place, shipped.stem, shipped)
    named, _ = export("x2-fast", place / "named.onnx")
    check({entry.key: entry.value for entry in named.metadata_props}["dnsp.licence"] == "Apache-2.0", "the licence of shipped weights")
    own, _ = export(made, place / "own.onnx", "--licence", "CC0-1.0")
    check({entry.key: entry.value for entry in own.metadata_props}["dnsp.licence"] == "CC0-1.0", "a licence that was given")
print("export_onnx: passed")
