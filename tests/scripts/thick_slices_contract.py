"""scripts/compare_through_plane and scripts/lesion_survival on small heads with planted lesions.

Usage: thick_slices_contract.py BUILD_FOLDER
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import nibabel
    import numpy
    import scipy.ndimage
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit(0)

ROOT = Path(__file__).resolve().parents[2]
BUILD = sys.argv[1]
LESIONS = [(14, 20, 18), (32, 20, 25), (22, 30, 30)]  # middles; radius 3 voxels


def check(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")


def head(lesion_brightness, seed):
    """An ellipsoid with folds, and balls of another brightness in it."""
    random = numpy.random.default_rng(seed)
    i, j, k = numpy.indices((46, 50, 48))
    radius = ((i - 22.5) / 21) ** 2 + ((j - 24.5) / 23) ** 2 + ((k - 23.5) / 22) ** 2
    folds = numpy.sin(i / 1.7 + k / 3) * numpy.cos(j / 1.9)
    values = 500 + 60 * scipy.ndimage.gaussian_filter(folds + random.standard_normal(i.shape), 1)
    for middle in LESIONS:
        values[sum((axis - m) ** 2 for axis, m in zip((i, j, k), middle, strict=True)) <= 9] += lesion_brightness
    return numpy.where(radius < 1, values, 0).astype(numpy.float32)


def run(script, *arguments):
    result = subprocess.run([sys.executable, ROOT / "scripts" / script, *map(str, arguments), "--build", BUILD],
                            capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + result.stderr


def save(values, path):
    nibabel.save(nibabel.Nifti1Image(values, numpy.diag([1.0, 1, 1, 1])), path)


with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    people = [folder / f"person{n}.nii.gz" for n in (1, 2)]
    for n, path in enumerate(people):
        save(head(0, n), path)
    training = "--model srcnn --prior NP --lr 1e-3 --steps 4 --batch 8 --patch 16"
    status, output = run("compare_through_plane", *people, "--out", folder / "out", "--thickness", 1.5, "--spacing", 2, "--own",
                         f"ours={training}", "--seeds", 2)
    check(status == 0, output)
    scores = json.loads((folder / "out/scores.json").read_text())
    check({name: len(rows) for name, rows in scores.items()} == {"linear": 2, "cubic spline": 2, "Keys' cubic": 2, "ours": 4},
          f"rows of the methods: {scores.keys()}")
    check(all(15 < row["psnr_db"] < 60 and row["consistency"] > 0 for rows in scores.values() for row in rows), "scores")
    check(scores["ours"][0]["psnr_db"] != scores["ours"][1]["psnr_db"], "two seeds gave one network")
    table = (folder / "out/table.md").read_text()
    check("| ours | 2 | 2 |" in table and "| cubic spline | 2 | 1 |" in table, table)
    before = (folder / "out/scores.json").read_text()
    status, output = run("compare_through_plane", *people, "--out", folder / "out", "--thickness", 1.5, "--spacing", 2)
    check(status == 0 and (folder / "out/scores.json").read_text() == before, "a finished comparison was not kept")
    status, output = run("compare_through_plane", *people, "--out", folder / "out", "--weights", "nowhere")
    check(status == 1 and "expected NAME=" in output, output)

    for contrast, brightness in (("FLAIR", 300), ("T1", -200)):
        save(head(brightness, 5), folder / f"patient1_{contrast}.nii.gz")
    status, output = run("lesion_survival", folder, "--out", folder / "lesions", "--thickness", 2)
    check(status == 0, output)
    rows = json.loads((folder / "lesions/lesions.json").read_text())
    check([row["image"] for row in rows] == ["FLAIR", "T1"], "images")
    for row in rows:
        check(len(row["lesions"]) == len(LESIONS), f"{row['image']}: {len(row['lesions'])} lesions")
        for lesion in row["lesions"]:
            # A ball of radius 3 has 123 voxels.
            check(abs(lesion["truth"]["contrast"] - 1) < 1e-6 and abs(lesion["truth"]["volume"] - 123) < 6, f"truth: {lesion}")
            check(0.6 < lesion["cubic spline"]["contrast"] < 1.05, f"spline: {lesion}")
    status, output = run("lesion_survival", folder / "out", "--out", folder / "lesions")
    check(status == 1 and "FLAIR" in output, output)
