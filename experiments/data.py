"""Files of people: those of a data set, slabs of them, or slabs of the one head of mricron-data."""

import gzip
import importlib.util
import shutil
import struct
import threading
from pathlib import Path

COLIN27 = Path("/usr/share/mricron/templates/ch2.nii.gz")
GAP = 4  # slices between two slabs of the one head
PARTS = ("train", "validation", "test")
BYTES_OF_TYPE = {2: 1, 4: 2, 8: 4, 16: 4, 256: 1, 512: 2}


class Refused(Exception):
    """A sentence for the user."""


def slab(source, target, axis, first, count):
    """Copies `count` slices along a storage axis of a single-file NIfTI-1 volume, with the origin of the first one."""
    with gzip.open(source, "rb") as file:
        content = file.read()
    if len(content) < 352 or struct.unpack("<i", content[:4])[0] != 348:
        raise Refused(f"{source}: is no little-endian NIfTI-1 file")
    header = bytearray(content[:352])
    size = list(struct.unpack("<3h", header[42:48]))
    voxel = BYTES_OF_TYPE.get(struct.unpack("<h", header[70:72])[0])
    offset = int(struct.unpack("<f", header[108:112])[0])
    if voxel is None or not 0 <= first <= first + count <= size[axis]:
        raise Refused(f"{source}: has no slices {first} to {first + count - 1} along axis {axis}, or an unknown type")
    row = voxel
    for extent in size[:axis]:
        row *= extent
    block = row * size[axis]
    blocks = range(offset, offset + voxel * size[0] * size[1] * size[2], block)
    voxels = b"".join(content[start + first * row : start + (first + count) * row] for start in blocks)
    size[axis] = count
    header[42:48] = struct.pack("<3h", *size)
    header[108:112] = struct.pack("<f", 352.0)
    header[348:352] = bytes(4)
    for line, origin in ((280, 268), (296, 272), (312, 276)):
        step, start = struct.unpack("<f", header[line + 4 * axis : line + 4 * axis + 4])[0], line + 12
        shifted = struct.unpack("<f", header[start : start + 4])[0] + step * first
        header[start : start + 4] = header[origin : origin + 4] = struct.pack("<f", shifted)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    part.write_bytes(gzip.compress(bytes(header) + voxels, 1, mtime=0))
    part.rename(target)


def slices_of(path, axis):
    with gzip.open(path, "rb") as file:
        return struct.unpack("<3h", file.read(48)[42:48])[axis]


def even_copy(source, target):
    """Copies a volume without the last slice along each axis that has an odd number of them."""
    for axis in range(3):
        count = slices_of(source, axis)
        slab(source, target, axis, 0, count - count % 2)
        source = target


