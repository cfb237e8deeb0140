#!/usr/bin/env python3
"""NIfTI files with damaged headers: what the reader accepts, NiBabel must accept, with the same affine and intensities.

A file is a random small image of which one to three fields of the header get values on which readers stumble, in both
versions of the format, both byte orders, compressed or not. Differences that the reader reports by a note are no failures:
it says that it guesses. Prints each failure with the fields, and a closing line.

Usage: nibabel_contract.py DESCRIBE_VOLUMES [--seconds N] [--seed S] [--keep FOLDER] [FILE…]
"""

import argparse
import collections
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import nibabel
import numpy

BATCH = 200
INTEGERS = [0, 1, 2, 3, 4, 5, 7, 8, 16, 32, 64, 128, 256, 512, 768, 1024, 1280, 1536, 2304, 348, 352, 540, -1, -2, -32768, 32767]
NUMBERS = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-30, 1e-6, 1e6, 1e30, 352.0, 348.0, 0.1, numpy.nan, numpy.inf, -numpy.inf]
FIELDS = ["sizeof_hdr", "dim_info", "dim", "intent_code", "datatype", "bitpix", "pixdim", "vox_offset", "scl_slope", "scl_inter",
          "xyzt_units", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z",
          "srow_x", "srow_y", "srow_z", "magic", "slice_code", "cal_max"]  # fmt: skip
TYPES = [numpy.uint8, numpy.int8, numpy.int16, numpy.uint16, numpy.int32, numpy.uint32, numpy.float32, numpy.float64]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("driver", type=Path)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the files that fail")
    parser.add_argument("files", nargs="*", type=Path, help="files to compare instead of random ones")
    return parser.parse_args()


def random_file(random, folder, number):
    """Writes an image with damaged fields. Returns its path and the fields."""
    kind = TYPES[random.integers(len(TYPES))]
    shape = tuple(int(n) for n in random.integers(2, 6, random.integers(3, 5)))
    voxels = (random.random(shape) * 100).astype(kind)
    affine = numpy.diag([1.0, 1.2, 0.9, 1.0])
    affine[:3] += 0.1 * random.random((3, 4))
    version = [nibabel.Nifti1Image, nibabel.Nifti2Image][random.integers(2)]
    header = version(voxels, affine).header.copy()
    header.set_data_offset(0)
    header = header.as_byteswapped("<>"[random.integers(2)])
    header["qform_code"], header["sform_code"] = random.integers(0, 3, 2)
    if random.random() < 0.5:
        header["scl_slope"], header["scl_inter"] = random.random() + 0.5, random.random()
    length, extension = (348 if version is nibabel.Nifti1Image else 540), b"\0\0\0\0"
    if random.random() < 0.2:
        extension = b"\1\0\0\0" + numpy.array([32, 6], header.structarr.dtype["dim"].base.newbyteorder(header.endianness)).astype(
            header.endianness + "i4").tobytes() + b"x" * 24  # fmt: skip
    header["vox_offset"] = length + len(extension)
    changed = {}
    for name in random.choice(FIELDS, random.integers(1, 4), replace=False):
        field = header.structarr[name]
        if field.dtype.kind == "S":
            value = [b"n+1", b"ni1", b"n+2", b"", b"n+1\0\r\n"][random.integers(5)]
        elif field.dtype.kind == "f":
            value = NUMBERS[random.integers(len(NUMBERS))]
        else:
            value = INTEGERS[random.integers(len(INTEGERS))]
            value = int(numpy.clip(value, numpy.iinfo(field.dtype).min, numpy.iinfo(field.dtype).max))
        if field.ndim:
            place = int(random.integers(len(field)))
            field[place] = value
            changed[f"{name}[{place}]"] = value
        else:
            header.structarr[name] = value
            changed[str(name)] = value
    order = voxels.astype(voxels.dtype.newbyteorder(header.endianness)).tobytes("F")
    content = header.structarr.tobytes() + extension + order
    if random.random() < 0.1:
        content = content[: len(content) - int(random.integers(1, 40))]
        changed["truncated"] = True
    path = folder / f"{number}.nii"
    if random.random() < 0.2:
        path = path.with_suffix(".nii.gz")
        content = gzip.compress(content, 1)
    path.write_bytes(content)
    return path, changed


