"""The network of a row as a weights file of this project and as an ONNX file, for peers that read one."""

import json
import subprocess

from bench_sides import Refused

NOT_WEIGHTS = ("input", "target", "filters", "smooth", "sharp")  # other tensors in inputs.safetensors
MODEL_OPTIONS = ("depth", "width", "global_skip", "unshuffle", "residual_scale")


def weights_bytes(inputs, row):
    """A weights file with the network of inputs.safetensors (its bytes): its tensors and the metadata that load_network()
    reads. The degradation does not matter to the network; it is the default, ×2, or that of thick slices."""
    length = int.from_bytes(inputs[:8], "little")
    entries, data = json.loads(inputs[8:8 + length]), inputs[8 + length:]
    entries.pop("__metadata__", None)
    header, parts, size = {}, [], 0
    for name, entry in sorted(entries.items()):
        if name in NOT_WEIGHTS:
            continue
        begin, end = entry["data_offsets"]
        parts.append(data[begin:end])
        header["model." + name] = {**entry, "data_offsets": [size, size + end - begin]}
        size += end - begin
    model = {"name": row["model"], **{key: row[key] for key in MODEL_OPTIONS if key in row}}
    if "spacing" in row:
        settings = {"model": model, "direction": "through-plane", "through_plane": {"thickness": row["spacing"]}}
    else:
        settings = {"model": model, "preset": "gaussian", "scale": 2}
    header["__metadata__"] = {"dnsp.kind": "weights", "dnsp.version": "benchmark", "dnsp.held_out": "[]",
                              "dnsp.settings": json.dumps(settings)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def write_weights(folder, row):
    """Writes weights.safetensors into `folder`, from its inputs.safetensors."""
    weights = folder / "weights.safetensors"
    weights.write_bytes(weights_bytes((folder / "inputs.safetensors").read_bytes(), row))
    return weights


def write_network(folder, row, export_onnx):
    """As write_weights(), and by the program export_onnx network.onnx."""
    weights = write_weights(folder, row)
    try:
        done = subprocess.run([export_onnx, weights, folder / "network.onnx", "--force"], capture_output=True, text=True)
    except OSError as error:
        raise Refused(f"export_onnx: {error}") from error
    if done.returncode != 0:
        raise Refused(f"export_onnx: {done.stderr.strip() or done.stdout.strip()}")
