"""The work of `upscale` on a volume by a peer of scripts/bench, from file to file: NiBabel, bicubic interpolation in NumPy,
the network slice by slice, NiBabel. If FOLDER/row.json has a spacing, slices that lie so many mm apart become slices of
1 mm: the mean of what the network makes of the slices of both directions that cross them.

  volume_peer.py cpu PEER IN OUT FOLDER   PEER: pytorch, onnxruntime, openvino or openvino_bfloat16; the network is
                                          FOLDER/network.onnx, for PyTorch that of FOLDER/inputs.safetensors and row.json
  volume_peer.py cpu compare FILE FILE    prints the norm of the difference over the norm of the second volume

The first argument is the device, as for pytorch_rows.py. Slices, thick or not, are perpendicular to the third axis.
"""

import json
import sys
from pathlib import Path

import nibabel
import numpy

SCALE = 2


def cubic(t):
    """Keys' cubic with a = −1/2."""
    t = abs(t)
    return numpy.where(t <= 1, 1.5 * t**3 - 2.5 * t**2 + 1, numpy.where(t < 2, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2, 0))


def enlarger(size, scale=SCALE):
    """[scale · size, size]: bicubic enlargement of one axis; borders are mirrored with the edge sample repeated."""
    position = (numpy.arange(scale * size) + 0.5) / scale - 0.5
    matrix = numpy.zeros((scale * size, size))
    for offset in range(-1, 3):
        sample = numpy.floor(position).astype(int) + offset
        inside = numpy.where(sample < 0, -1 - sample, numpy.where(sample >= size, 2 * size - 1 - sample, sample))
        numpy.add.at(matrix, (numpy.arange(scale * size), inside), cubic(position - sample))
    return matrix.astype(numpy.float32)


def onnx_network(peer, folder, shape):
    import onnx_rows
    mode = "spinning" if peer == "onnxruntime" else "latency"
    return onnx_rows.RUNTIMES[peer]().load(str(folder / "network.onnx"), shape, mode)


def pytorch_network(folder):
    import pytorch_rows
    import torch
    tensors, _ = pytorch_rows.read(folder / "inputs.safetensors")
    model = pytorch_rows.network(json.loads((folder / "row.json").read_text()), tensors, torch.float32).eval()
    model = model.to(memory_format=torch.channels_last)

    def infer(image):
        with torch.inference_mode():
            return model(torch.from_numpy(image).contiguous(memory_format=torch.channels_last)).numpy()

    return infer


def network_of(peer, folder, rows, columns):
    """infer(image) of an image of that size."""
    infer = pytorch_network(folder) if peer == "pytorch" else onnx_network(peer, folder, (1, 1, rows, columns))
    return lambda image: infer(numpy.ascontiguousarray(image)[None, None])[0, 0]


def within_slices(peer, volume, folder):
    rows, columns = enlarger(volume.shape[1]), enlarger(volume.shape[0])
    infer = network_of(peer, folder, len(rows), len(columns))
    result = numpy.empty((len(columns), len(rows), volume.shape[2]), numpy.float32)
    for k in range(volume.shape[2]):
        result[:, :, k] = infer(rows @ volume[:, :, k].T @ columns.T).T
    return result


def through_plane(peer, volume, spacing, folder):
    """The rows of an image are the thin slices."""
    thin = numpy.moveaxis(volume @ enlarger(volume.shape[2], spacing).T, 2, 0)  # thin slices first
    result = numpy.zeros_like(thin)
    for across in (1, 2):
        others = 3 - across
        infer = network_of(peer, folder, len(thin), thin.shape[others])
        for k in range(thin.shape[across]):
            place = (slice(None), k) if across == 1 else (slice(None), slice(None), k)
            result[place] += 0.5 * infer(thin[place])
    return numpy.moveaxis(result, 0, 2)


def enlarge(peer, source, target, folder):
    spacing = json.loads((folder / "row.json").read_text()).get("spacing")
    image = nibabel.load(source)
    volume = image.get_fdata(dtype=numpy.float32)
    n = volume.size
    places = [(n + 999) // 1000 - 1, (999 * n + 999) // 1000 - 1]  # percentiles 0.1 and 99.9, nearest rank
    low, high = numpy.partition(volume, places, axis=None)[places]
    volume = (volume - low) / (high - low)
    result = within_slices(peer, volume, folder) if spacing is None else through_plane(peer, volume, spacing, folder)
    factors = numpy.array([SCALE, SCALE, 1] if spacing is None else [1, 1, spacing])
    place = numpy.diag([*(1 / factors), 1])
    place[:3, 3] = 0.5 / factors - 0.5
    nibabel.save(nibabel.Nifti1Image(result * (high - low) + low, image.affine @ place), target)


def compare(first, second):
    got, expected = (nibabel.load(path).get_fdata() for path in (first, second))
    if got.shape != expected.shape:
        sys.exit(f"volume_peer: {got.shape} voxels, expected {expected.shape}")
    print(float(numpy.linalg.norm(got - expected) / numpy.linalg.norm(expected)))


if __name__ == "__main__":
    if sys.argv[2] == "compare":
        compare(*sys.argv[3:])
    else:
        enlarge(sys.argv[2], sys.argv[3], sys.argv[4], Path(sys.argv[5]))
