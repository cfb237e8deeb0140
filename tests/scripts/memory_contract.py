"""The memory of upscale and train_dnsp stays within the bounds of docs/reliability.md.

Usage: memory_contract.py FOLDER [SIDE PEOPLE]: the build folder, the side of the volume [160], the number of people [12]. With 512 60
the bounds are measured on the sizes that the document names.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import nibabel
    import numpy
except ImportError as error:
    print(f"SKIPPED: {error.name} is not installed")
    sys.exit()

BIN = Path(sys.argv[1]) / "bin"
SIDE, PEOPLE = (int(sys.argv[2]), int(sys.argv[3])) if len(sys.argv) > 2 else (160, 12)
BASE_MIB = 150  # the program, its libraries, the network and its tiles
MIB = 1 << 20


def peak_mib(program, *arguments):
    """Runs a program. Returns the most memory it had resident."""
    words = [str(BIN / program), *map(str, arguments)]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(words, stdout=output, stderr=output, env=dict(os.environ, OMP_NUM_THREADS="2"))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        assert process.returncode == 0, f"{' '.join(words)}: {output.read()}"
    return usage.ru_maxrss / 1024


def head(side, person=0):
    """An ellipsoid with folds, int16; plane by plane, so that this script needs little memory."""
    axis = numpy.linspace(-1, 1, side, dtype=numpy.float32)
    y, z = numpy.meshgrid(axis, axis, indexing="ij")
    voxels = numpy.empty((side, side, side), numpy.int16)
    for i, x in enumerate(axis):
        inside = x**2 + y**2 + z**2 < 0.8
        voxels[i] = numpy.where(inside, 300 + 100 * numpy.sin(20 * x + person) * numpy.cos(17 * y + 0.3 * person) * numpy.sin(23 * z), 0)
    return voxels


def check(name, found, bound):
    print(f"{name}: {found:.0f} MiB, bound {bound:.0f} MiB", flush=True)
    assert found <= bound, f"{name} takes {found:.0f} MiB, more than the documented {bound:.0f} MiB"


def main():
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        volume = folder / "volume.nii"
        nibabel.save(nibabel.Nifti1Image(head(SIDE), numpy.eye(4)), volume)
        voxels = SIDE**3
        for method, words in {"bicubic": ["--method", "bicubic", "--scale", "2"], "a network": ["--weights", "x2-fast"]}.items():
            if method == "a network" and SIDE > 256:
                continue  # minutes, and its memory is that of bicubic and of its tiles
            found = peak_mib("upscale", volume, folder / "high.nii.gz", *words, "--force")
            check(f"upscale {SIDE}³ by {method}", found, BASE_MIB + 32 * voxels / MIB)
        thick = folder / "thick.nii"
        nibabel.save(nibabel.Nifti1Image(head(SIDE)[:, :, ::4], numpy.diag([1, 1, 4, 1])), thick)
        volume.unlink()
        found = peak_mib("upscale", thick, folder / "thin.nii", "--self", "--steps", "4", "--force")
        check(f"upscale --self {SIDE}×{SIDE}×{SIDE // 4}", found, BASE_MIB + 16 * voxels / MIB)

        side = 96
        people = []
        for person in range(PEOPLE):
            people.append(folder / f"sub-{person:02}_T1w.nii")
            nibabel.save(nibabel.Nifti1Image(head(side, person), numpy.eye(4)), people[-1])
        options = ["--steps", "4", "--batch", "4", "--recipe", "fast", "--noise", "0:0.02"]
        found = peak_mib("train_dnsp", *people, "--out", folder / "run", *options)
        check(f"train_dnsp on {PEOPLE} people of {side}³", found, BASE_MIB + 16 * PEOPLE * side**3 / MIB)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"passed; this script took {own:.0f} MiB")


if __name__ == "__main__":
    main()
