"""What scripts/inject_faults runs: small synthetic images, and command lines of every program."""

import json
import math
import random
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

FORCE = ["--force"]


def head(i, j, k, size, noise):
    """An ellipsoid with folds on a black background."""
    radius = sum(((x - (n - 1) / 2) / (0.47 * n)) ** 2 for x, n in zip((i, j, k), size))
    return 0.0 if radius > 1 else 500 + 120 * math.sin(i / 2) * math.cos(j / 3 + k / 2) + noise


def nifti(size, voxel=(1, 1, 1), seed=1):
    """A NIfTI-1 file of float32 voxels."""
    noise = random.Random(seed)
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *size, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, 16, 32)
    struct.pack_into("<8f", header, 76, 1, *voxel, 1, 1, 1, 1)
    struct.pack_into("<ff", header, 108, 352, 1)
    header[123] = 2
    header[344:348] = b"n+1\0"
    values = [head(i, j, k, size, noise.uniform(0, 30)) for k in range(size[2]) for j in range(size[1]) for i in range(size[0])]
    return bytes(header) + struct.pack(f"<{len(values)}f", *values)


def gzip(data):
    compress = zlib.compressobj(1, zlib.DEFLATED, 31)
    return compress.compress(data) + compress.flush()


def png(size, seed=1):
    """A grey picture of 8 bits."""
    noise = random.Random(seed)
    rows = b"".join(b"\0" + bytes(int(head(i, j, 0, (size, size, 1), noise.uniform(0, 30)) / 3) for i in range(size)) for j in range(size))
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def nrrd(size, seed=1):
    """A volume in NRRD, which ITK reads."""
    text = (
        f"NRRD0004\ntype: float\ndimension: 3\nspace: left-posterior-superior\nsizes: {size[0]} {size[1]} {size[2]}\n"
        "space directions: (1,0,0) (0,1,0) (0,0,1)\nkinds: domain domain domain\nendian: little\nencoding: raw\n"
        "space origin: (0,0,0)\n\n"
    )
    return text.encode() + nifti(size, seed=seed)[352:]


def dicom(size, index, seed=1):
    """One slice of an MR series, in the explicit encoding of little endian."""

    def element(group, number, kind, value):
        value = value.encode() if isinstance(value, str) else value
        value += (b"\0" if kind in ("UI", "OB") else b" ") * (len(value) % 2)
        long = kind in ("OB", "OW")
        return (
            struct.pack("<HH2s", group, number, kind.encode())
            + (struct.pack("<HI", 0, len(value)) if long else struct.pack("<H", len(value)))
            + value
        )

    mr, uid = "1.2.840.10008.5.1.4.1.1.4", f"1.2.3.4.{index + 1}"
    meta = b"".join(
        (
            element(2, 1, "OB", b"\0\1"),
            element(2, 2, "UI", mr),
            element(2, 3, "UI", uid),
            element(2, 0x10, "UI", "1.2.840.10008.1.2.1"),
            element(2, 0x12, "UI", "1.2.3.4"),
        )
    )
    noise = random.Random(f"{seed} {index}")
    pixels = b"".join(struct.pack("<H", int(head(i, j, index, size, noise.uniform(0, 30)))) for j in range(size[1]) for i in range(size[0]))
    short = lambda value: struct.pack("<H", value)
    body = b"".join(
        (
            element(8, 8, "CS", "ORIGINAL\\PRIMARY"),
            element(8, 0x16, "UI", mr),
            element(8, 0x18, "UI", uid),
            element(8, 0x20, "DA", "20200101"),
            element(8, 0x60, "CS", "MR"),
            element(0x10, 0x10, "PN", "Synthetic"),
            element(0x10, 0x20, "LO", "1"),
            element(0x18, 0x50, "DS", "1"),
            element(0x20, 0xD, "UI", "1.2.3.5"),
            element(0x20, 0xE, "UI", "1.2.3.6"),
            element(0x20, 0x11, "IS", "1"),
            element(0x20, 0x13, "IS", str(index + 1)),
            element(0x20, 0x32, "DS", f"0\\0\\{index}"),
            element(0x20, 0x37, "DS", "1\\0\\0\\0\\1\\0"),
            element(0x20, 0x52, "UI", "1.2.3.7"),
            element(0x28, 2, "US", short(1)),
            element(0x28, 4, "CS", "MONOCHROME2"),
            element(0x28, 0x10, "US", short(size[1])),
            element(0x28, 0x11, "US", short(size[0])),
            element(0x28, 0x30, "DS", "1\\1"),
            element(0x28, 0x100, "US", short(16)),
            element(0x28, 0x101, "US", short(16)),
            element(0x28, 0x102, "US", short(15)),
            element(0x28, 0x103, "US", short(0)),
            element(0x7FE0, 0x10, "OW", pixels),
        )
    )
    return b"\0" * 128 + b"DICM" + element(2, 0, "UL", struct.pack("<I", len(meta))) + meta + body


