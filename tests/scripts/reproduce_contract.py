"""scripts/reproduce: its cells, its slabs of volumes, and a small run that is continued.

Usage: reproduce_contract.py BUILD_FOLDER. The run needs the package mricron-data and gnuplot.
"""

import csv
import gzip
import json
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "experiments"))
import data  # noqa: E402, from the folder above
from plan import Settings, cells_of, experiments  # noqa: E402
from tables import by_person, chosen, common_seeds, difference_with_seeds, seeds_of  # noqa: E402


def check(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")


def descriptions_name_what_exists():
    for level in ("quick", "full", "paper"):
        settings = Settings(level)
        slugs = set()
        cells = {cell for experiment in experiments(level).values() for cell in cells_of(experiment, settings)}
        for cell in cells:
            check(cell.dataset in settings.datasets and cell.regime in settings.regimes, f"{cell}: unknown name")
            slugs.add(cell.slug)
        check(len(slugs) == len(cells), "two cells have one file name")
    for name, experiment in experiments("full").items():
        for method, base in experiment.get("bases", {}).items():
            check({method, base} <= set(experiment["methods"]), f"{name}: {method} or its base {base} is no method of the table")
        for term, methods in experiment.get("choices", {}).items():
            check(set(methods) <= set(experiment["methods"]), f"{name}: a choice of {term} is no method of the table")


def people_are_on_one_side():
    settings = Settings("full")
    split_regimes = {condition["split"] for condition in settings.regimes.values() if "split" in condition}
    for name, dataset in settings.datasets.items():
        splits = dataset.get("splits", {"": dataset})
        check("pairs" not in dataset or set(splits) == split_regimes, f"{name}: has other splits than the regimes")
        for split in splits.values():
            people = split["train"] + split["validation"] + split["test"]
            check(len(set(people)) == len(people), f"{name}: a person is in two parts of the split")
            check(set(people) <= set(dataset.get("people", people)), f"{name}: a split names an unknown person")
        sizes = {tuple(len(split[part]) for part in data.PARTS) for split in splits.values()}
        check(len(sizes) == 1, f"{name}: the splits differ in size")


def fixed_steps_keep_the_number_of_steps():
    settings = Settings("full")
    for regime, condition in settings.regimes.items():
        if condition.get("fixed_steps"):
            whole = "cosine" if condition.get("schedule") == "cosine" else "100 %"
            epochs = [int(settings.schedule(name).split("--epochs ")[1]) for name in (regime, whole)]
            ratio = epochs[0] * condition["share"] / epochs[1]
            check(abs(ratio - 1) < 0.02, f"{regime}: {ratio} of the steps")


def a_slab_holds_the_slices_and_their_origin(folder):
    size, step, origin = (3, 4, 5), 2.5, (-10.0, -20.0, -30.0)
    header = bytearray(352)
    header[0:4] = struct.pack("<i", 348)
    header[40:56] = struct.pack("<8h", 3, *size, 1, 1, 1, 1)
    header[70:72] = struct.pack("<h", 4)
    header[108:112] = struct.pack("<f", 352.0)
    for axis, line in enumerate((280, 296, 312)):
        row = [0.0] * 4
        row[axis], row[3] = step, origin[axis]
        header[line : line + 16] = struct.pack("<4f", *row)
    voxels = [x + 10 * y + 100 * z for z in range(5) for y in range(4) for x in range(3)]
    source, target = folder / "v.nii.gz", folder / "slab.nii.gz"
    source.write_bytes(gzip.compress(bytes(header) + struct.pack("<60h", *voxels)))
    for axis in range(3):
        data.slab(source, target, axis, 1, 2)
        content = gzip.decompress(target.read_bytes())
        extent = [2 if a == axis else size[a] for a in range(3)]
        check(list(struct.unpack("<3h", content[42:48])) == extent, "size of a slab")
        expected = [x + 10 * y + 100 * z for z in range(5) for y in range(4) for x in range(3) if 1 <= (x, y, z)[axis] <= 2]
        check(list(struct.unpack(f"<{len(expected)}h", content[352:])) == expected, "voxels of a slab")
        for other, line in enumerate((280, 296, 312)):
            shifted = origin[other] + (step if other == axis else 0.0)
            check(struct.unpack("<f", content[line + 12 : line + 16])[0] == shifted, "origin of a slab")
    try:
        data.slab(source, target, 2, 4, 2)
    except data.Refused as error:
        check("v.nii.gz" in str(error), "the refusal names the file")
    else:
        sys.exit("FAILED: a slab outside the volume is refused")


def people_average_slices_then_seeds():
    rows = [{"dataset": "d", "scale": 2, "regime": "r", "method": "m", "subject": "p", "seed": s, "psnr_db": v}
            for s, v in ((1, 10.0), (1, 20.0), (1, 30.0), (2, 40.0))]
    check(by_person(rows, "psnr_db") == {("d", 2, "r", "m"): {"p": 30.0}}, "the mean of a person")


def seeds_are_those_of_the_data_set():
    row = {"dataset": "d", "regime": "r", "method": "m"}
    rows = [{**row, "scale": scale, "seed": seed} for scale, seed in ((2, 1), (2, 2), (2, 2), (3, 1))]
    rows += [{**row, "dataset": "other", "scale": 2, "seed": seed} for seed in (1, 2, 3)]
    check(seeds_of(rows, "m", "d", "r", [2, 3]) == "2, 1", "the seeds of each scale")
    check(seeds_of(rows, "m", "d", "r", [2]) == "2" and seeds_of(rows, "m", "other", "r", [2]) == "3", "the seeds of a data set")


def methods_are_compared_over_common_seeds():
    seeds = {"bicubic": "0", "none": "123", "prior": "12", "other": "4"}
    rows = [{"method": method, "seed": seed} for method, all_seeds in seeds.items() for seed in all_seeds]
    check(common_seeds(rows, "prior", "none") == {"1", "2"}, "seeds of both")
    check(common_seeds(rows, "none", "bicubic") == {"0", "1", "2", "3"}, "all seeds against a classical method")
    check(not common_seeds(rows, "other", "none") and not common_seeds(rows, "missing", "none"), "no seed in common")


def a_difference_shows_the_interval_over_seeds():
    contrast = {"mean": -0.05, "ci95_half_width": 0.014, "over_seeds": {"ci95_half_width": 0.072}, "both_intervals_exclude_0": False}
    check(difference_with_seeds(contrast) == "-0.05 ± 0.01 ± 0.07", "both intervals")
    check(difference_with_seeds(contrast | {"both_intervals_exclude_0": True}) == "**-0.05 ± 0.01 ± 0.07**", "bold: both exclude 0")
    one_seed = contrast | {"over_seeds": {"ci95_half_width": None}}
    check(difference_with_seeds(one_seed) == "-0.05 ± 0.01", "one seed has no interval")


def a_weight_is_chosen_over_common_seeds():
    validation = {"none": {1: 30.0, 2: 30.0}, "low": {1: 30.1, 2: 30.3}, "high": {1: 30.2, 2: 30.0, 3: 99.0}}
    check(chosen(["low", "high"], "none", validation) == "low", "the best mean over the seeds of all")
    check(chosen(["low", "high"], "none", validation | {"low": {}}) is None, "no choice without a common seed")


def a_signal_ends_the_trainings(command, out, number):
    """A signal to the script alone, as from `kill` or a queueing system, also ends what the script started."""
    runs = out / "work/runs"
    known = set(runs.glob("*/log.jsonl"))
    script = subprocess.Popen([*command, "--jobs", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    begun = time.time()
    while not set(runs.glob("*/log.jsonl")) - known and script.poll() is None and time.time() - begun < 120:
        time.sleep(0.05)
    check(script.poll() is None, "a training begins")
    script.send_signal(number)
    _, errors = script.communicate(timeout=60)
    check(script.returncode != 0 and "interrupted" in errors, f"the script says that it was interrupted: {errors}")
    left = [p for p in Path("/proc").glob("[0-9]*/cmdline") if str(out).encode() in readable(p)]
    check(not left, f"programs are left after signal {number}: {[readable(p) for p in left]}")


def readable(path):
    try:
        return path.read_bytes()
    except OSError:  # the process has ended
        return b""


def a_run_is_continued(build, out):
    chosen = [x for name in ("fig03", "fig09", "table4") for x in ("--only", name)]
    command = [sys.executable, ROOT / "scripts/reproduce", "--quick", "--build", build, "--out", out, *chosen]
    none = subprocess.run([*command, "--minutes", "0"], capture_output=True, text=True, check=False)
    check("0 of 30 runs" in none.stdout, f"nothing runs after the time is up: {none.stdout}{none.stderr}")
    listed = subprocess.run([*command, "--list", "--method", "SRCNN"], capture_output=True, text=True, check=False).stdout
    few = [line.split()[-1] for line in listed.splitlines() if "without" not in line]  # a data set that cannot be made
    check(few and all(re.fullmatch(r".*-srcnn-s\d+-\w+", slug) for slug in few), f"--method SRCNN lists its runs only: {few}")
    unknown = subprocess.run([*command, "--list", "--method", "srcnn"], capture_output=True, text=True, check=False)
    check(unknown.returncode != 0 and "--method srcnn" in unknown.stderr, f"an unknown method is refused: {unknown.stderr}")
    for number in (signal.SIGTERM, signal.SIGINT):
        a_signal_ends_the_trainings(command, out, number)
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    check(first.returncode == 0, first.stdout + first.stderr)
    for name in ("report.html", "report.md", "scores.csv", "fig03.png", "fig09.png", "table4.md"):
        check((out / name).stat().st_size > 0, f"{name} is missing")
    check("data:image/png;base64" in (out / "report.html").read_text(), "the report holds its pictures")
    with open(out / "scores.csv") as file:
        rows = list(csv.DictReader(file))
    records = sorted((out / "records").glob("*.json"))
    check(len({(r["dataset"], r["regime"], r["method"], r["seed"]) for r in rows}) == len(records) == 30, "a row for each run")
    check(json.loads(records[0].read_text())["cell"]["seed"] >= 0, "a record names its cell")
    trainings = {record: text for record in records if "steps" in (text := json.loads(record.read_text()))}
    in_one_go = [record for record, text in trainings.items() if text["resumed"] is False]
    check(len(trainings) - 4 <= len(in_one_go), f"records of trainings that no signal ended: {len(in_one_go)} of {len(trainings)}")
    trained = in_one_go[0]
    trained.unlink()
    start = time.time()
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    check("29 of 30 runs are done" in second.stdout, f"only what is missing runs: {second.stdout} after {time.time() - start:.0f} s")
    check(json.loads(trained.read_text())["resumed"] is True, "a record tells that its seconds are not those of the whole training")


def main():
    descriptions_name_what_exists()
    people_are_on_one_side()
    fixed_steps_keep_the_number_of_steps()
    people_average_slices_then_seeds()
    seeds_are_those_of_the_data_set()
    methods_are_compared_over_common_seeds()
    a_difference_shows_the_interval_over_seeds()
    a_weight_is_chosen_over_common_seeds()
    with tempfile.TemporaryDirectory() as folder:
        a_slab_holds_the_slices_and_their_origin(Path(folder))
        if not data.COLIN27.exists() or not shutil.which("gnuplot"):
            print("SKIPPED: a run needs the packages mricron-data and gnuplot-nox")
            return
        a_run_is_continued(Path(sys.argv[1]), Path(folder) / "out")


main()
