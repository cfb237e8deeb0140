"""The library of DNSP, called by ctypes (python/dnsp_c.h)."""

import ctypes
import os
from pathlib import Path

FOLDER = Path(__file__).parent


class Error(Exception):
    """What the library refuses, in one sentence."""


class Volume(ctypes.Structure):
    """dnsp_volume"""

    _fields_ = [("voxels", ctypes.POINTER(ctypes.c_float)), ("size", ctypes.c_int32 * 3), ("voxel_mm", ctypes.c_double * 3)]


def load():
    library = ctypes.CDLL(str(Path(os.environ.get("DNSP_LIBRARY", FOLDER / "libdnsp_c.so"))))
    for name in ("dnsp_version", "dnsp_error", "dnsp_terms"):
        getattr(library, name).restype = ctypes.c_char_p
    volume, text, integer = ctypes.POINTER(Volume), ctypes.c_char_p, ctypes.c_int32
    library.dnsp_free.argtypes = [volume]
    library.dnsp_free.restype = None
    library.dnsp_slice_axis.argtypes = [volume, ctypes.POINTER(integer)]
    library.dnsp_choose_weights.argtypes = [text, volume, integer, integer, text]
    library.dnsp_upscale.argtypes = [volume, integer, text, ctypes.c_double, volume]
    library.dnsp_term.argtypes = [
        text, text, integer, integer, ctypes.POINTER(ctypes.c_int64), ctypes.c_void_p, ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_double), ctypes.c_void_p,
    ]  # fmt: skip
    return library


LIBRARY = load()


def check(status):
    """Raises Error for a status other than 0."""
    if status != 0:
        raise Error(LIBRARY.dnsp_error().decode())
