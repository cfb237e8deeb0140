"""The work of `upscale` on a volume by a peer of scripts/bench, from file to file: NiBabel, bicubic enlargement in NumPy,
the network slice by slice, NiBabel.

  volume_peer.py cpu PEER IN OUT FOLDER   PEER: pytorch, onnxruntime, openvino or openvino_bfloat16; the network is
                                          FOLDER/network.onnx, for PyTorch that of FOLDER/inputs.safetensors and row.json
  volume_peer.py cpu compare FILE FILE    prints the norm of the difference over the norm of the second volume

The first argument is the device, as for pytorch_rows.py. Slices are perpendicular to the third axis.
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


def enlarger(size):
    """[SCALE · size, size]: bicubic enlargement of one axis; borders are mirrored with the edge sample repeated."""
    position = (numpy.arange(SCALE * size) + 0.5) / SCALE - 0.5
    matrix = numpy.zeros((SCALE * size, size))
    for offset in range(-1, 3):
        sample = numpy.floor(position).astype(int) + offset
        inside = numpy.where(sample < 0, -1 - sample, numpy.where(sample >= size, 2 * size - 1 - sample, sample))
        numpy.add.at(matrix, (numpy.arange(SCALE * size), inside), cubic(position - sample))
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


def enlarge(peer, source, target, folder):
    image = nibabel.load(source)
    volume = image.get_fdata(dtype=numpy.float32)
    n = volume.size
    places = [(n + 999) // 1000 - 1, (999 * n + 999) // 1000 - 1]  # percentiles 0.1 and 99.9, nearest rank
    low, high = numpy.partition(volume, places, axis=None)[places]
    rows, columns = enlarger(volume.shape[1]), enlarger(volume.shape[0])
    infer = pytorch_network(folder) if peer == "pytorch" else onnx_network(peer, folder, (1, 1, len(rows), len(columns)))
    result = numpy.empty((len(columns), len(rows), volume.shape[2]), numpy.float32)
    for k in range(volume.shape[2]):
        enlarged = (rows @ volume[:, :, k].T @ columns.T - low) / (high - low)
        result[:, :, k] = infer(numpy.ascontiguousarray(enlarged)[None, None])[0, 0].T * (high - low) + low
    place = numpy.diag([1 / SCALE, 1 / SCALE, 1, 1])
    place[:2, 3] = 0.5 / SCALE - 0.5
    nibabel.save(nibabel.Nifti1Image(result, image.affine @ place), target)


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