def write_inputs(folder):
    """The images that all cases read. Nothing is written to this folder later."""
    small = (20, 22, 6)
    files = {
        "head.nii": nifti((20, 22, 24)),
        "head.nii.gz": gzip(nifti((20, 22, 24))),
        "thick.nii": nifti((52, 50, 8), (1, 1, 3)),
        "picture.png": png(20),
        "small.nrrd": nrrd(small),
        "scans/one.nii": nifti(small),
        "scans/three.png": png(16, 3),
        "scans/two.nii.gz": gzip(nifti(small, seed=2)),
        "other/one.nii": nifti(small, seed=5),
        "other/three.nii": nifti(small, seed=6),
    }
    files["head.json"] = json.dumps({"EchoTime": 0.1}).encode()
    for index in range(4):
        files[f"series/{index}.dcm"] = dicom((16, 18, 4), index)
    for name, data in files.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


# ---- What counts of a file


def parse_safetensors(data):
    """(header, data) of a whole safetensors file. Raises ValueError for another one."""
    if len(data) < 8:
        raise ValueError("shorter than its first number")
    (length,) = struct.unpack_from("<Q", data)
    if length > len(data) - 8:
        raise ValueError("shorter than its header")
    header = json.loads(data[8 : 8 + length])
    end = max([entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"], default=0)
    if end != len(data) - 8 - length:
        raise ValueError("its data do not end with the file")
    return header, data[8 + length :]


def logged_steps(data):
    """The lines of steps and epochs in a log without their times: what a resumed run repeats."""
    lines = []
    for text in data.decode().splitlines():
        line = json.loads(text)
        if line["event"] in ("step", "epoch"):
            line.pop("seconds", None)
            lines.append(line)
    return lines


def content_of(name, data):
    """What must be bitwise equal in two runs. Commands, times and the page of a training, which shows them, are left out."""
    if name.endswith("log.jsonl"):
        return logged_steps(data)
    if name.endswith("checkpoint.safetensors"):
        header, tensors = parse_safetensors(data)
        header["__metadata__"].pop("dnsp.command", None)
        return header, tensors
    if name == "training.html":
        if not data.endswith(b"</html>\n"):
            raise ValueError("its page does not end")
        return "page"
    return data


def is_whole_before_the_end(name, data):
    """True for files that an unfinished run may leave beside finished ones."""
    if name.endswith("checkpoint.safetensors"):
        parse_safetensors(data)
        return True
    if name.endswith("log.jsonl"):
        return True  # a line may be incomplete, and is left out by --resume
    if name.endswith(".json"):  # the record of a result that is being written
        return json.loads(data).get("output_sha256", "") is None
    return name == "training.html" and content_of(name, data) == "page"


# ---- Command lines


@dataclass(frozen=True)
class Case:
    """A command line, run in an empty folder beside `inputs`. `again(folder)` gives the options of the next run."""

    name: str
    program: str
    arguments: tuple
    again: object = lambda folder: FORCE
    folders: tuple = ()


def resume_or_force(folder):
    return ["--resume"] if (folder / "run/checkpoint.safetensors").exists() else FORCE


TRAINING = ("--prior", "AP", "--model", "srcnn", "--epochs", "2", "--patch", "8", "--batch", "8", "--slice-step", "2", "--lr", "1e-3")


def cases_of(program, has_itk=True):
    weights = ("--weights", "../inputs/net.safetensors")
    cases = {
        "simulate": [
            Case("volume", program, ("../inputs/head.nii.gz", "low.nii.gz", "--noise", "0.02")),
            Case("thick", program, ("../inputs/head.nii", "low.mgz", "--direction", "through-plane", "--thickness", "3")),
            Case("picture", program, ("../inputs/picture.png", "low.png")),
        ],
        "upscale": [
            Case(
                "volume",
                program,
                ("../inputs/head.nii.gz", "high.nii.gz", *weights, "--report", "page.html", "--consistency", "difference.nii"),
            ),
            Case("folder", program, ("../inputs/scans", "results", *weights), lambda folder: ["--skip-existing"]),
            Case("series", program, ("../inputs/series", "high.nii", *weights)),
            Case("self", program, ("--self", "../inputs/thick.nii", "thin.nii", "--steps", "3", "--save-weights", "own.safetensors")),
        ],
        "train_dnsp": [
            Case("training", program, ("../inputs/head.nii.gz", "--out", "run", *TRAINING), resume_or_force),
            Case(
                "report",
                program,
                (
                    "../inputs/head.nii",
                    "--out",
                    "run",
                    "--report",
                    "training.html",
                    "--steps",
                    "2",
                    "--patch",
                    "8",
                    "--batch",
                    "4",
                    "--prior",
                    "NP",
                ),
                resume_or_force,
            ),
        ],
        "evaluate": [
            Case("networks", program, ("../inputs/head.nii", *weights, "--json", "scores.json", "--csv", "scores.csv")),
            Case(
                "finished",
                program,
                ("--reference", "../inputs/scans/one.nii", "--candidate", "other=../inputs/other/one.nii", "--json", "scores.json"),
            ),
        ],
    }
    if has_itk:
        cases["upscale"].append(Case("nrrd", program, ("../inputs/small.nrrd", "high.nrrd", "--method", "bicubic", "--scale", "2")))
    return cases[program]


PROGRAMS = ("simulate", "upscale", "train_dnsp", "evaluate")
