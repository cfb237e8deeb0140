"""Thick scans made of volumes, and the programs that restore them."""

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy
from scipy.ndimage import map_coordinates

FOREGROUND = 0.1


@dataclass
class Acquisition:
    """Slices, in mm."""

    thickness: float
    spacing: float
    profile: str = "gaussian"


class Refused(Exception):
    """What stops a comparison; the text is for the user."""


def tree_mib(pid):
    """The memory of a process and its children in MiB; 0 after its end."""
    total = 0
    try:
        total = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return total
    return total + sum(tree_mib(int(child)) for child in children)


def run(*command):
    """Runs a command. Returns its seconds and its peak memory in MiB."""
    start, peak = time.time(), 0
    with tempfile.TemporaryFile("w+") as messages:
        process = subprocess.Popen([str(x) for x in command], stdout=messages, stderr=messages)
        while process.poll() is None:
            peak = max(peak, tree_mib(process.pid))
            time.sleep(0.05)
        messages.seek(0)
        if process.returncode != 0:
            raise Refused(f"{' '.join(map(str, command))}: {messages.read().strip()[-2000:]}")
    return time.time() - start, peak


class Scan:
    """A thick scan made of a volume, and the reference on the grid of the results."""

    def __init__(self, volume, acquisition, bin_folder, folder):
        self.name = volume.name.split(".")[0]
        self.given, self.bin = acquisition, bin_folder
        self.thick, self.reference, self.mask = (folder / f"{self.name}_{part}.nii.gz" for part in ("thick", "reference", "mask"))
        self.acquisition = ["--direction", "through-plane", "--thickness", acquisition.thickness, "--spacing", acquisition.spacing,
                            "--profile", acquisition.profile]
        run(self.bin / "simulate", volume, self.thick, *self.acquisition, "--force")
        truth, low = nibabel.load(volume), nibabel.load(self.thick)
        self.axis = max(range(3), key=lambda axis: low.header.get_zooms()[axis] / truth.header.get_zooms()[axis])
        self.voxel = float(truth.header.get_zooms()[self.axis])
        covered = [slice(None)] * 3
        covered[self.axis] = slice(int(low.shape[self.axis] * acquisition.spacing / self.voxel + 1e-5))
        truth = truth.slicer[tuple(covered)]
        values = truth.get_fdata(dtype=numpy.float32)
        nibabel.save(nibabel.Nifti1Image(values, truth.affine), self.reference)
        bottom, top = numpy.percentile(values, [0.1, 99.9])
        head = values > bottom + FOREGROUND * (top - bottom)
        nibabel.save(nibabel.Nifti1Image(head.astype(numpy.uint8), truth.affine), self.mask)

    def interpolate(self, image, out, order):
        """Spline interpolation of the voxel values of an image at the reference's voxels."""
        high = nibabel.load(self.reference)
        to_low = numpy.linalg.inv(image.affine) @ high.affine
        grid = numpy.stack([*numpy.indices(high.shape).reshape(3, -1), numpy.ones(numpy.prod(high.shape))])
        values = map_coordinates(image.get_fdata(), (to_low @ grid)[:3], order=order, mode="nearest")
        nibabel.save(nibabel.Nifti1Image(values.reshape(high.shape).astype(numpy.float32), high.affine), out)

    def spline(self, order):
        def restore(out, _seed):
            start = time.time()
            self.interpolate(nibabel.load(self.thick), out, order)
            return time.time() - start, None

        return restore

    def upscale(self, *how):
        return lambda out, _seed: run(self.bin / "upscale", self.thick, out, "--force", "--voxel", self.voxel, *how)

    def own_network(self, training):
        """Trains a network on the thick scan and applies it."""

        def restore(out, seed):
            with tempfile.TemporaryDirectory() as folder:
                trained = run(self.bin / "train_dnsp", self.thick, "--out", folder, "--axis", "xyz"[self.axis], *self.acquisition,
                              "--seed", seed, "--validation-slices", 1, *training.split())
                applied = self.upscale("--weights", Path(folder) / "weights.safetensors")(out, seed)
            return trained[0] + applied[0], max(trained[1], applied[1])

        return restore

    def upscale_self(self, minutes):
        return self.upscale("--self", "--minutes", minutes, "--thickness", self.given.thickness, "--profile", self.given.profile)

    def eclare(self, environment, patches):
        """The package eclare, in an environment of its own. Its result lies on a grid of its own; a cubic spline moves it to the
        reference's."""

        def restore(out, _seed):
            with tempfile.TemporaryDirectory() as folder:
                took = run(environment / "bin/run-eclare", "--in-fpath", self.thick, "--out-dir", folder, "--n-patches", patches,
                           "--relative-slice-thickness", self.given.thickness / self.given.spacing)
                results = sorted(Path(folder).rglob("*.nii.gz"))
                if len(results) != 1:
                    raise Refused(f"eclare wrote {[str(path) for path in results]}")
                self.interpolate(nibabel.load(results[0]), out, 3)
            return took

        return restore

    def score(self, result):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "scores.json"
            acquisition = [*self.acquisition, "--axis", "xyz"[self.axis]]
            run(self.bin / "evaluate", "--reference", self.reference, "--candidate", f"result={result}", "--mask", self.mask, "--json",
                path, *acquisition)
            person = json.loads(path.read_text())["candidates"][0]["per_person"][0]
        return {key: value for key, value in person.items() if key not in ("person", "file", "reference")}
