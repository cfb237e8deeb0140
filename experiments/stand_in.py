"""A stand-in for pairs of two scanners: a .7 mm head, and a moved, noisy 1.6 mm copy of it that `register` brings back.

The copy has another contrast (square root), Rician noise of .02, and a grid turned and shifted against the head's, which
its header does not tell. Needs numpy, scipy and nibabel.
"""

import json
import math

import nibabel
import numpy
from data import Refused
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

VOXEL = 1.6  # mm
TURN = (3.0, -2.0, 1.5)  # degrees about the head's x, y and z axes
SHIFT = (2.3, -1.7, 0.8)  # mm
NOISE = 0.02  # of the intensity range
ACCEPTED = 0.3  # mm, mean error of registration over the head


def moved_copy(head):
    """The copy as its scanner would store it, and the 4×4 map from its header's millimetres to the head's."""
    voxels = head.get_fdata(dtype=numpy.float32)
    low, high = numpy.percentile(voxels, [0.1, 99.9])
    sharp = numpy.sqrt(numpy.clip((voxels - low) / (high - low), 0, 1.5))
    sizes = numpy.array(head.header.get_zooms()[:3])
    smooth = gaussian_filter(sharp, 0.5 * VOXEL / sizes)
    extent = numpy.floor(numpy.array(voxels.shape) * sizes / VOXEL).astype(int)

    # The header's axes are those of the head. The true position of a voxel is turned about the middle and shifted.
    claimed = head.affine @ numpy.diag([*(VOXEL / sizes), 1.0])
    middle = (claimed @ [*(extent / 2), 1.0])[:3]
    move = numpy.eye(4)
    move[:3, :3] = Rotation.from_euler("xyz", TURN, degrees=True).as_matrix()
    move[:3, 3] = middle - move[:3, :3] @ middle + SHIFT
    to_voxels = numpy.linalg.inv(head.affine) @ move @ claimed
    grid = numpy.stack([*numpy.indices(extent).reshape(3, -1), numpy.ones(extent.prod())])
    clean = map_coordinates(smooth, (to_voxels @ grid)[:3], order=3, mode="constant").reshape(extent)

    random = numpy.random.default_rng(1)
    real, imaginary = random.normal(0, NOISE, (2, *extent))
    noisy = numpy.hypot(clean + real, imaginary)
    stored = numpy.round(4000 * noisy).astype(numpy.int16)
    return nibabel.Nifti1Image(stored, claimed), move


def mean_error(head, move, record):
    """Mean distance in mm, over the head, between where a voxel lies in the copy and where `register` found it."""
    voxels = head.get_fdata(dtype=numpy.float32)
    inside = numpy.argwhere(voxels > numpy.percentile(voxels, 99.9) / 10)[::997]
    points = (head.affine @ numpy.c_[inside, numpy.ones(len(inside))].T)[:3]
    truth = (numpy.linalg.inv(move) @ numpy.vstack([points, numpy.ones(points.shape[1])]))[:3]
    found = numpy.array(record["matrix"]) @ numpy.vstack([points, numpy.ones(points.shape[1])])
    return float(numpy.linalg.norm(found[:3] - truth, axis=0).mean())


def register_copy(path, folder, tool):
    """Makes the copy, registers it, and returns the paths of the registered copy and of the head on one grid."""
    head = nibabel.load(path)
    copy, move = moved_copy(head)
    nibabel.save(copy, folder / "copy.nii.gz")
    registered = folder / "registered.nii.gz"
    tool("register", path, folder / "copy.nii.gz", registered, "--json", folder / "register.json", "--force")
    record = json.loads((folder / "register.json").read_text())
    error = mean_error(head, move, record)
    (folder / "error.json").write_text(json.dumps({"mean_error_mm": error}) + "\n")
    if not math.isfinite(error) or error > ACCEPTED:
        raise Refused(f"{path}: its registered copy is {error:.2f} mm off")
    return registered, path