def reference(path):
    """Header, affine and voxels by NiBabel. Without a form, voxel sizes from the origin: NIfTI's method 1, where NiBabel centres."""
    image = nibabel.load(path)
    affine = image.affine
    if not has_form(image.header):
        affine = numpy.diag([*(list(image.header.get_zooms()[:3]) + [1.0] * 3)[:3], 1.0])
    return image.header, affine, image.get_fdata(dtype=numpy.float64)


def has_form(header):
    return header["sform_code"] > 0 or header["qform_code"] > 0


def difference(line):
    """In what the reader differs from NiBabel, or None."""
    path = Path(line["path"])
    if not line["accepted"]:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header, affine, voxels = reference(path)
    except Exception as error:  # noqa: BLE001, whatever NiBabel raises
        return f"NiBabel refuses it ({type(error).__name__}: {error})"
    size = tuple(line["size"])
    shape = (voxels.shape + (1, 1, 1))[:3]
    volumes = voxels.size // max(1, int(numpy.prod(shape)))
    if size != shape or line["volumes"] != volumes:
        return f"size {size} × {line['volumes']}, NiBabel {voxels.shape}"
    ours = numpy.fromfile(f"{path}.f32", numpy.float32).astype(numpy.float64)
    with numpy.errstate(all="ignore"):
        theirs = voxels.ravel("F").astype(numpy.float32).astype(numpy.float64)
    equal = numpy.abs(ours - theirs) <= 2e-7 * numpy.abs(theirs) + 1e-7 * numpy.max(numpy.abs(theirs), initial=0.0)
    if not numpy.all(equal):
        place = int(numpy.argmin(equal))
        return f"intensity {ours[place]:g}, NiBabel {theirs[place]:g}"
    matrix = numpy.array(line["affine"])
    if voxels.ndim < 3 and not has_form(header):
        # The size of a voxel along an axis that the file does not have; every voxel lies at its place 0.
        matrix[:, voxels.ndim : 3] = affine[:3, voxels.ndim : 3]
    if not numpy.allclose(matrix, affine[:3], rtol=1e-5, atol=1e-5 * numpy.max(numpy.abs(affine[:3]))):
        return f"affine {matrix.round(4).tolist()}, NiBabel {affine[:3].round(4).tolist()}"
    return None


def main():
    args = parse()
    random = numpy.random.default_rng(args.seed)
    counts, kinds = collections.Counter(), collections.Counter()
    deadline = time.monotonic() + args.seconds
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        while not counts["files"] or (time.monotonic() < deadline and not args.files):
            files = [(path, {}) for path in args.files] or [random_file(random, folder, n) for n in range(BATCH)]
            paths = [str(shutil.copy(path, folder)) if args.files else str(path) for path, _ in files]
            done = subprocess.run([args.driver], input="\n".join(paths) + "\n", capture_output=True, text=True, check=False)
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            counts["files"] += len(lines)
            if done.returncode != 0 or len(lines) != len(paths):
                counts["failed"] += 1
                print(f"FAILED {files[min(len(lines), len(files) - 1)]}: status {done.returncode}\n{done.stderr[-2000:]}")
            for (_, changed), line in zip(files, lines, strict=False):
                counts["accepted"] += line["accepted"]
                found = difference(line)
                if found and line["notes"]:
                    counts["with a note"] += 1
                elif found:
                    counts["failed"] += 1
                    kinds[found.split("(")[0].split(",")[0][:20]] += 1
                    print(f"FAILED {Path(line['path']).name} {changed}: {found}")
                    if args.keep:
                        args.keep.mkdir(parents=True, exist_ok=True)
                        shutil.copy(line["path"], args.keep / f"{args.seed}-{counts['failed']}-{Path(line['path']).name}")
    for kind, count in kinds.most_common():
        print(f"  {count} × {kind}")
    print(f"NiBabel: {counts['files']} files, {counts['accepted']} accepted, {counts['with a note']} differences with a note")
    print(f"{counts['files'] - counts['failed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