class Data:
    """The files of every data set, by part of the split."""

    def __init__(self, settings, folder, work):
        self.settings = settings
        self.folder = Path(folder) if folder else None
        self.work = work / "data"
        self.making_pairs = threading.Lock()
        if self.folder is None and not COLIN27.exists():
            raise Refused(f"{COLIN27}: not found; give --data FOLDER, or install the package mricron-data")

    def missing(self, dataset, programs):
        """Why a data set cannot be made; empty if it can."""
        if self.folder is None and dataset not in self.settings.substitutes:
            return "needs --data"
        pairs = self.settings.datasets[dataset].get("pairs")
        if pairs in ("register", "stand-in") and not (programs / "register").exists():
            return "needs the program register (build with -DDNSP_ITK=ON)"
        if pairs == "stand-in" and not (importlib.util.find_spec("nibabel") and importlib.util.find_spec("scipy")):
            return "needs the Python packages nibabel and scipy"
        return ""

    def title(self, dataset):
        return (self.settings.datasets if self.folder else self.settings.substitutes)[dataset]["title"]

    def has_pairs(self, dataset):
        return "pairs" in self.settings.datasets[dataset]

    def axis_options(self, dataset):
        if self.folder is None and self.settings.substitutes[dataset]["axis"] == 1:
            return ["--axis", "y"]
        return []

    def subjects(self, dataset, part, regime=None):
        """The people of a part of the split; those of a random split if the regime names one."""
        description = self.settings.datasets[dataset]
        if regime and (split := self.settings.regimes[regime].get("split")):
            return description["splits"][split][part]
        people = description[part]
        limit = self.settings.level.get("people", len(people))
        return people[: 1 if part == "validation" and "people" in self.settings.level else limit]

    def everyone(self, dataset):
        """All people of a data set that this level uses."""
        if "splits" in self.settings.datasets[dataset]:
            return self.settings.datasets[dataset]["people"]
        return [person for part in PARTS for person in self.subjects(dataset, part)]

    def files(self, dataset, part):
        return [self.file(dataset, person) for person in self.subjects(dataset, part)]

    def file(self, dataset, person):
        description = self.settings.datasets[dataset]
        slices = self.settings.level.get("slab")
        target = self.work / description["files"].format(id=person)
        if self.folder is None:
            if not target.exists():
                self.substitute(dataset, person, target)
            return target
        source = self.folder / description["files"].format(id=person)
        if not source.exists():
            raise Refused(f"{source}: no such file; --data expects the layout of experiments/README.md")
        if not slices:
            return source
        if not target.exists():
            slab(source, target, 2, slices_of(source, 2) * 3 // 5, slices)
        return target

    def substitute(self, dataset, person, target):
        """A slab of the one head. Every person has a place of its own, with a gap to the next one."""
        count = self.settings.level.get("slab", 6)
        first = 40 + self.everyone(dataset).index(person) * (count + GAP)
        slab(COLIN27, target, self.settings.substitutes[dataset]["axis"], first, count)

    def training_files(self, dataset, regime):
        condition = self.settings.regimes[regime]
        people = self.subjects(dataset, "train")
        draw = condition.get("draw", 0) % len(people)
        people = people[draw:] + people[:draw]
        count = max(1, -(-len(people) * condition.get("share", 1.0) // 1))
        return [self.file(dataset, person) for person in people[: int(count)]]

    def made_pairs(self, dataset, tool, register_pairs):
        """The folder with the pairs of all people, in low and high. `tool` runs a program, `register_pairs` the script."""
        made = self.work / "pairs" / dataset
        with self.making_pairs:
            if not (made / "whole").exists():
                self.make_pairs(dataset, made, tool, register_pairs)
                (made / "whole").touch()
        return made

    def pair_folders(self, dataset, part, regime, tool, register_pairs):
        """Folders LOW and HIGH of a part of a data set of pairs."""
        made = self.made_pairs(dataset, tool, register_pairs)
        chosen = made / self.settings.regimes[regime]["split"] / part
        with self.making_pairs:
            for side in ("low", "high"):
                (chosen / side).mkdir(parents=True, exist_ok=True)
                for path in self.pairs_of(made / side, dataset, self.subjects(dataset, part, regime)):
                    copy = chosen / side / path.name
                    if not copy.exists():
                        unfinished = copy.with_name(copy.name + ".part")
                        shutil.copy(path, unfinished)
                        unfinished.rename(copy)
        return chosen / "low", chosen / "high"

    def pairs_of(self, folder, dataset, people):
        """The files of some people, of the contrasts that the data set names."""
        contrasts = self.settings.datasets[dataset].get("contrasts")
        for path in sorted(folder.iterdir()):
            person, *contrast = path.name.split(".")[0].split("_")
            if person in people and (contrasts is None or contrast[0] in contrasts):
                yield path

    def make_pairs(self, dataset, made, tool, register_pairs):
        """Fills the folders low and high with the pairs of all people."""
        description = self.settings.datasets[dataset]
        low, high = made / "low", made / "high"
        if description["pairs"] == "register":
            register_pairs(self.folder / description["folder"], made)
            return
        for folder in (low, high):
            folder.mkdir(parents=True, exist_ok=True)
        if description["pairs"] == "stand-in":
            import stand_in  # needs packages that the other data sets do not need

            head = stand_in.register_copy(self.folder / description["head"], made, tool)
            for number, person in enumerate(description["people"]):
                first = description["first_slice"] + number * (description["slab"] + description["gap"])
                for source, folder in zip(head, (low, high), strict=True):
                    slab(source, folder / f"{person}.nii.gz", 2, first, description["slab"])
            return
        for person in description["people"]:
            name, blurred = f"{person}.nii.gz", made / "blurred.nii.gz"
            even_copy(self.file(dataset, person), high / name)
            options = ["--preset", "box", "--scale", 2, "--force", *self.axis_options(dataset)]
            tool("simulate", high / name, blurred, *options)
            tool("upscale", blurred, low / name, "--method", "bicubic", *options)
