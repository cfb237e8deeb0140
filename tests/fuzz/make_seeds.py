#!/usr/bin/env python3
"""Writes small valid inputs for every fuzz target, by the libraries of others: FOLDER/TARGET/*.

Usage: make_seeds.py FOLDER [PROGRAMS], the folder of the programs for seeds that only they write: weights, a log, a database.
"""

import gzip
import io
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import nibabel
import numpy
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

OUT = Path(sys.argv[1])
RANDOM = numpy.random.default_rng(7)
VOXELS = (100 * RANDOM.random((4, 5, 3))).astype(numpy.float32)
AFFINE = numpy.array([[-0.9, 0.1, 0, 31], [0.1, 1.1, 0, -12], [0, 0, 3.0, 40], [0, 0, 0, 1]])


def seed(target, name, content):
    folder = OUT / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def volumes():
    for kind in (numpy.uint8, numpy.int16, numpy.uint16, numpy.int32, numpy.float32, numpy.float64):
        for version in (nibabel.Nifti1Image, nibabel.Nifti2Image):
            image = version(VOXELS.astype(kind), AFFINE)
            name = f"{version.__name__[:6]}-{numpy.dtype(kind).name}"
            content = image.to_bytes()
            seed("nifti", name, content)
            if kind in (numpy.int16, numpy.float32):
                seed("gzip", name, gzip.compress(content, 1))
    series = nibabel.Nifti1Image(numpy.stack([VOXELS, VOXELS + 1], 3), AFFINE)
    series.header.extensions.append(nibabel.nifti1.Nifti1Extension(6, b"a comment"))
    seed("nifti", "series", series.to_bytes())
    swapped = nibabel.Nifti1Image(VOXELS.astype(">i2"), AFFINE, nibabel.Nifti1Header(endianness=">"))
    seed("nifti", "big-endian", swapped.to_bytes())
    scaled = nibabel.Nifti1Image(VOXELS.astype(numpy.int16), AFFINE)
    content = bytearray(scaled.to_bytes())
    content[112:120] = struct.pack("<ff", 0.5, 3)
    seed("nifti", "scaled", bytes(content))
    for kind in (numpy.uint8, numpy.int16, numpy.int32, numpy.float32):
        content = nibabel.MGHImage(VOXELS.astype(kind), AFFINE).to_bytes()
        seed("mgh", numpy.dtype(kind).name, content)
        seed("mgz", numpy.dtype(kind).name, gzip.compress(content, 1))


def pictures():
    grey = (255 * RANDOM.random((6, 7))).astype(numpy.uint8)
    colour = (255 * RANDOM.random((6, 7, 3))).astype(numpy.uint8)
    images = {"grey": Image.fromarray(grey), "colour": Image.fromarray(colour), "palette": Image.fromarray(colour).quantize(8)}
    images["deep"] = Image.fromarray(grey.astype(numpy.uint16) * 257)
    images["alpha"] = Image.fromarray(numpy.dstack([colour, grey]))
    for name, image in images.items():
        content = io.BytesIO()
        image.save(content, "PNG")
        seed("png", name, content.getvalue())
        if name in ("grey", "colour"):
            for option in ({}, {"progressive": True}, {"subsampling": 2, "quality": 40}):
                content = io.BytesIO()
                image.save(content, "JPEG", **option)
                seed("jpeg", f"{name}-{len(option)}-{option.get('quality', 0)}", content.getvalue())


def dicom():
    for name, syntax in (("explicit", ExplicitVRLittleEndian), ("implicit", ImplicitVRLittleEndian)):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = syntax, "1.2.840.10008.5.1.4.1.1.4"
        meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["instance"])
        data = FileDataset("x", {}, file_meta=meta, preamble=b"\0" * 128)
        data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(entropy_srcs=["study"]), generate_uid(entropy_srcs=["series"])
        data.FrameOfReferenceUID, data.Modality, data.PatientName, data.PatientID = "1.2.3", "MR", "A^B", "1"
        data.ImagePositionPatient, data.ImageOrientationPatient = [1, 2, 3], [1, 0, 0, 0, 1, 0]
        data.PixelSpacing, data.SliceThickness, data.InstanceNumber = [0.9, 1.1], 3, 1
        data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = 4, 5, 1, "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
        data.RescaleSlope, data.RescaleIntercept, data.ImageType = 2, 1, ["ORIGINAL", "PRIMARY"]
        data.PixelData = (4000 * RANDOM.random((4, 5))).astype("<u2").tobytes()
        content = io.BytesIO()
        pydicom.dcmwrite(content, data, enforce_file_format=True)
        seed("dicom", name, content.getvalue())


