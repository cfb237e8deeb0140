"""Super-resolution of MR brain images.

    import dnsp, nibabel
    nibabel.save(dnsp.upscale(nibabel.load("scan.nii.gz")), "scan_x2.nii.gz")

dnsp.priors has the priors as losses for PyTorch.
"""

import ctypes
import os
from pathlib import Path

import numpy

from ._library import FOLDER, LIBRARY, Error, Volume, check

__version__ = LIBRARY.dnsp_version().decode()
__all__ = ["Error", "upscale", "weights_folder"]

THICK_SLICE_RATIO = 1.5  # as in the program upscale


def weights_folder():
    """The folder of the weights that come with the package; $DNSP_WEIGHTS replaces it."""
    return Path(os.environ.get("DNSP_WEIGHTS", FOLDER / "weights"))


def _volume_of(array, voxel_mm):
    """The struct of an array [x, y, z], and the array that owns its memory."""
    array = numpy.asarray(array)
    if array.ndim != 3:
        raise Error(f"expected an array of three dimensions, got {array.ndim}")
    voxels = numpy.asfortranarray(array, numpy.float32)  # x runs fastest
    pointer = voxels.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    return Volume(pointer, (ctypes.c_int32 * 3)(*array.shape), (ctypes.c_double * 3)(*voxel_mm)), voxels


def _upscale_array(array, voxel_mm, axis, weights, scale, direction, new_voxel_mm):
    volume, owner = _volume_of(array, voxel_mm)
    if axis is None:
        chosen = ctypes.c_int32()
        check(LIBRARY.dnsp_slice_axis(volume, chosen))
        axis = chosen.value
    if weights is None:
        pixel = min(voxel_mm[a] for a in range(3) if a != axis)
        thick = direction == "through-plane" or (
            direction == "auto" and scale is None and (voxel_mm[axis] >= THICK_SLICE_RATIO * pixel or new_voxel_mm > 0)
        )
        name = ctypes.create_string_buffer(256)
        folder = str(weights_folder()).encode()
        check(LIBRARY.dnsp_choose_weights(folder, volume, axis, 1 if thick else scale or 2, name))
        weights = name.value.decode()
    path = Path(weights)
    if not path.exists() and path.suffix == "" and path.parent == Path("."):
        path = weights_folder() / f"{weights}.safetensors"
    result = Volume()
    check(LIBRARY.dnsp_upscale(volume, axis, str(path).encode(), new_voxel_mm, result))
    del owner
    size = tuple(result.size)
    try:
        flat = numpy.ctypeslib.as_array(result.voxels, (size[0] * size[1] * size[2],))
        return flat.reshape(size, order="F").copy(), tuple(result.voxel_mm)
    finally:
        LIBRARY.dnsp_free(result)


def upscale(image, voxel_mm=None, *, axis=None, weights=None, scale=None, direction="auto", new_voxel_mm=0.0):
    """Enlarges a volume with a network.

    image: a NiBabel image, or an array [x, y, z] with voxel_mm, its three voxel sizes in mm.
    axis: of the slices, 0, 1 or 2; default: as the program upscale chooses.
    weights: a file, or the name of weights that come with the package; default: chosen by direction, scale and fine detail.
    scale: 2, 3 or 4, in plane [2]. direction: "auto", "in-plane" or "through-plane".
    new_voxel_mm: through plane, distance of the new slices in mm [the pixel size].

    Returns a NiBabel image (float32, the same place in space) for a NiBabel image, else (array, voxel sizes). Raises
    dnsp.Error for what cannot be enlarged.
    """
    if direction not in ("auto", "in-plane", "through-plane"):
        raise Error(f'direction: expected "auto", "in-plane" or "through-plane", got "{direction}"')
    options = (axis, weights, scale, direction, new_voxel_mm)
    if not hasattr(image, "affine"):
        if voxel_mm is None:
            raise Error("voxel_mm: an array needs its three voxel sizes")
        return _upscale_array(image, [float(size) for size in voxel_mm], *options)
    old = [float(size) for size in image.header.get_zooms()[:3]]
    array, new = _upscale_array(image.get_fdata(dtype=numpy.float32), old, *options)
    # Both grids begin at the same edge: their first voxels lie half a voxel from it.
    ratio = numpy.array(new) / old
    affine = image.affine.copy()
    affine[:3, :3] = image.affine[:3, :3] * ratio
    affine[:3, 3] += image.affine[:3, :3] @ ((ratio - 1) / 2)
    header = image.header.copy()
    header.set_data_dtype(numpy.float32)
    return image.__class__(array, affine, header)