def texts():
    rows = [f"d,p{p},{s},{m},2,,{k},30.{p}{s},.9" for p in (1, 2) for s in (0, 1) for m, k in (("bicubic", 0), ("net", 1))]
    seed("scores", "table", "dataset,subject,slice,method,scale,regime,seed,psnr_db,ssim\n" + "\n".join(rows) + "\n")
    seed("scores", "quoted", '\ufeffdataset,subject,slice,method,scale,regime,seed,psnr_db,ssim\r\n"a ""b"", c",p,1,m,2,r,1,3e1,0.5\r\n')
    seed("profile", "samples", "# mm sensitivity\n-2 0\n-1 .5\n0 1\n1 .5\n2 0\n")
    seed("settings", "ranges", json.dumps({"degradation": {"scale": 2, "blur_sigma": [0.85, 1.15], "noise": [0, 0.03]}, "batch": 8}))
    seed("settings", "model", json.dumps({"model": {"name": "edsr", "depth": 2, "width": 16}, "inputs": ["a.nii"], "seed": 3}))
    seed("settings", "seen", json.dumps({"pixel_mm": [0.9, 1], "noise": 0.01, "histogram": [0.5, 0.5], "histogram_distance": 0.1}))
    seed("settings", "data", json.dumps([{"file": "a", "content": "0", "low_content": "", "trains": True, "validates": False}]))
    for name, words in {
        "plain": "a.nii\n--scale\n2\n--blur-sigma\n0.85:1.15\n--noise\n0.02",
        "loss": "a.nii\n--loss\nAP\n--alpha\n0.1\n--seed\n7",
        "model": "a.nii\n--model\nedsr\n--depth\n2\n--width\n16",
        "thick": "a.nii\n--direction\nthrough-plane\n--thickness\n2:6\n--profile\nbox",
        "kspace": "a.nii\n--preset\nkspace\n--window\nhamming",
        "lrtv": "lrtv:iterations=3,rank_weight=0.01",
        "srsw": "srsw:database=a.srsw,neighbours=9",
        "back": "back-projection:iterations=4",
    }.items():
        seed("command-line", name, words)


def tensors():
    def file(tensors, metadata):
        header, data = {"__metadata__": metadata}, b""
        for name, (kind, values) in tensors.items():
            content = values.tobytes()
            header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(content)]}
            data += content
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + data

    values = RANDOM.random((2, 3))
    seed(
        "safetensors",
        "three",
        file({"a": ("F32", values.astype("<f4")), "b": ("F64", values), "c": ("F16", values.astype("<f2"))}, {"k": "v"}),
    )
    seed("safetensors", "empty", file({}, {}))


def of_programs(programs):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        x, y, z = numpy.meshgrid(*(numpy.linspace(-1, 1, 24),) * 3)
        head = 100 * numpy.exp(-3 * (x**2 + y**2 + z**2)) * (1 + 0.3 * numpy.sin(9 * x) * numpy.cos(7 * y + z))
        for person in (1, 2):
            nibabel.save(
                nibabel.Nifti1Image((head * (1 + 0.1 * person)).astype(numpy.float32), numpy.eye(4)), folder / f"sub-{person}_T1w.nii"
            )

        def run(program, *words):
            done = subprocess.run([programs / program, *map(str, words)], capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{program}: {done.stderr}"

        inputs = [folder / f"sub-{person}_T1w.nii" for person in (1, 2)]
        for model in (["srcnn"], ["edsr", "--depth", 1, "--width", 16]):
            out = folder / f"run-{model[0]}"
            run(
                "train_dnsp",
                *inputs,
                "--out",
                out,
                "--model",
                *model,
                "--scale",
                2,
                "--steps",
                2,
                "--batch",
                2,
                "--patch",
                16,
                "--slice-step",
                8,
            )
            seed("weights", model[0], (out / "weights.safetensors").read_bytes())
            seed("log", model[0], (out / "log.jsonl").read_bytes())
        run("train_srsw", *inputs, "--out", folder / "x.srsw", "--scale", 2, "--pairs", 20)
        seed("database", "small", (folder / "x.srsw").read_bytes())


volumes()
pictures()
dicom()
texts()
tensors()
if len(sys.argv) > 2:
    of_programs(Path(sys.argv[2]))
for folder in sorted(OUT.iterdir()):
    print(f"{folder.name}: {len(list(folder.iterdir()))} seeds")
